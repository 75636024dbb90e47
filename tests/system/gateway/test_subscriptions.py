"""Events of one service, with other services' fields, over SSE and WebSocket."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.system.gateway import stubs
from tests.system.gateway.conftest import SKEW, World
from tests.system.gateway.process import Gateway, started, until

TIMELINE = """subscription T($upto: Int!, $hold: Boolean!) {
  timeline(id: "p1", upto: $upto, hold: $hold) {
    sequence caller petition { title stage handling { asOf } }
  }
}"""
PETITION = {"title": "title p1", "stage": "stage of p1", "handling": {"asOf": "2026-11-02T08:30:00+00:00"}}
EVENTS = aiohttp.ClientTimeout(total=10)


def asked(upto: int = 3, *, hold: bool = False) -> dict[str, Any]:
    return {"query": TIMELINE, "variables": {"upto": upto, "hold": hold}}


@asynccontextmanager
async def stream(
    gateway: Gateway, body: dict[str, Any], token: str | None = None
) -> AsyncGenerator[AsyncIterator[tuple[str, Any]]]:
    headers = {"accept": "text/event-stream"} | ({"authorization": f"Bearer {token}"} if token else {})
    async with gateway.session.post(gateway.url, json=body, headers=headers, timeout=EVENTS) as response:
        assert response.status == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield events_of(response)


async def events_of(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    event = ""
    async for line in response.content:
        name, _, value = line.decode().strip().partition(":")
        if name == "event":
            event = value.strip()
        elif name == "data":
            yield event, json.loads(value) if value.strip() else None


@asynccontextmanager
async def socket(gateway: Gateway, **params: str) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    protocols = ["graphql-transport-ws"]
    async with gateway.session.ws_connect(gateway.url, protocols=protocols) as ws:
        await ws.send_json({"type": "connection_init", "payload": params})
        yield ws


async def subscribed(ws: aiohttp.ClientWebSocketResponse, body: dict[str, Any]) -> None:
    assert (await ws.receive_json(timeout=10))["type"] == "connection_ack"
    await ws.send_json({"id": "1", "type": "subscribe", "payload": body})


async def test_server_sent_events_carry_other_services_fields(gateway: Gateway, world: World) -> None:
    token = world.organisation.token()
    async with stream(gateway, asked(), token) as events:
        received = [event async for event in events]
    assert [name for name, _ in received] == ["next", "next", "next", "complete"]
    for number, (_, payload) in enumerate(received[:3], 1):
        event = {"sequence": number, "caller": f"Bearer {token}", "petition": PETITION}
        assert payload == {"data": {"timeline": event}}
    assert {one.headers["authorization"] for one in world.services["dispatch"].received} == {f"Bearer {token}"}


async def test_a_websocket_carries_other_services_fields_and_the_token_of_its_start(
    gateway: Gateway, world: World
) -> None:
    token = world.residents.token()
    async with socket(gateway, Authorization=f"Bearer {token}", **{"Accept-Language": "zh-CN"}) as ws:
        await subscribed(ws, asked())
        received = [await ws.receive_json(timeout=10) for _ in range(4)]
    assert [message["type"] for message in received] == ["next", "next", "next", "complete"]
    for number, message in enumerate(received[:3], 1):
        event = {"sequence": number, "caller": f"Bearer {token}", "petition": PETITION}
        assert message["payload"] == {"data": {"timeline": event}}
    seen = [one.headers for one in world.services["intake"].received]
    assert {(one["authorization"], one["accept-language"]) for one in seen} == {(f"Bearer {token}", "zh-CN")}


async def test_two_subscribers_at_once_are_never_mixed(gateway: Gateway, world: World) -> None:
    tokens = [world.organisation.token(f"user-{n}") for n in range(6)] + [None] * 2

    async def callers(token: str | None) -> set[str]:
        async with stream(gateway, asked(5), token) as events:
            return {payload["data"]["timeline"]["caller"] async for name, payload in events if name == "next"}

    found = await asyncio.gather(*map(callers, tokens))
    assert found == [{f"Bearer {token}" if token else "anonymous"} for token in tokens]


async def test_a_query_over_a_websocket_is_answered(a_gateway: Gateway) -> None:
    async with socket(a_gateway) as ws:
        await subscribed(ws, {"query": "{ whoAmI crash }"})
        message = await ws.receive_json(timeout=10)
    assert message["type"] == "next"
    assert message["payload"]["data"] == {"whoAmI": "anonymous", "crash": None}
    assert message["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"


async def test_a_wrong_document_over_a_websocket_is_invalid_input(a_gateway: Gateway) -> None:
    async with socket(a_gateway) as ws:
        await subscribed(ws, {"query": "subscription { nope }"})
        message = await ws.receive_json(timeout=10)
    [error] = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    assert error["extensions"]["code"] == "INVALID_INPUT"


@pytest.mark.parametrize("claims", [{"lives": -SKEW - 5}, {"padding": "x" * 16_000}])
async def test_a_bad_token_closes_the_websocket(a_gateway: Gateway, world: World, claims: dict[str, Any]) -> None:
    """One that has expired, and one that is longer than any may be."""
    async with socket(a_gateway, authorization=f"Bearer {world.organisation.token(**claims)}") as ws:
        message = await ws.receive(timeout=10)
    assert message.type == aiohttp.WSMsgType.CLOSE
    assert message.data == 4403


async def test_a_bad_token_gets_no_stream(a_gateway: Gateway) -> None:
    headers = {"accept": "text/event-stream", "authorization": "Bearer x"}
    async with a_gateway.session.post(a_gateway.url, json=asked(), headers=headers) as response:
        assert response.status == 401


async def test_a_websocket_ends_with_its_token(a_gateway: Gateway, world: World) -> None:
    token = world.organisation.token(exp=int(time.time()) - SKEW + 2)
    async with socket(a_gateway, authorization=f"Bearer {token}") as ws:
        await subscribed(ws, asked(1, hold=True))
        assert (await ws.receive_json(timeout=10))["type"] == "next"
        message = await ws.receive(timeout=10)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4403)
    await until(lambda: not stubs.FEEDBACK_STREAMS)


async def test_a_stream_ends_with_its_token_and_says_so(gateway: Gateway, world: World) -> None:
    token = world.organisation.token(exp=int(time.time()) - SKEW + 2)
    async with stream(gateway, asked(1, hold=True), token) as events:
        assert (await anext(events))[0] == "next"
        name, payload = await anext(events)
        assert name == "next"
        assert [error["extensions"] for error in payload["errors"]] == [{"code": "UNAUTHENTICATED"}]
        assert [name async for name, _ in events] == ["complete"]
    await until(lambda: not stubs.FEEDBACK_STREAMS)


async def test_a_subscription_that_could_not_be_sent_is_refused_before_it_begins(a_gateway: Gateway) -> None:
    for accept in ("application/json", "*/*"):
        answer = await a_gateway.ask(TIMELINE, {"upto": 1, "hold": True}, accept=accept)
        assert (answer.status, answer.codes()) == (406, ["INVALID_INPUT"])
    assert stubs.FEEDBACK_STREAMS == []


@pytest.mark.parametrize("planner", ["js", "rust"])
async def test_when_the_service_goes_the_subscription_ends_with_unavailable(
    world: World, session: aiohttp.ClientSession, planner: str
) -> None:
    """It is not taken up again in silence: only the client knows its cursor."""
    async with stubs.running("feedback") as feedback:
        settings = world.settings | {"FEEDBACK_URL": feedback.url, "GATEWAY_PLANNER": planner}
        async with started(session, settings) as gateway:
            async with stream(gateway, asked(1, hold=True)) as events:
                assert (await anext(events))[0] == "next"
                await feedback.stop()
                name, payload = await anext(events)
                assert name == "next"
                assert [error["extensions"] for error in payload["errors"]] == [
                    {"code": "UNAVAILABLE", "service": "feedback"}
                ]
                assert (await anext(events))[0] == "complete"
            async with stream(gateway, asked()) as events:
                assert (await anext(events))[1]["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
                assert (await anext(events))[0] == "complete"


async def test_a_client_that_does_not_read_is_dropped_with_a_code(a_gateway: Gateway) -> None:
    flood = 'subscription { timeline(id: "p1", upto: 100000) { sequence padding } }'
    async with stream(a_gateway, {"query": flood}) as events:
        assert (await anext(events))[0] == "next"
        await asyncio.sleep(2)
        last = None
        async for name, payload in events:
            if name == "next":
                last = payload
    assert last is not None
    assert last["errors"][0]["extensions"] == {"code": "RATE_LIMITED", "service": "feedback"}
    await until(lambda: not stubs.FEEDBACK_STREAMS)


@pytest.mark.parametrize("way", ["sse", "websocket"])
async def test_a_client_that_leaves_ends_the_services_stream(a_gateway: Gateway, way: str) -> None:
    if way == "sse":
        async with stream(a_gateway, asked(1, hold=True)) as events:
            assert (await anext(events))[0] == "next"
            assert stubs.FEEDBACK_STREAMS == ["anonymous"]
    else:
        async with socket(a_gateway) as ws:
            await subscribed(ws, asked(1, hold=True))
            assert (await ws.receive_json(timeout=10))["type"] == "next"
            assert stubs.FEEDBACK_STREAMS == ["anonymous"]
    await until(lambda: not stubs.FEEDBACK_STREAMS)
