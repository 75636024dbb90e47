"""Events that are wrong, come twice, late, or before their turn: each has its outcome, and the others go on."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from services.contracts import catalogue
from services.contracts.event import SYSTEM
from services.contracts.intake import PetitionReadied
from services.contracts.vocabulary import DeadlineClass, Source, Urgency
from services.kernel import relay
from services.kernel.envelope import Envelope, to_message
from tests.faults.broker import Lying
from tests.faults.check import nothing_lost
from tests.faults.client import Client
from tests.faults.installation import Installation
from tests.faults.load import accept, file, hand_over, load, screen
from tests.faults.sabotage import Act, Orders, Point
from tests.support.district import eventually

pytestmark = [pytest.mark.serial, pytest.mark.system]

Message = tuple[bytes, bytes, list[tuple[str, bytes]]]
Anything = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]

_PARKED: Final = "SELECT sequence, reason FROM own.parked WHERE aggregate_id = $1 ORDER BY sequence"
_TYPE: Final = "petition.readied"


def _readied(petition: UUID, sequence: int, *, data: bytes | None = None, **other: Any) -> Message:
    """Return what intake would say of a petition that it handed over."""
    event = PetitionReadied(
        by=SYSTEM,
        tracking_code="x",
        title="二中批发巷下水道堵塞",
        category="drainage",
        urgency=Urgency.NORMAL,
        request="请疏通",
        deadline_class=DeadlineClass.ORDINARY,
    )
    fields: dict[str, Any] = {
        "id": uuid4(),
        "source": Source.INTAKE,
        "type": _TYPE,
        "subject": str(petition),
        "time": datetime.now(UTC),
        "recorded": datetime.now(UTC),
        "dataschema": catalogue.dataschema(Source.INTAKE, _TYPE),
        "sequence": sequence,
        "seen": {},
        "correlation": "test",
        "causation": "test",
        "cycle": 1,
        "street": "huangtupo",
        "community": "community-73",
        **other,
    }
    return to_message(Envelope(**fields), data or catalogue.encode(event))


def _with(message: Message, header: str, value: bytes) -> Message:
    key, data, headers = message
    return key, data, [*((name, was) for name, was in headers if name != header), (header, value)]


WRONG: Final[dict[str, Callable[[UUID], Message]]] = {
    "an unknown type": lambda petition: _readied(petition, 1, type="petition.teleported"),
    "an unknown major version": lambda petition: _readied(
        petition, 1, dataschema=catalogue.dataschema(Source.INTAKE, _TYPE).replace(":v1", ":v2")
    ),
    "not what its type promises": lambda petition: _readied(petition, 1, data=b"{}"),
    "a character that no column holds": lambda petition: _readied(
        petition, 1, data=_readied(petition, 1)[1].replace("请疏通".encode(), b"\\u0000")
    ),
    "a time that no clock can be added to": lambda petition: _readied(
        petition, 1, time=datetime(9999, 12, 31, tzinfo=UTC)
    ),
}
"""Events that can be read, and break a rule."""

UNREADABLE: Final[dict[str, Callable[[UUID], Anything]]] = {
    "no event at all": lambda _: (b"key", b"\xff nonsense", [("header", b"\xff")]),
    "nothing at all": lambda _: (None, None, []),
    "as large as a message can be": lambda _: (b"key", b"x" * 1_048_400, []),
    "a header that no column holds": lambda petition: _with(_readied(petition, 2), "trace", b"a\0b"),
    "a type that no column holds": lambda petition: _with(_readied(petition, 1), "ce_type", b"a\0b"),
    "a subject that is not written as ids are": lambda petition: _readied(petition, 2, subject=str(petition).upper()),
    "another key than its subject": lambda petition: (str(uuid4()).encode(), *_readied(petition, 1)[1:]),
    "a sequence that is no number": lambda petition: _with(_readied(petition, 1), "ce_sequence", b"first"),
}
"""Messages that are no events."""


async def test_events_that_cannot_take_effect_park_their_own_petition_and_nothing_else(client: Client) -> None:
    installation, topic = client.installation, client.installation.topics["intake"]
    neighbour = await file(client)
    place = await eventually(lambda: _place(installation, topic, neighbour))
    petitions = {wrong: uuid4() for wrong in WRONG}
    client.ledger.foreign.update(petitions.values())
    for wrong, petition in petitions.items():
        messages = [WRONG[wrong](petition), _readied(petition, 2)]
        await installation.broker.publish(topic, *messages, partition=place.partition)
    await accept(client, neighbour)
    for petition in petitions.values():

        async def parked(petition: UUID = petition) -> bool:
            of = [await installation.fetch(service, _PARKED, petition) for service in ("dispatch", "feedback")]
            return bool(of[0] or of[1])

        await eventually(parked)
    await nothing_lost(client)
    found = {
        (wrong, service): [tuple(row.values()) for row in await installation.fetch(service, _PARKED, petition)]
        for wrong, petition in petitions.items()
        for service in ("dispatch", "feedback")
    }
    poison = [(1, "POISON"), (2, "WAITING")]
    # Only dispatch reckons a clock from this event; to feedback its time is a time.
    assert found == {
        key: [] if key == ("a time that no clock can be added to", "feedback") else poison for key in found
    }


async def test_messages_that_cannot_be_read_go_to_the_dead_letters_with_their_origin(client: Client) -> None:
    installation = client.installation
    topic = installation.topics["intake"]
    neighbour = await file(client)
    place = await eventually(lambda: _place(installation, topic, neighbour))
    origins: dict[str, str] = {}
    for wrong, message in UNREADABLE.items():
        petition = uuid4()
        ends = await installation.broker.ends(topic)
        origins[wrong] = f"{topic}/{place.partition}/{ends[topic, place.partition]}"
        client.ledger.foreign.update({petition, origins[wrong]})
        await installation.broker.publish(topic, message(petition), partition=place.partition)
    await accept(client, neighbour)
    await nothing_lost(client)
    for service in ("dispatch", "feedback"):
        letters = await installation.broker.messages(installation.place.dead_letters(service))
        found = {letter.header["dl_origin"]: letter.header["dl_error"] for letter in letters}
        assert {wrong: bool(found.get(origin)) for wrong, origin in origins.items()} == dict.fromkeys(origins, True)


async def _place(installation: Installation, topic: str, petition: str) -> Lying | None:
    """Return a message about a petition, as soon as there is one."""
    return next((m for m in await installation.broker.messages(topic) if m.about == petition), None)


async def test_copies_that_come_again_late_and_in_any_order_change_nothing(client: Client) -> None:
    installation = client.installation
    async with load(client) as running:
        await running.more(40)
        known = set(running.finished)
        messages = await installation.broker.messages(*installation.topics.values())
        copies = [message for message in messages if message.about in known]
        assert copies
        random.Random(10).shuffle(copies)
        await installation.broker.again(*copies, *reversed(copies))
        await running.more(20)
    await nothing_lost(client)


async def test_events_that_come_before_their_turn_wait_for_it(client: Client, orders: dict[str, Orders]) -> None:
    installation = client.installation
    orders["intake"].give(Point.AFTER_COMMIT, Act.HOLD)
    petitions = {await hand_over(client) for _ in range(3)}
    client.ledger.early.update(map(UUID, petitions))
    assert await orders["intake"].taken()
    # What the relay will publish when it is released, the other way round, and of each petition all but the first.
    early = [message for message, sequence in await _outbox(installation) if sequence > 1]
    await installation.broker.publish(installation.topics["intake"], *reversed(early))

    async def parked() -> bool:
        rows = await installation.fetch(
            "dispatch", "SELECT DISTINCT aggregate_id::text AS id FROM own.parked WHERE reason = 'GAP'"
        )
        return {row["id"] for row in rows} == petitions

    await eventually(parked)
    others = [await file(client) for _ in range(3)]
    orders["intake"].release()
    for petition in others:
        await screen(client, petition)
    await nothing_lost(client)


async def _outbox(installation: Installation) -> list[tuple[Message, int]]:
    """Return what waits in intake's outbox as the messages that it will become, with their sequences."""
    outlet = relay.events(Source.INTAKE)
    rows = await installation.fetch("intake", outlet.lowest, relay.BATCH)
    return [(outlet.message(row), row["sequence"]) for row in rows]
