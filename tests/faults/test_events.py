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
from services.kernel.pulse import Pulse
from tests.faults.broker import Lying
from tests.faults.check import nothing_lost
from tests.faults.client import Client
from tests.faults.installation import Installation
from tests.faults.load import accept, file, hand_over, load, screen
from tests.faults.sabotage import Act, Orders, Point
from tests.support.district import eventually

pytestmark = [pytest.mark.serial, pytest.mark.system]

Message = tuple[bytes, bytes, list[tuple[str, bytes]]]

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


WRONG: Final[dict[str, Callable[[UUID], Message]]] = {
    "of an unknown type": lambda petition: _readied(petition, 1, type="petition.teleported"),
    "of an unknown major version": lambda petition: _readied(
        petition, 1, dataschema=catalogue.dataschema(Source.INTAKE, _TYPE).replace(":v1", ":v2")
    ),
    "without what its type promises": lambda petition: _readied(petition, 1, data=b"{}"),
    "with a character that no column holds": lambda petition: _readied(
        petition, 1, data=_readied(petition, 1)[1].replace("请疏通".encode(), b"\\u0000")
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_an_event_that_cannot_take_effect_parks_its_own_petition_and_nothing_else(
    client: Client, wrong: str
) -> None:
    installation, topic = client.installation, client.installation.topics["intake"]
    neighbour = await file(client)
    lying = await eventually(lambda: _about(installation, topic, neighbour))
    petition = uuid4()
    client.ledger.foreign.add(petition)
    messages = [WRONG[wrong](petition), _readied(petition, 2)]
    await installation.broker.publish(topic, *messages, partition=lying[0].partition)
    await accept(client, neighbour)

    async def parked() -> bool:
        of = [await installation.fetch(service, _PARKED, petition) for service in ("dispatch", "feedback")]
        return all([tuple(row.values()) for row in rows] == [(1, "POISON"), (2, "WAITING")] for rows in of)

    await eventually(parked)
    await nothing_lost(client)


async def _about(installation: Installation, topic: str, petition: str) -> list[Lying]:
    return [message for message in await installation.broker.messages(topic) if message.about == petition]


async def test_a_message_that_cannot_be_read_goes_to_the_dead_letters_with_its_origin(client: Client) -> None:
    installation = client.installation
    for service, topic in installation.topics.items():
        ends = await installation.broker.ends(topic)
        place = f"{topic}/0/{ends[topic, 0]}"
        client.ledger.foreign.add(place)
        await installation.broker.publish(topic, (b"key", b"\xff nonsense", [("header", b"\xff")]), partition=0)

        async def buried(service: str = service, place: str = place) -> bool:
            origins = [
                {message.header.get("dl_origin") for message in await installation.broker.messages(letters)}
                for other in installation.topics
                if other != service
                for letters in [installation.place.dead_letters(other)]
            ]
            return all(place in found for found in origins)

        await eventually(buried)
    async with load(client) as running:
        await running.more(20)
    await nothing_lost(client)


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
    rows = await installation.fetch("intake", relay._LOWEST, relay.BATCH)
    writer = relay.Relay(Source.INTAKE, database_url="", bootstrap="", topic_prefix="", poll=1.0, committed=Pulse())
    return [(writer._message(row), row["sequence"]) for row in rows]
