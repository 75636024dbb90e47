"""What every service keeps about a petition besides its own state: the lock, the sequence, the scope, the clocks."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, cast

from services.contracts.event import SYSTEM, Event, Who
from services.contracts.vocabulary import Source
from services.kernel.access import Scope
from services.kernel.clocks import Clock, Ticking
from services.kernel.ids import PetitionId
from services.kernel.terms import Terms

Seen = Mapping[Source, int]
State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a petition in one service.

    `sequence` is the last event's number in this service; `seen` is what of the petition this service had applied from
    the others; `clocks` are those that were open when the row was locked, and those that this decision touched.
    """

    id: PetitionId
    cycle: int
    scope: Scope
    sequence: int = 0
    seen: Seen = field(default_factory=dict[Source, int])
    clocks: tuple[Clock, ...] = ()

    def ticking(self, terms: Terms, by: Who, now: datetime) -> Ticking:
        """Return the clocks, ready to be moved by an act."""
        return Ticking(self.clocks, terms, by, now, self.cycle, led=self.scope.lead is not None)

    def after(self, ticking: Ticking) -> "Head":
        """Return the head with the clocks as an act left them."""
        return replace(self, clocks=ticking.clocks)


@dataclass(frozen=True, slots=True)
class Fact:
    """An event to be recorded, and the words that stay in this service (a reason, a finding), if any."""

    event: Event
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Decision(Generic[State]):
    """What a rule returns: the new state, and the facts in the order in which they happened."""

    state: State
    facts: tuple[Fact, ...]


def decided(state: State, *facts: Fact | Event, clocks: Ticking | None = None) -> Decision[State]:
    """Return a decision; the clock events follow the act's own."""
    listed = [f if isinstance(f, Fact) else Fact(f) for f in facts]
    listed += [Fact(e) for e in clocks.events] if clocks else []
    return Decision(state, tuple(listed))


class Headed(Protocol):
    """A petition as any of the services knows it."""

    @property
    def head(self) -> Head: ...


Known = TypeVar("Known", bound=Headed)


def _after(petition: Known, ticking: Ticking) -> Decision[Known]:
    moved = replace(cast(Any, petition), head=petition.head.after(ticking))
    return decided(moved, clocks=ticking)


def pressed(petition: Known, clock: Clock, terms: Terms, *, now: datetime) -> Decision[Known]:
    """Press a clock one level further."""
    return _after(petition, petition.head.ticking(terms, SYSTEM, now).fire(clock))


def reckoned(petition: Known, terms: Terms, *, now: datetime) -> Decision[Known] | None:
    """Reckon a petition's open clocks by the present calendar; None when all were."""
    ticking = petition.head.ticking(terms, SYSTEM, now).reckon_again()
    return None if set(ticking.clocks) == set(petition.head.clocks) else _after(petition, ticking)
