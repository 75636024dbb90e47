"""Dispatch with much stored: every list is read straight from an index, at a cost that does not grow with it."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import pytest

from deploy.audit import living
from services.contracts.vocabulary import WorkOrderState
from services.dispatch.queries import department_feed, instructions, work_orders
from services.dispatch.queries.work_orders import Due, Wanted
from services.dispatch.store import department_feed as store
from services.kernel import relay, scheduler
from services.kernel.ids import WorkOrderId
from tests.support import stored
from tests.support.plans import MODES, Full, full
from tests.support.servers import Servers

PETITIONS: Final = 50_000
# The latest are open, as it is in life; the others were replied to, or cancelled.
OPEN: Final = PETITIONS // 50

FILLING: Final = f"""
INSERT INTO own.petition
    (petition_id, tracking_code, sequence, cycle, street, community, lead, cohandlers, followers, title, category,
     urgency, withdrawn, visit_known)
SELECT {stored.ID}, 'T' || n, 6, 1, {stored.STREET}, {stored.COMMUNITY}, {stored.DEPARTMENT}, '{{}}',
       {stored.FOLLOWERS}, 'title', {stored.CATEGORY}, 'NORMAL', false, true
FROM generate_series(1, {PETITIONS}) AS n;
INSERT INTO own.work_order
    (petition_id, work_order_id, cycle, state, street, category, request, deadline_class, suggestion, opened_at,
     department, ruled, asked, declines, returns, due_at)
SELECT {stored.ID}, {stored.id_sql(1)}, 1,
       CASE WHEN n > {PETITIONS - OPEN}
            THEN (ARRAY['PENDING', 'ASSIGNED', 'UNDER_RULING', 'ACKNOWLEDGED', 'IN_PROGRESS'])[1 + n % 5]
            WHEN n % 10 = 0 THEN 'CANCELLED' ELSE 'REPLIED' END,
       {stored.STREET}, {stored.CATEGORY}, repeat('疏通', 40), 'GENERAL', '{{}}', {stored.AT},
       CASE WHEN n > {PETITIONS - OPEN} AND n % 5 = 0 THEN NULL ELSE {stored.DEPARTMENT} END, false, false, '[]', '[]',
       CASE WHEN n > {PETITIONS - OPEN} THEN {stored.AT} + interval '7 days' END
FROM generate_series(1, {PETITIONS}) AS n;
INSERT INTO view.petition (petition_id, intake_sequence, intake_state, tracking_code, street, community, followers)
SELECT {stored.ID}, 6, 'READY', 'T' || n, {stored.STREET}, {stored.COMMUNITY}, {stored.FOLLOWERS}
FROM generate_series(1, {PETITIONS}) AS n;
INSERT INTO own.instruction
SELECT {stored.ID}, {stored.id_sql(2)}, repeat('督办', 40), '{{}}', {stored.AT}, {stored.DEPARTMENT},
       CASE WHEN n > {PETITIONS - OPEN} OR n % 10 = 0 THEN NULL ELSE '{{}}'::jsonb END,
       CASE WHEN n <= {PETITIONS - OPEN} AND n % 10 = 0 THEN {stored.AT} END, {stored.STREET}, {stored.DEPARTMENT}
FROM generate_series(1, {PETITIONS}) AS n;
{stored.history(petitions=PETITIONS, events=2)}
INSERT INTO own.department_feed
SELECT {stored.DEPARTMENT}, row_number() OVER (PARTITION BY {stored.DEPARTMENT} ORDER BY n), {stored.ID}, 1
FROM generate_series(1, {PETITIONS}) AS n;
{stored.clocks(petitions=PETITIONS, kind="HANDLING", running=OPEN)}
"""


@pytest.fixture(scope="module")
async def dispatch(servers: Servers) -> AsyncIterator[Full]:
    async with full(servers, "dispatch", FILLING) as database:
        yield database


LATE: Final = datetime(2026, 6, 1, tzinfo=UTC)
HALFWAY: Final = WorkOrderId(UUID(stored.id_of(PETITIONS // 2, 1)))
S: Final = WorkOrderState

WANTED: Final[Mapping[str, tuple[Wanted, str]]] = {
    "district": (Wanted(), "work_order_by_state"),
    "district, halfway": (Wanted(after=HALFWAY), "work_order_by_state"),
    "to assign": (Wanted([S.PENDING]), "work_order_by_state"),
    "to rule on": (Wanted([S.UNDER_RULING]), "work_order_by_state"),
    "due": (Wanted(due_before=LATE), "work_order_by_state"),
    "street": (Wanted(street="street-3"), "work_order_by_street"),
    "street, to assign": (Wanted([S.PENDING], street="street-3"), "work_order_by_street"),
    "street, due": (Wanted(street="street-3", due_before=LATE), "work_order_by_street"),
    "street, category": (Wanted(street="street-3", category="category-3"), "work_order_by_category"),
    "category": (Wanted(category="category-3"), "work_order_by_category"),
    "department": (Wanted(department="department-3"), "work_order_by_department"),
    "department, halfway": (Wanted(department="department-3", after=HALFWAY), "work_order_by_department"),
    "department, due": (Wanted(department="department-3", due_before=LATE), "work_order_by_department"),
    "department, street": (Wanted(department="department-3", street="street-3"), "work_order_by_department"),
    "department, category": (Wanted(department="department-3", category="category-3"), "work_order_by_department"),
    "nothing there": (Wanted(department="nowhere"), "work_order_by_department"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("desk", WANTED)
async def test_a_desk_reads_a_page_from_each_state(dispatch: Full, desk: str, mode: str) -> None:
    wanted, index = WANTED[desk]
    statement = work_orders.PAGES[work_orders.index_for(wanted)]
    read = await dispatch.read(statement, *work_orders.arguments(wanted), mode=mode)
    stored.is_bounded(read, stored.A_PAGE)
    assert index in read.indexes, read
    assert (read.rows == 0) == (desk == "nothing there")


SOON: Final[Mapping[str, Due]] = {
    "overdue": Due("department-3", LATE),
    "the next page": Due("department-3", LATE, (datetime(2025, 11, 28, tzinfo=UTC), WorkOrderId(UUID(int=0)))),
    "nothing": Due("department-3", datetime(2025, 1, 1, tzinfo=UTC)),
    "nowhere": Due("nowhere", LATE),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SOON)
async def test_what_is_due_soon_is_read_from_its_index(dispatch: Full, name: str, mode: str) -> None:
    read = await dispatch.read(work_orders.DUE_SOON, *work_orders.due_arguments(SOON[name]), mode=mode)
    stored.is_bounded(read, 500)
    assert "work_order_due" in read.indexes, read
    assert read.filtered == 0, read
    assert (read.rows == 0) == name.startswith("no"), read


TO_ANSWER: Final[Mapping[str, tuple[str, UUID, tuple[str, ...], str]]] = {
    "supervisor": ("all", UUID(int=0), (), "instruction_open"),
    "supervisor, later": ("all", UUID(stored.id_of(PETITIONS - OPEN // 2, 2)), (), "instruction_open"),
    "street": ("of_street", UUID(int=0), ("street-3",), "instruction_open_by_street"),
    "department": ("of_lead", UUID(int=0), ("department-3",), "instruction_open_by_lead"),
    "nobody": ("of_lead", UUID(int=0), ("nowhere",), "instruction_open_by_lead"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", TO_ANSWER)
async def test_what_must_be_answered_is_read_from_its_index(dispatch: Full, name: str, mode: str) -> None:
    page, after, place, index = TO_ANSWER[name]
    read = await dispatch.read(instructions.PAGES[page], after, 21, *place, mode=mode)
    stored.is_bounded(read, 500)
    assert index in read.indexes, read
    assert read.filtered == 0, read
    assert (read.rows == 0) == (name == "nobody"), read


@pytest.mark.parametrize("mode", MODES)
async def test_twenty_petitions_and_orders_are_read_by_their_keys(dispatch: Full, mode: str) -> None:
    ns = range(1, PETITIONS, PETITIONS // 20)
    stored.is_bounded(await dispatch.read(work_orders._BY_PETITION, [stored.id_of(n) for n in ns], mode=mode), 600)
    stored.is_bounded(await dispatch.read(work_orders._BY_ID, [stored.id_of(n, 1) for n in ns], mode=mode), 600)


@pytest.mark.parametrize("mode", MODES)
async def test_the_scheduler_reads_what_is_due(dispatch: Full, mode: str) -> None:
    await stored.scheduler_reads_a_page(dispatch, scheduler._DUE, mode)
    await stored.reckoning_reads_a_page(dispatch, scheduler._OUTDATED, mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("waiting", [3, 2 * PETITIONS])
async def test_the_relay_reads_the_lowest(dispatch: Full, mode: str, waiting: int) -> None:
    await stored.relay_reads_a_batch(dispatch, relay._LOWEST, mode, waiting)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("after", [0, 1_000, 10**9])
async def test_a_departments_feed_is_read_by_its_numbers(dispatch: Full, mode: str, after: int) -> None:
    of = [f"department-{n}" for n in range(3)]
    read = await dispatch.read(department_feed.NEXT, of, [after] * 3, [50] * 3, mode=mode)
    stored.is_bounded(read, 900)
    assert read.rows == (0 if after > PETITIONS else 150), read
    assert read.filtered == 0, read


@pytest.mark.parametrize("mode", MODES)
async def test_what_is_published_is_numbered_at_a_cost_that_does_not_grow(dispatch: Full, mode: str) -> None:
    fill = f"""
    INSERT INTO own.outbox (aggregate_id, sequence, topic)
    SELECT aggregate_id, sequence, 'topic' FROM own.event ORDER BY aggregate_id DESC LIMIT {relay.BATCH}"""
    async with dispatch.undone():
        await dispatch.connection.execute(
            f"{fill}; UPDATE own.event SET lead = 'department-3', type = 'work_order.started' WHERE sequence = 1"
        )
        await dispatch.connection.execute("ANALYZE own.outbox")
        positions = [row["position"] for row in await dispatch.connection.fetch("SELECT position FROM own.outbox")]
        read = await dispatch.read(store.PUBLISHED, positions, mode=mode)
    stored.is_bounded(read, 40 * relay.BATCH)
    assert read.rows == 1, read


@pytest.mark.parametrize("mode", MODES)
async def test_the_audit_reads_range_by_range(dispatch: Full, mode: str) -> None:
    await stored.audit_reads_a_page(dispatch, mode, living._ORDERS, petitions=PETITIONS)
