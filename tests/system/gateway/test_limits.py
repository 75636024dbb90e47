"""What the gateway refuses to carry, and how it says so."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from urllib.parse import urlencode, urlsplit

import aiohttp
import pytest
from graphql import get_introspection_query

from tests.system.gateway.conftest import World
from tests.system.gateway.process import Gateway, started

TYPE = "__schema { types { " + "ofType { " * 13 + "name" + " }" * 13 + " } }"
SPREAD = "{ ...A } fragment A on Query { ...B ...B ...B ...B } fragment B on Query { " + "queue { id } " * 200 + "}"
TOO_MUCH = {
    "depth": '{ __type(name: "Query") { ' + "ofType { " * 14 + "name" + " }" * 14 + " } }",
    "aliases": "{ " + " ".join(f"a{n}: whoAmI" for n in range(31)) + " }",
    "aliases in fragments": "{ ...A ...A } fragment A on Query { "
    + " ".join(f"a{n}: whoAmI" for n in range(16))
    + " }",
    "tokens": "{ " + "whoAmI " * 2000 + "}",
    "characters": "{ whoAmI } #" + "x" * 64 * 1024,
    "fields": SPREAD,
}


@pytest.mark.parametrize("limit", TOO_MUCH)
async def test_a_document_above_a_limit_is_refused_each_time_and_reaches_nobody(
    a_gateway: Gateway, world: World, limit: str
) -> None:
    for _ in range(2):
        answer = await a_gateway.ask(TOO_MUCH[limit], accept="application/graphql-response+json")
        assert answer.status == 400
        assert answer.codes() == ["INVALID_INPUT"]
    assert all(not service.received for service in world.services.values())


PADDING = "x" * 60_000
FLOODS: Mapping[str, Callable[[int], str]] = {
    "too long": lambda n: f"{{ __typename }} #{n} {PADDING * 4}",
    "many fields": lambda n: f"{{ a{n}: __typename {'__typename ' * 900} }}",
    "wrong in many places": lambda n: f"query A{n}{PADDING} {{ {'whoAmI(wait: $x) ' * 300} }}",
}
"""Documents that differ by a number, each as large as it can be in its own way."""


@pytest.mark.parametrize("kind", FLOODS)
async def test_documents_that_nobody_asked_before_do_not_fill_the_memory(
    world: World, session: aiohttp.ClientSession, kind: str
) -> None:
    settings = world.settings | {"NODE_OPTIONS": "--max-old-space-size=96"}
    async with started(session, settings) as gateway:
        for first in range(0, 600, 20):
            await asyncio.gather(*(gateway.ask(FLOODS[kind](n)) for n in range(first, first + 20)))
        assert (await gateway.ask("{ whoAmI }")).data == {"whoAmI": "anonymous"}


async def test_a_full_introspection_is_allowed(gateway: Gateway) -> None:
    answer = await gateway.ask(get_introspection_query())
    assert answer.errors == []
    assert answer.data["__schema"]["queryType"]["name"] == "Query"


async def test_thirty_aliases_are_allowed(a_gateway: Gateway) -> None:
    answer = await a_gateway.ask("{ " + " ".join(f"a{n}: whoAmI" for n in range(30)) + " }")
    assert answer.errors == []
    assert len(answer.data) == 30


async def test_a_circular_fragment_is_refused(a_gateway: Gateway) -> None:
    answer = await a_gateway.ask("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }")
    assert answer.codes() == ["INVALID_INPUT"]


@pytest.mark.parametrize("query", ["{ nope }", "{ nope ", "query Q($id: ID!) { petition(id: $id) { id } }", ""])
async def test_a_wrong_document_or_variable_is_invalid_input(gateway: Gateway, query: str) -> None:
    answer = await gateway.ask(query)
    assert answer.codes() == ["INVALID_INPUT"]
    assert answer.data is None


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 65536):
        yield body[start : start + 65536]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_above_the_limit_is_refused(
    a_gateway: Gateway, session: aiohttp.ClientSession, chunked: bool
) -> None:
    body = json.dumps({"query": "{ whoAmI }", "variables": {"padding": "x" * 300_000}}).encode()
    headers = {"content-type": "application/json", "connection": "close"}
    data = pieces(body) if chunked else body
    async with session.post(a_gateway.url, data=data, headers=headers) as response:
        assert response.status == 413
        assert (await response.json())["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def test_a_body_of_undeclared_length_below_the_limit_is_read(
    a_gateway: Gateway, session: aiohttp.ClientSession
) -> None:
    body = json.dumps({"query": "{ whoAmI }", "variables": {"padding": "x" * 200_000}}).encode()
    async with session.post(a_gateway.url, data=pieces(body), headers={"content-type": "application/json"}) as response:
        assert await response.json() == {"data": {"whoAmI": "anonymous"}}


async def test_a_message_above_the_limit_closes_the_websocket(a_gateway: Gateway) -> None:
    async with a_gateway.session.ws_connect(a_gateway.url, protocols=["graphql-transport-ws"]) as ws:
        await ws.send_str("x" * 300_000)
        message = await ws.receive(timeout=5)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1009)
    assert "xxx" not in str(a_gateway.logs)


@pytest.mark.parametrize("body", [b"{nope", b"[]", b"1", b'{"query": 1}'])
async def test_a_body_that_is_no_request_is_invalid_input(
    a_gateway: Gateway, session: aiohttp.ClientSession, body: bytes
) -> None:
    async with session.post(a_gateway.url, data=body, headers={"content-type": "application/json"}) as response:
        answer = await response.json(content_type=None)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID_INPUT"]


MUTATION = 'mutation { rename(id: "p1", title: "x") { position } }'
TYPES = {
    "application/x-www-form-urlencoded": urlencode({"query": MUTATION}),
    "application/graphql": MUTATION,
    "application/graphql+json": json.dumps({"query": MUTATION}),
    "text/plain": json.dumps({"query": MUTATION}),
    "text/plain; application/json": json.dumps({"query": MUTATION}),
    "multipart/form-data; boundary=x": '--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n'
    + json.dumps({"query": MUTATION})
    + "\r\n--x--",
    "": json.dumps({"query": MUTATION}),
}


@pytest.mark.parametrize("kind", TYPES)
async def test_what_a_form_could_send_is_refused(
    a_gateway: Gateway, world: World, session: aiohttp.ClientSession, kind: str
) -> None:
    headers = {"content-type": kind} if kind else {}
    skipped = ["content-type"]
    data = TYPES[kind].encode()
    async with session.post(a_gateway.url, data=data, headers=headers, skip_auto_headers=skipped) as response:
        assert response.status == 415
        [error] = (await response.json())["errors"]
    assert error["extensions"] == {"code": "INVALID_INPUT", "field": "Content-Type"}
    assert world.services["intake"].received == []


async def test_another_type_is_refused_before_its_body_has_come(a_gateway: Gateway) -> None:
    address = urlsplit(a_gateway.root)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\n")
    assert b" 415 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


async def test_the_character_set_may_be_said(a_gateway: Gateway, session: aiohttp.ClientSession) -> None:
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        headers = {"content-type": kind}
        async with session.post(a_gateway.url, data=b'{"query": "{ whoAmI }"}', headers=headers) as response:
            assert await response.json() == {"data": {"whoAmI": "anonymous"}}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("sign", ["张三".encode("gbk"), b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80"])
async def test_what_is_no_utf8_is_refused_and_reaches_nobody(
    a_gateway: Gateway, world: World, session: aiohttp.ClientSession, sign: bytes, chunked: bool
) -> None:
    body = b'{"query": "{ whoAmI }", "variables": {"words": "' + sign + b'"}}'
    data, headers = pieces(body) if chunked else body, {"content-type": "application/json"}
    async with session.post(a_gateway.url, data=data, headers=headers) as response:
        assert response.status == 400
        assert (await response.json())["errors"][0]["extensions"] == {"code": "INVALID_INPUT", "field": "body"}
    assert all(not service.received for service in world.services.values())


async def test_connections_above_the_limit_are_closed_and_those_within_it_are_served(
    world: World, session: aiohttp.ClientSession
) -> None:
    async with started(session, world.settings | {"GATEWAY_CONNECTIONS": "2"}) as gateway:
        address = urlsplit(gateway.root)
        held = [await asyncio.open_connection(address.hostname, address.port) for _ in range(2)]
        for reader, writer in held:
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert b" 200 " in await asyncio.wait_for(reader.readline(), 5)
        third, asking = await asyncio.open_connection(address.hostname, address.port)
        assert await asyncio.wait_for(third.read(), 5) == b""
        for writer in (asking, *(writer for _, writer in held)):
            writer.close()


async def test_a_mutation_by_get_is_refused(a_gateway: Gateway, world: World, session: aiohttp.ClientSession) -> None:
    query = 'mutation { rename(id: "p1", title: "x") { position } }'
    async with session.get(a_gateway.url, params={"query": query}) as response:
        assert response.status == 405
        assert (await response.json())["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    assert world.services["intake"].received == []


@pytest.mark.parametrize("path", ["/", "/graphql", "/anything"])
async def test_no_page_is_served_that_would_load_from_outside(
    a_gateway: Gateway, session: aiohttp.ClientSession, path: str
) -> None:
    async with session.get(a_gateway.root + path, headers={"accept": "text/html"}) as response:
        assert response.status in {404, 406, 400}
        assert "<script" not in await response.text()


async def test_what_stands_in_a_bad_variable_is_told_to_nobody_else(a_gateway: Gateway) -> None:
    query = "query Q($id: ID!) { petition(id: $id) { id } }"
    answer = await a_gateway.ask(query, variables={"id": ["张三 13800138777"]})
    assert answer.codes() == ["INVALID_INPUT"]
    assert "13800138777" not in str(a_gateway.logs)
