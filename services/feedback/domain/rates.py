"""The three rates (响应率, 解决率, 满意率): what a visit adds to them, and what is taken back with it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from services.contracts.vocabulary import Role
from services.feedback.domain.case import Case, Outcome, Petition, Visit
from services.kernel.access import Actor
from services.kernel.calendar import SHANGHAI
from services.kernel.errors import InvalidInput, NotFound

SHARDS: Final = 8
"""Counters of one day, street and department: so many visits can be recorded without waiting for each other."""

LONGEST_PERIOD_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class Place:
    """What visits are counted by: the day in Shanghai, the street, and the department ('' when solved on the spot)."""

    day: date
    street: str
    department: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many residents were reached or not, and how many of the reached said yes to each question."""

    reached: int = 0
    not_reached: int = 0
    responded: int = 0
    solved: int = 0
    satisfied: int = 0

    def plus(self, other: "Count", times: int = 1) -> "Count":
        """Return the sum with another count taken `times`."""
        return Count(
            self.reached + times * other.reached,
            self.not_reached + times * other.not_reached,
            self.responded + times * other.responded,
            self.solved + times * other.solved,
            self.satisfied + times * other.satisfied,
        )


def shard_of(petition_id: UUID) -> int:
    """Return which of the counters a petition is counted in; UUIDv7's last bits are random."""
    return petition_id.int % SHARDS


def count_of(visit: Visit) -> Count:
    """Return what a visit counts as; nothing for an attempt, or once it stands no longer."""
    if not visit.stands or visit.outcome is Outcome.MISSED:
        return Count()
    if visit.outcome is Outcome.NOT_REACHED:
        return Count(not_reached=1)
    return Count(
        reached=1,
        responded=int(visit.responded is True),
        solved=int(visit.solved is True),
        satisfied=int(visit.satisfied is True),
    )


def _counts(petition: Petition | None) -> dict[Place, Count]:
    counts: dict[Place, Count] = defaultdict(Count)
    cases: tuple[Case, ...] = petition.cases if petition else ()
    for case in cases:
        for visit in case.visits:
            if (count := count_of(visit)) != Count():
                assert petition is not None
                day = visit.at.astimezone(SHANGHAI).date()
                place = Place(day, petition.head.scope.street, case.department or "")
                counts[place] = counts[place].plus(count)
    return counts


def changes(before: Petition | None, after: Petition) -> dict[Place, Count]:
    """Return what a decision adds to the counters (or takes back: negative)."""
    old, new = _counts(before), _counts(after)
    moved = {p: new.get(p, Count()).plus(old.get(p, Count()), -1) for p in sorted({*old, *new}, key=_order)}
    return {place: count for place, count in moved.items() if count != Count()}


def _order(place: Place) -> tuple[date, str, str]:
    return place.day, place.street, place.department


def check_period(first: date, last: date) -> None:
    """Refuse a period that ends before it begins, or is longer than a year.

    :raises InvalidInput: naming the date.
    """
    days = (last - first).days + 1
    if not 1 <= days <= LONGEST_PERIOD_DAYS:
        raise InvalidInput("to", f"The period has {days} days; from 1 to {LONGEST_PERIOD_DAYS} are possible.")


@dataclass(frozen=True, slots=True)
class Figures:
    """Whose figures an actor may see: the whole district's, or those of streets and departments."""

    everything: bool
    streets: tuple[str, ...]
    departments: tuple[str, ...]


_DISTRICT: Final = frozenset({Role.DISTRICT_SUPERVISOR, Role.DISTRICT_LEADER})
_STREET: Final = frozenset({Role.STREET_COMMITTEE, Role.INTEGRATOR})
_DEPARTMENT: Final = frozenset({Role.DEPARTMENT, Role.DEPARTMENT_HEAD, Role.INTEGRATOR})


def figures_of(actor: Actor) -> Figures:
    """Return whose figures an actor may see."""
    streets = (actor.street,) if actor.roles & _STREET and actor.street else ()
    departments = (actor.department,) if actor.roles & _DEPARTMENT and actor.department else ()
    return Figures(bool(actor.roles & _DISTRICT), streets, departments)


def check_own(figures: Figures, street: str | None, department: str | None) -> None:
    """Refuse the figures of a street or department that is not the actor's; a department may ask for each street.

    :raises NotFound: the actor has no part in them.
    """
    if figures.everything:
        return
    if street is not None and street not in figures.streets and not figures.departments:
        raise NotFound("This street")
    if department is not None and department not in figures.departments and not figures.streets:
        raise NotFound("This department")
