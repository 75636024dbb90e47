"""Everyone enters a station, duty covers everyone (全员进站·履职全覆盖): what is lacking of that, street by street.

By territory (属地) a community is served when a room serves it and a representative does; by residence (住地) each
representative also serves the community that they live in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.contracts.reference import Community, Representative, Room, Station, Street


@dataclass(frozen=True, slots=True)
class Territory:
    """The entries in use that coverage is reckoned from, each in the order of their codes."""

    streets: Sequence[Street]
    communities: Sequence[Community]
    stations: Sequence[Station]
    rooms: Sequence[Room]
    representatives: Sequence[Representative]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a street has, and what it lacks."""

    street: Street
    communities: int
    stations: int
    rooms: int
    representatives: int
    without_room: tuple[Community, ...]
    without_representative: tuple[Community, ...]
    unplaced: tuple[Representative, ...]
    without_residence: tuple[Representative, ...]


def coverage(of: Territory) -> list[Coverage]:
    """Return what each street has and lacks."""
    street_of = {station.id: station.street for station in of.stations}
    rooms = {room.id for room in of.rooms}
    with_room = {community for room in of.rooms for community in room.communities}
    served = {place for person in of.representatives for place in (*person.communities, person.residence)}

    def one(street: Street) -> Coverage:
        communities = [it for it in of.communities if it.street == street.id]
        people = [it for it in of.representatives if it.street == street.id]
        return Coverage(
            street=street,
            communities=len(communities),
            stations=sum(it.street == street.id for it in of.stations),
            rooms=sum(street_of.get(it.station) == street.id for it in of.rooms),
            representatives=len(people),
            without_room=_lacking(communities, with_room),
            without_representative=_lacking(communities, served),
            unplaced=tuple(it for it in people if it.station not in street_of and rooms.isdisjoint(it.rooms)),
            without_residence=tuple(it for it in people if it.residence is None),
        )

    return [one(street) for street in of.streets]


def _lacking(communities: Iterable[Community], having: set[str] | set[str | None]) -> tuple[Community, ...]:
    return tuple(it for it in communities if it.id not in having)
