"""A file of reference entries: read, and refused as a whole with every fault by its place."""

from typing import Any

import msgspec
import pytest

from services.contracts.reference import (
    AnyEntry,
    Category,
    Community,
    Department,
    Estate,
    Ground,
    Name,
    Policy,
    Representative,
    Room,
    RoutingRule,
    Station,
    Street,
)
from services.dispatch.domain import reference as dispatchs
from services.intake import seed
from services.intake.domain import reference as intakes
from services.kernel.entries import FaultyEntries, RecordEntries, read_entries, to_record, written
from services.kernel.errors import InvalidInput

NAME = Name(zh="名称", en="name")
NORTH = Street(id="north", name=NAME)
MILL = Community(id="mill", name=NAME, street="north")
KNOWN: tuple[AnyEntry, ...] = (NORTH, MILL, Street(id="old", name=NAME, retired=True))
OFFICE = Department(id="office", name=NAME)


def faults(*entries: AnyEntry, known: tuple[AnyEntry, ...] = KNOWN, only_new: bool = False) -> list[str]:
    """Return what intake says of entries."""
    try:
        to_record(RecordEntries(entries, only_new), known, intakes.OWNED, intakes.MORE)
    except FaultyEntries as refusal:
        return [str(fault) for fault in refusal.faults]
    return []


def dispatchs_faults(*entries: AnyEntry, known: tuple[AnyEntry, ...] = (OFFICE,)) -> list[str]:
    try:
        to_record(RecordEntries(entries), known, dispatchs.OWNED, dispatchs.MORE)
    except FaultyEntries as refusal:
        return [str(fault) for fault in refusal.faults]
    return []


def read(*rows: Any) -> str:
    """Return what is said of a file with such rows."""
    with pytest.raises(InvalidInput) as refused:
        read_entries(msgspec.json.encode(rows))
    return refused.value.message


def test_a_file_may_name_what_it_brings_in_any_order() -> None:
    person = Representative(id="rep", name=NAME, street="new", rooms=("r",), residence="c")
    room = Room(id="r", name=NAME, station="s", communities=("c", "mill"))
    station, place = Station(id="s", name=NAME, street="new"), Community(id="c", name=NAME, street="new")
    assert faults(person, room, station, place, Street(id="new", name=NAME)) == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (Community(id="c", name=NAME, street="nope"), "street: street:nope is neither recorded nor in this file"),
        (Community(id="c", name=NAME, street="old"), "street: street:old is retired; name one that is in use"),
        (Room(id="c", name=NAME, station="nope"), "station: station:nope is neither recorded nor in this file"),
        (Estate(id="c", name=NAME, community="north"), "community:north is neither recorded"),
        (Representative(id="c", name=NAME, street="north", rooms=("nope",)), "rooms: room:nope is neither"),
        (Representative(id="c", name=NAME, street="north", communities=("mill", "x")), "communities: community:x is"),
        (Representative(id="c", name=NAME, street="north", residence="x"), "residence: community:x is neither"),
        (Category(id="c", name=NAME, parent="nope"), "parent: category:nope is neither"),
        (Category(id="c", name=NAME, parent="c"), "it lies above itself"),
        (Department(id="c", name=NAME), "dispatch owns this kind"),
        (Ground(id="c", name=NAME, uses=("NOPE",)), "its uses must be some of DECLINE_ORDER, LEDGER"),
        (Ground(id="c", name=NAME, uses=()), "its uses must be some of"),
        (Street(id="two words", name=NAME), "its id must have 1 to 64 letters"),
        (Street(id="a,b", name=NAME), "its id must have"),
        (Street(id="a:b", name=NAME), "its id must have"),
        (Street(id="-a", name=NAME), "its id must have"),
        (Street(id="", name=NAME), "its id must have"),
        (Street(id="x" * 65, name=NAME), "its id must have"),
        (Street(id="路", name=NAME), "its id must have"),
        (Street(id="c", name=Name(zh="\u200b", en="x")), "name.zh must not be empty"),
        (Street(id="c", name=Name(zh="字", en=" ")), "name.en must not be empty"),
        (Street(id="c", name=Name(zh="字" * 101, en="x")), "name.zh has 101 characters; at most 100"),
        (Street(id="c", name=Name(zh="字\0", en="x")), "name.zh contains U+0000"),
        (Representative(id="c", name=NAME, street="north", sector=Name(zh="", en="x")), "sector.zh must not be empty"),
        (Street(id="c", name=Name(zh="电话13800138000", en="x")), "name.zh seems to contain a phone"),
    ],
)
def test_what_cannot_be_recorded_is_refused_with_place_key_and_what_would_be_right(entry: AnyEntry, said: str) -> None:
    [fault] = faults(NORTH, entry)
    assert fault.startswith("entry 2 (")
    assert f":{entry.id}): " in fault
    assert said in fault


def test_policies_and_days_have_commands_of_their_own() -> None:
    [policy] = [entry for entry in seed.entries() if isinstance(entry, Policy)]
    [fault] = faults(policy)
    assert "recordDeadlinePolicy" in fault
    assert "recordDeadlinePolicy" in dispatchs_faults(policy)[0]


def test_an_id_given_twice_is_refused_even_if_nothing_differs() -> None:
    assert faults(MILL, NORTH, MILL) == [
        "entry 3 (community:mill): it is given twice: entry 1 has the same id",
    ]


def test_what_others_name_cannot_be_retired_before_them() -> None:
    gone = Street(id="north", name=NAME, retired=True)
    assert faults(gone) == [
        "entry 1 (street:north): it cannot be retired while community:mill name it: change those first"
    ]
    many = tuple(Community(id=f"c{n}", name=NAME, street="north") for n in range(7))
    assert "community:c4 and 3 more name it" in faults(gone, known=(*KNOWN, *many))[0]


def test_what_others_name_can_be_retired_together_with_them() -> None:
    gone = Street(id="north", name=NAME, retired=True)
    assert faults(gone, Community(id="mill", name=NAME, street="north", retired=True)) == []
    assert faults(gone, Community(id="mill", name=NAME, street="south"), Street(id="south", name=NAME)) == []


def test_a_circle_of_categories_is_refused_at_each_of_its_entries() -> None:
    circle = [Category(id=a, name=NAME, parent=b) for a, b in (("a", "b"), ("b", "c"), ("c", "a"))]
    below = Category(id="d", name=NAME, parent="a")
    assert [fault.partition(":")[0] for fault in faults(*circle, below)] == [
        "entry 1 (category",
        "entry 2 (category",
        "entry 3 (category",
    ]


def test_all_faults_are_named_in_the_files_order() -> None:
    said = faults(Street(id="a b", name=Name(zh="", en="")), NORTH, Community(id="c", name=NAME, street="x"))
    assert [line.partition(" (")[0] for line in said] == ["entry 1", "entry 1", "entry 1", "entry 3"]
    with pytest.raises(FaultyEntries, match=r"^Nothing was recorded, because of 1 fault:\nentry 1 ") as refused:
        to_record(RecordEntries((OFFICE,)), (), intakes.OWNED)
    assert refused.value.extensions == {"code": "INVALID_INPUT", "field": "entries"}


def test_only_new_entries_are_taken_if_so_asked_and_the_others_count_as_they_stand() -> None:
    renamed = Street(id="north", name=Name(zh="新", en="new"), retired=True)
    place = Community(id="c", name=NAME, street="north")
    taken = to_record(RecordEntries((renamed, place), only_new=True), KNOWN, intakes.OWNED, intakes.MORE)
    assert taken == [place]
    assert faults(Street(id="old", name=NAME), Community(id="c", name=NAME, street="old"), only_new=True) == [
        "entry 2 (community:c): street: street:old is retired; name one that is in use"
    ]


def test_a_rule_needs_its_department_and_a_priority_but_its_place_may_arrive_later() -> None:
    rule = RoutingRule(id="r", name=NAME, priority=10, department="office", street="unheard", category="of")
    assert dispatchs_faults(rule) == []
    assert dispatchs.named_of_intakes([rule, OFFICE]) == {"street:unheard", "category:of"}
    nobodys = msgspec.structs.replace(rule, department="nope", priority=1000)
    assert dispatchs_faults(nobodys) == [
        "entry 1 (routing_rule:r): its priority must be from 0 (asked first) to 999",
        "entry 1 (routing_rule:r): department: department:nope is neither recorded nor in this file",
    ]
    gone = msgspec.structs.replace(OFFICE, retired=True)
    assert "it cannot be retired while routing_rule:r name it" in dispatchs_faults(gone, known=(OFFICE, rule))[0]
    assert "intake owns this kind" in dispatchs_faults(NORTH)[0]


@pytest.mark.parametrize("file", [b"", b"{}", b"[1", b"\xff\xfe", b"hello"])
def test_what_is_no_list_is_said_to_be_none(file: bytes) -> None:
    with pytest.raises(InvalidInput, match="This is no JSON list of entries"):
        read_entries(file)


def test_a_file_has_entries_but_not_endlessly_many() -> None:
    assert "There are 0 entries" in read()
    assert "There are 20001 entries" in read(*[1] * 20_001)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (1, "entry 1: it is no object with kind, id and name"),
        ({"kind": "town", "id": "x"}, "entry 1: there is no kind 'town'; kinds are street, community"),
        ({"kind": ["street"], "id": "x"}, "entry 1: there is no kind"),
        ({"kind": "street", "id": "x"}, "entry 1 (street:x): object missing required field `name`"),
        ({"kind": "community", "id": "x", "name": {"zh": "字", "en": "x"}, "street": 3}, "at `$.street`"),
        ({"kind": "street", "id": "x", "name": {"zh": "字", "en": "x"}, "reitred": True}, "it has no field 'reitred'"),
    ],
)
def test_rows_that_cannot_be_read_are_named(row: Any, said: str) -> None:
    assert said in read(row)


def test_what_is_written_is_read_again_also_behind_a_byte_order_mark() -> None:
    file = written(KNOWN)
    assert set(read_entries(b"\xef\xbb\xbf" + file)) == set(KNOWN)
    assert file.count(b"\n") == len(KNOWN) + 2
