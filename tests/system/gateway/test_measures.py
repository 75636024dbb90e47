"""What the gateway counts of operations, however they come and however they end."""

import asyncio
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import pytest

from deploy.local.observe.scrapes import samples
from deploy.local.ports import free_port
from tests.system.gateway.conftest import World
from tests.system.gateway.process import GATEWAY, NODE, Gateway, started

ELSEWHERE = "127.0.0.2"
COUNTED = "through_train_gateway_request_seconds_count"
REFUSED = "through_train_gateway_refused_total"
Figures = Mapping[tuple[str, ...], float]


class Told:
    """A gateway, and the address of its metrics."""

    def __init__(self, gateway: Gateway, port: int) -> None:
        self.gateway = gateway
        self.port = port

    async def figures(self) -> Figures:
        """Return what is counted of operations, by root field and outcome, and of refusals, by limit."""
        async with self.gateway.session.get(f"http://127.0.0.1:{self.port}/metrics") as response:
            told = list(samples(await response.text()))
        operations = {(it.labels["operation"], it.labels["outcome"]): it.value for it in told if it.name == COUNTED}
        return operations | {(it.labels["limit"],): it.value for it in told if it.name == REFUSED}

    async def rises(self, *expected: tuple[str, ...], before: Figures) -> None:
        """Wait until exactly these have risen, each by one; an operation's end is counted behind its answer."""
        wanted = dict.fromkeys(expected, 1.0)
        async with asyncio.timeout(5):
            while True:
                now = await self.figures()
                risen = {key: value - before.get(key, 0) for key, value in now.items() if value != before.get(key, 0)}
                if risen == wanted:
                    return
                assert risen.keys() <= wanted.keys(), risen
                await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def told(world: World, session: aiohttp.ClientSession) -> AsyncIterator[Told]:
    """A gateway that others reach, and nobody its metrics."""
    port = free_port()
    settings = {
        "GATEWAY_HOST": ELSEWHERE,
        "GATEWAY_METRICS_PORT": str(port),
        "GATEWAY_SUBSCRIPTIONS_PER_CONNECTION": "1",
    }
    async with started(session, world.settings | settings) as gateway:
        yield Told(gateway, port)


@asynccontextmanager
async def socket(gateway: Gateway) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    async with gateway.session.ws_connect(gateway.url, protocols=["graphql-transport-ws"]) as ws:
        await ws.send_json({"type": "connection_init"})
        assert (await ws.receive_json(timeout=10))["type"] == "connection_ack"
        yield ws


async def ask(ws: aiohttp.ClientWebSocketResponse, name: str, query: str) -> None:
    await ws.send_json({"id": name, "type": "subscribe", "payload": {"query": query}})


async def answered(ws: aiohttp.ClientWebSocketResponse, query: str) -> None:
    """Ask, and read the answer to its end: data and its completion, or an error."""
    await ask(ws, "1", query)
    while (await ws.receive_json(timeout=10))["type"] == "next":
        pass


async def test_the_metrics_are_not_told_where_the_gateway_is_public(told: Told) -> None:
    assert await told.figures()
    with pytest.raises(aiohttp.ClientConnectorError):
        await told.gateway.session.get(f"http://{ELSEWHERE}:{told.port}/metrics")


async def test_a_request_whose_client_gave_up_is_no_success(told: Told) -> None:
    before = await told.figures()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await told.gateway.ask("{ whoAmI(wait: 1.0) }")
    await told.rises(("whoAmI", "BROKEN_OFF"), before=before)


@pytest.mark.parametrize("method", ["OPTIONS", "PUT"])
async def test_a_request_that_holds_no_operation_is_none_that_broke_off(told: Told, method: str) -> None:
    before = await told.figures()
    async with told.gateway.session.request(method, told.gateway.url) as response:
        await response.read()
    await told.rises(("none", "INVALID_INPUT"), before=before)


async def test_operations_over_a_websocket_are_counted_as_they_come_out(told: Told) -> None:
    deep = "{ a " * 20 + "}" * 20
    costly = "{ petitions(first: 20000) { edges { cursor } } }"
    async with socket(told.gateway) as ws:
        for query, *risen in (
            ("{ whoAmI }", ("whoAmI", "OK")),
            ("{ crash }", ("crash", "INTERNAL")),
            ('subscription { timeline(id: "p1", upto: 1) { sequence } }', ("timeline", "OK")),
            ("{ nope }", ("none", "INVALID_INPUT")),
            (deep, ("none", "INVALID_INPUT"), ("document",)),
            (costly, ("none", "INVALID_INPUT"), ("cost",)),
        ):
            before = await told.figures()
            await answered(ws, query)
            await told.rises(*risen, before=before)


async def test_an_operation_too_many_on_a_websocket_is_counted_as_refused_and_one_left_alone_as_broken_off(
    told: Told,
) -> None:
    before = await told.figures()
    async with socket(told.gateway) as ws:
        await ask(ws, "1", "{ whoAmI(wait: 1.0) }")
        await ask(ws, "2", "{ whoAmI }")
        assert (await ws.receive_json(timeout=10))["type"] == "error"
        await told.rises(("none", "RATE_LIMITED"), ("subscriptions",), before=before)
        before = await told.figures()
    await told.rises(("whoAmI", "BROKEN_OFF"), before=before)


BURST = """
const { createTraces } = await import(`${process.argv[1]}/traces.mjs`);
const { serveMetrics } = await import(`${process.argv[1]}/measures.mjs`);
const traces = await createTraces({ tracesEndpoint: `http://127.0.0.1:${process.argv[2]}/v1/traces`, tracesRatio: 1 });
for (let n = 0; n < 6000; n += 1) traces.begin('burst').end('OK', 'me');
await traces.close();
await new Promise((resolve) => setTimeout(resolve, 4000)); // until no attempt goes on
const { address, close } = await serveMetrics(0, '127.0.0.1');
process.stdout.write(await (await fetch(`http://127.0.0.1:${address.port}/metrics`)).text());
close();
"""


def test_every_span_of_a_burst_is_counted_when_its_collector_is_away() -> None:
    command = [NODE.program, "--input-type=module", "--eval", BURST, str(GATEWAY), str(free_port())]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    [lost] = [one.value for one in samples(said) if one.name == "through_train_gateway_spans_lost_total"]
    assert lost == 6_000
