"""Deadline policies and the working calendar: read by everybody, recorded by the operator."""

from datetime import date, datetime, timedelta
from typing import Final

import strawberry
from strawberry import ID

from services.contracts import reference as r
from services.contracts.labels import in_language
from services.contracts.vocabulary import ClockKind, DeadlineClass, LimitUnit
from services.intake.commands import terms as commands
from services.intake.domain import terms as rules
from services.kernel import text
from services.kernel.errors import InvalidInput
from services.kernel.graphql.context import Info
from services.kernel.graphql.types import Locale, idempotency_key

MOST_DAYS: Final = 400


@strawberry.type(description="How long a kind of clock may run.")
class DeadlineLimit:
    """A limit."""

    kind: ClockKind = strawberry.field(description="What is measured.")
    deadline_class: DeadlineClass | None = strawberry.field(description="Of which class; for HANDLING alone.")
    amount: int = strawberry.field(description="How much.")
    unit: LimitUnit = strawberry.field(description="Of what.")


@strawberry.type(description="A version of the deadline policy. A clock goes by the one in force when it started.")
class DeadlinePolicy:
    """A policy."""

    it: strawberry.Private[r.Policy]
    id: ID = strawberry.field(description="Its code.")
    version: int = strawberry.field(description="Its number.")
    effective_from: datetime = strawberry.field(description="From when on it is in force, until a later one is.")
    limits: list[DeadlineLimit] = strawberry.field(description="All limits.")
    reminder_percent: int = strawberry.field(description="At how much of the time a reminder goes out.")
    second_level_working_days: int = strawberry.field(description="How long after the due date level 2 is reached.")
    third_level_working_days: int = strawberry.field(description="How long after the due date level 3 is reached.")
    returned_reply_working_days: int = strawberry.field(description="What is left at least when a reply is sent back.")

    @strawberry.field(description="Its name.")
    def name(self, locale: Locale = "zh-CN") -> str:
        """Return the name in a language."""
        return in_language(self.it.name.zh, self.it.name.en, locale)

    @strawberry.field(description="Whether it is the one that clocks which start now go by.")
    async def in_force(self, info: Info) -> bool:
        """Return whether it is in force."""
        terms = (await info.context.runtime.references.get()).terms
        return terms.in_force(info.context.now()).version == self.version


def policy(it: r.Policy) -> DeadlinePolicy:
    """Return a policy as clients see it."""
    limits = [
        DeadlineLimit(kind=row.kind, deadline_class=row.deadline_class, amount=row.limit.amount, unit=row.limit.unit)
        for row in it.limits
    ]
    return DeadlinePolicy(
        it=it,
        id=ID(it.id),
        version=it.version,
        effective_from=it.effective_from,
        limits=limits,
        reminder_percent=it.reminder_percent,
        second_level_working_days=it.second_level_working_days,
        third_level_working_days=it.third_level_working_days,
        returned_reply_working_days=it.returned_reply_working_days,
    )


@strawberry.type(description="A day of the working calendar.")
class CalendarDay:
    """A day."""

    name_: strawberry.Private[r.Name | None]
    day: date = strawberry.field(description="The day, in Shanghai.")
    working: bool = strawberry.field(description="Whether it counts.")
    recorded: bool = strawberry.field(description="Whether the district has recorded it.")
    published: bool = strawberry.field(
        description="Whether its year's official arrangement is known; if not, weekdays count until it is."
    )

    @strawberry.field(description="The occasion, if the district has recorded one.")
    def name(self, locale: Locale = "zh-CN") -> str | None:
        """Return the occasion's name in a language."""
        return in_language(self.name_.zh, self.name_.en, locale) if self.name_ else None


@strawberry.type
class TermsQuery:
    """What deadlines are reckoned with."""

    @strawberry.field(description="All versions of the deadline policy.")
    async def deadline_policies(self, info: Info) -> list[DeadlinePolicy] | None:
        """Return the versions, the oldest first."""
        found = (await info.context.runtime.references.get()).all(r.Policy)
        return [policy(it) for it in sorted(found, key=lambda it: it.version)]

    @strawberry.field(description=f"The working calendar, at most {MOST_DAYS} days of it.")
    async def working_calendar(self, info: Info, first: date, last: date) -> list[CalendarDay] | None:
        """Return the days from `first` to `last`."""
        if not timedelta(0) <= last - first < timedelta(days=MOST_DAYS):
            raise InvalidInput("last", f"last must be from first to {MOST_DAYS - 1} days later.")
        references = await info.context.runtime.references.get()
        calendar, known = references.terms.calendar, {e.day: e for e in references.all(r.Holiday)}
        days = (first + timedelta(days=nth) for nth in range((last - first).days + 1))
        return [
            CalendarDay(
                name_=known[day].name if day in known else None,
                day=day,
                working=calendar.is_working(day),
                recorded=day in known,
                published=calendar.is_published(day),
            )
            for day in days
        ]


@strawberry.input(description="A limit of the next policy version.")
class DeadlineLimitInput:
    """A limit."""

    kind: ClockKind = strawberry.field(description="What is measured.")
    amount: int = strawberry.field(description=f"How much, 1 to {rules.LONGEST_LIMIT}.")
    unit: LimitUnit = strawberry.field(description="Of what.")
    deadline_class: DeadlineClass | None = strawberry.field(
        default=None, description="Of which class; for HANDLING alone."
    )


@strawberry.input(description="The next version of the deadline policy: what is not given stays as it was.")
class RecordDeadlinePolicyInput:
    """What changes."""

    effective_from: datetime = strawberry.field(
        description="From when on: at least an hour from now. Clocks that run then go on as they started."
    )
    limits: list[DeadlineLimitInput] = strawberry.field(
        default_factory=list[DeadlineLimitInput], description="Limits that change."
    )
    reminder_percent: int | None = strawberry.field(default=None, description="1 to 99.")
    second_level_working_days: int | None = strawberry.field(default=None, description="1 to 59.")
    third_level_working_days: int | None = strawberry.field(default=None, description="2 to 60, after level 2.")
    returned_reply_working_days: int | None = strawberry.field(default=None, description="1 to 60.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="A day as it is to be.")
class CalendarDayInput:
    """A day."""

    day: date = strawberry.field(description="The day, today or later, in Shanghai.")
    working: bool | None = strawberry.field(
        description="Whether it counts; null takes back what was recorded, and the official calendar decides."
    )
    name_zh: str = strawberry.field(
        default="", description=f"The occasion, in Chinese, at most {rules.LONGEST_NAME} characters."
    )
    name_en: str = strawberry.field(
        default="", description=f"The occasion, in English, at most {rules.LONGEST_NAME} characters."
    )


@strawberry.input(
    description="Days that differ from the official calendar. A year that the calendar does not have yet is published "
    "once its New Year's Day and at least eleven rest days are recorded."
)
class RecordCalendarDaysInput:
    """Which days."""

    days: list[CalendarDayInput] = strawberry.field(description=f"1 to {MOST_DAYS} days.")
    idempotency_key: str | None = idempotency_key()


@strawberry.type(description="The version that was recorded.")
class DeadlinePolicyPayload:
    """The outcome."""

    policy: DeadlinePolicy = strawberry.field(description="The policy.")


@strawberry.type(description="What the recording changed.")
class CalendarDaysPayload:
    """The outcome."""

    changed: int = strawberry.field(description="How many days are otherwise than before; open clocks follow at once.")


def _changes(given: RecordDeadlinePolicyInput) -> rules.PolicyChanges:
    rows = [(row.kind, row.deadline_class) for row in given.limits]
    if len(set(rows)) < len(rows):
        raise InvalidInput("limits", "A limit is given twice.")
    return rules.PolicyChanges(
        {(row.kind, row.deadline_class): r.Limit(amount=row.amount, unit=row.unit) for row in given.limits},
        given.reminder_percent,
        given.second_level_working_days,
        given.third_level_working_days,
        given.returned_reply_working_days,
    )


def _day(given: CalendarDayInput) -> rules.CalendarDay:
    zh, en = (
        text.optional(name, field, longest=rules.LONGEST_NAME)
        for name, field in ((given.name_zh, "days.nameZh"), (given.name_en, "days.nameEn"))
    )
    return rules.CalendarDay(given.day, given.working, r.Name(zh=zh or en, en=en or zh))


@strawberry.type
class TermsMutation:
    """Recording what deadlines are reckoned with."""

    @strawberry.mutation(description="Record the next version of the deadline policy.")
    async def record_deadline_policy(
        self, info: Info, input: RecordDeadlinePolicyInput
    ) -> DeadlinePolicyPayload | None:
        """Record a policy."""
        actor, now = info.context.actor, info.context.now()
        cmd = commands.RecordPolicy(_changes(input), input.effective_from)
        done = await info.context.mutate(
            info.field_name,
            input,
            input.idempotency_key,
            commands.PolicyRecorded,
            lambda tx: commands.record_policy(tx, cmd, by=actor, now=now),
        )
        info.context.runtime.references.forget()
        return DeadlinePolicyPayload(policy=policy(done.policy))

    @strawberry.mutation(
        description="Record days of the working calendar; open clocks move, and their ledgers say so.",
    )
    async def record_calendar_days(self, info: Info, input: RecordCalendarDaysInput) -> CalendarDaysPayload | None:
        """Record days."""
        if not 1 <= len(input.days) <= MOST_DAYS:
            raise InvalidInput("days", f"days must be 1 to {MOST_DAYS} days.")
        actor, now = info.context.actor, info.context.now()
        cmd = commands.RecordDays(tuple(_day(given) for given in input.days))
        done = await info.context.mutate(
            info.field_name,
            input,
            input.idempotency_key,
            commands.DaysRecorded,
            lambda tx: commands.record_days(tx, cmd, by=actor, now=now),
        )
        info.context.runtime.references.forget()
        return CalendarDaysPayload(changed=done.changed)
