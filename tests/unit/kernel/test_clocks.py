"""Clocks: started by policy, paused and resumed exactly, pressed once per level, ledgered throughout."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from services.contracts.clocks import ClockEscalated, ClockReminded, ClockStarted, ClockStopped
from services.contracts.event import Who
from services.contracts.vocabulary import ClockKind, ClockState, DeadlineClass, Role
from services.kernel.calendar import SHANGHAI
from services.kernel.clocks import Clock, Level, Move, Ticking, acts_now, earliest_due, is_due
from tests.support.terms import TERMS

BY = Who(role=Role.DEPARTMENT, subject="someone")
START = datetime(2026, 11, 24, 2, tzinfo=UTC)  # a Tuesday, 10:00 in Shanghai
ORDER = uuid4()


def at(now: datetime, *clocks: Clock) -> Ticking:
    return Ticking(clocks, TERMS, BY, now, cycle=1)


def started(kind: ClockKind = ClockKind.HANDLING, cls: DeadlineClass | None = DeadlineClass.SIMPLE) -> Clock:
    return at(START).start(kind, ORDER, cls).clocks[0]


@pytest.mark.parametrize(
    ("kind", "cls", "due"),
    [
        (ClockKind.ACCEPTANCE, None, datetime(2026, 11, 25, 2, tzinfo=UTC)),
        (ClockKind.SCREENING, None, datetime(2026, 12, 1, 2, tzinfo=UTC)),
        (ClockKind.ASSIGNMENT, None, datetime(2026, 11, 26, 2, tzinfo=UTC)),
        (ClockKind.ACKNOWLEDGEMENT, None, datetime(2026, 11, 25, 2, tzinfo=UTC)),
        (ClockKind.HANDLING, DeadlineClass.URGENT, datetime(2026, 11, 25, 2, tzinfo=UTC)),
        (ClockKind.HANDLING, DeadlineClass.SIMPLE, datetime(2026, 12, 1, 2, tzinfo=UTC)),
        (ClockKind.HANDLING, DeadlineClass.ORDINARY, datetime(2026, 12, 15, 2, tzinfo=UTC)),
        (ClockKind.RULING, None, datetime(2026, 11, 26, 2, tzinfo=UTC)),
        (ClockKind.INFORMATION, None, datetime(2026, 12, 1, 2, tzinfo=UTC)),
        (ClockKind.RETURN_VISIT, None, datetime(2026, 12, 1, 2, tzinfo=UTC)),
        (ClockKind.CLOSING, None, datetime(2026, 11, 26, 2, tzinfo=UTC)),
        (ClockKind.LEDGER_APPROVAL, None, datetime(2026, 11, 26, 2, tzinfo=UTC)),
    ],
)
def test_a_clock_is_due_as_the_policy_says(kind: ClockKind, cls: DeadlineClass | None, due: datetime) -> None:
    clock = started(kind, cls)
    assert (clock.due_at, clock.policy_version, clock.guessed) == (due, 1, False)
    assert clock.ledger[0].move is Move.STARTED


def test_starting_and_stopping_are_events() -> None:
    ticking = at(START).start(ClockKind.CLOSING).stop(ClockKind.CLOSING)
    assert [type(event) for event in ticking.events] == [ClockStarted, ClockStopped]
    assert ticking.clocks[0].state is ClockState.STOPPED
    assert ticking.stop(ClockKind.CLOSING) == ticking


def test_stopping_late_says_so() -> None:
    late = at(START + timedelta(days=30), started()).stop(ClockKind.HANDLING, ORDER)
    assert isinstance(late.events[0], ClockStopped)
    assert late.events[0].overdue


def test_a_pause_moves_the_due_date_by_the_working_time_paused() -> None:
    wednesday, next_tuesday = START + timedelta(days=1), START + timedelta(days=7)
    paused = at(wednesday, started()).pause(ClockKind.HANDLING, ORDER)
    assert paused.clocks[0].fires_at is None
    assert earliest_due(paused.clocks) is None
    resumed = at(next_tuesday, *paused.clocks).resume(ClockKind.HANDLING, ORDER).clocks[0]
    # Wednesday to Tuesday: four working days, so Tuesday 1 December becomes Monday 7 December.
    assert resumed.due_at == datetime(2026, 12, 7, 2, tzinfo=UTC)
    assert [entry.move for entry in resumed.ledger] == [Move.STARTED, Move.PAUSED, Move.RESUMED]


def test_a_pause_does_not_use_up_the_time_until_the_reminder() -> None:
    next_day, april = START + timedelta(days=1), datetime(2027, 4, 1, 2, tzinfo=UTC)
    paused = at(next_day, started()).pause(ClockKind.HANDLING, ORDER).clocks
    resumed = at(april, *paused).resume(ClockKind.HANDLING, ORDER).clocks[0]
    # One of five days was used: the reminder (four days) is three working days after going on, the end four.
    assert resumed.fires_at == TERMS.calendar.add(april, timedelta(days=3))
    assert resumed.due_at == TERMS.calendar.add(april, timedelta(days=4))
    assert resumed.guessed


def test_a_clock_that_was_late_when_it_was_paused_was_late() -> None:
    late = START + timedelta(days=20)
    paused = at(late, started()).pause(ClockKind.HANDLING, ORDER).clocks
    stopped = at(late, *paused).stop(ClockKind.HANDLING, ORDER).events[0]
    assert isinstance(stopped, ClockStopped)
    assert stopped.overdue


def test_an_urgent_clock_pauses_by_the_hour_even_over_a_weekend() -> None:
    clock = started(cls=DeadlineClass.URGENT)
    paused = at(START + timedelta(hours=3), clock).pause(ClockKind.HANDLING, ORDER).clocks
    resumed = at(START + timedelta(days=5), *paused).resume(ClockKind.HANDLING, ORDER).clocks[0]
    assert resumed.due_at - clock.due_at == timedelta(days=4, hours=21)


def test_a_revived_clock_has_a_least_time_left() -> None:
    late = datetime(2026, 11, 30, 2, tzinfo=UTC)
    stopped = at(late, started()).stop(ClockKind.HANDLING, ORDER).clocks[0]
    revived = at(late, stopped).revive(stopped, at_least_working_days=2)
    again = revived.clocks[0]
    [event] = revived.events
    assert isinstance(event, ClockStarted)
    assert (event.clock_id, event.due_at) == (stopped.id, again.due_at)
    assert again.state is ClockState.RUNNING
    assert again.due_at == datetime(2026, 12, 2, 2, tzinfo=UTC)


def test_a_clock_is_reminded_at_four_fifths_then_pressed_three_times_and_no_more() -> None:
    clock = started()
    assert clock.fires_at == datetime(2026, 11, 30, 2, tzinfo=UTC)
    instants = []
    events = []
    while clock.fires_at is not None:
        instants.append(clock.fires_at)
        assert is_due(clock, clock.fires_at)
        ticking = at(clock.fires_at, clock).fire(clock)
        clock, events = ticking.clocks[0], [*events, *ticking.events]
    assert instants[1:] == [
        datetime(2026, 12, 1, 2, tzinfo=UTC),
        datetime(2026, 12, 3, 2, tzinfo=UTC),
        datetime(2026, 12, 8, 2, tzinfo=UTC),
    ]
    assert isinstance(events[0], ClockReminded)
    assert [event.level for event in events[1:] if isinstance(event, ClockEscalated)] == [1, 2, 3]
    assert clock.level is Level.THIRD


def test_a_clock_until_a_day_is_due_when_it_begins_in_shanghai() -> None:
    clock = at(START).start_until(ClockKind.LEDGER_REVIEW, date(2027, 3, 1)).clocks[0]
    assert clock.due_at == datetime(2027, 3, 1, tzinfo=SHANGHAI)
    assert acts_now(clock, clock.due_at)
    assert not acts_now(clock, clock.due_at - timedelta(seconds=1))


def test_a_due_date_in_an_unpublished_year_is_marked() -> None:
    december = datetime(2026, 12, 28, 2, tzinfo=UTC)
    assert at(december).start(ClockKind.HANDLING, ORDER, DeadlineClass.ORDINARY).clocks[0].guessed
