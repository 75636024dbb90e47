"""Reading work orders: by petition, by id, and the desks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from services.contracts.vocabulary import WorkOrderState
from services.dispatch.domain.work_order import OPEN, Petition, WorkOrder
from services.dispatch.store.petitions import COLUMNS, petition_of
from services.kernel import history
from services.kernel.access import Reach, Scope
from services.kernel.db import Connection, Row
from services.kernel.ids import PetitionId, WorkOrderId

Found = tuple[Petition, WorkOrder]
"""A work order and the petition that it belongs to."""

READ: Final = f"{COLUMNS}, {history.CLOCKS_OF}, {history.SEEN_OF}"
"""What is read of own.petition to show it, or a part of it."""

_BY_PETITION: Final = f"""
-- work_orders.by_petition: a batch for entity references; a petition that is not handed over yet has its scope alone
SELECT {READ}, given.petition_id AS given_id, known.street AS known_street, known.community AS known_community,
       known.followers AS known_followers
FROM unnest((SELECT $1::uuid[])) AS given (petition_id)
LEFT JOIN own.petition ON petition.petition_id = given.petition_id
LEFT JOIN view.petition AS known ON known.petition_id = given.petition_id"""

_BY_ID: Final = f"""
-- work_orders.by_id: a batch for entity references
SELECT {READ}, wanted.work_order_id
FROM own.work_order AS wanted JOIN own.petition ON petition.petition_id = wanted.petition_id
WHERE wanted.work_order_id = ANY((SELECT $1::uuid[])::uuid[])"""


# As numbers, of which the planner knows nothing and so expects that nearly all pass. What it knows of the columns (one
# in seven is of this street) would tell it that a page is rarely filled, and to sort whole states instead.
_FILTER: Final = """
                ($4::text IS NOT NULL AND street IS DISTINCT FROM $4)::int <> 1
                AND ($5::text IS NOT NULL AND department IS DISTINCT FROM $5)::int <> 1
                AND ($6::text IS NOT NULL AND category IS DISTINCT FROM $6)::int <> 1
                AND ($7::timestamptz IS NOT NULL AND (due_at < $7) IS NOT TRUE)::int <> 1"""


def _page(name: str, column: str = "", value: str = "") -> str:
    """Compose a page's statement: at most a page from each state, straight from an index, then the first of those.

    Between rows, not by equality, so that no other index has this order. The longest page's limit stands inside the
    page's own, so that a plan that is made for any page knows that it is short.
    """
    return f"""
-- work_orders.{name}: a page of a desk
WITH page AS (
    SELECT found.petition_id, found.work_order_id
    FROM unnest($1::text[]) AS wanted (state) CROSS JOIN LATERAL (
        SELECT petition_id, work_order_id FROM (
            SELECT petition_id, work_order_id FROM own.work_order
            WHERE ({column} state, work_order_id) > ({value} wanted.state, $2)
              AND ({column} state) <= ({value} wanted.state) AND {_FILTER}
            ORDER BY {column} state, work_order_id LIMIT 101
        ) AS longest LIMIT $3
    ) AS found
    ORDER BY found.work_order_id LIMIT $3
)
SELECT {READ}, page.work_order_id
FROM page JOIN own.petition ON petition.petition_id = page.petition_id ORDER BY page.work_order_id"""


PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "by_category": _page("by_category", "category,", "$6,"),
        "by_department": _page("by_department", "department,", "$5,"),
        "by_street": _page("by_street", "street,", "$4,"),
        "by_state": _page("by_state"),
    }
)
"""One statement for each index; the narrowest that a request allows is taken (work_order_by_…)."""

DUE_SOON: Final = f"""
-- work_orders.due_soon: a page of what a department's clocks measure, the longest overdue first (index work_order_due)
WITH page AS (
    SELECT petition_id, work_order_id, due_at FROM (
        SELECT petition_id, work_order_id, due_at FROM own.work_order
        WHERE (department, due_at, work_order_id) > ($1, $2, $3) AND (department, due_at) <= ($1, $4)
          AND due_at IS NOT NULL AND state IN ('ASSIGNED', 'ACKNOWLEDGED', 'IN_PROGRESS') AND NOT asked
        ORDER BY department, due_at, work_order_id LIMIT 101
    ) AS longest LIMIT $5
)
SELECT {READ}, page.work_order_id, page.due_at
FROM page JOIN own.petition ON petition.petition_id = page.petition_id ORDER BY page.due_at, page.work_order_id"""

_BEFORE_ALL: Final = UUID(int=0)
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of a desk: filters that are absent do not filter."""

    states: Sequence[WorkOrderState] | None = None
    street: str | None = None
    department: str | None = None
    category: str | None = None
    due_before: datetime | None = None
    after: WorkOrderId | None = None
    first: int = 20


@dataclass(frozen=True, slots=True)
class Known:
    """What dispatch has of a petition: its scope, and the rest once it was handed over or pressed."""

    scope: Scope
    petition: Petition | None


async def by_petition(reader: Connection, ids: Sequence[PetitionId]) -> dict[PetitionId, Known]:
    """Return those of the petitions that dispatch has heard of."""
    found: dict[PetitionId, Known] = {}
    for row in await reader.fetch(_BY_PETITION, ids):
        known = _known(row)
        if known is not None:
            found[row["given_id"]] = known
    return found


def _known(row: Row) -> Known | None:
    petition = petition_of(row) if row["petition_id"] is not None else None
    if petition is not None and (petition.orders or row["known_street"] is None):
        return Known(petition.head.scope, petition)
    if row["known_street"] is None:
        return None
    # Until it is handed over it may get other followers, also when it was pressed and has a row.
    followers = tuple(row["known_followers"])
    return Known(Scope(row["given_id"], row["known_street"], row["known_community"], followers=followers), petition)


async def by_id(reader: Connection, ids: Sequence[WorkOrderId]) -> dict[WorkOrderId, Found]:
    """Return those of the work orders that exist."""
    return {row["work_order_id"]: _found(row) for row in await reader.fetch(_BY_ID, ids)}


def _found(row: Row) -> Found:
    petition = petition_of(row)
    return petition, petition.order(row["work_order_id"])


async def page(reader: Connection, reach: Reach, wanted: Wanted) -> tuple[list[Found], bool]:
    """Return a page of the work orders within reach, by id (that is, by time), and whether there is more."""
    found: dict[WorkOrderId, Found] = {}
    for narrowed in within(reach, wanted):
        for row in await reader.fetch(PAGES[index_for(narrowed)], *arguments(narrowed)):
            found[row["work_order_id"]] = _found(row)
    ordered = [found[order_id] for order_id in sorted(found)]
    return ordered[: wanted.first], len(ordered) > wanted.first


@dataclass(frozen=True, slots=True)
class Due:
    """A page of a department's due-soon list; `after` is the due date and the id of the last one before it."""

    department: str
    until: datetime
    after: tuple[datetime, WorkOrderId] | None = None
    first: int = 20


async def due_soon(reader: Connection, due: Due) -> tuple[list[tuple[Found, datetime]], bool]:
    """Return a page of the orders whose clocks are overdue or due until then, by due date, and whether there is more.

    What is under ruling is not among them, for there the supervisor is measured, nor what waits for the resident.
    """
    rows = await reader.fetch(DUE_SOON, *due_arguments(due))
    return [(_found(row), row["due_at"]) for row in rows[: due.first]], len(rows) > due.first


def due_arguments(due: Due) -> tuple[object, ...]:
    """Return the parameters of a page; one more than a page is asked for, to see whether there is more."""
    return (due.department, *(due.after or (_BEGINNING, _BEFORE_ALL)), due.until, due.first + 1)


def within(reach: Reach, wanted: Wanted) -> list[Wanted]:
    """Return what is wanted, narrowed to each thing that the actor's own orders have in common: none, one, or two."""
    if reach.everything:
        return [wanted]
    streets = [replace(wanted, street=s) for s in reach.streets if wanted.street in {None, s}]
    departments = [replace(wanted, department=d) for d in reach.departments if wanted.department in {None, d}]
    return streets + departments


def index_for(wanted: Wanted) -> str:
    """Return the name of the statement that reads least."""
    if wanted.department is not None:
        return "by_department"
    if wanted.category is not None:
        return "by_category"
    return "by_street" if wanted.street is not None else "by_state"


def arguments(wanted: Wanted) -> tuple[object, ...]:
    """Return the parameters of a page; one more than a page is asked for, to see whether there is more."""
    return (
        _states(wanted),
        wanted.after or _BEFORE_ALL,
        wanted.first + 1,
        wanted.street,
        wanted.department,
        wanted.category,
        wanted.due_before,
    )


def _states(wanted: Wanted) -> list[str]:
    """Return the states to look in: without an open state nothing can be due."""
    states = list(wanted.states) if wanted.states is not None else list(WorkOrderState)
    return [s.value for s in dict.fromkeys(states) if wanted.due_before is None or s in OPEN]
