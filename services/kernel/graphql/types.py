"""GraphQL types that several subgraphs return: connections, deadlines, positions. All value types are shareable."""

import base64
import binascii
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Final

import strawberry
from strawberry import federation

from services.contracts.labels import in_language, label
from services.contracts.vocabulary import ClockKind, ClockState, LimitUnit
from services.kernel import clocks
from services.kernel.errors import InvalidInput
from services.kernel.explanation import Explanation, Line, explain
from services.kernel.graphql.context import Info
from services.kernel.graphql.scalars import EARLIEST, LATEST
from services.kernel.ledger import StepKind

MOST: Final = 100

Locale = Annotated[
    str, strawberry.argument(description="zh-CN (default) or en; any other language is answered in English.")
]
First = Annotated[int, strawberry.argument(description="How many, 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="Go on after this cursor.")]


@federation.type(shareable=True, description="Where a page of a list ends.")
class PageInfo:
    """Relay's page information; lists go forward only."""

    has_next_page: bool = strawberry.field(description="Whether there is more after this page.")
    end_cursor: str | None = strawberry.field(description="Give this as `after` for the next page.")


@federation.type(shareable=True, description="One thing that moved a clock.")
class ClockEntry:
    """An entry of a clock's ledger."""

    at: datetime = strawberry.field(description="When.")
    move: str = strawberry.field(
        description="STARTED, PAUSED, RESUMED, MOVED (by the calendar), REMINDED, ESCALATED or STOPPED."
    )
    by: str = strawberry.field(description="By whom: the role.")
    due_at: datetime = strawberry.field(description="The due date that followed.")
    note: str = strawberry.field(description="What it was reckoned from.")


@federation.type(shareable=True, description="One step of a due date's arithmetic.")
class DeadlineStep:
    """A step."""

    it: strawberry.Private[Line]
    kind: StepKind = strawberry.field(description="Why it moves the due date.")
    since: datetime = strawberry.field(
        description="The start, the beginning of a pause, or when a reply was sent back."
    )
    until: datetime | None = strawberry.field(description="The end of a pause; null while it stands still.")
    counted_from: datetime = strawberry.field(description="The instant from which `amount` is counted.")
    amount: float = strawberry.field(
        description="How much is counted, in the explanation's unit; for LEAST working days."
    )
    rest_days: list[date] = strawberry.field(description="Days in between that do not count.")
    made_up_days: list[date] = strawberry.field(description="Saturdays and Sundays in between that are worked.")
    due_at: datetime = strawberry.field(description="The due date that follows.")

    @federation.field(shareable=True, description="The step as a sentence.")
    def text(self, locale: Locale = "zh-CN") -> str:
        """Return the sentence in a language."""
        return in_language(self.it.zh, self.it.en, locale)


@federation.type(shareable=True, description="How a due date comes about, in steps that a person can follow.")
class DeadlineExplanation:
    """An explanation."""

    it: strawberry.Private[Explanation]
    unit: LimitUnit = strawberry.field(description="What the limit is counted in.")
    steps: list[DeadlineStep] = strawberry.field(description="The arithmetic; the last step leads to the due date.")
    reminder_at: datetime = strawberry.field(description="When the reminder goes out.")
    level_one_at: datetime = strawberry.field(description="When level 1 is reached: the due date.")
    level_two_at: datetime = strawberry.field(description="When level 2 is reached.")
    level_three_at: datetime = strawberry.field(description="When level 3 is reached.")

    @federation.field(shareable=True, description="The whole as sentences, one a line.")
    def text(self, locale: Locale = "zh-CN") -> str:
        """Return the sentences in a language."""
        return in_language(self.it.zh, self.it.en, locale)


@federation.type(shareable=True, description="A clock and its due date. Only named acts move it.")
class Deadline:
    """A clock as clients see it."""

    it: strawberry.Private[clocks.Clock]
    kind: ClockKind = strawberry.field(description="What it measures.")
    state: ClockState = strawberry.field(description="Whether it runs.")
    started_at: datetime = strawberry.field(description="When it started.")
    due_at: datetime = strawberry.field(description="When it is due.")
    level: int = strawberry.field(description="Escalation reached: 0 none, 1 to 3.")
    reminded: bool = strawberry.field(description="Whether 80 % of its time had passed and a reminder went out.")
    policy_version: int = strawberry.field(description="The policy version that fixed its time.")
    warning: str | None = strawberry.field(
        description="Said when the due date lies in a year whose official calendar is not known: holidays may move it."
    )
    ledger: list[ClockEntry] = strawberry.field(description="Everything that moved it, in order.")

    @federation.field(shareable=True, description="What it measures, for people.")
    def label(self, locale: Locale = "zh-CN") -> str:
        """Return the kind's label."""
        return label(self.kind, locale)

    @federation.field(
        shareable=True,
        description="How the due date comes about, by the present calendar; if that changed, the date follows.",
    )
    async def explanation(self, info: Info) -> DeadlineExplanation | None:
        """Return the arithmetic by the present calendar."""
        return _explained(explain(self.it, (await info.context.runtime.references.get()).terms))


def _explained(it: Explanation) -> DeadlineExplanation:
    return DeadlineExplanation(
        it=it,
        unit=it.unit,
        steps=[
            DeadlineStep(
                it=line,
                kind=line.step.kind,
                since=line.step.since,
                until=line.step.until,
                counted_from=line.step.counted_from,
                amount=line.amount,
                rest_days=list(line.rest_days),
                made_up_days=list(line.made_up_days),
                due_at=line.step.due_at,
            )
            for line in it.lines
        ],
        reminder_at=it.reminder_at,
        level_one_at=it.level_1_at,
        level_two_at=it.level_2_at,
        level_three_at=it.level_3_at,
    )


def deadline(clock: clocks.Clock) -> Deadline:
    """Return a clock as clients see it."""
    return Deadline(
        it=clock,
        kind=clock.kind,
        state=clock.state,
        started_at=clock.started_at,
        due_at=clock.due_at,
        level=max(0, clock.level - 1),
        reminded=clock.level >= clocks.Level.REMINDED,
        policy_version=clock.policy_version,
        warning=_GUESSED if clock.guessed else None,
        ledger=[
            ClockEntry(at=e.at, move=e.move.value, by=e.by.split(":")[0], due_at=e.due_at, note=e.note)
            for e in clock.ledger
        ],
    )


_GUESSED: Final = (
    "The official calendar of a year in question is not known yet; its weekdays count as working days until it is."
)


def idempotency_key() -> str | None:
    """Return the input field that every mutation which changes something has."""
    return strawberry.field(
        default=None,
        description="Repeat with the same key to get the first answer again: 8 to 128 characters, best a random UUID.",
    )


def page_size(first: int) -> int:
    """Return a page size that is allowed.

    :raises InvalidInput: it is not from 1 to 100.
    """
    if not 1 <= first <= MOST:
        raise InvalidInput("first", f"first must be from 1 to {MOST}.")
    return first


def cursor(*parts: str) -> str:
    """Return an opaque cursor."""
    return base64.urlsafe_b64encode("|".join(parts).encode()).decode().rstrip("=")


def parse_cursor(after: str | None, parts: int = 1) -> Sequence[str] | None:
    """Return the parts of a cursor, or None without one.

    :raises InvalidInput: it is none of ours.
    """
    if after is None:
        return None
    try:
        padded = after + "=" * (-len(after) % 4)
        found = base64.b64decode(padded, altchars=b"-_", validate=True).decode().split("|")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        found = []
    if len(found) != parts:
        raise InvalidInput("after", "after must be a cursor as this list returned it.")
    return found


def parse_instant(part: str) -> datetime:
    """Return the instant that a cursor's part says.

    :raises InvalidInput: it says none, or one without an offset.
    """
    try:
        found = datetime.fromisoformat(part)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not EARLIEST <= found.date() <= LATEST:
        raise InvalidInput("after", "after must be a cursor as this list returned it.")
    return found
