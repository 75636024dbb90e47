"""The official working calendar in Asia/Shanghai, and arithmetic in working time.

Working time runs through all 24 hours of a working day and stands still on other days: one working day from Friday
16:00 is Monday 16:00, and from a Saturday it is the end of Monday. It is one continuous measure, so a pause moves a due
date by exactly the working time paused, and adding and measuring are inverse to each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import chinese_calendar

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
_DAY: Final = timedelta(days=1)
_STATUTORY_DAYS: Final = 11
_library: Any = chinese_calendar  # its functions take undeclared types
_LAST_PUBLISHED: Final[int] = max(day.year for day in _library.constants.holidays)


def calendar_version(rows: int) -> int:
    """Return the version of a calendar whose rows were changed `rows` times, with the library of this process."""
    return rows * 10_000 + _LAST_PUBLISHED


@lru_cache(maxsize=4096)
def _official(day: date) -> bool | None:
    try:
        return bool(_library.is_workday(day))
    except NotImplementedError:  # the State Council has not published this year, or the library does not have it yet
        return None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days: our own override rows, then the official calendar, then (unpublished years) weekdays.

    `version` grows with every change of a row and with every year that the library adds: what was reckoned with a lower
    one may have to be reckoned again.
    """

    overrides: Mapping[date, bool] = field(default_factory=dict[date, bool])
    version: int = 0

    def is_working(self, day: date) -> bool:
        """Tell whether a day is a working day, make-up days included."""
        if (override := self.overrides.get(day)) is not None:
            return override
        official = _official(day)
        return day.weekday() < 5 if official is None else official

    def is_published(self, day: date) -> bool:
        """Tell whether the day's year has been published; if not, its holidays are guesses.

        A year that the library does not have yet is published once our own rows hold what no official arrangement
        leaves out: New Year's Day, and at least the eleven days of the seven holidays.
        """
        if _official(day) is not None:
            return True
        return date(day.year, 1, 1) in self.overrides and (
            sum(row.year == day.year and not worked for row, worked in self.overrides.items()) >= _STATUTORY_DAYS
        )

    def add(self, start: datetime, working: timedelta) -> datetime:
        """Return the instant at which `working` time has run since `start`.

        :param working: non-negative; a working day counts 24 hours.
        """
        if working < timedelta(0):
            raise ValueError("working time cannot be negative")
        local = start.astimezone(SHANGHAI)
        day, at, left = local.date(), local, working
        while True:
            midnight = datetime.combine(day + _DAY, time.min, SHANGHAI)
            if self.is_working(day):
                if left <= midnight - at:
                    return (at + left).astimezone(UTC)
                left -= midnight - at
            day, at = day + _DAY, midnight

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time from `start` to `end`; zero when `end` is not later."""
        a, b = start.astimezone(SHANGHAI), end.astimezone(SHANGHAI)
        total = timedelta(0)
        while a < b:
            midnight = datetime.combine(a.date() + _DAY, time.min, SHANGHAI)
            if self.is_working(a.date()):
                total += min(midnight, b) - a
            a = midnight
        return total

    def rest_days_between(self, start: datetime, end: datetime) -> tuple[date, ...]:
        """Return the days on which working time stands still, from the day of `start` until `end`."""
        return tuple(day for day in _days(start, end) if not self.is_working(day))

    def made_up_between(self, start: datetime, end: datetime) -> tuple[date, ...]:
        """Return the Saturdays and Sundays that are worked, from the day of `start` until `end`."""
        return tuple(day for day in _days(start, end) if day.weekday() >= 5 and self.is_working(day))

    def rows_between(self, start: datetime, end: datetime) -> tuple[tuple[date, bool], ...]:
        """Return our own rows from the day of `start` until `end`, each with whether the day is worked."""
        return tuple((day, self.overrides[day]) for day in _days(start, end) if day in self.overrides)

    def guesses_between(self, start: datetime, end: datetime) -> bool:
        """Tell whether an unpublished year was reckoned with from `start` to `end`."""
        first, last = start.astimezone(SHANGHAI).date(), end.astimezone(SHANGHAI).date()
        return any(not self.is_published(date(year, 1, 2)) for year in range(first.year, last.year + 1))


def _days(start: datetime, end: datetime) -> tuple[date, ...]:
    # A day that begins just when the time is over had no part in it.
    first, last = start.astimezone(SHANGHAI).date(), (end - timedelta(microseconds=1)).astimezone(SHANGHAI).date()
    return tuple(first + _DAY * nth for nth in range((last - first).days + 1))
