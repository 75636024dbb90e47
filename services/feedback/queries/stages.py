"""Petitions by the stage that they are in: feedback hears every service, so the list is its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.contracts.vocabulary import Stage
from services.kernel.access import Reach
from services.kernel.db import Connection, Row
from services.kernel.ids import PetitionId, TrackingCode

_READ: Final = """
SELECT petition_id, tracking_code, title, stage, GREATEST(intake_at, dispatch_at) AS moved_at FROM view.petition
WHERE stage = $1"""

_FILTER: Final = """
  AND ($2::uuid IS NULL OR petition_id > $2) AND ($3::text IS NULL OR street = $3)
ORDER BY petition_id LIMIT $4"""

_ALL: Final = f"""
-- stages.all: the district's petitions (index petition_by_stage)
{_READ} {_FILTER}"""

_BY_STREET: Final = f"""
-- stages.by_street: a street's petitions (index petition_by_street)
{_READ} AND street = $5 {_FILTER}"""

_BY_LEAD: Final = f"""
-- stages.by_lead: the petitions that a department leads (index petition_by_lead)
{_READ} AND lead = $5 {_FILTER}"""

_WITHIN: Final = f"""
-- stages.within: what a representative, a station, a community or a mixed role sees (by community, followers, …)
{_READ} AND (community = ANY($5) OR followers && $6 OR street = ANY($7) OR lead = ANY($8)) {_FILTER}"""


@dataclass(frozen=True, slots=True)
class Staged:
    """A petition of a page; code and title as the others' events said them, so that the list reads without them."""

    id: PetitionId
    tracking_code: TrackingCode | None
    title: str | None
    stage: Stage
    moved_at: datetime | None


async def page(
    reader: Connection, reach: Reach, stage: Stage, street: str | None, *, after: UUID | None, first: int
) -> tuple[list[Staged], bool]:
    """Return a page of the petitions within reach that are in a stage, oldest first, and whether there is more."""
    rows = await _rows(reader, reach, (stage.value, after, street, first + 1))
    return [_staged(row) for row in rows[:first]], len(rows) > first


async def _rows(reader: Connection, reach: Reach, filters: tuple[object, ...]) -> Sequence[Row]:
    street = filters[2]
    if reach.everything:
        return await (reader.fetch(_BY_STREET, *filters, street) if street else reader.fetch(_ALL, *filters))
    followers = [reach.follower] if reach.follower else []
    match reach.streets, reach.departments, (*reach.communities, *followers):
        case (own_street,), (), ():
            return await reader.fetch(_BY_STREET, *filters, own_street)
        case (), (department,), ():
            return await reader.fetch(_BY_LEAD, *filters, department)
        case streets, departments, _:
            own = (list(reach.communities), followers, list(streets), list(departments))
            return await reader.fetch(_WITHIN, *filters, *own)


def _staged(row: Row) -> Staged:
    code = TrackingCode(row["tracking_code"]) if row["tracking_code"] else None
    return Staged(row["petition_id"], code, row["title"], Stage(row["stage"]), row["moved_at"])
