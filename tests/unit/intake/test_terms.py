"""Versions of the deadline policy and days of the calendar: for the time to come only, and complete."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from services.contracts.reference import Holiday, Limit, Name, Policy
from services.contracts.vocabulary import ClockKind, DeadlineClass, LimitUnit
from services.intake.domain.terms import CalendarDay, PolicyChanges, holidays, next_policy
from services.kernel.errors import InvalidInput
from services.kernel.terms import Terms
from tests.support.terms import TERMS

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
[SEEDED] = TERMS.policies
TWO_DAYS = Limit(amount=2, unit=LimitUnit.WORKING_DAYS)
ACCEPT_IN_TWO = PolicyChanges({(ClockKind.ACCEPTANCE, None): TWO_DAYS})
NAME = Name(zh="某节", en="Some feast")


def test_what_is_not_given_stays_as_it_was() -> None:
    policy = next_policy([SEEDED], ACCEPT_IN_TWO, LATER, NOW)
    assert (policy.version, policy.id, policy.name.en) == (2, "2", "Deadline policy, version 2")
    changed = [(new, old) for new, old in zip(policy.limits, SEEDED.limits, strict=True) if new != old]
    assert [(new.kind, new.limit) for new, _ in changed] == [(ClockKind.ACCEPTANCE, TWO_DAYS)]
    assert policy.reminder_percent == SEEDED.reminder_percent


def test_a_clock_goes_by_the_version_in_force_when_it_started() -> None:
    policy = next_policy([SEEDED], ACCEPT_IN_TWO, LATER, NOW)
    terms = Terms((SEEDED, policy), TERMS.calendar)
    assert terms.in_force(LATER - timedelta(seconds=1)) == SEEDED
    assert terms.in_force(LATER) == policy


def test_a_later_version_is_numbered_after_all_that_are_known() -> None:
    second = next_policy([SEEDED], ACCEPT_IN_TWO, LATER, NOW)
    third = next_policy([second, SEEDED], PolicyChanges({}, reminder_percent=70), LATER, NOW)
    assert (third.version, third.reminder_percent) == (3, 70)
    assert third.limits == second.limits


def test_a_version_does_not_take_effect_before_the_one_that_it_changes() -> None:
    second = next_policy([SEEDED], ACCEPT_IN_TWO, LATER + timedelta(days=9), NOW)
    with pytest.raises(InvalidInput, match="Version 2 takes effect at 2026-12-04T02:00:00"):
        next_policy([SEEDED, second], PolicyChanges({}, reminder_percent=70), LATER, NOW)
    # A mistaken one that has not begun is replaced by one that begins with it.
    undone = PolicyChanges({(ClockKind.ACCEPTANCE, None): SEEDED.limits[0].limit})
    third = next_policy([SEEDED, second], undone, second.effective_from, NOW)
    terms = Terms((SEEDED, second, third), TERMS.calendar)
    assert terms.in_force(second.effective_from) == third
    assert third.limits == SEEDED.limits


@pytest.mark.parametrize(
    ("changes", "effective_from", "field"),
    [
        (ACCEPT_IN_TWO, NOW + timedelta(minutes=59), "effectiveFrom"),
        (ACCEPT_IN_TWO, NOW.replace(year=2036), "effectiveFrom"),
        (ACCEPT_IN_TWO, LATER.replace(tzinfo=None), "effectiveFrom"),
        (PolicyChanges({}), LATER, "limits"),
        (PolicyChanges({(ClockKind.ACCEPTANCE, None): SEEDED.limits[0].limit}), LATER, "limits"),
        (PolicyChanges({(ClockKind.HANDLING, None): TWO_DAYS}), LATER, "limits"),
        (PolicyChanges({(ClockKind.ACCEPTANCE, DeadlineClass.SIMPLE): TWO_DAYS}), LATER, "limits"),
        (PolicyChanges({(ClockKind.ACCEPTANCE, None): replace(TWO_DAYS, amount=0)}), LATER, "limits"),
        (PolicyChanges({(ClockKind.ACCEPTANCE, None): replace(TWO_DAYS, amount=401)}), LATER, "limits"),
        (PolicyChanges({}, reminder_percent=100), LATER, "reminderPercent"),
        (PolicyChanges({}, second_level_working_days=5), LATER, "thirdLevelWorkingDays"),
        (PolicyChanges({}, returned_reply_working_days=0), LATER, "returnedReplyWorkingDays"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(changes: PolicyChanges, effective_from: datetime, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        next_policy([SEEDED], changes, effective_from, NOW)
    assert refusal.value.extensions["field"] == field


def test_every_clock_that_a_policy_must_limit_has_a_limit() -> None:
    limited = {row.kind for row in SEEDED.limits}
    assert limited == set(ClockKind) - {ClockKind.LEDGER_REVIEW}  # set by the committee, case by case
    classes = {row.deadline_class for row in SEEDED.limits if row.kind is ClockKind.HANDLING}
    assert classes == set(DeadlineClass)


def day(given: date, working: bool | None = False) -> CalendarDay:
    return CalendarDay(given, working, NAME)


def test_days_become_entries_and_can_be_taken_back() -> None:
    new_year = date(2027, 1, 1)
    [entry] = holidays([day(new_year)], [], NOW)
    assert entry == Holiday(id="2027-01-01", name=NAME, day=new_year, working=False)
    [back] = holidays([day(new_year, working=None)], [entry], NOW)
    assert back == replace(entry, retired=True)


def test_today_is_today_in_shanghai() -> None:
    midnight = datetime(2026, 11, 25, 0, 30, tzinfo=timezone(timedelta(hours=8)))
    assert holidays([day(date(2026, 11, 25))], [], midnight)
    with pytest.raises(InvalidInput, match="2026-11-24 is past"):
        holidays([day(date(2026, 11, 24))], [], midnight)


@pytest.mark.parametrize(
    "days",
    [
        [day(date(2026, 12, 1)), day(date(2026, 12, 1), working=True)],
        [day(date(2030, 1, 1))],
        [day(date(2026, 12, 1), working=None)],
    ],
)
def test_days_that_cannot_be_are_refused(days: list[Any]) -> None:
    with pytest.raises(InvalidInput):
        holidays(days, [], NOW)


def test_the_policy_type_has_nothing_that_a_version_would_forget() -> None:
    known = {
        "id",
        "name",
        "retired",
        "generated",
        "version",
        "effective_from",
        "limits",
        "reminder_percent",
        "second_level_working_days",
        "third_level_working_days",
        "returned_reply_working_days",
    }
    assert set(Policy.__struct_fields__) == known
