"""The figures' statements on a database with much stored: each reads an index, and no more of it than it counts."""

from collections.abc import AsyncIterator
from typing import Final

import pytest

from services.dispatch.store import department_feed
from services.kernel import figures, relay
from services.kernel.inbox import Reason
from tests.support import stored
from tests.support.plans import MODES, Full, full
from tests.support.servers import Servers

PETITIONS: Final = 30_000
OVERDUE: Final = 300
HELD_UP: Final = 20_000

FILLING: Final = f"""
{stored.history(petitions=PETITIONS, events=2)}
{stored.clocks(petitions=PETITIONS, kind="SCREENING", running=PETITIONS // 10)}
UPDATE own.clock SET level = 4 WHERE state = 'RUNNING' AND petition_id > '{stored.id_of(PETITIONS - OVERDUE)}';
INSERT INTO own.outbox (aggregate_id, sequence, topic)
SELECT aggregate_id, sequence, 'petition.intake.v1' FROM own.event;
INSERT INTO own.parked (aggregate_id, source, sequence, reason, detail, headers, data, topic, partition, "offset")
SELECT {stored.ID}, 'dispatch', 1, CASE WHEN n % 10 = 0 THEN 'POISON' ELSE 'WAITING' END, '', '[]', '', 'topic', 0, n
FROM generate_series(1, {HELD_UP}) AS n;
"""


@pytest.fixture(scope="module")
async def intake(servers: Servers) -> AsyncIterator[Full]:
    async with full(servers, "intake", FILLING) as database:
        yield database


@pytest.mark.parametrize("mode", MODES)
async def test_what_waits_is_counted_so_far_and_aged_by_its_first_row(intake: Full, mode: str) -> None:
    read = await intake.read(relay._WAITING, figures.MOST, mode=mode)
    assert not read.scanned - {"outbox"}, read
    assert read.buffers < await intake.size("own.outbox"), read
    assert all(node["Actual Rows"] <= figures.MOST for node in read.nodes), read


@pytest.mark.parametrize("mode", MODES)
async def test_what_is_held_up_is_counted_from_its_reasons_index(intake: Full, mode: str) -> None:
    read = await intake.read(figures.PARKED, [reason.value for reason in Reason], figures.MOST, mode=mode)
    assert read.rows == len(Reason)
    assert not read.scanned, read
    assert read.indexes == {"parked_reason", "parked_age"}, read
    assert all(node["Actual Rows"] <= figures.MOST for node in read.nodes), read


@pytest.mark.parametrize("mode", MODES)
async def test_clocks_that_ran_out_are_read_from_an_index_of_their_own(intake: Full, mode: str) -> None:
    read = await intake.read(figures.LATE, mode=mode)
    assert read.rows == 1
    assert read.indexes == {"clock_run_out"}, read
    assert read.buffers < OVERDUE, read


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("until", ["2100-01-01", "2000-01-01"])
async def test_the_first_clock_that_should_have_fired_is_the_first_of_the_index(
    intake: Full, until: str, mode: str
) -> None:
    read = await intake.read(figures.UNFIRED, until, mode=mode)
    assert read.indexes == {"clock_due"}, read
    assert read.buffers < 20, read


@pytest.mark.parametrize("mode", MODES)
async def test_what_departments_are_not_told_yet_is_counted_in_the_same_manner(servers: Servers, mode: str) -> None:
    filling = f"""
{stored.history(petitions=PETITIONS, events=1)}
INSERT INTO own.department_feed (department, number, aggregate_id, sequence)
SELECT 'housing', n, {stored.ID}, 1 FROM generate_series(1, {PETITIONS}) AS n;
INSERT INTO own.department_outbox (department, number) SELECT 'housing', n FROM generate_series(1, {PETITIONS}) AS n;
"""
    async with full(servers, "dispatch", filling) as dispatch:
        read = await dispatch.read(department_feed.WAITING, figures.MOST, mode=mode)
        assert not read.scanned - {"department_outbox"}, read
        assert read.buffers < await dispatch.size("own.department_outbox") + 100, read
