"""Working time: one continuous measure over the official calendar."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.calendar import SHANGHAI, Calendar

INSTANTS = st.integers(0, 4 * 365 * 24 * 60).map(
    lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
SPANS = st.timedeltas(timedelta(0), timedelta(days=40))
OFFICIAL = Calendar()


def shanghai(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SHANGHAI)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        (shanghai(2026, 11, 24, 10), 1, shanghai(2026, 11, 25, 10)),  # Tuesday to Wednesday
        (shanghai(2026, 11, 27, 16), 1, shanghai(2026, 11, 30, 16)),  # over a weekend
        (shanghai(2026, 11, 28, 10), 1, shanghai(2026, 12, 1, 0)),  # from a Saturday: the end of Monday
        (shanghai(2026, 9, 30, 9), 1, shanghai(2026, 10, 8, 9)),  # over the National Day week
        (shanghai(2026, 10, 9, 9), 1, shanghai(2026, 10, 10, 9)),  # the make-up Saturday counts
    ],
)
def test_working_days_follow_the_official_calendar(start: datetime, days: int, due: datetime) -> None:
    assert OFFICIAL.add(start, timedelta(days=days)) == due


def test_unpublished_years_fall_back_to_weekdays_and_say_so() -> None:
    friday = shanghai(2027, 12, 31, 12)
    assert OFFICIAL.add(friday, timedelta(days=1)) == shanghai(2028, 1, 3, 12)
    assert OFFICIAL.guesses_between(friday, friday)
    assert OFFICIAL.guesses_between(shanghai(2026, 12, 31, 12), shanghai(2027, 1, 4, 12))
    assert not OFFICIAL.guesses_between(shanghai(2026, 3, 1, 12), shanghai(2026, 3, 4, 12))


def test_override_rows_win_over_the_library() -> None:
    closed = Calendar({date(2026, 11, 25): False, date(2026, 11, 28): True})
    assert closed.add(shanghai(2026, 11, 24, 10), timedelta(days=1)) == shanghai(2026, 11, 26, 10)
    assert closed.add(shanghai(2026, 11, 27, 10), timedelta(days=1)) == shanghai(2026, 11, 28, 10)


@given(INSTANTS, SPANS)
def test_adding_and_measuring_are_inverse(start: datetime, span: timedelta) -> None:
    assert OFFICIAL.between(start, OFFICIAL.add(start, span)) == span


@given(INSTANTS, INSTANTS, SPANS)
def test_a_later_start_is_never_due_earlier(one: datetime, other: datetime, span: timedelta) -> None:
    first, second = sorted((one, other))
    assert OFFICIAL.add(first, span) <= OFFICIAL.add(second, span)


@given(INSTANTS, SPANS, SPANS)
def test_adding_twice_is_adding_the_sum(start: datetime, one: timedelta, other: timedelta) -> None:
    """Unless the second is nothing: what ends with a Friday ends at its midnight, and nothing more ends on Monday."""
    assert other == timedelta(0) or (OFFICIAL.add(OFFICIAL.add(start, one), other) == OFFICIAL.add(start, one + other))


@given(INSTANTS, INSTANTS, INSTANTS)
def test_working_time_adds_up(one: datetime, two: datetime, three: datetime) -> None:
    a, b, c = sorted((one, two, three))
    assert OFFICIAL.between(a, b) + OFFICIAL.between(b, c) == OFFICIAL.between(a, c)
    assert OFFICIAL.between(c, a) == timedelta(0)


def test_negative_working_time_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        OFFICIAL.add(shanghai(2026, 11, 24, 10), timedelta(seconds=-1))
