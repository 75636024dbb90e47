"""The demonstration district keeps what it promises, in both sizes, and is the same on every machine."""

from typing import TypeVar
from zlib import crc32

import pytest

from deploy.district import Size, entries, entries_of
from services.contracts.catalogue import REFERENCE_SOURCES
from services.contracts.reference import (
    AnyEntry,
    Category,
    Community,
    Department,
    Entry,
    Estate,
    Representative,
    Room,
    RoutingRule,
    Station,
    Street,
    Venue,
    key_of,
)
from services.contracts.vocabulary import Source, VenueKind
from services.dispatch.domain import reference as dispatchs
from services.intake import seed
from services.intake.domain import reference as intakes
from services.intake.domain.coverage import Territory, coverage
from services.kernel.entries import RecordEntries, read_entries, to_record, written

REPORTED = {
    *("street:huangtupo", "street:fenghuang", "street:hongyan", "street:dewu"),
    *("community:community-73", "community:maan", "community:dongfeng-west"),
    *("estate:erzhong-lane", "estate:zhiyuan-9", "room:room-renmin-west", "venue:venue-maan-corner"),
    *("representative:rep-hui-bi", "representative:rep-peng-xuan", "representative:rep-huang-meiping"),
    *("representative:rep-xu-jin", "representative:rep-ge-chunyan", "department:civil-affairs"),
}
"""What the report names; all else is invented, and marked so."""

EntryType = TypeVar("EntryType", bound=Entry)
SMALL, FULL = entries(Size.SMALL), entries(Size.FULL)
both = pytest.mark.parametrize("district", [SMALL, FULL], ids=["small", "full"])


def only(district: list[AnyEntry], entry_type: type[EntryType]) -> list[EntryType]:
    return [entry for entry in district if isinstance(entry, entry_type)]


def test_the_full_district_has_the_reports_size() -> None:
    assert len(only(FULL, Station)) == 17
    assert len(only(FULL, Room)) == 68
    representatives = only(FULL, Representative)
    assert len(representatives) >= 500
    assert sum(it.street == "huangtupo" for it in representatives) == 76
    assert len({it.name.zh for it in representatives}) == len(representatives)
    assert len(only(FULL, Department)) >= 20
    assert len(only(FULL, Street)) == len({s.street for s in only(FULL, Station)}) == 10


@both
def test_each_of_the_six_kinds_of_venue_is_there(district: list[AnyEntry]) -> None:
    assert {it.venue_kind for it in only(district, Venue)} == set(VenueKind)


def test_every_community_has_a_venue_and_an_estate() -> None:
    communities = {it.id for it in only(FULL, Community)}
    assert {it.community for it in only(FULL, Venue)} == communities
    assert {it.community for it in only(FULL, Estate)} == communities


@both
def test_everybody_is_placed_and_every_community_is_served(district: list[AnyEntry]) -> None:
    found = coverage(
        Territory(*(only(district, kind) for kind in (Street, Community, Station, Room, Representative)))  # pyright: ignore[reportArgumentType]
    )
    for street in found:
        assert street.stations
        assert street.rooms
        assert street.representatives
        lacking = (street.without_room, street.without_representative, street.unplaced, street.without_residence)
        assert lacking == ((), (), (), ()), street.street.id


@both
def test_what_the_report_does_not_name_is_marked_as_invented(district: list[AnyEntry]) -> None:
    assert {key_of(entry) for entry in district if not entry.generated} == REPORTED


@both
def test_every_street_has_an_office_and_every_category_a_department(district: list[AnyEntry]) -> None:
    assert {it.street for it in only(district, Department) if it.street} == {it.id for it in only(district, Street)}
    ruled = {rule.category for rule in only(district, RoutingRule)}
    categories = {it.id for it in (*only(seed.entries(), Category), *only(district, Category))}
    assert categories - ruled == {"other"}
    offices = {rule.department for rule in only(district, RoutingRule) if rule.category is None}
    assert offices == {it.id for it in only(district, Department) if it.street}


def test_the_small_district_is_in_the_full_one_unchanged() -> None:
    assert all(entry in FULL for entry in SMALL)


@pytest.mark.parametrize("size", Size)
def test_each_service_takes_its_part(size: Size) -> None:
    intake, dispatch = (tuple(entries_of(source, size)) for source in REFERENCE_SOURCES)
    assert to_record(RecordEntries(intake), seed.entries(), intakes.OWNED, intakes.MORE) == list(intake)
    assert to_record(RecordEntries(dispatch), [], dispatchs.OWNED, dispatchs.MORE) == list(dispatch)
    known = {key_of(entry) for entry in (*seed.entries(), *intake)}
    assert dispatchs.named_of_intakes(dispatch) <= known
    assert entries_of(Source.FEEDBACK, size) == []
    assert {*read_entries(written(intake)), *read_entries(written(dispatch))} == set(entries(size))


@pytest.mark.parametrize(
    ("district", "checksum"),
    [
        (SMALL, 440320339),
        (FULL, 4012102983),
    ],
    ids=["small", "full"],
)
def test_it_is_the_same_on_every_machine(district: list[AnyEntry], checksum: int) -> None:
    assert crc32(written(district)) == checksum


def test_an_installation_starts_without_places_people_and_departments() -> None:
    kinds = {key_of(entry).partition(":")[0] for entry in seed.entries()}
    assert kinds == {"category", "channel", "ground", "referral", "policy"}
