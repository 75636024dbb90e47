"""The full district around the small one: 17 stations, 68 rooms, every representative placed, every community served.

Four rooms belong to each station. Each new room serves one community of its street; where a street has more communities
than rooms, its first rooms serve two. Representatives are placed in their street's rooms by turns, every tenth at a
station, and live in their street.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from deploy.district import offices
from deploy.district.names import chosen, person, slug, table
from services.contracts.labels import label
from services.contracts.reference import (
    AnyEntry,
    Community,
    Department,
    Entry,
    Estate,
    Name,
    Representative,
    Room,
    RoutingRule,
    Station,
    Street,
    Venue,
)
from services.contracts.vocabulary import VenueKind

ROOMS_OF_A_STATION: Final = 4
ESTATES_OF_A_COMMUNITY: Final = 2
_ORDINALS: Final = (("", ""), ("第二", " second"), ("第三", " third"))
_AT_A_STATION: Final = 10
_DEPUTY: Final = 6


@dataclass(frozen=True, slots=True)
class _Extent:
    """How large a street is in the end, with what the small district has of it. A new one has a name."""

    stations: int
    communities: int
    representatives: int
    name: Name | None = None


_STREETS: Final = {
    "huangtupo": _Extent(3, 14, 76),
    "fenghuang": _Extent(2, 10, 52),
    "hongyan": _Extent(2, 9, 50),
    "dewu": _Extent(2, 9, 50),
    "yunqi": _Extent(2, 10, 54, Name(zh="云栖街道", en="Yunqi Street")),
    "qingsong": _Extent(2, 9, 50, Name(zh="青松街道", en="Qingsong Street")),
    "shiqiao": _Extent(1, 6, 44, Name(zh="石桥街道", en="Shiqiao Street")),
    "hebin": _Extent(1, 5, 44, Name(zh="河滨街道", en="Hebin Street")),
    "nanyuan": _Extent(1, 5, 42, Name(zh="南苑街道", en="Nanyuan Street")),
    "xincheng": _Extent(1, 5, 42, Name(zh="新城街道", en="Xincheng Street")),
}


@dataclass(slots=True)
class _Draft:
    """A street that grows. Lists hold what the small district has of it first."""

    street: Street
    communities: list[Community] = field(default_factory=list[Community])
    stations: list[Station] = field(default_factory=list[Station])
    rooms: list[Room] = field(default_factory=list[Room])
    representatives: list[Representative] = field(default_factory=list[Representative])


def around(small: Sequence[AnyEntry]) -> list[AnyEntry]:
    """Return the full district: the small one's entries as they are, and the rest; each after those that it names."""
    drafts = _begun(small)
    names = iter(table("communities"))
    known = {entry.name.zh for entry in small if isinstance(entry, Representative)}
    estates: list[AnyEntry] = []
    venues: list[AnyEntry] = []
    for draft in drafts:
        extent = _STREETS[draft.street.id]
        fresh = [_community(draft.street, n) for n in islice(names, extent.communities - len(draft.communities))]
        draft.communities += fresh
        _grow_stations(draft, extent.stations)
        rooms = _grow_rooms(draft, fresh)
        estates += [estate for community in fresh for estate in _estates(community)]
        venues += [_venue(community, rooms[community.id], len(venues) + n) for n, community in enumerate(fresh)]
        _grow_representatives(draft, extent.representatives, known)
    new_streets = [draft.street for draft in drafts if draft.street not in small]
    whole: list[AnyEntry] = [draft.street for draft in drafts]
    for part in ("communities", "stations", "rooms", "representatives"):
        whole += [entry for draft in drafts for entry in getattr(draft, part)]
    whole += [
        *estates,
        *venues,
        *offices.categories(),
        *offices.departments(new_streets),
        *offices.routing(new_streets),
    ]
    added = [entry for entry in whole if entry not in small]
    return sorted([*small, *added], key=lambda entry: _ORDER.index(type(entry)))


_ORDER: Final[list[type[Entry]]] = [
    *(Street, Community, Estate, Station, Room, Venue, Representative, offices.Category, Department, RoutingRule)
]


def _begun(small: Sequence[AnyEntry]) -> list[_Draft]:
    """Return all streets with what the small district has of each."""
    drafts: dict[str, _Draft] = {}
    for entry in small:
        if isinstance(entry, Street):
            drafts[entry.id] = _Draft(entry)
    for code, extent in _STREETS.items():
        if extent.name is not None:
            drafts[code] = _Draft(Street(id=code, name=extent.name, generated=True))
    of_station: dict[str, _Draft] = {}
    for entry in small:
        match entry:
            case Community():
                drafts[entry.street].communities.append(entry)
            case Station():
                drafts[entry.street].stations.append(entry)
                of_station[entry.id] = drafts[entry.street]
            case Room():
                of_station[entry.station].rooms.append(entry)
            case Representative():
                drafts[entry.street].representatives.append(entry)
            case _:
                pass
    return list(drafts.values())


def _community(street: Street, name: Name) -> Community:
    return Community(
        id=slug(name),
        name=Name(zh=f"{name.zh}社区", en=f"{name.en} Community"),
        street=street.id,
        generated=True,
    )


def _grow_stations(draft: _Draft, wanted: int) -> None:
    street = draft.street
    for n in range(len(draft.stations), wanted):
        zh, en = _ORDINALS[n]
        draft.stations.append(
            Station(
                id=f"station-{street.id}-{n + 1}" if n else f"station-{street.id}",
                name=Name(zh=f"{street.name.zh}{zh}联络站", en=f"{_short(street)}{en} liaison station"),
                street=street.id,
                generated=True,
            )
        )


def _grow_rooms(draft: _Draft, fresh: Sequence[Community]) -> dict[str, Room]:
    """Add a street's rooms; return by which of them each new community is served."""
    have = len(draft.rooms)
    wanted = len(draft.stations) * ROOMS_OF_A_STATION - have
    serving: dict[str, Room] = {}
    for n in range(wanted):
        served = fresh[n::wanted]
        first = served[0]
        room = Room(
            id=f"room-{first.id}",
            name=Name(zh=f"{first.name.zh}联络室", en=f"{_short(first)} room"),
            station=draft.stations[(have + n) // ROOMS_OF_A_STATION].id,
            communities=tuple(community.id for community in served),
            generated=True,
        )
        draft.rooms.append(room)
        serving |= dict.fromkeys(room.communities, room)
    return serving


def _estates(community: Community) -> Iterator[Estate]:
    """Yield neighbouring lines of the table, so that no community has one twice."""
    parts = table("estates")
    start = parts.index(chosen(parts, "estate", community.id))
    for n in range(ESTATES_OF_A_COMMUNITY):
        part = parts[(start + n) % len(parts)]
        yield Estate(
            id=f"{community.id}-{slug(part).partition('-')[0]}",
            name=Name(zh=f"{_short_zh(community)}{part.zh}", en=f"{_short(community)} {part.en}"),
            community=community.id,
            generated=True,
        )


def _venue(community: Community, room: Room, n: int) -> Venue:
    kind = list(VenueKind)[n % len(VenueKind)]
    return Venue(
        id=f"venue-{community.id}",
        name=Name(
            zh=f"{community.name.zh}议事{label(kind, 'zh')}",
            en=f"{_short(community)} deliberation {label(kind, 'en').lower()}",
        ),
        venue_kind=kind,
        community=community.id,
        room=room.id,
        generated=True,
    )


def _grow_representatives(draft: _Draft, wanted: int, known: set[str]) -> None:
    """Add a street's representatives, none of whom has a name that is `known` already."""
    have, street = len(draft.representatives), draft.street.id
    numbers = (n for n in range(1, wanted + 1) if n > sum(r.generated for r in draft.representatives[:have]))
    for n in islice(numbers, wanted - have):
        again = 0
        while (name := person(street, n, again)).zh in known:
            again += 1
        known.add(name.zh)
        at_station = n % _AT_A_STATION == 0
        room = draft.rooms[n % len(draft.rooms)]
        draft.representatives.append(
            Representative(
                id=f"rep-{street}-{n:03}",
                name=name,
                street=street,
                rooms=() if at_station else (room.id,),
                station=draft.stations[n // _AT_A_STATION % len(draft.stations)].id if at_station else None,
                communities=() if at_station else room.communities,
                residence=draft.communities[n * 5 % len(draft.communities)].id,
                sector=chosen(table("sectors"), "sector", street, n),
                deputy=n % _DEPUTY == 0,
                generated=True,
            )
        )


def _short(entry: Street | Community) -> str:
    """Return the English name without what kind of place it is."""
    return entry.name.en.removesuffix(" Street").removesuffix(" Community")


def _short_zh(community: Community) -> str:
    return community.name.zh.removesuffix("社区")
