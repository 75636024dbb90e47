"""A petition's story as the live view tells it: what is read of each update, and what is known after it.

Everything that is shown is known from here; the one thing that the player adds is what somebody is about to do.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Self

import msgspec

from deploy.local.demo.case import Act, Case
from deploy.local.demo.people import ROLES
from deploy.local.demo.words import Words
from services.contracts.labels import LABELS
from services.contracts.vocabulary import ClockKind, Role, Source, Stage

FOLLOW: Final = """
subscription Follow($id: ID!, $after: String) {
  petitionTimeline(petitionId: $id, after: $after) {
    cursor
    entry {
      id at service sequence type cycle byRole clock level stage label en: label(locale: "en")
      department { name en: name(locale: "en") }
    }
    petition {
      trackingCode title stateLabel en: stateLabel(locale: "en") deadlines { ...Clock }
      community { name en: name(locale: "en") }
      representative { name en: name(locale: "en") }
      handling {
        workOrders { cycle stateLabel en: stateLabel(locale: "en") department { name en: name(locale: "en") } }
        deadlines { ...Clock }
      }
      evaluation { stateLabel en: stateLabel(locale: "en") reopened deadlines { ...Clock } }
    }
  }
}
fragment Clock on Deadline { kind state label en: label(locale: "en") startedAt dueAt level reminded }"""
"""What is subscribed to; names and labels come in both languages."""


class _Read(msgspec.Struct, frozen=True, rename="camel"):
    """An object of the API's answer."""


class Named(_Read, frozen=True):
    """Something with a name."""

    name: str
    en: str

    @property
    def words(self) -> Words:
        """The name."""
        return Words(self.en, self.name)


class Clock(_Read, frozen=True):
    """A clock that runs or is paused."""

    kind: ClockKind
    state: str
    label: str
    en: str
    started_at: datetime
    due_at: datetime
    level: int
    reminded: bool

    @property
    def words(self) -> Words:
        """What it measures."""
        return Words(self.en, self.label)


class Stated(_Read, frozen=True):
    """Something that stands somewhere."""

    state_label: str
    en: str

    @property
    def words(self) -> Words:
        """Where it stands."""
        return Words(self.en, self.state_label)


class WorkOrder(Stated, frozen=True):
    """A work order."""

    cycle: int
    department: Named | None


class Handling(_Read, frozen=True):
    """What dispatch knows."""

    work_orders: list[WorkOrder]
    deadlines: list[Clock]


class Evaluation(Stated, frozen=True):
    """What feedback knows."""

    reopened: int
    deadlines: list[Clock]


class Petition(_Read, frozen=True):
    """The petition as it stood when the entry was told; what a service could not say is null."""

    tracking_code: str | None = None
    title: str | None = None
    state_label: str | None = None
    en: str | None = None
    deadlines: list[Clock] | None = None
    community: Named | None = None
    representative: Named | None = None
    handling: Handling | None = None
    evaluation: Evaluation | None = None


class Entry(_Read, frozen=True):
    """One event of the story."""

    id: str
    at: datetime
    service: str
    sequence: int
    type: str
    cycle: int
    by_role: str
    stage: Stage
    label: str
    en: str
    clock: ClockKind | None = None
    level: int | None = None
    department: Named | None = None

    @property
    def source(self) -> Source:
        """The service that it happened in."""
        return Source(self.service.lower())

    @property
    def what(self) -> Words:
        """What happened; of a clock also which, and the level that it reached."""
        if self.clock is None:
            return Words(self.en, self.label)
        zh, en = LABELS[ClockKind, self.clock.value]
        level = f" {self.level}" if self.level else ""
        return Words(f"{self.en}{level and f', level{level}'}: {en}", f"{self.label}{level and f'{level}级'}：{zh}")

    @property
    def is_news(self) -> bool:
        """Whether it is more than a clock that starts or stops with an act."""
        return self.type not in {"clock.started", "clock.stopped"}

    @property
    def warns(self) -> bool:
        """Whether a clock runs out or has."""
        return self.type in {"clock.reminded", "clock.escalated"}


class Update(_Read, frozen=True):
    """One entry, and the petition as it stands."""

    cursor: str
    entry: Entry
    petition: Petition | None


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of a petition, and who acts."""

    case: Case
    told: tuple[Entry, ...] = ()
    petition: Petition = Petition()  # noqa: RUF009 - frozen
    act: Act | None = None
    number: int = 0
    notice: Words | None = None
    speed: float = 1.0

    def after(self, update: Update) -> Self:
        """Return the story with one more entry; what a service could not say now stays as it was."""
        earlier, now = self.petition, update.petition or Petition()
        known = {name: getattr(now, name) for name in Petition.__struct_fields__}
        petition = Petition(**{name: getattr(earlier, name) if it is None else it for name, it in known.items()})
        return replace(self, told=(*self.told, update.entry), petition=petition)

    def acting(self, act: Act) -> Self:
        """Return the story when somebody is about to act."""
        return replace(self, act=act, number=self.number + 1, notice=None)

    @property
    def last(self) -> Entry | None:
        """What was told last."""
        return self.told[-1] if self.told else None

    @property
    def news(self) -> tuple[Entry, ...]:
        """What happened, without the clocks that start and stop with each act."""
        return tuple(entry for entry in self.told if entry.is_news)

    @property
    def stage(self) -> Stage | None:
        """The stage of the five-people method that it is in: that of what people did last."""
        return next((entry.stage for entry in reversed(self.told) if entry.clock is None), None)

    @property
    def clocks(self) -> tuple[Clock, ...]:
        """All clocks that are not stopped, the next that is due first."""
        petition = self.petition
        found = [*(petition.deadlines or ())]
        for part in (petition.handling, petition.evaluation):
            found += part.deadlines if part else ()
        return tuple(sorted(found, key=lambda clock: clock.due_at))

    def last_of(self, source: Source) -> Entry | None:
        """Return what happened last in a service."""
        return next((entry for entry in reversed(self.told) if entry.source is source and entry.clock is None), None)

    def doer(self, entry: Entry) -> Words:
        """Return who did something, as far as the API says so: the role, and whom it names."""
        role = ROLES[entry.by_role]
        named = self._named(entry)
        return Words(f"{role.en}, {named.en}", f"{role.zh}，{named.zh}") if named else role

    def _named(self, entry: Entry) -> Words | None:
        named: Named | None = None
        if entry.by_role == Role.STREET_COMMITTEE:
            return self.case.committee.name  # there is no other that could
        if entry.by_role == Role.REPRESENTATIVE:
            named = self.petition.representative
        elif entry.by_role == Role.COMMUNITY:
            named = self.petition.community
        elif entry.by_role in {Role.DEPARTMENT, Role.DEPARTMENT_HEAD}:
            named = entry.department
        return named.words if named else None


def elapsed(clock: Clock, now: datetime) -> float:
    """Return how much of a clock's time has passed at an instant, from 0 to 1, by the days of the year."""
    whole = max(clock.due_at - clock.started_at, timedelta(seconds=1))
    return min(max((now - clock.started_at) / whole, 0.0), 1.0)
