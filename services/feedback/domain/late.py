"""The board (督办): what is late, and how much of it each role sees."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.contracts.vocabulary import Role
from services.feedback.domain import access
from services.kernel.access import Actor, reach
from services.kernel.terms import WORKING_DAY, Terms

LEVELS: Final = (3, 2, 1)
"""The levels of an overdue clock, the gravest first."""

PUBLISHED: Final = 3
"""The level from which a late clock stands on the board for the district's leaders."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the board that an actor sees: of a street, of a department, of certain levels, or (None) of all."""

    street: str | None = None
    department: str | None = None
    levels: tuple[int, ...] = LEVELS


def board_of(actor: Actor) -> list[Part]:
    """Return the parts of the board that are the actor's: their street, their department's, or the whole."""
    own = reach(actor, access.BOARD)
    if own.everything:
        return [Part()]
    parts = [Part(street=street) for street in own.streets]
    parts += [Part(department=department) for department in own.departments]
    return [*parts, Part(levels=(PUBLISHED,))] if Role.DISTRICT_LEADER in actor.roles else parts


def figures_of(actor: Actor) -> list[Part]:
    """Return what the actor sees counted: as on the board, but leaders see how late the whole district is."""
    return [Part()] if Role.DISTRICT_LEADER in actor.roles else board_of(actor)


def narrowed(part: Part, *, street: str | None, department: str | None, levels: tuple[int, ...]) -> Part | None:
    """Return what is wanted of a part, or None when that lies outside it."""
    if part.street not in {None, street or part.street} or part.department not in {None, department or part.department}:
        return None
    return Part(part.street or street, part.department or department, tuple(n for n in part.levels if n in levels))


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late a clock is, in working days by the calendar and in hours by the clock on the wall."""

    working_days: float
    hours: float


def lateness(due_at: datetime, paused_at: datetime | None, terms: Terms, *, now: datetime) -> Lateness:
    """Return how long ago a clock was due; one that is paused grows no later."""
    until = max(paused_at or now, due_at)
    days = terms.calendar.between(due_at, until) / WORKING_DAY
    return Lateness(round(days, 2), round((until - due_at) / timedelta(hours=1), 2))
