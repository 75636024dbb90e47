"""Days and instants as clients write them: one way to read each, and none that leads out of the calendar."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final, TypeVar, cast

import strawberry
from strawberry.types.scalar import ScalarDefinition

EARLIEST: Final = date(1900, 1, 1)
LATEST: Final = date(2199, 12, 31)
"""Reckoning with what lies near the first or the last day of all would leave the calendar."""

Time = TypeVar("Time", date, datetime)


def _read(given: object, what: str, parse: Callable[[str], Time]) -> Time:
    """Read a time.

    :raises ValueError: says what would be right; GraphQL adds where it stands.
    """
    try:
        found = parse(given) if isinstance(given, str) else None
    except ValueError:
        found = None
    if found is None or (isinstance(found, datetime) and found.tzinfo is None):
        raise ValueError(f"it must be {what}")
    day = found.date() if isinstance(found, datetime) else found
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"it must be from {EARLIEST.isoformat()} to {LATEST.isoformat()}")
    return found


def _day(given: object) -> date:
    return _read(given, "a day like 2027-01-01", date.fromisoformat)


def _instant(given: object) -> datetime:
    return _read(given, "an instant with its offset, like 2027-01-01T00:00:00+08:00", datetime.fromisoformat)


def _scalar(name: str, description: str, parse: Callable[[object], Time]) -> ScalarDefinition:
    def serialize(it: Time) -> str:
        return it.isoformat()

    # Strawberry's own overload for this takes and returns anything.
    return cast(Any, strawberry).scalar(name=name, description=description, serialize=serialize, parse_value=parse)


SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    date: _scalar("Date", "A day, by ISO 8601: 2027-01-01.", _day),
    datetime: _scalar("DateTime", "An instant, by ISO 8601 and with its offset: 2027-01-01T00:00:00+08:00.", _instant),
}
