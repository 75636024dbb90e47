"""The district's terms: versions of the deadline policy, and days that differ from the official calendar.

Both are recorded for the time to come only. A clock keeps the policy version that was in force when it started; the
calendar moves every open clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from services.contracts.reference import ClockLimit, Holiday, Limit, Name, Policy
from services.contracts.vocabulary import ClockKind, DeadlineClass
from services.kernel.calendar import SHANGHAI
from services.kernel.errors import InvalidInput

NOTICE: Final = timedelta(hours=1)
"""How long before it takes effect a policy is recorded, so that every service has it by then."""

FURTHEST: Final = timedelta(days=3 * 366)
LONGEST_LIMIT: Final = 400
LONGEST_NAME: Final = 60

_Row = tuple[ClockKind, DeadlineClass | None]


@dataclass(frozen=True, slots=True)
class PolicyChanges:
    """What a new version changes of the latest one; absent means as it was."""

    limits: Mapping[_Row, Limit]
    reminder_percent: int | None = None
    second_level_working_days: int | None = None
    third_level_working_days: int | None = None
    returned_reply_working_days: int | None = None


def next_policy(policies: Sequence[Policy], changes: PolicyChanges, effective_from: datetime, now: datetime) -> Policy:
    """Return the next version of the deadline policy: the latest one, changed. One that begins with it takes its place.

    :raises InvalidInput: it would take effect too soon, changes nothing, or has a figure that cannot be.
    """
    latest = max(policies, key=lambda policy: policy.version)
    if effective_from.tzinfo is None:
        raise InvalidInput("effectiveFrom", "effectiveFrom needs an offset, like 2027-01-01T00:00:00+08:00.")
    if effective_from > now + FURTHEST:
        raise InvalidInput("effectiveFrom", "effectiveFrom is more than three years away.")
    if effective_from < now + NOTICE:
        raise InvalidInput(
            "effectiveFrom",
            f"effectiveFrom must be at least {NOTICE // timedelta(minutes=1)} minutes from now: "
            "a policy takes effect only in the future.",
        )
    if effective_from < latest.effective_from:
        raise InvalidInput(
            "effectiveFrom",
            f"Version {latest.version} takes effect at {latest.effective_from.isoformat()}; a later version cannot do "
            "so before. At the same instant it takes its place.",
        )
    known = {(row.kind, row.deadline_class): row.limit for row in latest.limits}
    for (kind, deadline_class), limit in changes.limits.items():
        if (kind, deadline_class) not in known:
            rows = ", ".join(f"{k}{f' {c}' if c else ''}" for k, c in known)
            named = f"{kind} {deadline_class}" if deadline_class else f"{kind} without a deadlineClass"
            raise InvalidInput("limits", f"There is no limit {named}; there are {rows}.")
        if not 1 <= limit.amount <= LONGEST_LIMIT:
            raise InvalidInput("limits", f"The limit of {kind} must be from 1 to {LONGEST_LIMIT}.")
    limits = tuple(ClockLimit(kind=k, limit=v, deadline_class=c) for (k, c), v in {**known, **changes.limits}.items())
    fresh = Policy(
        id=latest.id,
        name=latest.name,
        version=latest.version,
        effective_from=latest.effective_from,
        limits=limits,
        reminder_percent=_within("reminderPercent", changes.reminder_percent, latest.reminder_percent, 1, 99),
        second_level_working_days=_within(
            "secondLevelWorkingDays", changes.second_level_working_days, latest.second_level_working_days, 1, 59
        ),
        third_level_working_days=_within(
            "thirdLevelWorkingDays", changes.third_level_working_days, latest.third_level_working_days, 2, 60
        ),
        returned_reply_working_days=_within(
            "returnedReplyWorkingDays", changes.returned_reply_working_days, latest.returned_reply_working_days, 1, 60
        ),
    )
    if fresh.third_level_working_days <= fresh.second_level_working_days:
        raise InvalidInput("thirdLevelWorkingDays", "Level 3 must come after level 2.")
    if fresh == latest:
        raise InvalidInput("limits", f"This is version {latest.version} as it stands: nothing would change.")
    version = latest.version + 1
    name = Name(zh=f"时限政策第{version}版", en=f"Deadline policy, version {version}")
    return replace(fresh, id=str(version), version=version, name=name, effective_from=effective_from)


def _within(field: str, given: int | None, otherwise: int, least: int, most: int) -> int:
    if given is None:
        return otherwise
    if not least <= given <= most:
        raise InvalidInput(field, f"{field} must be from {least} to {most}.")
    return given


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day as it is to be: worked or not, with the name of the occasion; None lets the official calendar decide."""

    day: date
    working: bool | None
    name: Name


def holidays(days: Sequence[CalendarDay], known: Sequence[Holiday], now: datetime) -> list[Holiday]:
    """Return the entries of days that differ from the official calendar.

    :raises InvalidInput: a day that is past, too far away, given twice, or was never recorded and would be taken back.
    """
    today = now.astimezone(SHANGHAI).date()
    if len({given.day for given in days}) < len(days):
        raise InvalidInput("days", "A day is given twice.")
    recorded = {holiday.day: holiday for holiday in known}
    entries: list[Holiday] = []
    for given in days:
        if not today <= given.day <= today + FURTHEST:
            raise InvalidInput("days", f"{given.day.isoformat()} is past, or more than three years away.")
        if given.working is not None:
            iso = given.day.isoformat()
            entries.append(Holiday(id=iso, name=given.name, day=given.day, working=given.working))
        elif (holiday := recorded.get(given.day)) is not None:
            entries.append(replace(holiday, retired=True))
        else:
            raise InvalidInput("days", f"{given.day.isoformat()} was never recorded, so it cannot be taken back.")
    return entries
