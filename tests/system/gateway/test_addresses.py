"""Where a client is told to be: by its connection, or by the proxies that are trusted, and never by itself."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.system.gateway.conftest import World
from tests.system.gateway.process import Gateway, started

THREE = '{ petition(id: "p1") { title handling { asOf } stage } }'


def told(world: World) -> set[str]:
    """Return the addresses that the services were told."""
    return {one.headers["x-client-address"] for service in world.services.values() for one in service.received}


async def test_without_a_proxy_the_connections_own_address_counts(gateway: Gateway, world: World) -> None:
    await gateway.ask(THREE, x_forwarded_for="10.1.1.1", x_real_ip="10.1.1.2", forwarded="for=10.1.1.3")
    assert told(world) == {"127.0.0.1"}


async def test_a_proxy_that_nobody_counted_is_told_to_the_operator_once(a_gateway: Gateway) -> None:
    for _ in range(2):
        await a_gateway.ask("{ whoAmI }", x_forwarded_for="10.1.1.1")
    await a_gateway.logged(event="X-Forwarded-For is not read: GATEWAY_PROXIES is 0")
    assert sum("X-Forwarded-For" in line["event"] for line in a_gateway.logs) == 1


async def test_what_a_client_calls_its_address_is_never_read(gateway: Gateway, world: World) -> None:
    await gateway.ask(THREE, x_client_address="10.1.1.1")
    assert told(world) == {"127.0.0.1"}


@pytest.fixture(scope="module")
async def inside(world: World, session: aiohttp.ClientSession) -> AsyncIterator[Gateway]:
    async with started(session, world.settings | {"GATEWAY_PROXIES": "2"}) as gateway:
        yield gateway


PROXIED = {
    "two proxies": ("203.0.113.7, 10.0.0.1", "203.0.113.7"),
    "invented ones on the left": ("10.1.1.1, 10.2.2.2, 203.0.113.7, 10.0.0.1", "203.0.113.7"),
    "spaces": ("  203.0.113.7 ,10.0.0.1 ", "203.0.113.7"),
    "fewer than there are proxies": ("203.0.113.7", "203.0.113.7"),
    "ipv6": ("2001:DB8:0:0:0:0:0:7, 10.0.0.1", "2001:db8::7"),
    "ipv6 with a port": ("[2001:db8::7]:443, 10.0.0.1", "2001:db8::7"),
    "ipv4 with a port": ("203.0.113.7:443, 10.0.0.1", "203.0.113.7"),
    "ipv4 as ipv6": ("::ffff:203.0.113.7, 10.0.0.1", "203.0.113.7"),
    "no address": ("unknown, 10.0.0.1", "127.0.0.1"),
    "a host": ("evil.example, 10.0.0.1", "127.0.0.1"),
    "nothing": ("", "127.0.0.1"),
    "only commas": (",,,", "127.0.0.1"),
}


@pytest.mark.parametrize("case", PROXIED)
async def test_with_proxies_the_one_that_many_from_the_right_counts(inside: Gateway, world: World, case: str) -> None:
    forwarded, address = PROXIED[case]
    world.clear()
    answer = await inside.ask(THREE, x_forwarded_for=forwarded, x_client_address="10.9.9.9")
    assert answer.errors == []
    assert told(world) == {address}


async def test_over_a_websocket_the_address_is_the_connections_too(inside: Gateway, world: World) -> None:
    world.clear()
    headers = {"x-forwarded-for": "10.6.6.6, 203.0.113.7, 10.0.0.1"}
    params = {"x-client-address": "10.9.9.9", "x-forwarded-for": "10.9.9.8, 10.9.9.7"}
    async with inside.session.ws_connect(inside.url, protocols=["graphql-transport-ws"], headers=headers) as ws:
        await ws.send_json({"type": "connection_init", "payload": params})
        await ws.receive_json()
        await ws.send_json({"id": "1", "type": "subscribe", "payload": {"query": THREE}})
        assert "errors" not in (await ws.receive_json())["payload"]
    assert told(world) == {"203.0.113.7"}


async def test_an_address_is_in_no_log(inside: Gateway) -> None:
    await inside.ask("{ crash }", x_forwarded_for="203.0.113.99, 10.0.0.1")
    await inside.logged(event="internal error")
    assert "203.0.113" not in str(inside.logs)
