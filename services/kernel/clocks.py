"""Clocks: what state-machine.md starts, pauses, resumes, stops; each keeps a ledger of everything that moved it.

Pure: the calendar and policies come in as Terms, the instant as `now`. Only named acts move a clock.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum, StrEnum
from typing import Final, Self
from uuid import UUID

from services.contracts.clocks import ClockEscalated, ClockReminded, ClockStarted, ClockStopped
from services.contracts.event import SYSTEM, Event, Who
from services.contracts.vocabulary import ClockKind, ClockState, DeadlineClass, LimitUnit
from services.kernel.calendar import SHANGHAI
from services.kernel.ids import ClockId, new_uuid
from services.kernel.terms import WORKING_DAY, Terms, span_of


class Level(IntEnum):
    """How far a clock has been pressed. Each level happens once per clock."""

    NONE = 0
    REMINDED = 1
    FIRST = 2
    SECOND = 3
    THIRD = 4


class Move(StrEnum):
    """What moved a clock, as its ledger says."""

    STARTED = "STARTED"
    PAUSED = "PAUSED"
    RESUMED = "RESUMED"
    REMINDED = "REMINDED"
    ESCALATED = "ESCALATED"
    STOPPED = "STOPPED"


ACTS_WHEN_DUE: Final = frozenset(
    {ClockKind.CLOSING, ClockKind.LEDGER_APPROVAL, ClockKind.LEDGER_REVIEW, ClockKind.INFORMATION}
)
"""Clocks at whose due date the product itself acts, instead of pressing a person."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One thing that moved a clock: when, what, by whom, and the due date that followed."""

    at: datetime
    move: Move
    by: str
    due_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock about a petition, or (`about`) about one work order or case of it."""

    id: ClockId
    kind: ClockKind
    about: UUID | None
    cycle: int
    state: ClockState
    policy_version: int
    unit: LimitUnit
    started_at: datetime
    due_at: datetime
    guessed: bool
    level: Level
    fires_at: datetime | None
    paused_at: datetime | None
    ledger: tuple[LedgerEntry, ...]
    paused: timedelta = timedelta(0)

    @property
    def is_open(self) -> bool:
        """Whether the clock still measures: running or paused."""
        return self.state is not ClockState.STOPPED


def _next_firing(clock: Clock, terms: Terms) -> datetime:
    """Return when the clock next wants attention: reminder, due date, second or third level."""
    policy = terms.version(clock.policy_version)
    match clock.level:
        case Level.NONE:
            limit = terms.between(clock.started_at, clock.due_at, clock.unit) - clock.paused
            return terms.add(clock.started_at, clock.paused + limit * policy.reminder_percent / 100, clock.unit)
        case Level.REMINDED:
            return clock.due_at
        case Level.FIRST:
            return terms.calendar.add(clock.due_at, WORKING_DAY * policy.second_level_working_days)
        case _:
            return terms.calendar.add(clock.due_at, WORKING_DAY * policy.third_level_working_days)


def _fired(clock: Clock, level: Level) -> Event:
    if level is Level.REMINDED:
        return ClockReminded(by=SYSTEM, clock_id=clock.id, kind=clock.kind, about=clock.about, due_at=clock.due_at)
    return ClockEscalated(
        by=SYSTEM, clock_id=clock.id, kind=clock.kind, about=clock.about, due_at=clock.due_at, level=level - 1
    )


def _entered(clock: Clock, move: Move, at: datetime, by: Who, note: str = "") -> Clock:
    entry = LedgerEntry(at, move, f"{by.role.value}:{by.subject}", clock.due_at, note)
    return replace(clock, ledger=(*clock.ledger, entry))


@dataclass(frozen=True, slots=True)
class Ticking:
    """The clocks of one petition in one service while an act is decided, and the clock events so far.

    Each method returns a new Ticking: `Ticking(clocks, terms, by, now, cycle).stop(A).start(B)`.
    """

    clocks: tuple[Clock, ...]
    terms: Terms
    by: Who
    now: datetime
    cycle: int
    events: tuple[Event, ...] = ()

    def open(self, kind: ClockKind, about: UUID | None = None) -> Clock | None:
        """Return the open clock of a kind (about one thing), if there is one."""
        return next((c for c in self.clocks if c.is_open and c.kind is kind and c.about == about), None)

    def start(self, kind: ClockKind, about: UUID | None = None, deadline_class: DeadlineClass | None = None) -> Self:
        """Start a clock; its due date is fixed by the policy version in force now."""
        policy = self.terms.in_force(self.now)
        limit = self.terms.limit(policy, kind, deadline_class)
        due_at = self.terms.add(self.now, span_of(limit), limit.unit)
        note = f"{limit.amount} {limit.unit.value}, policy {policy.version}"
        return self._started(kind, about, due_at, limit.unit, policy.version, note)

    def start_until(self, kind: ClockKind, day: date, about: UUID | None = None) -> Self:
        """Start a clock that is due at the beginning of a given day in Shanghai."""
        due_at = datetime.combine(day, time.min, SHANGHAI).astimezone(UTC)
        policy = self.terms.in_force(self.now)
        return self._started(kind, about, due_at, LimitUnit.CLOCK_HOURS, policy.version, f"until {day.isoformat()}")

    def _started(
        self, kind: ClockKind, about: UUID | None, due_at: datetime, unit: LimitUnit, version: int, note: str
    ) -> Self:
        guessed = unit is LimitUnit.WORKING_DAYS and self.terms.calendar.guesses_between(self.now, due_at)
        clock = Clock(
            id=ClockId(new_uuid()),
            kind=kind,
            about=about,
            cycle=self.cycle,
            state=ClockState.RUNNING,
            policy_version=version,
            unit=unit,
            started_at=self.now,
            due_at=due_at,
            guessed=guessed,
            level=Level.NONE,
            fires_at=None,
            paused_at=None,
            ledger=(),
        )
        clock = replace(clock, fires_at=_next_firing(clock, self.terms))
        clock = _entered(clock, Move.STARTED, self.now, self.by, note)
        event = ClockStarted(
            by=self.by, clock_id=clock.id, kind=kind, about=about, due_at=due_at, policy_version=version
        )
        return replace(self, clocks=(*self.clocks, clock), events=(*self.events, event))

    def stop(self, kind: ClockKind, about: UUID | None = None) -> Self:
        """Stop the open clock of a kind; without one nothing changes."""
        clock = self.open(kind, about)
        return self if clock is None else self._stopped(clock)

    def stop_all(self) -> Self:
        """Stop every open clock."""
        ticking = self
        for clock in self.clocks:
            if clock.is_open:
                ticking = ticking._stopped(clock)
        return ticking

    def _stopped(self, clock: Clock) -> Self:
        stopped = _entered(
            replace(clock, state=ClockState.STOPPED, fires_at=None, paused_at=None),
            Move.STOPPED,
            self.now,
            self.by,
        )
        overdue = (clock.paused_at or self.now) > clock.due_at
        event = ClockStopped(
            by=self.by,
            clock_id=clock.id,
            kind=clock.kind,
            about=clock.about,
            due_at=clock.due_at,
            overdue=overdue,
        )
        return self._with(stopped, event)

    def pause(self, kind: ClockKind, about: UUID | None = None) -> Self:
        """Pause the running clock of a kind; without one nothing changes."""
        clock = self.open(kind, about)
        if clock is None or clock.state is not ClockState.RUNNING:
            return self
        paused = replace(clock, state=ClockState.PAUSED, paused_at=self.now, fires_at=None)
        return self._with(_entered(paused, Move.PAUSED, self.now, self.by))

    def resume(self, kind: ClockKind, about: UUID | None = None, at_least_working_days: int = 0) -> Self:
        """Let a paused clock run on: its due date moves by the time paused, in the clock's own unit.

        :param at_least_working_days: so much time is left in any case (a reply that was sent back).
        """
        clock = self.open(kind, about)
        if clock is None or clock.paused_at is None:
            return self
        paused = self.terms.between(clock.paused_at, self.now, clock.unit)
        due_at = self.terms.add(clock.due_at, paused, clock.unit)
        floor = self.terms.calendar.add(self.now, WORKING_DAY * at_least_working_days)
        due_at = max(due_at, floor) if at_least_working_days else due_at
        # A level that was reached stays reached: each happens once per clock, also when its due date moves on.
        guessed = clock.unit is LimitUnit.WORKING_DAYS and self.terms.calendar.guesses_between(clock.started_at, due_at)
        running = replace(
            clock,
            state=ClockState.RUNNING,
            paused_at=None,
            paused=clock.paused + paused,
            due_at=due_at,
            guessed=guessed,
        )
        fires_at = None if running.level is Level.THIRD else _next_firing(running, self.terms)
        running = replace(running, fires_at=fires_at)
        return self._with(_entered(running, Move.RESUMED, self.now, self.by))

    def revive(self, clock: Clock, at_least_working_days: int) -> Self:
        """Start measuring again with a stopped clock, as if it had been paused since it stopped.

        Whoever follows the events sees the same clock started again, with its new due date.
        """
        stopped_at = clock.ledger[-1].at
        paused = replace(clock, state=ClockState.PAUSED, paused_at=stopped_at)
        ticking = self._with(paused).resume(clock.kind, clock.about, at_least_working_days)
        again = ticking.open(clock.kind, clock.about)
        if again is None:
            return ticking
        event = ClockStarted(
            by=self.by,
            clock_id=again.id,
            kind=again.kind,
            about=again.about,
            due_at=again.due_at,
            policy_version=again.policy_version,
        )
        return replace(ticking, events=(*ticking.events, event))

    def fire(self, clock: Clock) -> Self:
        """Press one level further: reminder, then levels 1 to 3; each is an event and happens once."""
        level = Level(clock.level + 1)
        fired = replace(clock, level=level)
        fires_at = None if level is Level.THIRD else _next_firing(fired, self.terms)
        note = "reminder" if level is Level.REMINDED else f"level {level - 1}"
        move = Move.REMINDED if level is Level.REMINDED else Move.ESCALATED
        fired = _entered(replace(fired, fires_at=fires_at), move, self.now, SYSTEM, note)
        return self._with(fired, _fired(clock, level))

    def _with(self, clock: Clock, *events: Event) -> Self:
        others = tuple(c for c in self.clocks if c.id != clock.id)
        return replace(self, clocks=(*others, clock), events=(*self.events, *events))


def earliest_due(clocks: tuple[Clock, ...]) -> datetime | None:
    """Return when the first of the running clocks is due, if any runs."""
    return min((c.due_at for c in clocks if c.state is ClockState.RUNNING), default=None)


def is_due(clock: Clock, now: datetime) -> bool:
    """Tell whether a running clock wants attention."""
    return clock.state is ClockState.RUNNING and clock.fires_at is not None and clock.fires_at <= now


def acts_now(clock: Clock, now: datetime) -> bool:
    """Tell whether the product itself must act, the clock being due and of a kind at which it does."""
    return clock.kind in ACTS_WHEN_DUE and clock.state is ClockState.RUNNING and clock.due_at <= now
