"""A service's WebSocket: who may open it, how long it lasts, and what it makes of clients that say anything."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from services.contracts.event import SYSTEM
from services.contracts.intake import PetitionSubmitted
from services.contracts.vocabulary import PetitionKind, Source
from services.kernel.graphql.sockets import LARGEST_MESSAGE, MOST_SUBSCRIPTIONS
from tests.support.district import PATIENCE, District, eventually
from tests.support.following import TIMELINE, Ended, following
from tests.support.publish import Voice

INIT: dict[str, Any] = {"type": "connection_init"}
UNKNOWN = "01980000-0000-7000-8000-000000000000"
SUBMITTED = PetitionSubmitted(by=SYSTEM, tracking_code="7K3M9QX2CD", kind=PetitionKind.DEMAND, channel="visit")


@pytest.fixture
def world(feedback_alone: District) -> District:
    return feedback_alone


async def submitted(world: District, voice: Voice | None = None) -> str:
    """Let feedback hear of a petition, and return its id."""
    petition = str(uuid4())
    await (voice or Voice(world, Source.INTAKE)).say(petition, SUBMITTED)

    async def known() -> bool:
        return bool(await world.feedback.fetch("SELECT 1 FROM view.petition WHERE petition_id = $1", petition))

    await eventually(known)
    return petition


@asynccontextmanager
async def opened(
    world: District, *, protocol: str = "graphql-transport-ws", **headers: str
) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    async with world.session.ws_connect(world.feedback.url, protocols=[protocol], headers=headers) as socket:
        yield socket


async def said(socket: aiohttp.ClientWebSocketResponse) -> Any:
    """Return the next message, or the code that the connection was closed with."""
    async with asyncio.timeout(PATIENCE):  # receive's own begins anew with every ping
        received = await socket.receive()
    if received.type is aiohttp.WSMsgType.TEXT:
        return received.json()
    # What the server said, whatever became of the answer to it.
    return received.data if received.type is aiohttp.WSMsgType.CLOSE else socket.close_code


async def test_it_ends_with_its_token(world: District) -> None:
    petition = await submitted(world)
    token = world.token("district_supervisor", exp=int(time.time()) + 10)
    async with following(world, TIMELINE, token=token, url=world.feedback.url, id=petition) as story:
        await story.until("petition.submitted")
        assert await story.end() == Ended("closed", [4403])
    async with following(world, TIMELINE, token=token, url=world.feedback.url, id=petition) as story:
        assert await story.end() == Ended("closed", [4403])


async def test_it_outlives_the_loss_of_all_database_connections(world: District) -> None:
    voice = Voice(world, Source.INTAKE)
    petition = await submitted(world, voice)
    async with following(world, TIMELINE, role="district_supervisor", url=world.feedback.url, id=petition) as story:
        await story.until("petition.submitted")
        await world.feedback.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await voice.say(petition, SUBMITTED)
        told = await story.take(1)
    assert told[0]["entry"]["sequence"] == 2


async def test_when_the_service_stops_it_says_that_it_does(world: District) -> None:
    async with opened(world) as socket:
        await socket.send_json(INIT)
        assert (await said(socket))["type"] == "connection_ack"
        await world.feedback.stop()
        assert await said(socket) == 1012
    await world.feedback.start()


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"Authorization": "Bearer no.token.atall"}, 4403),
        ({"authorization": "Basic eHg6eHg="}, 4403),
        ({"Read-After": "no position"}, 4400),
    ],
)
async def test_who_opens_it_wrongly_is_turned_away(world: District, params: dict[str, str], code: int) -> None:
    async with opened(world) as socket:
        await socket.send_json({**INIT, "payload": params})
        assert await said(socket) == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no JSON", 4400),
        ("[]", 4400),
        ('"connection_init"', 4400),
        ('{"type": "connection_init", "type": "ping"}', 4400),
        ("[" * 100_000, 4400),
        ('{"type": "greeting"}', 4400),
        (json.dumps({"type": "greeting" * 100}), 4400),
        ('{"id": 7, "type": "complete"}', 4400),
        ('{"type": "connection_init", "payload": []}', 4400),
        (json.dumps({"id": "1", "type": "subscribe", "payload": {"query": TIMELINE}}), 4401),
        ('"' + "x" * LARGEST_MESSAGE + '"', 1009),
    ],
)
async def test_a_message_that_means_nothing_ends_it(world: District, message: str, code: int) -> None:
    async with opened(world) as socket:
        await socket.send_str(message)
        assert await said(socket) == code


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"query": ""},
        {"query": 7},
        {"query": TIMELINE, "variables": []},
        {"query": "subscription {"},
        {"query": "subscription { nothing }"},
        {"query": "{ rates { solved { numerator } } }"},
        {"query": 'mutation { closePetition(input: {petitionId: "x"}) { position } }'},
        {"query": TIMELINE, "variables": {"id": UNKNOWN, "after": "\0"}},
        {"query": TIMELINE, "variables": {"id": UNKNOWN, "after": "7" * 200}},
        {"query": TIMELINE, "variables": {"id": None}},
        {"query": TIMELINE, "operationName": "Other", "variables": {"id": UNKNOWN}},
    ],
)
async def test_what_is_no_subscription_is_invalid_input(world: District, payload: Any) -> None:
    async with opened(world) as socket:
        await socket.send_json({**INIT, "payload": {"Authorization": f"Bearer {world.token('district_supervisor')}"}})
        assert (await said(socket))["type"] == "connection_ack"
        await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
        answer = await said(socket)
        assert answer["type"] == "error", answer
        assert [one["extensions"]["code"] for one in answer["payload"]] == ["INVALID_INPUT"], answer


async def test_a_posted_subscription_is_invalid_input(world: District) -> None:
    answer = await world.ask(TIMELINE, role="district_supervisor", url=world.feedback.url, id=UNKNOWN)
    assert answer.refused("INVALID_INPUT") == {"code": "INVALID_INPUT", "field": "query"}


async def test_a_connection_carries_a_few_subscriptions_and_no_more(world: District) -> None:
    petition = await submitted(world)
    token = world.token("district_supervisor")
    async with opened(world) as socket:
        await socket.send_json({**INIT, "payload": {"Authorization": f"Bearer {token}"}})
        assert (await said(socket))["type"] == "connection_ack"
        for number in range(MOST_SUBSCRIPTIONS + 1):
            body = {"query": TIMELINE, "variables": {"id": petition}}
            await socket.send_json({"id": str(number), "type": "subscribe", "payload": body})
        while (answer := await said(socket))["type"] == "next":
            pass
        assert answer["id"] == str(MOST_SUBSCRIPTIONS)
        assert [one["extensions"]["code"] for one in answer["payload"]] == ["RATE_LIMITED"]


async def test_another_protocol_and_another_sites_page_are_refused(world: District) -> None:
    async with opened(world, protocol="graphql-ws") as socket:
        assert await said(socket) == 4406
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with opened(world, Origin="https://elsewhere.example"):
            pass
    assert refused.value.status == 403
