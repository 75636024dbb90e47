"""Reading petitions at intake: one, many by id, and the desks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
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
{_READ} WHERE petition_id = ANY((SELECT $1::uuid[])::uuid[])"""

_BY_CODE: Final = f"""
-- petitions.by_code: the petition of a tracking code
{_READ} WHERE tracking_code = $1"""

_REMARKS: Final = """
-- petitions.remarks: what people wrote at each act, for a batch of petitions; an act has one remark at most
SELECT aggregate_id, sequence, type, happened_at, data -> 'by' ->> 'role' AS role, remark
FROM own.event WHERE aggregate_id = ANY($1) AND remark IS NOT NULL ORDER BY aggregate_id, sequence"""

# As numbers, of which the planner knows nothing and so expects that nearly all pass. What it knows of the columns (one
# in seven is of this street) would tell it that a page is rarely filled, and to sort whole states instead.
_FILTER: Final = """
                ($4::text IS NOT NULL AND street IS DISTINCT FROM $4)::int <> 1
                AND ($5::text IS NOT NULL AND community IS DISTINCT FROM $5)::int <> 1
                AND ($6::text IS NOT NULL AND category IS DISTINCT FROM $6)::int <> 1
                AND ($7::timestamptz IS NOT NULL AND (due_at < $7) IS NOT TRUE)::int <> 1"""


def _page(name: str, *found: str) -> str:
    """Compose a page's statement: at most a page from each place in an index, then the first of those."""
    return f"""
-- petitions.{name}: a page of a desk
WITH page AS ({" UNION ".join(found)} ORDER BY petition_id LIMIT $3)
{_READ} JOIN page USING (petition_id) ORDER BY petition_id"""


def _state_by_state(column: str = "", value: str = "", also: str = "TRUE", places: str = "") -> str:
    """Compose the reading of one index.

    Between rows, not by equality, so that no other index has this order: the primary key has the order of the ids
    alone, and a plan along it reads past everything that is stored to the few that are open. And the longest page's
    limit stands inside the page's own, so that a plan that is made for any page knows that it is short.
    """
    return f"""
    SELECT found.petition_id FROM unnest($1::text[]) AS wanted (state) {places} CROSS JOIN LATERAL (
        SELECT petition_id FROM (
            SELECT petition_id FROM own.petition
            WHERE ({column} state, petition_id) > ({value} wanted.state, $2)
              AND ({column} state) <= ({value} wanted.state) AND {also} AND {_FILTER}
            ORDER BY {column} state, petition_id LIMIT 101
        ) AS longest LIMIT $3
    ) AS found"""


PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "by_state": _page("by_state", _state_by_state()),
        "by_street": _page("by_street", _state_by_state("street,", "$4,")),
        "by_community": _page("by_community", _state_by_state("community,", "$5,")),
        "by_category": _page("by_category", _state_by_state("category,", "$6,", also="category IS NOT NULL")),
    }
)
"""One statement for each index; the narrowest that a request allows is taken (petition_by_…)."""

_PLACES: Final = "CROSS JOIN unnest(${}::text[]) AS place (code)"

# A petition that one person follows, which is nearly every one, is read in order. The few that several follow are read
# whole: OFFSET 0 keeps the planner from looking for them in the order of the ids.
OWN: Final = _page(
    "own",
    _state_by_state("community,", "place.code,", places=_PLACES.format(8)),
    _state_by_state("followers[1],", "$9,", also="cardinality(followers) = 1"),
    _state_by_state("street,", "place.code,", places=_PLACES.format(10)),
    _state_by_state("lead,", "place.code,", also="lead IS NOT NULL", places=_PLACES.format(11)),
    f"""
    SELECT petition_id FROM (
        SELECT petition_id FROM own.petition
        WHERE cardinality(followers) > 1 AND followers && ARRAY[$9::text] AND state = ANY($1) AND petition_id > $2
          AND {_FILTER}
        OFFSET 0
    ) AS several""",
)
"""What is somebody's own in several ways at once (petition_by_community, _follower, _followers, _street, _lead)."""

_DUE: Final = frozenset({PetitionState.SUBMITTED, PetitionState.ACCEPTED, PetitionState.SCREENING})
"""The states in which a clock of intake's runs."""

_BEFORE_ALL: Final = UUID(int=0)


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
    if reach.everything:
        rows = await reader.fetch(PAGES[index_for(wanted)], *arguments(wanted))
    elif reach.streets and not (reach.communities or reach.follower or reach.departments):
        [street] = reach.streets  # a token names one
        if wanted.street not in {None, street}:
            return [], False
        narrowed = replace(wanted, street=street)
        rows = await reader.fetch(PAGES[index_for(narrowed)], *arguments(narrowed))
    else:
        rows = await reader.fetch(OWN, *arguments(wanted), *own(reach, wanted))
    return [petition_of(row) for row in rows[: wanted.first]], len(rows) > wanted.first


def own(reach: Reach, wanted: Wanted) -> tuple[object, ...]:
    """Return the parameters of OWN beyond those of all pages; places that a filter excludes are not read."""
    return (
        [community for community in reach.communities if wanted.community in {None, community}],
        reach.follower,
        [street for street in reach.streets if wanted.street in {None, street}],
        reach.departments,
    )


def index_for(wanted: Wanted) -> str:
    """Return the name of the statement that reads least."""
    if wanted.community is not None:
        return "by_community"
    if wanted.category is not None:
        return "by_category"
    return "by_street" if wanted.street is not None else "by_state"


def arguments(wanted: Wanted) -> tuple[object, ...]:
    """Return the parameters that all pages have; one more than a page is asked for, to see whether there is more."""
    states = PetitionState if wanted.states is None else wanted.states
    return (
        [s.value for s in dict.fromkeys(states) if wanted.due_before is None or s in _DUE],
        wanted.after or _BEFORE_ALL,
        wanted.first + 1,
        wanted.street,
        wanted.community,
        wanted.category,
        wanted.due_before,
    )
