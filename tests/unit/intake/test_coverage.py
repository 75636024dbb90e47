"""Coverage: who is not placed, and what is not served, by territory and by residence."""

from services.contracts.reference import Community, Name, Representative, Room, Station, Street
from services.intake.domain.coverage import Territory, coverage

NAME = Name(zh="名称", en="name")
NORTH, SOUTH = Street(id="north", name=NAME), Street(id="south", name=NAME)
MILL, FORD = (Community(id=code, name=NAME, street="north") for code in ("mill", "ford"))
STATION = Station(id="station", name=NAME, street="north")
ROOM = Room(id="room", name=NAME, station="station", communities=("mill",))


def person(code: str, **placed: object) -> Representative:
    given = {"street": "north", "rooms": ("room",), "communities": ("mill",), "residence": "ford", **placed}
    return Representative(id=code, name=NAME, **given)  # pyright: ignore[reportArgumentType]


def territory(*people: Representative, rooms: tuple[Room, ...] = (ROOM,)) -> Territory:
    return Territory((NORTH, SOUTH), (MILL, FORD), (STATION,), rooms, people)


def test_a_community_is_served_by_a_room_and_by_who_is_placed_there_or_lives_there() -> None:
    north, south = coverage(territory(person("a")))
    assert (north.communities, north.stations, north.rooms, north.representatives) == (2, 1, 1, 1)
    assert (north.without_room, north.without_representative) == ((FORD,), ())
    assert (south.communities, south.stations, south.rooms, south.representatives) == (0, 0, 0, 0)
    [moved, _] = coverage(territory(person("a", residence=None)))
    assert moved.without_representative == (FORD,)
    assert [it.id for it in moved.without_residence] == ["a"]


def test_a_representative_is_placed_in_a_room_or_at_a_station_that_is_in_use() -> None:
    at_station, nowhere = person("b", rooms=(), station="station"), person("c", rooms=())
    elsewhere = person("d", rooms=("closed",), station="closed")
    [north, _] = coverage(territory(person("a"), at_station, nowhere, elsewhere))
    assert [it.id for it in north.unplaced] == ["c", "d"]
    [north, _] = coverage(territory(person("a"), rooms=()))
    assert [it.id for it in north.unplaced] == ["a"]
    assert north.without_room == (MILL, FORD)
