"""What leaves the gateway beside data: headers, and errors that repeat nothing a resident may have written."""

import json

import aiohttp
import pytest

from tests.system.gateway.conftest import World
from tests.system.gateway.process import Gateway

SAID = "张三 13800138777"
SUBMIT = "mutation($input: SubmitPetitionInput!) { submitPetition(input: $input) { position } }"
ASK = "query($id: ID!, $locale: Locale) { petition(id: $id, locale: $locale) { id } }"
MISFITS: dict[str, tuple[str, dict[str, object]]] = {
    "a list for a scalar": (ASK, {"id": [SAID]}),
    "an object for a scalar": (ASK, {"id": {SAID: SAID}}),
    "an enum's value": (ASK, {"id": "p1", "locale": SAID}),
    "a scalar for an input": (SUBMIT, {"input": SAID}),
    "an input's field": (SUBMIT, {"input": {"words": [SAID]}}),
    "a field that is none": (SUBMIT, {"input": {"words": "x", SAID: SAID}}),
    "an item": (SUBMIT, {"input": {"words": "x", "tags": ["y", {SAID: 1}]}}),
    "a literal": (f'{{ petition(id: ["{SAID}"]) {{ id }} }}', {}),
    "an enum's literal": (f'{{ petition(id: "p1", locale: "{SAID}") {{ id }} }}', {}),
    "an input's literal": (f'mutation {{ submitPetition(input: "{SAID}") {{ position }} }}', {}),
    "a number's literal": (f'{{ petitions(first: "{SAID}") {{ edges {{ cursor }} }} }}', {}),
    "a string in the wrong place": (f'{{ petition(id: "p1") "{SAID}" }}', {}),
    "a block string in the wrong place": (f'{{ petition(id: "p1") """{SAID}""" }}', {}),
    "a string for a name": (f'{{ petition("{SAID}": "p1") {{ id }} }}', {}),
}


@pytest.mark.parametrize("way", MISFITS)
async def test_an_error_repeats_no_value(a_gateway: Gateway, world: World, way: str) -> None:
    answer = await a_gateway.ask(*MISFITS[way])
    assert set(answer.codes()) == {"INVALID_INPUT"}
    assert answer.data is None
    assert all(part not in json.dumps(answer.errors, ensure_ascii=False) for part in ("张三", "138"))
    assert all(part not in str(a_gateway.logs) for part in ("张三", "138"))
    assert all(not service.received for service in world.services.values())


async def test_a_misfit_is_told_where_it_is(gateway: Gateway) -> None:
    answer = await gateway.ask(SUBMIT, {"input": {"words": ["x"], "tags": ["y", 1]}})
    assert [error["extensions"] for error in answer.errors] == [
        {"code": "INVALID_INPUT", "field": "words"},
        {"code": "INVALID_INPUT", "field": "tags[1]"},
    ]
    assert (
        answer.errors[1]["message"] == 'Variable "$input.tags[1]" does not fit: a value of type "String!" is expected.'
    )


async def test_a_thousand_misfits_are_told_in_part(a_gateway: Gateway) -> None:
    answer = await a_gateway.ask(SUBMIT, {"input": {"words": "x", "tags": [1] * 1000}})
    assert len(answer.errors) == 10


@pytest.mark.parametrize("variables", [{}, {"id": None}])
async def test_a_value_that_is_missing_is_named(gateway: Gateway, variables: dict[str, object]) -> None:
    answer = await gateway.ask(ASK, variables)
    assert answer.codes() == ["INVALID_INPUT"]
    assert answer.errors[0]["extensions"]["field"] == "id"


async def test_a_variable_that_is_left_out_takes_its_default(gateway: Gateway) -> None:
    query = 'query($id: ID! = "p9", $locale: Locale = EN) { petition(id: $id, locale: $locale) { id } }'
    assert (await gateway.ask(query)).data == {"petition": {"id": "p9"}}


async def test_a_single_value_is_taken_for_a_list(gateway: Gateway) -> None:
    query = "query($ids: [ID!]) { queue(ids: $ids) { id } }"
    assert (await gateway.ask(query, {"ids": "p9"})).data == {"queue": [{"id": "p9"}]}


@pytest.mark.parametrize("variables", ["{nope", '["a"]', '"张三"'])
async def test_variables_of_a_get_that_are_none_are_refused(
    a_gateway: Gateway, session: aiohttp.ClientSession, variables: str
) -> None:
    async with session.get(a_gateway.url, params={"query": "{ whoAmI }", "variables": variables}) as response:
        text = await response.text()
    assert [error["extensions"]["code"] for error in json.loads(text)["errors"]] == ["INVALID_INPUT"]
    assert "张三" not in text


@pytest.mark.parametrize(
    "body", ['{"query": "{ whoAmI }", "variables": 张三', '{"张三": 1}', '"张三"', '{"query": ["张三"]}']
)
async def test_a_body_that_is_none_is_not_repeated(
    a_gateway: Gateway, session: aiohttp.ClientSession, body: str
) -> None:
    headers = {"content-type": "application/json"}
    async with session.post(a_gateway.url, data=body.encode(), headers=headers) as response:
        text = await response.text()
    assert [error["extensions"]["code"] for error in json.loads(text)["errors"]] == ["INVALID_INPUT"]
    assert "张三" not in text


async def test_over_a_websocket_an_error_is_the_same(a_gateway: Gateway) -> None:
    async with a_gateway.session.ws_connect(a_gateway.url, protocols=["graphql-transport-ws"]) as ws:
        await ws.send_json({"type": "connection_init"})
        await ws.receive_json()
        payload = {"query": ASK, "variables": {"id": [SAID]}}
        await ws.send_json({"id": "1", "type": "subscribe", "payload": payload})
        [error] = (await ws.receive_json())["payload"]["errors"]
    assert error["extensions"] == {"code": "INVALID_INPUT", "field": "id"}
    assert "138" not in json.dumps(error)


ACCEPTED = {
    "*/*": "application/json",
    "application/*": "application/json",
    "application/json, text/plain, */*": "application/json",
    "text/html, application/xhtml+xml, */*;q=0.8": "application/json",
    "Application/JSON; charset=UTF-8": "application/json",
    "multipart/mixed, application/json": "application/json",
    "application/graphql-response+json, application/json;q=0.9": "application/graphql-response+json",
    "text/html": None,
    "application/json; charset=latin1": None,
}


@pytest.mark.parametrize(("accept", "expected"), ACCEPTED.items())
async def test_an_answer_is_of_a_type_that_the_client_takes_whichever_way_it_asks(
    a_gateway: Gateway, session: aiohttp.ClientSession, accept: str, expected: str | None
) -> None:
    asked, headers = {"query": "{ __typename }"}, {"accept": accept}
    async with session.post(a_gateway.url, json=asked, headers=headers) as posted:
        said = await posted.read()
    async with session.get(a_gateway.url, params=asked, headers=headers) as got:
        assert await got.read() == said
    assert posted.status == got.status == (200 if expected else 406)
    types = {answer.headers.get("content-type") for answer in (posted, got)}
    assert types == {f"{expected}; charset=utf-8" if expected else None}


@pytest.mark.parametrize("way", ["anonymous", "authorised", "refused", "stream"])
async def test_no_answer_is_kept_or_guessed_at(
    a_gateway: Gateway, world: World, session: aiohttp.ClientSession, way: str
) -> None:
    token = {"authorised": world.organisation.token(), "refused": "x"}.get(way)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    query = "{ whoAmI }"
    if way == "stream":
        headers, query = {"accept": "text/event-stream"}, 'subscription { timeline(id: "p1") { sequence } }'
    async with session.post(a_gateway.url, json={"query": query}, headers=headers) as response:
        await response.read()
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/graphql", "/healthz", "/nowhere"])
async def test_no_answer_tells_what_serves_it_or_lets_other_sites_read_it(
    a_gateway: Gateway, session: aiohttp.ClientSession, path: str
) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for method in ("GET", "POST", "OPTIONS"):
        async with session.request(method, a_gateway.root + path, headers=headers) as response:
            names = {name.lower() for name in response.headers}
        assert not {"server", "x-powered-by"} & names
        assert not [name for name in names if name.startswith("access-control-")]
        assert "x-content-type-options" in names
