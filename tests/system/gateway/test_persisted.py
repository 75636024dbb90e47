"""Operations that are sent by their id: how, by whom alone, and that nothing else about them is different."""

import hashlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.system.gateway.conftest import OPERATIONS, World
from tests.system.gateway.process import Answer, Gateway, start_and_fail, started
from tests.system.gateway.test_subscriptions import socket, stream, subscribed

ANONYMOUS = {"data": {"whoAmI": "anonymous"}}
FREE = "query Free { whoAmI }"


def digest(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()


IDS = {name: digest(document) for name, document in OPERATIONS.items()}


def apollo(digest: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}


WAYS = {
    "by the draft's documentId": {"documentId": f"sha256:{IDS['desk/who']}"},
    "by a bare digest": {"documentId": IDS["desk/who"]},
    "by Apollo's extension": apollo(IDS["desk/who"]),
    "with its document": {"documentId": IDS["desk/who"], "query": OPERATIONS["desk/who"]},
    "with its document and Apollo's extension": {"query": OPERATIONS["desk/who"], **apollo(IDS["desk/who"])},
}


async def post(gateway: Gateway, *tokens: str | None, **body: Any) -> Answer:
    headers = [("authorization", f"Bearer {token}") for token in tokens if token]
    async with gateway.session.post(gateway.url, json=body, headers=headers) as response:
        answer = await response.json(content_type=None)
        received = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, received, answer.get("data"), answer.get("errors", []))


async def get(gateway: Gateway, **params: str) -> tuple[int, Any]:
    async with gateway.session.get(gateway.url, params=params) as response:
        return response.status, await response.json(content_type=None)


@pytest.mark.parametrize("way", WAYS)
async def test_an_operation_is_answered_by_its_id_also_again(gateway: Gateway, way: str) -> None:
    for wait in (0, 0.01):
        answer = await post(gateway, variables={"wait": wait}, **WAYS[way])
        assert (answer.status, answer.data, answer.errors) == (200, ANONYMOUS["data"], [])


async def test_an_operation_is_answered_by_its_id_over_get(gateway: Gateway) -> None:
    for params in (
        {"documentId": f"sha256:{IDS['desk/who']}", "variables": '{"wait": 0}'},
        {"extensions": json.dumps(apollo(IDS["desk/who"])["extensions"])},
    ):
        assert await get(gateway, **params) == (200, ANONYMOUS)
    status, answer = await get(gateway, documentId=IDS["rename"], variables='{"title": "x"}')
    assert (status, answer["errors"][0]["extensions"]["code"]) == (405, "INVALID_INPUT")


REFUSED = {
    "an id that nobody registered": ({"documentId": digest(FREE)}, 404, "NOT_FOUND", "documentId"),
    "one in Apollo's extension": (apollo(digest(FREE)), 404, "NOT_FOUND", "documentId"),
    "an id in another form": ({"documentId": "who"}, 400, "INVALID_INPUT", "documentId"),
    "an id that is no text": ({"documentId": 7}, 400, "INVALID_INPUT", "documentId"),
    "the id of another document": ({"documentId": IDS["story"], "query": FREE}, 400, "INVALID_INPUT", "documentId"),
    "Apollo's id of another document": ({"query": FREE, **apollo(IDS["story"])}, 400, "INVALID_INPUT", "documentId"),
    "neither id nor document": ({"variables": {}}, 400, "INVALID_INPUT", "query"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_names_no_operation_is_refused_with_a_code_and_reaches_nobody(
    a_gateway: Gateway, world: World, what: str
) -> None:
    body, status, code, field = REFUSED[what]
    answer = await post(a_gateway, **body)
    assert (answer.status, answer.data) == (status, None)
    assert answer.errors[0]["extensions"] == {"code": code, "field": field}
    assert all(not service.received for service in world.services.values())


async def test_a_document_that_was_sent_once_with_its_id_is_not_registered_by_that(a_gateway: Gateway) -> None:
    assert (await post(a_gateway, query=FREE, **apollo(digest(FREE)))).data == {"whoAmI": "anonymous"}
    assert (await post(a_gateway, **apollo(digest(FREE)))).codes() == ["NOT_FOUND"]


async def test_variables_and_cost_are_judged_as_of_any_other_operation(gateway: Gateway, world: World) -> None:
    wrong = await post(gateway, documentId=IDS["desk/wide"], variables={"first": "many"})
    assert (wrong.codes(), wrong.errors[0]["extensions"]["field"]) == (["INVALID_INPUT"], "first")
    costly = await post(gateway, documentId=IDS["desk/wide"], variables={"first": 100_000})
    assert costly.errors[0]["extensions"]["limit"] == 10_000
    assert all(not service.received for service in world.services.values())
    fits = await post(gateway, documentId=IDS["desk/wide"], variables={"first": 2})
    assert [edge["node"]["id"] for edge in fits.data["petitions"]["edges"]] == ["p0", "p1"]


@pytest.mark.parametrize("named", [{"documentId": IDS["story"]}, {"query": "", **apollo(IDS["story"])}])
async def test_a_subscription_is_answered_by_its_id_over_websocket_and_events(
    gateway: Gateway, named: dict[str, Any]
) -> None:
    told = [{"sequence": n, "petition": {"stage": "stage of p1"}} for n in (1, 2)]
    async with socket(gateway) as ws:
        await subscribed(ws, {**named, "variables": {"upto": 2}})
        received = [await ws.receive_json(timeout=10) for _ in range(3)]
    assert [one["type"] for one in received] == ["next", "next", "complete"]
    assert [one["payload"]["data"]["timeline"] for one in received[:2]] == told
    async with stream(gateway, {**named, "variables": {"upto": 2}}) as events:
        assert [one["data"]["timeline"] async for name, one in events if name == "next"] == told


async def test_an_unknown_id_over_a_websocket_ends_that_operation_alone(a_gateway: Gateway) -> None:
    async with socket(a_gateway) as ws:
        await subscribed(ws, {"documentId": digest(FREE)})
        refused = await ws.receive_json(timeout=10)
        assert refused["payload"]["errors"][0]["extensions"] == {"code": "NOT_FOUND", "field": "documentId"}
        assert (await ws.receive_json(timeout=10))["type"] == "complete"
        await ws.send_json({"id": "2", "type": "subscribe", "payload": {"documentId": IDS["desk/who"]}})
        assert (await ws.receive_json(timeout=10))["payload"] == ANONYMOUS


@pytest.fixture(scope="module", params=["anonymous", "all"])
async def guarded(
    request: pytest.FixtureRequest, world: World, session: aiohttp.ClientSession
) -> AsyncIterator[tuple[str, Gateway]]:
    settings = world.settings | {"GATEWAY_PERSISTED_ONLY": request.param, "GATEWAY_SUBMIT_PER_ADDRESS": "1/hour"}
    async with started(session, settings) as gateway:
        yield request.param, gateway


async def test_free_documents_are_refused_where_only_persisted_ones_are_answered(
    guarded: tuple[str, Gateway], world: World
) -> None:
    only, gateway = guarded
    world.clear()
    for token in (None, world.residents.token(roles=["resident"])):
        answer = await post(gateway, token, query=FREE)
        assert (answer.status, answer.codes(), answer.data) == (403, ["FORBIDDEN"], None)
    assert world.services["intake"].received == []
    staff = await post(gateway, world.organisation.token(), query=FREE)
    assert staff.codes() == (["FORBIDDEN"] if only == "all" else [])
    for body in ({"documentId": IDS["desk/who"]}, {"query": OPERATIONS["desk/who"]}):
        assert (await post(gateway, **body)).data == {"whoAmI": "anonymous"}
    async with socket(gateway) as ws:
        await subscribed(ws, {"query": FREE})
        assert (await ws.receive_json(timeout=10))["payload"]["errors"][0]["extensions"] == {"code": "FORBIDDEN"}


async def test_doors_are_counted_for_persisted_operations_too(guarded: tuple[str, Gateway]) -> None:
    _, gateway = guarded
    body = {"documentId": IDS["submit"], "variables": {"input": {"words": "路灯"}}}
    assert (await post(gateway, **body)).errors == []
    assert (await post(gateway, **body)).codes() == ["RATE_LIMITED"]


DEEP = "query Deep { " + '__type(name: "Query") { ' + "ofType { " * 14 + "name" + " }" * 16
BAD_FILES = {
    "what the schema lacks": ("a.graphql", "{ nope }", 'Cannot query field "nope" on type "Query".'),
    "what is no GraphQL": ("a.graphql", "query {", "Syntax Error"),
    "what is too deep": ("a.graphql", DEEP, "levels deep; 15 are allowed"),
    "what is no manifest": ("m.json", "{}", "are no manifest"),
    "an id that is not its body's": (
        "m.json",
        json.dumps(
            {
                "format": "apollo-persisted-query-manifest",
                "version": 1,
                "operations": [{"id": digest(FREE), "name": "Free", "type": "query", "body": FREE + " "}],
            }
        ),
        "has an id that is not the SHA-256 of its body",
    ),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_gateway_does_not_start_with_an_operation_that_it_cannot_answer_and_names_the_file(
    world: World, tmp_path: Path, what: str
) -> None:
    name, text, sentence = BAD_FILES[what]
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / name).write_text(text)
    ended = start_and_fail(world.settings | {"GATEWAY_PERSISTED_OPERATIONS": str(tmp_path)})
    assert ended.returncode == 2
    assert str(tmp_path / "team" / name) in ended.stderr
    assert sentence in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


async def test_an_installation_adds_manifests_and_files_of_its_own(
    world: World, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    entry = {"id": digest(FREE), "name": "Free", "type": "query", "body": FREE}
    manifest = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [entry]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    folders = os.pathsep.join([world.settings["GATEWAY_PERSISTED_OPERATIONS"], str(tmp_path)])
    async with started(session, world.settings | {"GATEWAY_PERSISTED_OPERATIONS": folders}) as gateway:
        for known in (IDS["desk/who"], digest(FREE)):
            assert (await post(gateway, documentId=known)).data == {"whoAmI": "anonymous"}


async def test_who_asks_for_something_deprecated_is_told_in_the_answer_and_the_operator_in_the_log(
    gateway: Gateway, world: World
) -> None:
    token = world.organisation.token("an-integrator")
    sentence = "The field Query.caller is deprecated. Use whoAmI. Goes on 2027-12-01 at the earliest."
    for _ in range(2):
        async with gateway.session.post(
            gateway.url, json={"documentId": IDS["old"]}, headers={"authorization": f"Bearer {token}"}
        ) as response:
            answer = await response.json()
        assert answer == {"data": {"caller": "anonymous"}, "extensions": {"deprecations": [sentence]}}
    line = await gateway.logged(event="deprecated places are asked for", subject="organisation an-integrator")
    assert (line["operation"], line["deprecations"]) == ("Old", [sentence])
    assert sum(line["event"] == "deprecated places are asked for" for line in gateway.logs) == 1
    assert await (await gateway.session.post(gateway.url, json={"query": FREE})).json() == ANONYMOUS


async def test_who_gives_something_deprecated_in_variables_is_told_of_that_too(gateway: Gateway, world: World) -> None:
    headers = {"authorization": f"Bearer {world.organisation.token('a-supplier')}"}
    goes = "Goes on 2027-12-01 at the earliest."
    tag = f"The input field SubmitPetitionInput.tag is deprecated. Use tags. {goes}"
    locale = f'The enum value "Locale.EN_GB" is deprecated. Use EN. {goes}'
    inputs: list[tuple[dict[str, Any], list[str]]] = [
        ({"words": "路灯", "tags": ["night"], "others": []}, []),
        ({"words": "路灯", "tag": "night"}, [tag]),
        ({"words": "路灯", "tag": None, "others": [{"words": "井盖", "locale": "EN_GB", "tag": "day"}]}, [tag, locale]),
        ({"words": "路灯", "others": {"words": "井盖", "locale": "EN_GB"}}, [locale]),
    ]
    for given, told in inputs:
        body = {"documentId": IDS["submit"], "variables": {"input": given}}
        async with gateway.session.post(gateway.url, json=body, headers=headers) as response:
            answer = await response.json()
        assert answer["data"] == {"submitPetition": {"position": "intake:new:1"}}
        assert sorted(answer.get("extensions", {}).get("deprecations", [])) == sorted(told)
    await gateway.logged(event="deprecated places are asked for", subject="organisation a-supplier")
    lines = [line for line in gateway.logs if line.get("subject") == "organisation a-supplier"]
    assert [line["deprecations"] for line in lines] == [[tag], [locale]]
