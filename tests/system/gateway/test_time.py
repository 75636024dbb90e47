"""How long a request may take, on either side of the gateway."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.system.gateway import stubs
from tests.system.gateway.conftest import World
from tests.system.gateway.process import Gateway, started

SLOW = '{ slowPetition(id: "p1", wait: 10) { title } dispatchCaller }'


@pytest.fixture(scope="module", params=["js", "rust"])
async def hasty(request: pytest.FixtureRequest, world: World, session: aiohttp.ClientSession) -> AsyncIterator[Gateway]:
    """A gateway that gives a request a second."""
    settings = {"GATEWAY_REQUEST_SECONDS": "1", "GATEWAY_HEADERS_SECONDS": "1", "GATEWAY_BODY_SECONDS": "1.5"}
    async with started(session, world.settings | settings | {"GATEWAY_PLANNER": request.param}) as gateway:
        yield gateway


async def test_a_slow_service_ends_with_unavailable_at_the_deadline_and_is_hung_up_on(
    hasty: Gateway, world: World
) -> None:
    answer = await hasty.ask(SLOW)
    assert answer.data == {"slowPetition": None, "dispatchCaller": "anonymous"}
    assert answer.errors[0]["extensions"] == {"code": "UNAVAILABLE", "service": "intake"}
    assert (await hasty.logged(event="service not answering"))["reason"] == "ETIMEDOUT"
    async with asyncio.timeout(1):
        await world.services["intake"].hung_up.wait()


async def test_a_slow_mutation_ends_with_unavailable_too_and_is_sent_once(hasty: Gateway, world: World) -> None:
    world.clear()
    answer = await hasty.ask('mutation { rename(id: "p1", title: "x", wait: 5) { position petition { stage } } }')
    assert "UNAVAILABLE" in answer.codes()
    assert len(world.services["intake"].received) == 1
    assert world.services["feedback"].received == []


async def test_what_is_left_of_a_mutation_when_its_time_is_over_is_not_sent(hasty: Gateway, world: World) -> None:
    world.clear()
    first, second = ('rename(id: "p1", title: "x", wait: 5) { position }', 'rename(id: "p2", title: "x") { position }')
    answer = await hasty.ask(f"mutation {{ first: {first} second: {second} }}")
    assert set(answer.codes()) == {"UNAVAILABLE"}
    await hasty.ask("{ whoAmI }")  # had anything been sent, it would have arrived before
    assert len(world.services["intake"].received) == 2


async def test_the_deadline_is_one_for_all_services_in_turn(hasty: Gateway) -> None:
    """The second call is quick enough alone, after the first it is not."""
    query = '{ first: slowPetition(id: "p1", wait: 0.4) { slowHandling(wait: 0.8) } }'
    answer = await hasty.ask(query)
    assert answer.errors[0]["extensions"] == {"code": "UNAVAILABLE", "service": "dispatch"}


async def test_over_a_websocket_each_operation_has_its_own_deadline(hasty: Gateway) -> None:
    async with hasty.session.ws_connect(hasty.url, protocols=["graphql-transport-ws"]) as ws:
        await ws.send_json({"type": "connection_init"})
        await ws.receive_json()
        await asyncio.sleep(1.2)
        await ws.send_json({"id": "1", "type": "subscribe", "payload": {"query": "{ whoAmI(wait: 0.5) }"}})
        assert (await ws.receive_json())["payload"] == {"data": {"whoAmI": "anonymous"}}


async def test_a_subscription_outlives_it(hasty: Gateway) -> None:
    query = 'subscription { timeline(id: "p1", upto: 2, pause: 1.5) { sequence petition { title } } }'
    body, headers = {"query": query}, {"accept": "text/event-stream"}
    async with hasty.session.post(hasty.url, json=body, headers=headers) as response:
        text = await response.text()
    assert text.count('"title":"title p1"') == 2
    assert "errors" not in text


POST = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
SLOWLY = {
    "nothing": (b"", b""),
    "headers": (b"POST /graphql HTTP/1.1\r\nhost: x\r\nx-a: ", b"x"),
    "a body": (POST + b'content-length: 100\r\n\r\n{"query":', b" "),
    "a body of no length": (POST + b'transfer-encoding: chunked\r\n\r\n5\r\n{"que\r\n', b"1\r\n \r\n"),
}
"""What a slow client sends at first, and then again and again."""


@pytest.mark.parametrize("what", SLOWLY)
async def test_a_client_that_sends_too_slowly_is_cut_off(hasty: Gateway, what: str) -> None:
    first, again = SLOWLY[what]
    address = urlsplit(hasty.root)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(first)
        sending = asyncio.create_task(drip(writer, again))
        answer = await asyncio.wait_for(reader.read(), 5)
        sending.cancel()
    finally:
        writer.close()
    assert answer == b"" or b" 408 " in answer.split(b"\r\n", 1)[0]
    assert [line for line in hasty.logs if line["event"] in {"request failed", "internal error"}] == []
    assert (await hasty.ask("{ whoAmI }")).errors == []


async def drip(writer: asyncio.StreamWriter, drop: bytes) -> None:
    """Send a little now and then, as one does who wants to keep a connection for long."""
    while True:
        await asyncio.sleep(0.3)
        writer.write(drop)


async def test_a_websocket_that_never_says_who_it_is_is_closed(hasty: Gateway) -> None:
    async with hasty.session.ws_connect(hasty.url, protocols=["graphql-transport-ws"]) as ws:
        message = await ws.receive(timeout=5)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4408)
    assert stubs.FEEDBACK_STREAMS == []
