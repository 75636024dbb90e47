"""Clocks: what state-machine.md starts, pauses, resumes, stops; each keeps a ledger of everything that moved it.

Pure: the calendar and policies come in as Terms, the instant as `now`. Only named acts move a clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from types import MappingProxyType
from typing import Final, Self
from uuid import UUID

from services.contracts.clocks import (
    ClockEscalated,
    ClockMoved,
    ClockPaused,
    ClockReminded,
    ClockResumed,
    ClockStarted,
    ClockStopped,
)
from services.contracts.event import SYSTEM, Event, Who
from services.contracts.vocabulary import Audience, ClockKind, ClockState, DeadlineClass, LimitUnit, Responsible
from services.kernel.calendar import SHANGHAI
from services.kernel.ids import ClockId, new_uuid
from services.kernel.ledger import LedgerEntry, Move, Reckoning, reckon
from services.kernel.terms import WORKING_DAY, Terms, span_of


class Level(IntEnum):
    """How far a clock has been pressed. Each level happens once per clock."""

    NONE = 0
    REMINDED = 1
    FIRST = 2
    SECOND = 3
    THIRD = 4


ACTS_WHEN_DUE: Final = frozenset(
    {ClockKind.CLOSING, ClockKind.LEDGER_APPROVAL, ClockKind.LEDGER_REVIEW, ClockKind.INFORMATION}
)
"""Clocks at whose due date the product itself acts, instead of pressing a person."""


OF_THE_DEPARTMENT: Final = frozenset({ClockKind.ACKNOWLEDGEMENT, ClockKind.HANDLING, ClockKind.INSTRUCTION})
"""Clocks that measure the responsible department, where there is one; all others measure those who run the petition."""

_DEPARTMENTS_LINE: Final[Mapping[Level, tuple[Audience, ...]]] = MappingProxyType(
    {
        Level.FIRST: (Audience.DEPARTMENT_HEAD,),
        Level.SECOND: (Audience.STREET_LEADER,),
        Level.THIRD: (Audience.DISTRICT_SUPERVISOR, Audience.DISTRICT_LEADER),
    }
)
_STREETS_LINE: Final[Mapping[Level, tuple[Audience, ...]]] = MappingProxyType(
    {
        Level.FIRST: (Audience.STREET_COMMITTEE,),
        Level.SECOND: (Audience.DISTRICT_SUPERVISOR,),
        Level.THIRD: (Audience.DISTRICT_SUPERVISOR, Audience.DISTRICT_LEADER),
    }
)
"""Who hears of each level (state-machine.md, Levels)."""


def responsible(kind: ClockKind, *, led: bool) -> Responsible:
    """Return whom a clock of this kind measures; `led`: a department is responsible for the petition."""
    if kind in OF_THE_DEPARTMENT and led:
        return Responsible.DEPARTMENT
    return Responsible.DISTRICT_SUPERVISOR if kind is ClockKind.RULING else Responsible.STREET_COMMITTEE


def told(kind: ClockKind, level: Level, *, led: bool) -> tuple[Audience, ...]:
    """Return who hears when a clock of this kind reaches a level."""
    line = _DEPARTMENTS_LINE if led and kind in OF_THE_DEPARTMENT else _STREETS_LINE
    return line[level]


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock about a petition, or (`about`) about one work order or case of it.

    `span` is its limit and `paused` how long it stood still, both in its own unit; `calendar` is the version of the
    calendar that its due date was reckoned with, 0 once it is stopped.
    """

    id: ClockId
    kind: ClockKind
    about: UUID | None
    cycle: int
    state: ClockState
    policy_version: int
    unit: LimitUnit
    started_at: datetime
    span: timedelta
    due_at: datetime
    guessed: bool
    level: Level
    fires_at: datetime | None
    paused_at: datetime | None
    ledger: tuple[LedgerEntry, ...]
    paused: timedelta = timedelta(0)
    calendar: int = 0

    @property
    def is_open(self) -> bool:
        """Whether the clock still measures: running or paused."""
        return self.state is not ClockState.STOPPED


def firings(clock: Clock, terms: Terms) -> dict[Level, datetime]:
    """Return when each level of a clock is reached by its present due date: the reminder, then levels 1 to 3."""
    policy = terms.version(clock.policy_version)
    limit = terms.between(clock.started_at, clock.due_at, clock.unit) - clock.paused
    reminder = terms.add(clock.started_at, clock.paused + limit * policy.reminder_percent / 100, clock.unit)
    return {
        Level.REMINDED: reminder,
        Level.FIRST: clock.due_at,
        Level.SECOND: terms.calendar.add(clock.due_at, WORKING_DAY * policy.second_level_working_days),
        Level.THIRD: terms.calendar.add(clock.due_at, WORKING_DAY * policy.third_level_working_days),
    }


def _entered(clock: Clock, move: Move, at: datetime, by: Who, note: str = "", least: int = 0) -> Clock:
    entry = LedgerEntry(at, move, f"{by.role.value}:{by.subject}", clock.due_at, note, least)
    return replace(clock, ledger=(*clock.ledger, entry))


def reckoning(clock: Clock, terms: Terms) -> Reckoning:
    """Return how a clock's due date comes about by the present calendar."""
    return reckon(clock.started_at, clock.span, clock.unit, clock.ledger, terms)


@dataclass(frozen=True, slots=True)
class Ticking:
    """The clocks of one petition in one service while an act is decided, and the clock events so far.

    Each method returns a new Ticking: `Ticking(clocks, terms, by, now, cycle).stop(A).start(B)`. `led`: a department
    is responsible for the petition.
    """

    clocks: tuple[Clock, ...]
    terms: Terms
    by: Who
    now: datetime
    cycle: int
    led: bool = False
    events: tuple[Event, ...] = ()

    def open(self, kind: ClockKind, about: UUID | None = None) -> Clock | None:
        """Return the open clock of a kind (about one thing), if there is one."""
        return next((c for c in self.clocks if c.is_open and c.kind is kind and c.about == about), None)

    def start(self, kind: ClockKind, about: UUID | None = None, deadline_class: DeadlineClass | None = None) -> Self:
        """Start a clock; its due date is fixed by the policy version in force now."""
        policy = self.terms.in_force(self.now)
        limit = self.terms.limit(policy, kind, deadline_class)
        note = f"{limit.amount} {limit.unit.value}, policy {policy.version}"
        return self._started(kind, about, span_of(limit), limit.unit, policy.version, note)

    def start_until(self, kind: ClockKind, day: date, about: UUID | None = None) -> Self:
        """Start a clock that is due at the beginning of a given day in Shanghai."""
        span = datetime.combine(day, time.min, SHANGHAI).astimezone(UTC) - self.now
        policy = self.terms.in_force(self.now)
        return self._started(kind, about, span, LimitUnit.CLOCK_HOURS, policy.version, f"until {day.isoformat()}")

    def _started(
        self, kind: ClockKind, about: UUID | None, span: timedelta, unit: LimitUnit, version: int, note: str
    ) -> Self:
        clock = Clock(
            id=ClockId(new_uuid()),
            kind=kind,
            about=about,
            cycle=self.cycle,
            state=ClockState.RUNNING,
            policy_version=version,
            unit=unit,
            started_at=self.now,
            span=span,
            due_at=self.now,
            guessed=False,
            level=Level.NONE,
            fires_at=None,
            paused_at=None,
            ledger=(),
        )
        clock = self._reckoned(clock, Move.STARTED, note)
        event = ClockStarted(
            by=self.by, clock_id=clock.id, kind=kind, about=about, due_at=clock.due_at, policy_version=version
        )
        return replace(self, clocks=(*self.clocks, clock), events=(*self.events, event))

    def _reckoned(self, clock: Clock, move: Move, note: str = "", least: int = 0) -> Clock:
        """Enter what may have moved a due date, and reckon it anew by the present calendar."""
        settled = self._settled(_entered(clock, move, self.now, self.by, note, least))
        *earlier, last = settled.ledger
        return replace(settled, ledger=(*earlier, replace(last, due_at=settled.due_at)))

    def _settled(self, clock: Clock) -> Clock:
        """Return a clock as its ledger and the present calendar make it."""
        reckoned = reckoning(clock, self.terms)
        by_days = clock.unit is LimitUnit.WORKING_DAYS
        settled = replace(
            clock,
            due_at=reckoned.due_at,
            paused=reckoned.paused,
            guessed=by_days and self.terms.calendar.guesses_between(clock.started_at, reckoned.due_at),
            calendar=self.terms.calendar.version,
        )
        return self._scheduled(settled)

    def _scheduled(self, clock: Clock) -> Clock:
        # A level that was reached stays reached: each happens once per clock, also when its due date moves on.
        silent = clock.state is not ClockState.RUNNING or clock.level is Level.THIRD
        return replace(clock, fires_at=None if silent else firings(clock, self.terms)[Level(clock.level + 1)])

    def stop(self, kind: ClockKind, about: UUID | None = None, *, of: str | None = None) -> Self:
        """Stop the open clock of a kind; without one nothing changes.

        :param of: the department that it measured, if that is not responsible any more.
        """
        clock = self.open(kind, about)
        return self if clock is None else self._stopped(clock, of)

    def stop_about(self, about: UUID) -> Self:
        """Stop every open clock about one thing."""
        ticking = self
        for clock in self.clocks:
            if clock.is_open and clock.about == about:
                ticking = ticking._stopped(clock)
        return ticking

    def stop_all(self) -> Self:
        """Stop every open clock."""
        ticking = self
        for clock in self.clocks:
            if clock.is_open:
                ticking = ticking._stopped(clock)
        return ticking

    def _stopped(self, clock: Clock, of: str | None = None) -> Self:
        stopped = _entered(
            replace(clock, state=ClockState.STOPPED, fires_at=None, paused_at=None, calendar=0),
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
            department=of,
        )
        return self._with(stopped, event)

    def pause(self, kind: ClockKind, about: UUID | None = None) -> Self:
        """Pause the running clock of a kind; without one nothing changes."""
        clock = self.open(kind, about)
        if clock is None or clock.state is not ClockState.RUNNING:
            return self
        paused = replace(clock, state=ClockState.PAUSED, paused_at=self.now, fires_at=None)
        event = ClockPaused(by=self.by, clock_id=clock.id, kind=kind, about=about, due_at=clock.due_at)
        return self._with(_entered(paused, Move.PAUSED, self.now, self.by), event)

    def resume(self, kind: ClockKind, about: UUID | None = None) -> Self:
        """Let a paused clock run on: its due date moves by the time paused, in the clock's own unit."""
        clock = self.open(kind, about)
        return self if clock is None or clock.paused_at is None else self._resumed(clock)

    def revive(self, clock: Clock, at_least_working_days: int) -> Self:
        """Start measuring again with a stopped clock, as if it had been paused since it stopped.

        :param at_least_working_days: so much time is left in any case (a reply that was sent back).
        """
        return self._resumed(clock, at_least_working_days)

    def _resumed(self, clock: Clock, least: int = 0) -> Self:
        running = replace(clock, state=ClockState.RUNNING, paused_at=None)
        again = self._reckoned(running, Move.RESUMED, least=least)
        event = ClockResumed(by=self.by, clock_id=clock.id, kind=clock.kind, about=clock.about, due_at=again.due_at)
        return self._with(again, event)

    def reckon_again(self) -> Self:
        """Reckon every open clock by the present calendar; those whose due date moves enter it in their ledger.

        Deadlines that were reckoned with this calendar, or with a later one that this process has not heard of yet,
        stay as they are.
        """
        calendar, ticking = self.terms.calendar, self
        for clock in self.clocks:
            if not clock.is_open or clock.calendar >= calendar.version:
                continue
            moved = self._settled(clock)
            if moved.due_at == clock.due_at:
                ticking = ticking._with(moved)
                continue
            days = calendar.rows_between(clock.started_at, max(moved.due_at, clock.due_at))
            note = ", ".join(f"{day.isoformat()} {'worked' if worked else 'not worked'}" for day, worked in days)
            note = f"the calendar changed: {note}" if note else ""
            moved = _entered(moved, Move.MOVED, self.now, self.by, note)
            event = ClockMoved(
                by=self.by,
                clock_id=clock.id,
                kind=clock.kind,
                about=clock.about,
                due_at=moved.due_at,
                was_due_at=clock.due_at,
            )
            ticking = ticking._with(moved, event)
        return ticking

    def fire(self, clock: Clock) -> Self:
        """Press one level further: reminder, then levels 1 to 3; each is an event and happens once."""
        level = Level(clock.level + 1)
        # Reckoned with what this process knows: if that is an older calendar, the clock has to be reckoned again.
        known = min(clock.calendar, self.terms.calendar.version)
        fired = self._scheduled(replace(clock, level=level, calendar=known))
        note = "reminder" if level is Level.REMINDED else f"level {level - 1}"
        move = Move.REMINDED if level is Level.REMINDED else Move.ESCALATED
        return self._with(_entered(fired, move, self.now, SYSTEM, note), self._fired(clock, level))

    def _fired(self, clock: Clock, level: Level) -> Event:
        if level is Level.REMINDED:
            return ClockReminded(by=SYSTEM, clock_id=clock.id, kind=clock.kind, about=clock.about, due_at=clock.due_at)
        return ClockEscalated(
            by=SYSTEM,
            clock_id=clock.id,
            kind=clock.kind,
            about=clock.about,
            due_at=clock.due_at,
            level=level - 1,
            tells=told(clock.kind, level, led=self.led),
        )

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
