"""Events that each service emits about its own clocks (state-machine.md, Levels). `source` tells whose clock it is.

Whoever follows them knows each clock's due date and level at any time: they say everything that moves one.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.contracts.event import Event
from services.contracts.vocabulary import Audience, ClockKind


class ClockEvent(Event, frozen=True, kw_only=True):
    """A fact about a clock; `about` is the work order or case that it measures, absent for the petition itself."""

    clock_id: UUID
    kind: ClockKind
    about: UUID | None = None
    due_at: datetime


class ClockStarted(ClockEvent, frozen=True, kw_only=True):
    """A clock started; its due date is fixed by the policy version in force then."""

    TYPE: ClassVar[str] = "clock.started"
    policy_version: int


class ClockReminded(ClockEvent, frozen=True, kw_only=True):
    """80 % of the clock's time has passed."""

    TYPE: ClassVar[str] = "clock.reminded"


class ClockEscalated(ClockEvent, frozen=True, kw_only=True):
    """The clock is overdue: level 1 at the due date, 2 two working days after, 3 five working days after; `tells` says
    who has to hear of it.
    """

    TYPE: ClassVar[str] = "clock.escalated"
    level: int
    tells: tuple[Audience, ...] = ()


class ClockPaused(ClockEvent, frozen=True, kw_only=True):
    """The clock stands still while the resident is asked."""

    TYPE: ClassVar[str] = "clock.paused"


class ClockResumed(ClockEvent, frozen=True, kw_only=True):
    """The clock measures again, after a pause or after it had been stopped; `due_at` moved by the time in between."""

    TYPE: ClassVar[str] = "clock.resumed"


class ClockMoved(ClockEvent, frozen=True, kw_only=True):
    """The calendar changed, and the open clock's due date with it."""

    TYPE: ClassVar[str] = "clock.moved"
    was_due_at: datetime


class ClockStopped(ClockEvent, frozen=True, kw_only=True):
    """What the clock measured has happened, or cannot happen any more. `overdue`: it happened after the due date.
    `department` is whom it measured, where that department is not responsible any more.
    """

    TYPE: ClassVar[str] = "clock.stopped"
    overdue: bool
    department: str | None = None


CLOCK_EVENTS: tuple[type[ClockEvent], ...] = (
    ClockStarted,
    ClockReminded,
    ClockEscalated,
    ClockPaused,
    ClockResumed,
    ClockMoved,
    ClockStopped,
)
