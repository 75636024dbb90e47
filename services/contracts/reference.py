"""Reference entries, topics `reference.intake.v1` and `reference.dispatch.v1` (compacted, key `kind:id`).

An entry is retired, never tombstoned; a newer one replaces the older; policies take effect only in the future.
"""

from datetime import date, datetime
from typing import ClassVar, Final

from services.contracts.event import Data, Event
from services.contracts.vocabulary import ClockKind, DeadlineClass, LimitUnit, ReferenceKind, VenueKind


class Name(Data, frozen=True, kw_only=True):
    """A name in Chinese and in English; the Chinese one is the official one."""

    zh: str
    en: str


class Entry(Data, frozen=True, kw_only=True, tag_field="kind"):
    """A reference entry; `id` is unique within its kind. `generated` marks invented demonstration data."""

    id: str
    name: Name
    retired: bool = False
    generated: bool = False


class Street(Entry, frozen=True, kw_only=True, tag=ReferenceKind.STREET.value):
    """A street (街道)."""


class Community(Entry, frozen=True, kw_only=True, tag=ReferenceKind.COMMUNITY.value):
    """A community (社区) of a street."""

    street: str


class Estate(Entry, frozen=True, kw_only=True, tag=ReferenceKind.ESTATE.value):
    """An estate, lane or building (小区/楼栋) of a community."""

    community: str


class Station(Entry, frozen=True, kw_only=True, tag=ReferenceKind.STATION.value):
    """A liaison station (联络站) of a street."""

    street: str


class Room(Entry, frozen=True, kw_only=True, tag=ReferenceKind.ROOM.value):
    """A liaison room (联络室) of a station; `communities` are those it serves."""

    station: str
    communities: tuple[str, ...] = ()


class Venue(Entry, frozen=True, kw_only=True, tag=ReferenceKind.VENUE.value):
    """A "six-deliberation" venue (六议场所) of a community; `room` is the liaison room that keeps it, if one does."""

    venue_kind: VenueKind
    community: str
    room: str | None = None


class Representative(Entry, frozen=True, kw_only=True, tag=ReferenceKind.REPRESENTATIVE.value):
    """A street deliberative representative (议政代表), whose name is public.

    Placed in `rooms`, or at a `station`; serves `communities`, and that of the `residence`. `sector` is what they are
    in the composition "1+N": a profession or walk of life.
    """

    street: str
    rooms: tuple[str, ...] = ()
    station: str | None = None
    communities: tuple[str, ...] = ()
    residence: str | None = None
    sector: Name | None = None
    deputy: bool = False


class Category(Entry, frozen=True, kw_only=True, tag=ReferenceKind.CATEGORY.value):
    """What a petition is about."""

    parent: str | None = None


class Channel(Entry, frozen=True, kw_only=True, tag=ReferenceKind.CHANNEL.value):
    """A way in; `group` is its grouping in "offline three-seek, online three-micro"."""

    group: str | None = None


GROUND_USES: Final = frozenset(
    {"REJECT_ACCEPTANCE", "REJECT_SCREENING", "SKIP_STEP", "DECLINE_ORDER", "RETURN_REPLY", "REOPEN", "LEDGER"}
)
"""The acts that cite a ground."""


class Ground(Entry, frozen=True, kw_only=True, tag=ReferenceKind.GROUND.value):
    """A ground on which something may be refused; `uses` names the acts that may cite it."""

    uses: tuple[str, ...]
    needs_referral: bool = False


class Referral(Entry, frozen=True, kw_only=True, tag=ReferenceKind.REFERRAL.value):
    """Where to go with what is outside our remit (court, petition office, 110/119/120)."""


class Limit(Data, frozen=True, kw_only=True):
    """A length of time on the working calendar or by the clock."""

    amount: int
    unit: LimitUnit


class ClockLimit(Data, frozen=True, kw_only=True):
    """How long a kind of clock runs; `deadline_class` only for HANDLING."""

    kind: ClockKind
    limit: Limit
    deadline_class: DeadlineClass | None = None


class Policy(Entry, frozen=True, kw_only=True, tag=ReferenceKind.POLICY.value):
    """A version of the deadline table, in force from an instant on until a later version's instant."""

    version: int
    effective_from: datetime
    limits: tuple[ClockLimit, ...]
    reminder_percent: int = 80
    second_level_working_days: int = 2
    third_level_working_days: int = 5
    returned_reply_working_days: int = 2


class Holiday(Entry, frozen=True, kw_only=True, tag=ReferenceKind.HOLIDAY.value):
    """A calendar day that differs from the library's calendar: id is the ISO date."""

    day: date
    working: bool


class Department(Entry, frozen=True, kw_only=True, tag=ReferenceKind.DEPARTMENT.value):
    """A responsible unit (承办单位): district bureau, street office or utility."""

    street: str | None = None


class RoutingRule(Entry, frozen=True, kw_only=True, tag=ReferenceKind.ROUTING_RULE.value):
    """One row of category × place → department; absent means any. Lower `priority` wins, then the narrower place."""

    priority: int
    department: str
    category: str | None = None
    street: str | None = None
    community: str | None = None


AnyEntry = (
    Street
    | Community
    | Estate
    | Station
    | Room
    | Venue
    | Representative
    | Category
    | Channel
    | Ground
    | Referral
    | Policy
    | Holiday
    | Department
    | RoutingRule
)


class ReferenceRecorded(Event, frozen=True, kw_only=True):
    """A reference entry as it stands now. Each service publishes the kinds that it owns."""

    TYPE: ClassVar[str] = "reference.recorded"
    entry: AnyEntry


def key_of(entry: AnyEntry) -> str:
    """Return the entry's Kafka key `kind:id`."""
    return f"{entry.__struct_config__.tag}:{entry.id}"


def kind_of(entry: AnyEntry) -> ReferenceKind:
    """Return the entry's kind."""
    return ReferenceKind(str(entry.__struct_config__.tag))
