"""How many subscriptions may be open: on a connection, for a caller, in all; and that each one that ends makes room."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.system.gateway import stubs
from tests.system.gateway.conftest import SKEW, World
from tests.system.gateway.process import Gateway, started, until

HELD = {"query": 'subscription { timeline(id: "p1", upto: 1, hold: true) { sequence } }'}
SHORT = {"query": 'subscription { timeline(id: "p1", upto: 1) { sequence } }'}
PER_CONNECTION, PER_CALLER, IN_ALL = 2, 3, 4


@pytest.fixture(scope="module")
async def crowded(world: World, session: aiohttp.ClientSession) -> AsyncIterator[Gateway]:
    """A gateway with little room, behind one proxy, so that a test can pose as several addresses."""
    settings = {
        "GATEWAY_SUBSCRIPTIONS_PER_CONNECTION": str(PER_CONNECTION),
        "GATEWAY_SUBSCRIPTIONS_PER_CALLER": str(PER_CALLER),
        "GATEWAY_SUBSCRIPTIONS": str(IN_ALL),
        "GATEWAY_PROXIES": "1",
    }
    async with started(session, world.settings | settings) as gateway:
        yield gateway


@pytest.fixture
async def room(crowded: Gateway) -> AsyncIterator[Gateway]:
    """The same gateway; what a test has opened must be gone at its end."""
    yield crowded
    await until(lambda: not stubs.FEEDBACK_STREAMS)


@contextlib.asynccontextmanager
async def stream(gateway: Gateway, address: str, token: str | None = None, body: Any = HELD) -> AsyncGenerator[str]:
    """Open a stream and give its first event."""
    headers = {"accept": "text/event-stream", "x-forwarded-for": address}
    if token:
        headers["authorization"] = f"Bearer {token}"
    async with gateway.session.post(gateway.url, json=body, headers=headers) as response:
        yield (await response.content.readuntil(b"}\n\n")).decode()


@contextlib.asynccontextmanager
async def socket(gateway: Gateway, address: str, token: str = "") -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    protocols, headers = ["graphql-transport-ws"], {"x-forwarded-for": address}
    async with gateway.session.ws_connect(gateway.url, protocols=protocols, headers=headers) as ws:
        await ws.send_json(
            {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"} if token else {}}
        )
        assert (await ws.receive_json())["type"] == "connection_ack"
        yield ws


async def subscribe(ws: aiohttp.ClientWebSocketResponse, id: str, body: Any = HELD) -> dict[str, Any]:
    await ws.send_json({"id": id, "type": "subscribe", "payload": body})
    return dict(await ws.receive_json(timeout=5))


def code_of(message: dict[str, Any]) -> str | None:
    """Return the code of a WebSocket message's error, if it has one."""
    errors = message["payload"] if message["type"] == "error" else message["payload"].get("errors")
    return errors[0]["extensions"]["code"] if errors else None


async def test_a_connection_runs_only_so_many_at_once_and_one_that_ends_makes_room(room: Gateway) -> None:
    async with socket(room, "10.0.0.1") as ws:
        assert [code_of(await subscribe(ws, str(n))) for n in range(PER_CONNECTION)] == [None] * PER_CONNECTION
        assert code_of(await subscribe(ws, "x")) == "RATE_LIMITED"
        assert code_of(await subscribe(ws, "q", {"query": "{ whoAmI }"})) == "RATE_LIMITED"
        await ws.send_json({"id": "0", "type": "complete"})
        assert code_of(await subscribe(ws, "y")) is None


async def test_an_address_has_only_so_many_over_all_its_connections(room: Gateway, world: World) -> None:
    async with contextlib.AsyncExitStack() as stack:
        ws = await stack.enter_async_context(socket(room, "10.0.1.1"))
        assert [code_of(await subscribe(ws, str(n))) for n in range(2)] == [None, None]
        assert "errors" not in await stack.enter_async_context(stream(room, "10.0.1.1"))
        for _ in range(2):
            assert '"code":"RATE_LIMITED"' in await stack.enter_async_context(stream(room, "10.0.1.1"))
        token = world.residents.token("petition:p1", roles=["resident"])
        assert '"code":"RATE_LIMITED"' in await stack.enter_async_context(stream(room, "10.0.1.1", token))
        assert "errors" not in await stack.enter_async_context(stream(room, "10.0.1.2"))


async def test_staff_are_counted_by_who_they_are_wherever_they_sit(room: Gateway, world: World) -> None:
    token, other = (world.organisation.token(sub, roles=["representative"]) for sub in ("one", "other"))
    async with contextlib.AsyncExitStack() as stack:
        for n in range(PER_CALLER):
            assert "errors" not in await stack.enter_async_context(stream(room, f"10.0.2.{n}", token))
        assert '"code":"RATE_LIMITED"' in await stack.enter_async_context(stream(room, "10.0.2.9", token))
        assert "errors" not in await stack.enter_async_context(stream(room, "10.0.2.0", other))


async def test_in_all_there_is_only_so_much_room_and_it_comes_back(room: Gateway) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for n in range(IN_ALL):
            assert "errors" not in await stack.enter_async_context(stream(room, f"10.0.3.{n}"))
        assert '"code":"RATE_LIMITED"' in await stack.enter_async_context(stream(room, "10.0.3.9"))
    await until(lambda: not stubs.FEEDBACK_STREAMS)
    async with stream(room, "10.0.3.9") as first:
        assert "errors" not in first


@pytest.mark.parametrize("way", ["sse", "websocket"])
async def test_a_subscription_that_ends_by_itself_makes_room(room: Gateway, way: str) -> None:
    for n in range(IN_ALL + 1):
        if way == "sse":
            async with stream(room, "10.0.4.1", body=SHORT) as first:
                assert "errors" not in first
        else:
            async with socket(room, "10.0.4.2") as ws:
                assert code_of(await subscribe(ws, str(n), SHORT)) is None
                assert (await ws.receive_json())["type"] == "complete"


@pytest.mark.parametrize("way", ["sse", "websocket"])
async def test_a_client_that_leaves_makes_room(room: Gateway, way: str) -> None:
    for _ in range(IN_ALL + 1):
        if way == "sse":
            async with stream(room, "10.0.5.1") as first:
                assert "errors" not in first
        else:
            async with socket(room, "10.0.5.2") as ws:
                assert code_of(await subscribe(ws, "1")) is None
        await until(lambda: not stubs.FEEDBACK_STREAMS)


async def test_a_subscription_that_was_refused_or_failed_takes_no_room(room: Gateway) -> None:
    wrong = {"query": "subscription { nope }"}
    async with socket(room, "10.0.6.1") as ws:
        for n in range(IN_ALL + 1):
            assert code_of(await subscribe(ws, f"w{n}", wrong)) == "INVALID_INPUT"
            assert (await ws.receive_json())["type"] == "complete"
        assert code_of(await subscribe(ws, "ok")) is None


async def test_a_stream_that_ends_with_its_token_makes_room(room: Gateway, world: World) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for n in range(IN_ALL):
            token = world.organisation.token(f"s{n}", roles=["expert"], exp=int(time.time()) - SKEW + 2)
            assert "errors" not in await stack.enter_async_context(stream(room, "10.0.7.1", token))
        await asyncio.sleep(2)
        await until(lambda: not stubs.FEEDBACK_STREAMS)
        assert "errors" not in await stack.enter_async_context(stream(room, "10.0.7.1"))


async def test_an_address_has_only_so_many_connections_even_idle_ones(room: Gateway) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(PER_CALLER):
            await stack.enter_async_context(socket(room, "10.0.8.1"))
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await stack.enter_async_context(socket(room, "10.0.8.1"))
        assert refusal.value.status == 429
        await stack.enter_async_context(socket(room, "10.0.8.2"))
    async with socket(room, "10.0.8.1"):
        pass
