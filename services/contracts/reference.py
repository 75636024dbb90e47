"""Reference entries, topics `reference.intake.v1` and `reference.dispatch.v1` (compacted, key `kind:id`).

An entry is retired, never tombstoned; a newer one replaces the older; policies take effect only in the future.
"""

from typing import Annotated, ClassVar, Final

from msgspec import Meta

from services.contracts.event import Data, Event
from services.contracts.fields import CommunityCode, Day, DepartmentCode, Instant, RoomCode, StationCode, StreetCode
from services.contracts.vocabulary import ClockKind, DeadlineClass, LimitUnit, ReferenceKind, VenueKind


class Name(Data, frozen=True, kw_only=True):
    """A name in Chinese and in English; the Chinese one is the official one."""

    zh: Annotated[str, Meta(description="In Chinese.")]
    en: Annotated[str, Meta(description="In English.")]


class Entry(Data, frozen=True, kw_only=True, tag_field="kind"):
    """A reference entry; `id` is unique within its kind. `generated` marks invented demonstration data."""

    id: Annotated[str, Meta(description="Unique within its kind, and kept for ever.")]
    name: Name
    retired: Annotated[bool, Meta(description="Not to be used any more; what cites it stays valid.")] = False
    generated: Annotated[bool, Meta(description="Invented demonstration data.")] = False


class Street(Entry, frozen=True, kw_only=True, tag=ReferenceKind.STREET.value):
    """A street (街道)."""


class Community(Entry, frozen=True, kw_only=True, tag=ReferenceKind.COMMUNITY.value):
    """A community (社区) of a street."""

    street: StreetCode


class Estate(Entry, frozen=True, kw_only=True, tag=ReferenceKind.ESTATE.value):
    """An estate, lane or building (小区/楼栋) of a community."""

    community: CommunityCode


class Station(Entry, frozen=True, kw_only=True, tag=ReferenceKind.STATION.value):
    """A liaison station (联络站) of a street."""

    street: StreetCode


class Room(Entry, frozen=True, kw_only=True, tag=ReferenceKind.ROOM.value):
    """A liaison room (联络室) of a station; `communities` are those it serves."""

    station: StationCode
    communities: tuple[CommunityCode, ...] = ()


class Venue(Entry, frozen=True, kw_only=True, tag=ReferenceKind.VENUE.value):
    """A "six-deliberation" venue (六议场所) of a community; `room` is the liaison room that keeps it, if one does."""

    venue_kind: Annotated[VenueKind, Meta(description="Which of the six kinds it is.")]
    community: CommunityCode
    room: Annotated[str | None, Meta(description="The liaison room that keeps it: the id of an entry `room`.")] = None


class Representative(Entry, frozen=True, kw_only=True, tag=ReferenceKind.REPRESENTATIVE.value):
    """A street deliberative representative (议政代表), whose name is public.

    Placed in `rooms`, or at a `station`; serves `communities`, and that of the `residence`. `sector` is what they are
    in the composition "1+N": a profession or walk of life.
    """

    street: StreetCode
    rooms: tuple[RoomCode, ...] = ()
    station: Annotated[
        str | None, Meta(description="The station they are placed at, if at no room: the id of an entry `station`.")
    ] = None
    communities: tuple[CommunityCode, ...] = ()
    residence: Annotated[
        str | None,
        Meta(description="The community they live in, which they serve too: the id of an entry `community`."),
    ] = None
    sector: Annotated[Name | None, Meta(description="Their profession or walk of life.")] = None
    deputy: Annotated[bool, Meta(description="Whether they are a deputy of the people's congress too.")] = False


class Category(Entry, frozen=True, kw_only=True, tag=ReferenceKind.CATEGORY.value):
    """What a petition is about."""

    parent: Annotated[str | None, Meta(description="The wider category: the id of an entry `category`.")] = None


class Channel(Entry, frozen=True, kw_only=True, tag=ReferenceKind.CHANNEL.value):
    """A way in; `group` is its grouping in "offline three-seek, online three-micro"."""

    group: Annotated[str | None, Meta(description="Its grouping.")] = None


GROUND_USES: Final = frozenset(
    {"REJECT_ACCEPTANCE", "REJECT_SCREENING", "SKIP_STEP", "DECLINE_ORDER", "RETURN_REPLY", "REOPEN", "LEDGER"}
)
"""The acts that cite a ground."""


class Ground(Entry, frozen=True, kw_only=True, tag=ReferenceKind.GROUND.value):
    """A ground on which something may be refused; `uses` names the acts that may cite it."""

    uses: Annotated[tuple[str, ...], Meta(description="The acts that may cite it.")]
    needs_referral: Annotated[bool, Meta(description="Whether the resident must be told where to go.")] = False


class Referral(Entry, frozen=True, kw_only=True, tag=ReferenceKind.REFERRAL.value):
    """Where to go with what is outside our remit (court, petition office, 110/119/120)."""


class Limit(Data, frozen=True, kw_only=True):
    """A length of time on the working calendar or by the clock."""

    amount: Annotated[int, Meta(description="How many.")]
    unit: Annotated[LimitUnit, Meta(description="Of what.")]


class ClockLimit(Data, frozen=True, kw_only=True):
    """How long a kind of clock runs; `deadline_class` only for HANDLING."""

    kind: Annotated[ClockKind, Meta(description="Which clock.")]
    limit: Annotated[Limit, Meta(description="How long it runs.")]
    deadline_class: Annotated[
        DeadlineClass | None, Meta(description="For which class of handling; absent for every other clock.")
    ] = None


class Policy(Entry, frozen=True, kw_only=True, tag=ReferenceKind.POLICY.value):
    """A version of the deadline table, in force from an instant on until a later version's instant."""

    version: Annotated[int, Meta(description="Counted from 1; a clock keeps the version that it was started by.")]
    effective_from: Annotated[Instant, Meta(description="From when on clocks start by it.")]
    limits: Annotated[tuple[ClockLimit, ...], Meta(description="One for each clock, for HANDLING one for each class.")]
    reminder_percent: Annotated[
        int, Meta(description="After how much of a clock's time the reminder comes, in percent.")
    ] = 80
    second_level_working_days: Annotated[int, Meta(description="From the due date to level 2.")] = 2
    third_level_working_days: Annotated[int, Meta(description="From the due date to level 3.")] = 5
    returned_reply_working_days: Annotated[
        int, Meta(description="What a department has at least, when its reply is sent back.")
    ] = 2


class Holiday(Entry, frozen=True, kw_only=True, tag=ReferenceKind.HOLIDAY.value):
    """A calendar day that differs from the library's calendar: id is the ISO date."""

    day: Day
    working: Annotated[bool, Meta(description="Whether it is worked on.")]


class Department(Entry, frozen=True, kw_only=True, tag=ReferenceKind.DEPARTMENT.value):
    """A responsible unit (承办单位): district bureau, street office or utility."""

    street: Annotated[
        str | None,
        Meta(description="Whose street office it is: the id of an entry `street`; absent for the district's."),
    ] = None


class RoutingRule(Entry, frozen=True, kw_only=True, tag=ReferenceKind.ROUTING_RULE.value):
    """One row of category × place → department; absent means any. Lower `priority` wins, then the narrower place."""

    priority: Annotated[int, Meta(description="The lowest that fits wins.")]
    department: DepartmentCode
    category: Annotated[str | None, Meta(description="Only for this category; absent, for every one.")] = None
    street: Annotated[str | None, Meta(description="Only for this street; absent, for every one.")] = None
    community: Annotated[str | None, Meta(description="Only for this community; absent, for every one.")] = None


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
    entry: Annotated[AnyEntry, Meta(description="The entry, whole; `kind` says which it is.")]


def key_of(entry: AnyEntry) -> str:
    """Return the entry's Kafka key `kind:id`."""
    return f"{entry.__struct_config__.tag}:{entry.id}"


def kind_of(entry: AnyEntry) -> ReferenceKind:
    """Return the entry's kind."""
    return ReferenceKind(str(entry.__struct_config__.tag))
