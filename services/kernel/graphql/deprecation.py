"""The one form in which something of the schema is deprecated: what to use instead, and the day before which it stays.

`@strawberry.field(deprecation_reason=until(date(2027, 12, 1), "Use stageLabel."))`. The form is checked wherever the
schema is, and the day is what a removal waits for: docs/compatibility.md has the policy.
"""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

NOTICE: Final = dt.timedelta(days=180)
"""How long at least what is deprecated stays after the release that says so: half a year, in which an office's supplier
has one delivery even if it delivers twice a year."""

_FORM: Final = re.compile(r"(?P<instead>\S.*\.) Goes on (?P<date>\d{4}-\d{2}-\d{2}) at the earliest\.", re.DOTALL)
_SENTENCE: Final = re.compile(r"\S+( \S+)+\.")


@dataclass(frozen=True, slots=True)
class Deprecation:
    """What to do instead, in sentences, and the first day on which it may be gone."""

    instead: str
    goes: dt.date

    def __str__(self) -> str:
        return f"{self.instead} Goes on {self.goes.isoformat()} at the earliest."


def until(goes: dt.date, instead: str) -> str:
    """Return the reason of a deprecation that ends on a day.

    :raises ValueError: `instead` is no sentence: "Use stageLabel." is one.
    """
    if not _SENTENCE.fullmatch(instead):
        raise ValueError(f"{instead!r} is no sentence that says what to use instead, such as 'Use stageLabel.'")
    return str(Deprecation(instead, goes))


def read(reason: str) -> Deprecation | None:
    """Return what a reason says, or None if it has not the form that `until` gives."""
    found = _FORM.fullmatch(reason)
    if found is None or not _SENTENCE.fullmatch(found["instead"]):
        return None
    try:
        return Deprecation(found["instead"], dt.date.fromisoformat(found["date"]))
    except ValueError:
        return None
