"""Events that each service emits about its own clocks (state-machine.md, Levels). `source` tells whose clock it is.

Whoever follows them knows each clock's due date and level at any time: they say everything that moves one.
"""

from typing import Annotated, ClassVar
from uuid import UUID

from msgspec import Meta

from services.contracts.event import Event
from services.contracts.fields import ClockId, DueAt, Instant
from services.contracts.vocabulary import Audience, ClockKind


class ClockEvent(Event, frozen=True, kw_only=True):
    """A fact about a clock; `about` is the work order or case that it measures, absent for the petition itself."""

    clock_id: ClockId
    kind: Annotated[ClockKind, Meta(description="What the clock measures.")]
    about: Annotated[
        UUID | None, Meta(description="The work order or evaluation that it measures; absent for the petition itself.")
    ] = None
    due_at: DueAt


class ClockStarted(ClockEvent, frozen=True, kw_only=True):
    """A clock started; its due date is fixed by the policy version in force then."""

    TYPE: ClassVar[str] = "clock.started"
    policy_version: Annotated[int, Meta(description="The deadline policy in force when it started.")]


class ClockReminded(ClockEvent, frozen=True, kw_only=True):
    """80 % of the clock's time has passed."""

    TYPE: ClassVar[str] = "clock.reminded"


class ClockEscalated(ClockEvent, frozen=True, kw_only=True):
    """The clock is overdue: level 1 at the due date, 2 two working days after, 3 five working days after; `tells` says
    who has to hear of it.
    """

    TYPE: ClassVar[str] = "clock.escalated"
    level: Annotated[
        int, Meta(description="1 at the due date, 2 and 3 the policy's working days later (at first two and five).")
    ]
    tells: Annotated[tuple[Audience, ...], Meta(description="Who has to hear of it.")] = ()


class ClockPaused(ClockEvent, frozen=True, kw_only=True):
    """The clock stands still while the resident is asked."""

    TYPE: ClassVar[str] = "clock.paused"


class ClockResumed(ClockEvent, frozen=True, kw_only=True):
    """The clock measures again, after a pause or after it had been stopped; `due_at` moved by the time in between."""

    TYPE: ClassVar[str] = "clock.resumed"


class ClockMoved(ClockEvent, frozen=True, kw_only=True):
    """The calendar changed, and the open clock's due date with it."""

    TYPE: ClassVar[str] = "clock.moved"
    was_due_at: Annotated[Instant, Meta(description="When it was due before.")]


class ClockStopped(ClockEvent, frozen=True, kw_only=True):
    """What the clock measured has happened, or cannot happen any more. `overdue`: it happened after the due date.
    `department` is whom it measured, where that department is not responsible any more.
    """

    TYPE: ClassVar[str] = "clock.stopped"
    overdue: Annotated[bool, Meta(description="Whether it happened after the due date.")]
    department: Annotated[
        str | None, Meta(description="Whom it measured, if that department is not responsible any more.")
    ] = None


CLOCK_EVENTS: tuple[type[ClockEvent], ...] = (
    ClockStarted,
    ClockReminded,
    ClockEscalated,
    ClockPaused,
    ClockResumed,
    ClockMoved,
    ClockStopped,
)
