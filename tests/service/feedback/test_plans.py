"""Feedback with much stored: every list is read straight from an index, at a cost that does not grow with it."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

import pytest

from deploy.audit import living
from services.contracts.vocabulary import CaseState, ClockKind
from services.feedback.domain.late import Part
from services.feedback.queries import cases, late, petitions, rates, stages, timelines
from services.feedback.queries.cases import Wanted
from services.feedback.queries.late import Place
from services.feedback.store import view_clock
from services.kernel import relay, scheduler
from services.kernel.ids import ClockId
from tests.support import stored
from tests.support.plans import MODES, Full, full
from tests.support.servers import Servers

PETITIONS: Final = 50_000
# Of each table of clocks so many are late now; nearly all that ever were are done with.
LATE_CLOCKS: Final = 1_000

# One case in fifty is open; most are closed. The view has every petition, the cases' and as many without a reply.
FILLING: Final = f"""
INSERT INTO own.petition
SELECT {stored.ID}, 4, 1, {stored.STREET}, {stored.COMMUNITY}, {stored.DEPARTMENT}, '{{}}', {stored.FOLLOWERS},
       'title', {stored.CATEGORY}, false, 0
FROM generate_series(1, {PETITIONS}) AS n;
INSERT INTO own.case
SELECT {stored.ID}, 1, {stored.id_sql(1)},
       CASE WHEN n % 50 = 0 THEN (ARRAY['AWAITING_VISIT', 'VISITED', 'LEDGERED'])[1 + n / 50 % 3]
            ELSE (ARRAY['CLOSED', 'CLOSED', 'CLOSED', 'CLOSED', 'REOPENED', 'CANCELLED'])[1 + n % 6] END,
       {stored.STREET}, {stored.COMMUNITY}, {stored.DEPARTMENT}, '{{}}', {stored.FOLLOWERS}, 'handler', {stored.AT}, 1,
       NULL, NULL, NULL, CASE WHEN n % 50 = 0 THEN {stored.AT} + interval '7 days' END
FROM generate_series(1, {PETITIONS}) AS n;
INSERT INTO own.visit
SELECT {stored.ID}, {stored.id_sql(2)}, 1, 1, {stored.AT}, '{{"role": "representative", "subject": "s"}}', 'PHONE',
       'REACHED', NULL, true, true, true, false, repeat('好', 40), true
FROM generate_series(1, {PETITIONS}) AS n;
INSERT INTO view.petition
    (petition_id, intake_sequence, intake_stage, dispatch_stage, street, community, followers, lead)
SELECT {stored.ID}, 9, 'DECIDE', CASE WHEN n % 50 = 0 THEN 'HANDLE' ELSE 'EVALUATE' END, {stored.STREET},
       {stored.COMMUNITY}, {stored.FOLLOWERS}, {stored.DEPARTMENT}
FROM generate_series(1, {PETITIONS}) AS n;
INSERT INTO view.event
SELECT {stored.ID}, source, k, md5(n || source || k)::uuid, 'petition.listened', 1, {stored.AT}, {stored.AT}, '',
       '{{"by": {{"role": "SYSTEM"}}}}'
FROM generate_series(1, {PETITIONS}) AS n, unnest(ARRAY['intake', 'dispatch']) AS source, generate_series(1, 3) AS k;
INSERT INTO own.rate
SELECT date '2024-01-01' + n / 200, 'street-' || n % 8, 'department-' || n / 8 % 25, 0, 9, 1, 8, 7, 6
FROM generate_series(1, {PETITIONS * 3}) AS n;
INSERT INTO view.clock
SELECT {stored.ID}, {stored.id_sql(8)}, 'dispatch', 9, (ARRAY['HANDLING', 'ASSIGNMENT', 'INSTRUCTION'])[1 + n % 3], 1,
       CASE WHEN n > {PETITIONS - LATE_CLOCKS} THEN 'RUNNING' ELSE 'STOPPED' END, NULL, {stored.AT}, 1 + n % 3, '{{}}',
       {stored.STREET}, CASE WHEN n % 3 <> 1 THEN {stored.DEPARTMENT} END
FROM generate_series(1, {PETITIONS}) AS n;
{stored.history(petitions=PETITIONS, events=3)}
{stored.clocks(petitions=PETITIONS, kind="RETURN_VISIT", running=LATE_CLOCKS)}
UPDATE own.clock SET level = 2 + abs(uuid_hash(clock_id)::bigint) % 3;
"""


@pytest.fixture(scope="module")
async def feedback(servers: Servers) -> AsyncIterator[Full]:
    async with full(servers, "feedback", FILLING) as database:
        yield database


LATE: Final = datetime(2026, 6, 1, tzinfo=UTC)
HALFWAY: Final = UUID(stored.id_of(PETITIONS // 2, 1))
NOBODY: Final = ((), (), (), None)

PAGES: Final[Mapping[str, tuple[str, Wanted, tuple[object, ...], set[str]]]] = {
    "district": (cases.ALL, Wanted(), (), {"case_by_state"}),
    "district, halfway": (cases.ALL, Wanted(after=HALFWAY), (), {"case_by_state"}),
    "district, to visit, due": (
        cases.ALL, Wanted([CaseState.AWAITING_VISIT], due_before=LATE), (), {"case_by_state"},
    ),
    "of a street": (cases.OF_STREET, Wanted(street="street-3"), (), {"case_by_street"}),
    "of a department": (cases.OF_DEPARTMENT, Wanted(department="department-3"), (), {"case_by_department"}),
    "committee": (cases.OWN, Wanted(), (("street-3",), (), (), None), {"case_by_street"}),
    "committee, to close, halfway": (
        cases.OWN, Wanted([CaseState.VISITED], after=HALFWAY), (("street-3",), (), (), None), {"case_by_street"},
    ),
    "department": (cases.OWN, Wanted(), ((), ("department-3",), (), None), {"case_by_department"}),
    "representative": (
        cases.OWN, Wanted(), ((), (), ("community-3", "community-10"), "rep-3"),
        {"case_by_community", "case_by_follower"},
    ),
    "who has nothing": (cases.OWN, Wanted(), NOBODY, set()),
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_of_cases_is_read_from_its_index(feedback: Full, name: str, mode: str) -> None:
    statement, wanted, own, indexes = PAGES[name]
    read = await feedback.read(statement, *cases.arguments(wanted), *own, mode=mode)
    assert indexes <= read.indexes, read
    stored.is_bounded(read, 1200)


NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
FAR: Final = Place(2, datetime(2025, 11, 20, tzinfo=UTC), ClockId(UUID(int=0)))
BOARD: Final[Mapping[str, tuple[late.Wanted, set[str]]]] = {
    "district": (late.Wanted(Part(), NOW), {"late_by_level", "clock_late"}),
    "district, halfway": (late.Wanted(Part(), NOW, after=FAR), {"late_by_level", "clock_late"}),
    "leaders": (late.Wanted(Part(levels=(3,)), NOW), {"late_by_level", "clock_late"}),
    "one kind": (late.Wanted(Part(), NOW, kind=ClockKind.HANDLING), {"late_by_level", "clock_late"}),
    "street": (late.Wanted(Part("street-3"), NOW), {"late_by_street", "clock_late_by_street"}),
    "street, halfway": (late.Wanted(Part("street-3"), NOW, after=FAR), {"late_by_street", "clock_late_by_street"}),
    "department": (late.Wanted(Part(department="department-3"), NOW), {"late_by_department"}),
    "department, street": (late.Wanted(Part("street-3", "department-3"), NOW), {"late_by_department"}),
    "nothing is due": (
        late.Wanted(Part(), datetime(2024, 1, 1, tzinfo=UTC)), {"late_by_level", "clock_late"},
    ),
    "nobody": (late.Wanted(Part("nowhere"), NOW), {"late_by_street", "clock_late_by_street"}),
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", BOARD)
async def test_a_page_of_the_board_is_read_from_its_indexes(feedback: Full, name: str, mode: str) -> None:
    wanted, indexes = BOARD[name]
    read = await feedback.read(late.PAGES[late.index_for(wanted.part)], *late.arguments(wanted), mode=mode)
    assert indexes <= read.indexes, read
    stored.is_bounded(read, 400)
    assert (read.rows == 0) == name.startswith("no"), read


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("part", [Part(), Part("street-3"), Part(department="department-3"), Part("nowhere")])
async def test_figures_of_the_board_read_what_is_late_and_no_more(feedback: Full, part: Part, mode: str) -> None:
    statement = late.FIGURES[late.figures_index(part)]
    read = await feedback.read(statement, *late.figures_arguments(part, NOW), mode=mode)
    stored.is_bounded(read, 2 * LATE_CLOCKS)
    assert read.filtered <= LATE_CLOCKS, read


@pytest.mark.parametrize("mode", MODES)
async def test_what_happens_to_clocks_is_looked_up_by_their_keys(feedback: Full, mode: str) -> None:
    ns = range(7, PETITIONS, PETITIONS // 200)
    of, none = [stored.id_of(n) for n in ns], ["" for _ in ns]
    # Older than what is kept: every row is looked up, and none is written.
    moved = (
        of,
        [stored.id_of(n, 8) for n in ns],
        [1 for _ in ns],
        ["HANDLING" for _ in ns],
        [1 for _ in ns],
        ["PAUSED" for _ in ns],
        [NOW for _ in ns],
        [NOW for _ in ns],
        none,
    )
    stored.is_bounded(await feedback.read(view_clock._MOVED, *moved, mode=mode), 5 * len(ns))
    led = (of, [1 for _ in ns], none, ["HANDLING", "INSTRUCTION"])
    stored.is_bounded(await feedback.read(view_clock._LED, *led, mode=mode), 5 * len(ns))


STAGES: Final[Mapping[str, tuple[str, tuple[object, ...], set[str]]]] = {
    "district": (stages.ALL, (None,), {"petition_by_stage"}),
    "of a street": (stages.OF_STREET, ("street-3",), {"petition_by_street"}),
    "committee": (stages.OWN, (None, ("street-3",), (), (), None), {"petition_by_street"}),
    "department": (stages.OWN, (None, (), ("department-3",), (), None), {"petition_by_lead"}),
    "representative": (
        stages.OWN, (None, (), (), ("community-3",), "rep-3"), {"petition_by_community", "petition_by_follower"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stage", ["EVALUATE", "HANDLE"])
@pytest.mark.parametrize("name", STAGES)
async def test_a_page_by_stage_is_read_from_its_index(feedback: Full, name: str, stage: str, mode: str) -> None:
    statement, own, indexes = STAGES[name]
    read = await feedback.read(statement, stage, UUID(int=0), 21, *own, mode=mode)
    assert indexes <= read.indexes, read
    stored.is_bounded(read, 600)


@pytest.mark.parametrize("mode", MODES)
async def test_twenty_petitions_are_read_by_their_keys(feedback: Full, mode: str) -> None:
    ids = [stored.id_of(n * 7) for n in range(1, 21)]
    read = await feedback.read(petitions.BY_IDS, ids, mode=mode)
    assert read.rows == 20
    stored.is_bounded(read, 800)


@pytest.mark.parametrize("mode", MODES)
async def test_twenty_timelines_are_read_by_their_keys(feedback: Full, mode: str) -> None:
    ids = [stored.id_of(n * 7) for n in range(1, 21)]
    none = [0] * 20
    read = await feedback.read(timelines.NEXT, ids, none, none, none, [51] * 20, ["clock.started"], mode=mode)
    assert read.rows == 180
    stored.is_bounded(read, 600)


@pytest.mark.parametrize("mode", MODES)
async def test_rates_read_their_period_and_no_more(feedback: Full, mode: str) -> None:
    month = (date(2025, 1, 1), date(2025, 1, 31))
    whole = await feedback.read(rates.SUM, *month, None, None, True, (), (), mode=mode)
    street = await feedback.read(rates.SUM, *month, "street-3", None, False, ("street-3",), (), mode=mode)
    for read in (whole, street):
        assert read.rows == 1
        stored.is_bounded(read, 2500)


@pytest.mark.parametrize("mode", MODES)
async def test_the_jobs_read_a_page(feedback: Full, mode: str) -> None:
    await stored.scheduler_reads_a_page(feedback, scheduler._DUE, mode)
    await stored.reckoning_reads_a_page(feedback, scheduler._OUTDATED, mode)
    await stored.relay_reads_a_batch(feedback, relay._LOWEST, mode, 20_000)


@pytest.mark.parametrize("mode", MODES)
async def test_the_audit_reads_range_by_range(feedback: Full, mode: str) -> None:
    await stored.audit_reads_a_page(feedback, mode, living._CASES, petitions=PETITIONS)
