"""The desks: pages of cases within an actor's reach, oldest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.contracts.vocabulary import CaseState
from services.kernel.access import Reach
from services.kernel.db import Connection, Row
from services.kernel.ids import CaseId, PetitionId

_FILTER: Final = """
      AND ($2::uuid IS NULL OR case_id > $2) AND ($3::timestamptz IS NULL OR due_at < $3)
      AND ($4::text IS NULL OR street = $4) AND ($5::text IS NULL OR department = $5)
      AND ($6::text IS NULL OR ledger ->> 'department' = $6)
    ORDER BY case_id LIMIT $7"""

# Each state is read from its own place in the index: a page costs the same however many cases are stored.
_ALL: Final = f"""
-- cases.all: the district's desk (index case_by_state)
SELECT page.* FROM unnest($1::text[]) AS wanted (state) CROSS JOIN LATERAL (
    SELECT petition_id, case_id FROM own.case AS found
    WHERE found.state = wanted.state
{_FILTER}) AS page
ORDER BY case_id LIMIT $7"""

_BY_STREET: Final = f"""
-- cases.by_street: a street's desk (index case_by_street)
SELECT page.* FROM unnest($1::text[]) AS wanted (state) CROSS JOIN LATERAL (
    SELECT petition_id, case_id FROM own.case AS found
    WHERE found.state = wanted.state AND street = $8
{_FILTER}) AS page
ORDER BY case_id LIMIT $7"""

_BY_DEPARTMENT: Final = f"""
-- cases.by_department: the cases that a department answers for (index case_by_department)
SELECT page.* FROM unnest($1::text[]) AS wanted (state) CROSS JOIN LATERAL (
    SELECT petition_id, case_id FROM own.case AS found
    WHERE found.state = wanted.state AND department = $8
{_FILTER}) AS page
ORDER BY case_id LIMIT $7"""

_WITHIN: Final = f"""
-- cases.within: what a representative, a station, a community or a mixed role sees (by community, followers, …)
SELECT petition_id, case_id FROM own.case
WHERE state = ANY($1) AND (community = ANY($8) OR followers && $9 OR street = ANY($10) OR department = ANY($11))
{_FILTER}"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of a desk: filters that are absent do not filter."""

    states: Sequence[CaseState] | None = None
    street: str | None = None
    department: str | None = None
    due_before: datetime | None = None
    responsible: str | None = None
    after: UUID | None = None
    first: int = 20


@dataclass(frozen=True, slots=True)
class Found:
    """A case of a page, by its ids."""

    petition_id: PetitionId
    case_id: CaseId


async def page(reader: Connection, reach: Reach, wanted: Wanted) -> tuple[list[Found], bool]:
    """Return a page of the cases within reach, by id (that is, by the time of opening), and whether there is more."""
    rows = await _rows(reader, reach, wanted)
    return [Found(row["petition_id"], row["case_id"]) for row in rows[: wanted.first]], len(rows) > wanted.first


async def _rows(reader: Connection, reach: Reach, wanted: Wanted) -> Sequence[Row]:
    states = [s.value for s in (CaseState if wanted.states is None else wanted.states)]
    filters = (
        states,
        wanted.after,
        wanted.due_before,
        wanted.street,
        wanted.department,
        wanted.responsible,
        wanted.first + 1,
    )
    if reach.everything:
        if wanted.department is not None:
            return await reader.fetch(_BY_DEPARTMENT, *filters, wanted.department)
        if wanted.street is not None:
            return await reader.fetch(_BY_STREET, *filters, wanted.street)
        return await reader.fetch(_ALL, *filters)
    followers = [reach.follower] if reach.follower else []
    match reach.streets, reach.departments, (*reach.communities, *followers):
        case (street,), (), ():
            return await reader.fetch(_BY_STREET, *filters, street)
        case (), (department,), ():
            return await reader.fetch(_BY_DEPARTMENT, *filters, department)
        case streets, departments, _:
            own = (list(reach.communities), followers, list(streets), list(departments))
            return await reader.fetch(_WITHIN, *filters, *own)
