"""Clocks: started by policy, paused and resumed exactly, pressed once per level, ledgered throughout."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.clocks import (
    ClockEscalated,
    ClockMoved,
    ClockPaused,
    ClockReminded,
    ClockResumed,
    ClockStarted,
    ClockStopped,
)
from services.contracts.event import Who
from services.contracts.vocabulary import Audience, ClockKind, ClockState, DeadlineClass, Role
from services.kernel.calendar import SHANGHAI, Calendar, calendar_version
from services.kernel.clocks import Clock, Level, Ticking, acts_now, earliest_due, is_due, reckoning
from services.kernel.ledger import Move
from services.kernel.terms import Terms
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
    assert isinstance(paused.events[0], ClockPaused)
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
    assert isinstance(event, ClockResumed)
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


DEPARTMENTS_LINE = [
    (Audience.DEPARTMENT_HEAD,),
    (Audience.STREET_LEADER,),
    (Audience.DISTRICT_SUPERVISOR, Audience.DISTRICT_LEADER),
]
STREETS_LINE = [
    (Audience.STREET_COMMITTEE,),
    (Audience.DISTRICT_SUPERVISOR,),
    (Audience.DISTRICT_SUPERVISOR, Audience.DISTRICT_LEADER),
]


@pytest.mark.parametrize(
    ("kind", "led", "tells"),
    [
        (ClockKind.HANDLING, True, DEPARTMENTS_LINE),
        (ClockKind.INSTRUCTION, True, DEPARTMENTS_LINE),
        (ClockKind.INSTRUCTION, False, STREETS_LINE),
        (ClockKind.ASSIGNMENT, False, STREETS_LINE),
        (ClockKind.RETURN_VISIT, True, STREETS_LINE),
    ],
)
def test_each_level_says_who_must_hear_of_it(kind: ClockKind, led: bool, tells: list[tuple[Audience, ...]]) -> None:
    cls = DeadlineClass.SIMPLE if kind is ClockKind.HANDLING else None
    ticking = Ticking((), TERMS, BY, START, cycle=1, led=led).start(kind, ORDER, cls)
    for _ in range(4):
        ticking = ticking.fire(ticking.clocks[0])
    told = [event.tells for event in ticking.events if isinstance(event, ClockEscalated)]
    assert told == tells


def holiday(*days: date, worked: bool = False, version: int = 1) -> Terms:
    """Return the terms once these days were recorded."""
    return Terms(TERMS.policies, Calendar(dict.fromkeys(days, worked), calendar_version(version)))


def test_a_holiday_that_is_added_moves_a_running_clock_and_says_so() -> None:
    clock = started()
    later = START + timedelta(hours=1)
    ticking = Ticking((clock,), holiday(date(2026, 11, 27)), BY, later, 1).reckon_again()
    [moved], [event] = ticking.clocks, ticking.events
    assert (clock.due_at.day, moved.due_at) == (1, datetime(2026, 12, 2, 2, tzinfo=UTC))
    assert isinstance(event, ClockMoved)
    assert (event.due_at, event.was_due_at) == (moved.due_at, clock.due_at)
    last = moved.ledger[-1]
    assert (last.move, last.due_at, last.note) == (
        Move.MOVED,
        moved.due_at,
        "the calendar changed: 2026-11-27 not worked",
    )
    assert moved.fires_at == datetime(2026, 12, 1, 2, tzinfo=UTC)
    again = Ticking((moved,), holiday(date(2026, 11, 27)), BY, later, 1)
    assert again.reckon_again() == again


def test_a_holiday_that_concerns_no_open_clock_moves_nothing_and_is_known() -> None:
    terms = holiday(date(2027, 5, 3))
    clock = started()
    ticking = Ticking((clock,), terms, BY, START, 1).reckon_again()
    assert ticking.events == ()
    assert ticking.clocks == (replace(clock, calendar=terms.calendar.version),)


def test_an_older_calendar_than_was_reckoned_with_changes_nothing() -> None:
    newer = holiday(date(2026, 11, 27), version=2)
    clock = Ticking((), newer, BY, START, 1).start(ClockKind.HANDLING, ORDER, DeadlineClass.SIMPLE).clocks[0]
    behind = Ticking((clock,), TERMS, BY, START, 1)
    assert behind.reckon_again() == behind


def test_a_level_that_was_fired_by_an_older_calendar_is_reckoned_again() -> None:
    holidays = holiday(date(2026, 12, 1), date(2026, 12, 2))
    clock = Ticking((), holidays, BY, START, 1).start(ClockKind.HANDLING, ORDER, DeadlineClass.SIMPLE).clocks[0]
    behind = clock
    for _ in range(2):  # by a replica that has not heard of them yet
        behind = Ticking((behind,), TERMS, BY, clock.due_at, 1).fire(behind).clocks[0]
    [again] = Ticking((behind,), holidays, BY, clock.due_at, 1).reckon_again().clocks
    level = clock
    for _ in range(2):
        level = Ticking((level,), holidays, BY, clock.due_at, 1).fire(level).clocks[0]
    assert (again.fires_at, again.due_at) == (level.fires_at, clock.due_at)


def test_a_level_that_was_reached_stays_reached_when_the_calendar_moves_the_due_date() -> None:
    clock = started()
    for _ in range(2):
        clock = at(clock.fires_at or START, clock).fire(clock).clocks[0]
    [moved] = Ticking((clock,), holiday(date(2026, 11, 27)), BY, clock.due_at, 1).reckon_again().clocks
    assert (moved.level, moved.due_at) == (Level.FIRST, datetime(2026, 12, 2, 2, tzinfo=UTC))
    assert moved.fires_at == datetime(2026, 12, 4, 2, tzinfo=UTC)


HOURS = st.integers(1, 400).map(lambda hours: timedelta(hours=hours))


@given(st.lists(HOURS, min_size=1, max_size=7), st.sets(st.dates(date(2026, 11, 24), date(2027, 3, 1)), max_size=9))
def test_a_moved_clock_is_due_as_if_the_calendar_had_been_known_from_the_start(
    waits: list[timedelta], days: set[date]
) -> None:
    changed = holiday(*days)

    def life(before: Terms, after: Terms, change: int) -> Clock:
        now, terms = START, before
        ticking = Ticking((), terms, BY, now, 1).start(ClockKind.HANDLING, ORDER, DeadlineClass.SIMPLE)
        for nth, wait in enumerate(waits):
            if nth == change:
                terms = after
                ticking = Ticking(ticking.clocks, terms, BY, now, 1).reckon_again()
            now += wait
            ticking = Ticking(ticking.clocks, terms, BY, now, 1)
            running = ticking.clocks[0].state is ClockState.RUNNING
            ticking = (ticking.pause if running else ticking.resume)(ClockKind.HANDLING, ORDER)
        return Ticking(ticking.clocks, after, BY, now, 1).reckon_again().clocks[0]

    lives = [life(TERMS, changed, change) for change in range(len(waits) + 1)]
    assert {clock.due_at for clock in lives} == {life(changed, changed, 0).due_at}
    assert len({clock.paused for clock in lives}) == 1


@given(st.lists(HOURS, min_size=1, max_size=8), st.integers(0, 3))
def test_the_arithmetic_leads_to_the_due_date(waits: list[timedelta], least: int) -> None:
    now, clock = START, started()
    for nth, wait in enumerate(waits):
        now += wait
        ticking = at(now, clock)
        if clock.state is ClockState.RUNNING:
            ticking = ticking.pause(clock.kind, ORDER) if nth % 2 else ticking.stop(clock.kind, ORDER)
        elif clock.state is ClockState.PAUSED:
            ticking = ticking.resume(clock.kind, ORDER)
        else:
            ticking = ticking.revive(clock, at_least_working_days=least)
        clock = ticking.clocks[0]
        steps = reckoning(clock, TERMS).steps
        assert steps[-1].due_at == clock.due_at == clock.ledger[-1].due_at
        assert all(one.due_at <= other.due_at for one, other in pairwise(steps))
