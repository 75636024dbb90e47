"""What an answer may hold: pages multiply, and the whole is refused before anybody is asked."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.system.gateway.conftest import World
from tests.system.gateway.process import Gateway, started

LIMIT = 10_000
NESTED = "{ edges { node { similar(first: 100) { edges { node { id } } } } } }"
BY_VARIABLES = """query($first: Int = 100, $then: Int!, $skipped: Boolean = false) {
  petitions(first: $first) { edges { node { similar(first: $then) @skip(if: $skipped) { edges { cursor } } } } } }"""
TOO_COSTLY: dict[str, tuple[str, dict[str, Any], int]] = {
    # 1 connection + 100 x (edge, petition, 1 connection + 100 x (edge, petition))
    "nested pages": (f"{{ petitions(first: 100) {NESTED} }}", {}, 1 + 100 * (2 + 1 + 100 * 2)),
    "the smallest nested pages": (BY_VARIABLES, {"then": 100}, 1 + 100 * (2 + 1 + 100)),
    "nested pages of which nothing is asked": (
        "{ petitions(first: 100) { edges { node { similar(first: 100) { __typename } } } } }",
        {},
        1 + 100 * (2 + 1 + 100),
    ),
    "sizes from variables": (BY_VARIABLES, {"first": 90, "then": 120}, 1 + 90 * (2 + 1 + 120)),
    "default sizes": (
        "{ petitions { edges { node { similar { edges { node { similar { edges { node { id } } } } } } } } } }",
        {},
        1 + 20 * (2 + 1 + 20 * (2 + 1 + 20 * 2)),
    ),
    "fragments": (
        f"{{ petitions(first: 100) {{ ...P }} }} fragment P on Connection {NESTED}",
        {},
        1 + 100 * (2 + 1 + 100 * 2),
    ),
    "aliases": (
        "{ " + " ".join(f"a{n}: petitions(first: 100) {{ edges {{ ...E }} }}" for n in range(30)) + " }"
        " fragment E on Edge { node { id similar(first: 4) { edges { cursor } } } }",
        {},
        30 * (1 + 100 * (2 + 1 + 4)),
    ),
    "lists without pages": (
        "{ queue(first: 100) { ...Q } } fragment Q on Petition { similar(first: 100) { edges { cursor } } }",
        {},
        100 * (1 + 1 + 100),
    ),
    "one page that no service would give": ("{ petitions(first: 20000) { edges { cursor } } }", {}, 20_001),
}


@pytest.mark.parametrize("way", TOO_COSTLY)
async def test_an_answer_that_could_be_too_large_is_refused_each_time_and_reaches_nobody(
    gateway: Gateway, world: World, way: str
) -> None:
    query, variables, cost = TOO_COSTLY[way]
    for _ in range(2):
        answer = await gateway.ask(query, variables, accept="application/graphql-response+json")
        [error] = answer.errors
        assert (answer.status, answer.data) == (400, None)
        assert error["extensions"] == {"code": "INVALID_INPUT", "cost": cost, "limit": LIMIT}
        assert f"{cost} objects; {LIMIT} are allowed" in error["message"]
    assert all(not service.received for service in world.services.values())


FITTING = {
    "a page of the largest size": ("{ petitions(first: 100) { edges { node { id title stage } } } }", {}),
    "the same document with smaller pages": (BY_VARIABLES, {"first": 10, "then": 100}),
    "the same document with what is costly left out": (BY_VARIABLES, {"then": 100, "skipped": True}),
    "a negative page, which pays for nothing else": (BY_VARIABLES, {"first": 50, "then": -1000}),
}


@pytest.mark.parametrize("way", FITTING)
async def test_what_could_fit_is_asked(a_gateway: Gateway, way: str) -> None:
    answer = await a_gateway.ask(*FITTING[way])
    assert answer.errors == []
    assert answer.data["petitions"]["edges"]


async def test_a_negative_page_makes_nothing_else_cheaper(a_gateway: Gateway) -> None:
    query = f"{{ a: petitions(first: -100000) {{ edges {{ cursor }} }} petitions(first: 100) {NESTED} }}"
    answer = await a_gateway.ask(query)
    assert answer.errors[0]["extensions"]["cost"] > LIMIT


async def test_the_limit_counts_for_each_operation_of_a_document_alone(
    a_gateway: Gateway, session: aiohttp.ClientSession
) -> None:
    document = f"query Small {{ petitions {{ edges {{ cursor }} }} }} query Large {{ petitions(first: 100) {NESTED} }}"
    codes: dict[str, list[str]] = {}
    for name in ("Small", "Large", "Small"):
        async with session.post(a_gateway.url, json={"query": document, "operationName": name}) as response:
            answer = await response.json()
            codes[name] = [error["extensions"]["code"] for error in answer.get("errors", [])]
    assert codes == {"Small": [], "Large": ["INVALID_INPUT"]}


@pytest.mark.parametrize("body", [[{"query": "{ whoAmI }"}], [{"query": "{ whoAmI }"}] * 50])
async def test_a_batch_of_operations_is_refused(
    a_gateway: Gateway, world: World, session: aiohttp.ClientSession, body: list[dict[str, str]]
) -> None:
    async with session.post(a_gateway.url, json=body) as response:
        answer = await response.json()
    assert response.status == 400
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID_INPUT"]
    assert world.services["intake"].received == []


async def test_a_subscriptions_events_are_counted_too(a_gateway: Gateway, world: World) -> None:
    query = f'subscription {{ timeline(id: "p1") {{ petition {{ similar(first: 100) {NESTED} }} }} }}'
    answer = await a_gateway.ask(query, accept="text/event-stream, application/json;q=0.5")
    assert answer.data is None
    assert all(not service.received for service in world.services.values())


@pytest.fixture(scope="module")
async def frugal(world: World, session: aiohttp.ClientSession) -> AsyncIterator[Gateway]:
    async with started(session, world.settings | {"GATEWAY_COST_LIMIT": "30"}) as gateway:
        yield gateway


async def test_the_limit_is_a_setting(frugal: Gateway) -> None:
    assert (await frugal.ask("{ petitions(first: 14) { edges { node { id } } } }")).errors == []
    answer = await frugal.ask("{ petitions(first: 15) { edges { node { id } } } }")
    assert answer.errors[0]["extensions"] == {"code": "INVALID_INPUT", "cost": 31, "limit": 30}


async def test_over_a_websocket_the_limit_is_the_same(frugal: Gateway) -> None:
    async with frugal.session.ws_connect(frugal.url, protocols=["graphql-transport-ws"]) as ws:
        await ws.send_json({"type": "connection_init"})
        await ws.receive_json()
        query = "{ petitions(first: 15) { edges { node { id } } } }"
        await ws.send_json({"id": "1", "type": "subscribe", "payload": {"query": query}})
        message = await ws.receive_json()
    assert json.dumps(message).count("31 objects") == 1


async def test_without_a_limit_everything_is_asked(world: World, session: aiohttp.ClientSession) -> None:
    async with started(session, world.settings | {"GATEWAY_COST_LIMIT": "off"}) as gateway:
        query, _, _ = TOO_COSTLY["nested pages"]
        assert (await gateway.ask(query)).errors == []
