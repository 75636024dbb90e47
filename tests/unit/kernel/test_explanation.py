"""A due date explained: steps that a person can follow, and that lead to the very date that the clock has."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.event import Who
from services.contracts.vocabulary import ClockKind, DeadlineClass, Role
from services.kernel.calendar import Calendar, calendar_version
from services.kernel.clocks import Clock, Ticking
from services.kernel.explanation import explain
from services.kernel.terms import Terms
from tests.support.terms import TERMS

BY = Who(role=Role.DEPARTMENT, subject="someone")
START = datetime(2026, 9, 25, 2, tzinfo=UTC)  # a Friday, 10:00 in Shanghai, before the National Day holidays
ORDER = uuid4()


def started(kind: ClockKind = ClockKind.HANDLING, cls: DeadlineClass | None = DeadlineClass.SIMPLE) -> Clock:
    return Ticking((), TERMS, BY, START, 1).start(kind, ORDER, cls).clocks[0]


def test_holidays_are_named() -> None:
    told = explain(started(), TERMS)
    assert told.en.splitlines() == [
        "Deadline policy, version 1.",
        (
            "Started Fri 2026-09-25 10:00; the limit is 5 working days, so due Fri 2026-10-09 24:00. 10 days "
            "do not count: 2026-09-25, 2026-09-26, 2026-09-27, 2026-10-01, 2026-10-02, 2026-10-03, 2026-10-04, "
            "2026-10-05, 2026-10-06, 2026-10-07."
        ),
        (
            "Reminder (80 %): Thu 2026-10-08 24:00; level 1 (due): Fri 2026-10-09 24:00; "
            "level 2 (2 working days late): Mon 2026-10-12 24:00; "
            "level 3 (5 working days late): Thu 2026-10-15 24:00."
        ),
    ]
    assert told.zh.splitlines()[1].startswith(
        "2026-09-25（周五）10:00起计时，限5个工作日，到期2026-10-09（周五）24:00。"
    )


def test_weekends_that_are_worked_are_named() -> None:
    told = explain(started(ClockKind.RULING, None), TERMS)
    assert told.lines[0].made_up_days == ()
    told = explain(started(cls=DeadlineClass.ORDINARY), TERMS)
    assert told.lines[0].made_up_days == (date(2026, 10, 10),)
    assert "Worked although at a weekend: 2026-10-10." in told.lines[0].en


def test_pauses_and_the_least_that_is_left_are_steps() -> None:
    now = datetime(2026, 11, 24, 2, tzinfo=UTC)
    ticking = Ticking((), TERMS, BY, now, 1).start(ClockKind.HANDLING, ORDER, DeadlineClass.SIMPLE)
    paused = Ticking(ticking.clocks, TERMS, BY, now + timedelta(days=1), 1).pause(ClockKind.HANDLING, ORDER)
    resumed = Ticking(paused.clocks, TERMS, BY, now + timedelta(days=2.5), 1).resume(ClockKind.HANDLING, ORDER)
    stopped = Ticking(resumed.clocks, TERMS, BY, now + timedelta(days=8), 1).stop(ClockKind.HANDLING, ORDER)
    [clock] = Ticking(stopped.clocks, TERMS, BY, now + timedelta(days=8), 1).revive(stopped.clocks[0], 2).clocks
    told = explain(clock, TERMS)
    assert [(line.step.kind.value, line.amount) for line in told.lines] == [
        ("LIMIT", 5.0),
        ("PAUSE", 1.5),
        ("PAUSE", 0.0),
        ("LEAST", 2.0),
    ]
    assert told.lines[1].en == (
        "Stood still from Wed 2026-11-25 10:00 to Thu 2026-11-26 22:00, which is 1.5 working days, "
        "so due Wed 2026-12-02 22:00."
    )
    assert told.lines[3].en == (
        "Reply sent back Wed 2026-12-02 10:00: at least 2 working days are left, so due Fri 2026-12-04 10:00."
    )
    assert told.lines[-1].step.due_at == clock.due_at


def test_a_clock_that_stands_still_says_so_and_announces_nothing() -> None:
    later = START + timedelta(days=4)
    [clock] = Ticking((started(),), TERMS, BY, later, 1).pause(ClockKind.HANDLING, ORDER).clocks
    told = explain(clock, TERMS)
    assert told.en.splitlines()[-2:] == [
        "Stands still since Tue 2026-09-29 10:00, waiting for the resident; the due date moves by as much.",
        "While it stands still, it neither reminds nor escalates.",
    ]
    assert told.lines[-1].step.due_at == clock.due_at


def test_hours_are_hours() -> None:
    told = explain(started(cls=DeadlineClass.URGENT), TERMS)
    assert told.lines[0].en == "Started Fri 2026-09-25 10:00; the limit is 24 hours, so due Sat 2026-09-26 10:00."
    assert told.lines[0].rest_days == ()


def test_a_review_is_set_for_its_day() -> None:
    [clock] = Ticking((), TERMS, BY, START, 1).start_until(ClockKind.LEDGER_REVIEW, date(2027, 3, 1)).clocks
    assert (
        explain(clock, TERMS).lines[0].en == "Started Fri 2026-09-25 10:00; the review is set for Sun 2027-02-28 24:00."
    )


def test_a_clock_that_is_still_to_follow_a_new_calendar_is_explained_as_it_will_be() -> None:
    clock = started(cls=DeadlineClass.ORDINARY)
    terms = Terms(TERMS.policies, Calendar({date(2026, 10, 12): False}, calendar_version(1)))
    [moved] = Ticking((clock,), terms, BY, START, 1).reckon_again().clocks
    told = explain(clock, terms)
    assert told == explain(moved, terms)
    assert told.lines[-1].step.due_at == told.level_1_at == moved.due_at != clock.due_at


@given(st.sets(st.dates(date(2026, 9, 25), date(2026, 12, 31)), max_size=6), st.integers(0, 80))
def test_the_steps_lead_to_the_clocks_own_date_whatever_the_calendar(days: set[date], hours: int) -> None:
    terms = Terms(TERMS.policies, Calendar(dict.fromkeys(days, False), calendar_version(1)))
    now = START + timedelta(hours=hours)
    paused = Ticking((started(),), TERMS, BY, now, 1).pause(ClockKind.HANDLING, ORDER)
    [clock] = (
        Ticking(paused.clocks, terms, BY, now + timedelta(hours=hours), 1).resume(ClockKind.HANDLING, ORDER).clocks
    )
    told = explain(clock, terms)
    assert told.lines[-1].step.due_at == clock.due_at == told.level_1_at
    assert told.reminder_at == clock.fires_at
    assert told.level_1_at <= told.level_2_at <= told.level_3_at
    counted = sum(
        terms.calendar.between(line.step.counted_from, line.step.due_at) / timedelta(days=1) for line in told.lines
    )
    assert abs(counted - sum(line.amount for line in told.lines)) < 1e-9
