"""What happens to the chain when something is away, early, twice, or at the same time."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.contracts import catalogue
from services.contracts.event import SYSTEM
from services.contracts.feedback import VisitScheduled
from services.contracts.vocabulary import Source
from services.kernel.envelope import Envelope, to_message
from tests.support import people as p
from tests.support.district import District, eventually
from tests.support.people import Filed, People
from tests.support.topics import Message, fetch_all, republish

EVERYTHING = """query($id: ID!) { petition(id: $id) {
  id title state handling { cycle workOrders { state } } stage evaluation { state } } }"""


@pytest.fixture
def people(through_train: District) -> People:
    return People(through_train)


async def _everything(people: People, filed: Filed, after: str | None = None) -> Any:
    return await people.district.ask(EVERYTHING, role="street_committee", after=after, id=filed.id)


async def test_with_dispatch_down_the_others_still_answer(people: People) -> None:
    filed, _order, replied = await people.replied()
    (await _everything(people, filed, replied)).ok()
    await people.district.dispatch.stop()
    try:
        answer = await _everything(people, filed)
        shown = answer.data["petition"]
        assert (shown["state"], shown["title"], shown["handling"]) == ("READY", "二中批发巷下水道堵塞", None)
        assert shown["evaluation"]["state"] == "AWAITING_VISIT"
        assert set(answer.codes) == {"UNAVAILABLE"}
        assert all("dispatch" in error["message"].lower() for error in answer.errors)
    finally:
        await people.district.dispatch.start()
    (await _everything(people, filed)).ok()


async def test_with_intake_down_the_others_lists_still_answer(people: People) -> None:
    filed, order, replied = await people.replied()
    (await _everything(people, filed, replied)).ok()
    await people.district.intake.stop()
    try:
        desks = """{ workOrders(first: 100) { edges { node { id state petition { id title } } } }
                     returnVisitsDue(first: 100) { edges { node { petition { id title stage } } } } }"""
        answer = await people.district.ask(desks, role="street_committee")
        orders = {edge["node"]["id"]: edge["node"] for edge in answer.data["workOrders"]["edges"]}
        assert orders[order]["state"] == "REPLIED"
        assert orders[order]["petition"] == {"id": filed.id, "title": None}
        visits = [edge["node"]["petition"] for edge in answer.data["returnVisitsDue"]["edges"]]
        assert {"id": filed.id, "title": None, "stage": "EVALUATE"} in visits
        assert set(answer.codes) == {"UNAVAILABLE"}
    finally:
        await people.district.intake.start()


async def test_what_is_said_while_a_service_is_down_reaches_it_afterwards(people: People) -> None:
    await people.district.feedback.stop()
    try:
        filed, order, _ = await people.replied()
        assert order
    finally:
        await people.district.feedback.start()

    async def awaited() -> bool:
        answer = await _everything(people, filed)
        return bool(answer.data["petition"]["evaluation"])

    await eventually(awaited)


async def test_every_event_delivered_twice_changes_nothing(people: People) -> None:
    filed, _order, replied = await people.replied()
    (await people.visit(filed, after=replied, solved=True, satisfied=True)).ok()
    closed = (await people.do(p.CLOSE, "street_committee", petitionId=filed.id)).ok()["closePetition"]["position"]
    before = (await _everything(people, filed, closed)).ok()
    counts = await _counts(people.district, filed)
    for source in Source:
        topic = catalogue.petition_topic(source, people.district.prefix)
        about = [r for r in await fetch_all(people.district, topic) if r.key == filed.id.encode()]
        assert about
        await republish(people.district, topic, [*about, *reversed(about)])
    # A later petition passes through the same partitions, so that the repetitions have been dealt with before it.
    markers = [await people.replied() for _ in range(4)]
    for marker, _, position in markers:
        (await _everything(people, marker, position)).ok()
    assert (await _everything(people, filed)).ok() == before
    assert await _counts(people.district, filed) == counts
    for service in people.district.services.values():
        assert await service.fetch("SELECT * FROM own.parked") == []


async def _counts(district: District, filed: Filed) -> list[int]:
    found: list[int] = []
    for service in district.services.values():
        rows = await service.fetch("SELECT count(*) AS n FROM own.event WHERE aggregate_id = $1", filed.id)
        found.append(rows[0]["n"])
    return found


async def test_two_commands_at_once_on_one_petition_are_one_after_the_other(people: People) -> None:
    filed = await people.file("representative")
    answers = await asyncio.gather(*(people.accept(filed) for _ in range(8)))
    codes = [answer.codes for answer in answers]
    assert sorted(map(str, codes)) == sorted(map(str, [[], *[["INVALID_STATE"]] * 7]))
    events = await people.district.intake.acts(filed.id)
    assert events == ["petition.submitted", "petition.accepted"]


async def test_sequences_have_no_gap_anywhere(people: People) -> None:
    await people.replied()
    for service in people.district.services.values():
        gaps = await service.fetch(
            "SELECT aggregate_id FROM own.event GROUP BY aggregate_id HAVING max(sequence) <> count(*)"
        )
        assert gaps == []


async def test_a_message_that_cannot_be_read_goes_to_the_dead_letters_and_nothing_stops(people: People) -> None:
    topic = catalogue.petition_topic(Source.INTAKE, people.district.prefix)
    known, _, _ = await people.replied()
    await republish(people.district, topic, [*_nonsense(), _misplaced(known)])
    filed, _, replied = await people.replied()
    (await _everything(people, filed, replied)).ok()

    async def buried() -> Sequence[Any]:
        letters = await fetch_all(people.district, f"{people.district.prefix}deadletter.dispatch.v1")
        return [letter for letter in letters if letter.value == b"\xff\xfe nonsense"]

    [letter] = await eventually(buried)
    headers = dict(letter.headers)
    assert headers["dl_origin"].decode().startswith(f"{topic}/")
    assert headers["dl_error"]

    async def misplaced() -> Sequence[Any]:
        letters = await fetch_all(people.district, f"{people.district.prefix}deadletter.dispatch.v1")
        return [letter for letter in letters if letter.key == known.id.encode()]

    [letter] = await eventually(misplaced)
    assert dict(letter.headers)["dl_error"] == b"an event of feedback on another source's topic"


def _nonsense() -> list[Message]:
    return [Message(key=b"what", value=b"\xff\xfe nonsense", headers=[])]


def _misplaced(filed: Filed) -> Message:
    """Return a well-formed event of feedback's, which somebody put on intake's topic."""
    event = VisitScheduled(by=SYSTEM, case_id=uuid4())
    now = datetime(2026, 11, 24, tzinfo=UTC)
    envelope = Envelope(
        id=uuid4(),
        source=Source.FEEDBACK,
        type=event.TYPE,
        subject=filed.id,
        time=now,
        recorded=now,
        dataschema=catalogue.dataschema(Source.FEEDBACK, event.TYPE),
        sequence=99,
        seen={},
        correlation="c",
        causation="c",
        cycle=1,
        street="huangtupo",
        community="community-73",
    )
    key, value, headers = to_message(envelope, catalogue.encode(event))
    return Message(key, value, headers)
