"""What a case is: who does what, one act after the other, and what is to be looked at or waited for in between."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.local.demo.people import SUPERVISOR, Person
from deploy.local.demo.words import Language, Words
from services.contracts.vocabulary import ClockKind


@dataclass(frozen=True, slots=True)
class Act:
    """One mutation, as a person does it. The ids of petition, work order and instruction are put in when it is played.

    `then`: the type of the event by which another service follows it up, which is waited for.
    """

    who: Person
    does: Words
    mutation: str
    given: Mapping[str, Any] = field(default_factory=dict[str, Any])
    then: str | None = None


@dataclass(frozen=True, slots=True)
class Overrun:
    """Nobody acts until a clock has reached a level: the domain's time runs faster meanwhile.

    `seconds`: how long that takes, if no speed was asked for.
    """

    says: Words
    clock: ClockKind
    level: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Look:
    """Something that a person asks for and reads; `query` takes the petition's `$id` and the reader's `$locale`."""

    says: Words
    query: str
    lines: Callable[[Any, Language], list[str]]
    who: Person = SUPERVISOR


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody outside the case acts, and it is waited until the live view tells of an event of that type."""

    says: Words
    type: str


@dataclass(frozen=True, slots=True)
class Aside:
    """Something happens beside the petition."""

    says: Words
    do: Callable[[], Awaitable[None]]


Step = Act | Overrun | Look | Told | Aside


@dataclass(frozen=True, slots=True)
class Case:
    """A case: its steps, and the street committee as which it is followed; the first step files the petition."""

    name: str
    title: Words
    committee: Person
    steps: tuple[Step, ...]

    @property
    def speeds_time_up(self) -> bool:
        """Whether the domain's time runs faster while it is played."""
        return any(isinstance(step, Overrun) for step in self.steps)
