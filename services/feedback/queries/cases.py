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

# As numbers, of which the planner knows nothing and so expects that nearly all pass. What it knows of the columns would
# tell it that a page is rarely filled, and to sort whole states instead.
_FILTER: Final = """
                ($4::text IS NOT NULL AND street IS DISTINCT FROM $4)::int <> 1
                AND ($5::text IS NOT NULL AND department IS DISTINCT FROM $5)::int <> 1
                AND ($6::timestamptz IS NOT NULL AND (due_at < $6) IS NOT TRUE)::int <> 1
                AND ($7::text IS NOT NULL AND ledger ->> 'department' IS DISTINCT FROM $7)::int <> 1"""


def _page(name: str, *found: str) -> str:
    """Compose a page's statement: at most a page from each place in an index, then the first of those."""
    return f"""
-- cases.{name}: a page of a desk
{" UNION ".join(found)} ORDER BY case_id LIMIT $3"""


def _state_by_state(column: str = "", value: str = "", also: str = "TRUE", places: str = "") -> str:
    """Compose the reading of one index.

    Between rows, not by equality, so that no other index has this order; and the longest page's limit stands inside the
    page's own, so that a plan that is made for any page knows that it is short (as in intake's desks).
    """
    return f"""
    SELECT found.petition_id, found.case_id FROM unnest($1::text[]) AS wanted (state) {places} CROSS JOIN LATERAL (
        SELECT petition_id, case_id FROM (
            SELECT petition_id, case_id FROM own.case AS entry
            WHERE ({column} entry.state, case_id) > ({value} wanted.state, $2)
              AND ({column} entry.state) <= ({value} wanted.state) AND {also} AND {_FILTER}
            ORDER BY {column} entry.state, case_id LIMIT 101
        ) AS longest LIMIT $3
    ) AS found"""


ALL: Final = _page("all", _state_by_state())
"""The district's desk (index case_by_state)."""

OF_STREET: Final = _page("of_street", _state_by_state("street,", "$4,"))
"""The district's desk, of one street (index case_by_street)."""

OF_DEPARTMENT: Final = _page("of_department", _state_by_state("department,", "$5,", also="department IS NOT NULL"))
"""The district's desk, of one department (index case_by_department)."""

_PLACES: Final = "CROSS JOIN unnest(${}::text[]) AS place (code)"

# A case that one person follows, which is nearly every one, is read in order; the few that several follow are not.
OWN: Final = _page(
    "own",
    _state_by_state("street,", "place.code,", places=_PLACES.format(8)),
    _state_by_state("department,", "place.code,", also="department IS NOT NULL", places=_PLACES.format(9)),
    _state_by_state("community,", "place.code,", places=_PLACES.format(10)),
    _state_by_state("followers[1],", "$11,", also="cardinality(followers) = 1"),
    f"""
    (SELECT petition_id, case_id FROM (
        SELECT * FROM own.case WHERE cardinality(followers) > 1 AND followers && ARRAY[$11::text] OFFSET 0
     ) AS entry WHERE entry.state = ANY($1) AND case_id > $2 AND {_FILTER} ORDER BY case_id LIMIT $3)""",
)
"""Everybody else's desk: their street, department, communities, and what they follow."""

_BEFORE_ALL: Final = UUID(int=0)
_DUE: Final = frozenset({CaseState.AWAITING_VISIT, CaseState.VISITED, CaseState.LEDGERED})
"""The states in which a clock of feedback's runs."""


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
    given = arguments(wanted)
    if not reach.everything:
        return await reader.fetch(OWN, *given, reach.streets, reach.departments, reach.communities, reach.follower)
    if wanted.department is not None:
        return await reader.fetch(OF_DEPARTMENT, *given)
    return await reader.fetch(ALL if wanted.street is None else OF_STREET, *given)


def arguments(wanted: Wanted) -> tuple[object, ...]:
    """Return the parameters that all pages have; one more than a page is asked for, to see whether there is more."""
    states = CaseState if wanted.states is None else wanted.states
    return (
        [s.value for s in dict.fromkeys(states) if wanted.due_before is None or s in _DUE],
        wanted.after or _BEFORE_ALL,
        wanted.first + 1,
        wanted.street,
        wanted.department,
        wanted.due_before,
        wanted.responsible,
    )
