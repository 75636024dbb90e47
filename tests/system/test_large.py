"""Petitions that are multiplied with all they left: as if each had been lived, whoever looks at them."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final
from uuid import UUID

import msgspec

from bench.large.left import read
from bench.large.loading import load
from bench.large.place import Place
from bench.large.play import Played
from bench.large.played_time import Times
from bench.large.texts import Matter
from deploy.audit.check import check
from deploy.audit.place import Place as Checked
from services.intake.operating import open_vault
from services.intake.vault import Contact, WrappedKey
from services.kernel.domain_clock import Pace
from services.kernel.kafka import Broker
from services.kernel.rebuild import rebuild
from services.kernel.service import rebuild_plan
from tests.support import people as p
from tests.support.district import MORNING, District
from tests.support.lives import LIVES, Recorder

PETITIONS: Final = 160
_IN_PROGRESS: Final = """SELECT petition_id, tracking_code FROM own.work_order JOIN own.petition USING (petition_id)
WHERE state = 'IN_PROGRESS' ORDER BY petition_id"""


async def test_copies_are_found_true_by_the_check_by_rebuilt_views_and_by_going_on(through_train: District) -> None:
    """One district, one after the other: it is played once, for all that is looked at."""
    began = datetime.now(UTC)
    people = Recorder(through_train)
    filed = {(await live(people)).id for live in LIVES.values()}
    checked = Checked(_dsns(through_train), through_train.servers.bootstrap, through_train.prefix)
    assert (await check(checked, settle_within=10, now=through_train.time.now)).clean
    for service in through_train.services.values():
        await service.stop()

    played = _played(through_train, filed, began)
    place = Place(_dsns(through_train), Broker(through_train.servers.bootstrap), through_train.prefix)
    vault = open_vault(Path(through_train.servers.keys))
    originals = await read(place, played, vault)
    told: list[str] = []
    loaded = await load(place, originals, played, vault, PETITIONS, random=Random(1), say=told.append)
    assert loaded.rows["intake.own.petition"] == PETITIONS
    for service in through_train.services.values():
        await service.start()

    report = await check(checked, settle_within=10, now=through_train.time.now)
    assert report.clean, str(report)
    assert report.petitions == PETITIONS
    assert report.messages == report.events == sum(n for t, n in loaded.messages.items() if "petition." in t)
    for service in through_train.services.values():
        await rebuild(rebuild_plan(service.wiring, service.settings), told.append)
    report = await check(checked, settle_within=10, now=through_train.time.now)
    assert report.clean, str(report)
    await _goes_on(people, filed)


def _dsns(world: District) -> dict[str, str]:
    return {name: service.settings.database_url.get_secret_value() for name, service in world.services.items()}


def _played(world: District, filed: set[str], began: datetime) -> Played:
    """Return the lives as played: the district's time stood still, and was moved, while the system's ran."""
    now = datetime.now(UTC)
    pace = Pace(began, MORNING, (world.time.now - MORNING) / (now - began), now)
    matter = Matter("二中批发巷", "下水道堵", "drainage", "DEMAND")
    return Played(Times((pace,)), world.time.now, dict.fromkeys(filed, matter), {}, ())


async def _goes_on(people: Recorder, filed: set[str]) -> None:
    """A copy's resident opens it with its own secret, and adds to what is sealed as theirs."""
    district = people.district
    vault = open_vault(Path(district.servers.keys))
    open_ones = await district.dispatch.fetch(_IN_PROGRESS)
    [*_, copy] = [row for row in open_ones if str(row["petition_id"]) not in filed]
    petition: UUID = copy["petition_id"]
    opened = await people.do(p.OPEN, trackingCode=copy["tracking_code"], secret=vault.secret(petition))
    resident = opened.ok()["openPetition"]["token"]
    (await people.do(p.ADD, token=resident, petitionId=str(petition), words="周六上午")).ok()
    [stored] = await district.intake.fetch(
        "SELECT * FROM own.original JOIN own.contact USING (petition_id) WHERE petition_id = $1", petition
    )
    key = vault.unwrap(petition, WrappedKey(stored["master_key"], stored["wrapped_key"]))
    assert "二中批发巷下水道堵" not in vault.open(key, petition, "words", stored["words"])
    contact = msgspec.json.decode(vault.open(key, petition, "contact", stored["sealed"]), type=Contact)
    assert stored["phone_hash"] == vault.phone_hash(contact.phone)
