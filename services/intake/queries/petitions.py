"""Reading petitions at intake: one, many by id, and the desks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.contracts.vocabulary import PetitionState
from services.intake.domain.petition import Petition
from services.intake.store.petitions import COLUMNS, petition_of
from services.kernel import history
from services.kernel.access import Reach
from services.kernel.db import Connection
from services.kernel.ids import PetitionId, TrackingCode

_READ: Final = f"SELECT {COLUMNS}, {history.CLOCKS_OF}, {history.SEEN_OF} FROM own.petition"

_BY_IDS: Final = f"""
-- petitions.by_ids: a batch for entity references
{_READ} WHERE petition_id = ANY($1)"""

_BY_CODE: Final = f"""
-- petitions.by_code: the petition of a tracking code
{_READ} WHERE tracking_code = $1"""

_REMARKS: Final = """
-- petitions.remarks: what people wrote at each act, for a batch of petitions; an act has one remark at most
SELECT aggregate_id, sequence, type, happened_at, data -> 'by' ->> 'role' AS role, remark
FROM own.event WHERE aggregate_id = ANY($1) AND remark IS NOT NULL ORDER BY aggregate_id, sequence"""

_FILTER: Final = """
  AND ($1::text[] IS NULL OR state = ANY($1)) AND ($2::text IS NULL OR street = $2)
  AND ($3::text IS NULL OR community = $3) AND ($4::text IS NULL OR category = $4)
  AND ($5::timestamptz IS NULL OR due_at < $5) AND ($6::uuid IS NULL OR petition_id > $6)
ORDER BY petition_id LIMIT $7"""

_ALL: Final = f"""
-- petitions.all: the district's desk
{_READ} WHERE TRUE {_FILTER}"""

_BY_STREET: Final = f"""
-- petitions.by_street: a street committee's desk (index petition_by_street)
{_READ} WHERE street = ANY($8) {_FILTER}"""

_BY_PLACEMENT: Final = f"""
-- petitions.by_placement: what a representative, a station or a community sees (petition_by_community, _followers)
{_READ} WHERE (community = ANY($8) OR followers && $9) {_FILTER}"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of a desk: filters that are absent do not filter."""

    states: Sequence[PetitionState] | None = None
    street: str | None = None
    community: str | None = None
    category: str | None = None
    due_before: datetime | None = None
    after: UUID | None = None
    first: int = 20


@dataclass(frozen=True, slots=True)
class Remark:
    """What a person wrote at an act."""

    type: str
    at: datetime
    role: str
    text: str


async def by_ids(reader: Connection, ids: Sequence[PetitionId]) -> dict[PetitionId, Petition]:
    """Return those of the petitions that exist."""
    return {p.head.id: p for p in map(petition_of, await reader.fetch(_BY_IDS, ids))}


async def by_code(reader: Connection, code: TrackingCode) -> Petition | None:
    """Return the petition of a tracking code."""
    row = await reader.fetchrow(_BY_CODE, code)
    return petition_of(row) if row else None


async def remarks(reader: Connection, ids: Sequence[PetitionId]) -> dict[PetitionId, list[Remark]]:
    """Return what was written about each petition, in order."""
    found: dict[PetitionId, list[Remark]] = {}
    for row in await reader.fetch(_REMARKS, ids):
        remark = Remark(row["type"], row["happened_at"], row["role"], row["remark"])
        found.setdefault(row["aggregate_id"], []).append(remark)
    return found


async def page(reader: Connection, reach: Reach, wanted: Wanted) -> tuple[list[Petition], bool]:
    """Return a page of the petitions within reach, by id (that is, by time), and whether there is more."""
    states = [s.value for s in wanted.states] if wanted.states is not None else None
    filters = (
        states,
        wanted.street,
        wanted.community,
        wanted.category,
        wanted.due_before,
        wanted.after,
        wanted.first + 1,
    )
    if reach.everything:
        rows = await reader.fetch(_ALL, *filters)
    elif reach.streets:
        rows = await reader.fetch(_BY_STREET, *filters, list(reach.streets))
    else:
        followers = [reach.follower] if reach.follower else []
        rows = await reader.fetch(_BY_PLACEMENT, *filters, list(reach.communities), followers)
    return [petition_of(row) for row in rows[: wanted.first]], len(rows) > wanted.first
