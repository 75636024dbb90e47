"""One petition from three services: what each is asked, and what is left when one is away."""

import aiohttp
import pytest

from tests.system.gateway.conftest import World
from tests.system.gateway.process import Gateway, started

PETITION = """query One($id: ID!) {
  petition(id: $id) {
    id title deadline { due label(locale: ZH_CN) }
    handling { asOf deadline { due locale } }
    stage
  }
}"""
PAGE = "{ petitions(first: 20) { edges { node { title handling { asOf } stage } } pageInfo { hasNextPage } } }"
MOMENT = "2026-11-02T08:30:00+00:00"


async def test_one_query_gathers_a_petition_from_all_services(gateway: Gateway) -> None:
    answer = await gateway.ask(PETITION, {"id": "p7"})
    assert answer.errors == []
    assert answer.data["petition"] == {
        "id": "p7",
        "title": "title p7",
        "deadline": {"due": MOMENT, "label": "due in zh-CN"},
        "handling": {"asOf": MOMENT, "deadline": {"due": MOMENT, "locale": "ZH_CN"}},
        "stage": "stage of p7",
    }


async def test_a_page_of_twenty_costs_one_entity_call_per_service(gateway: Gateway, world: World) -> None:
    answer = await gateway.ask(PAGE)
    edges = answer.data["petitions"]["edges"]
    assert answer.errors == []
    assert [edge["node"]["stage"] for edge in edges] == [f"stage of p{n}" for n in range(20)]
    assert {name: len(service.received) for name, service in world.services.items()} == {
        "intake": 1,
        "dispatch": 1,
        "feedback": 1,
    }
    assert world.services["dispatch"].entity_calls() == world.services["feedback"].entity_calls() == 1


async def test_a_list_that_begins_elsewhere_gets_the_owners_fields(gateway: Gateway, world: World) -> None:
    answer = await gateway.ask("{ queue(first: 20) { id title stage } }")
    assert answer.errors == []
    assert answer.data["queue"][19] == {"id": "p19", "title": "title p19", "stage": "stage of p19"}
    assert world.services["intake"].entity_calls() == 1


async def test_a_mutation_reaches_its_service_once_and_returns_other_services_fields(
    gateway: Gateway, world: World
) -> None:
    rename = 'mutation { rename(id: "p1", title: "路灯") { position petition { title stage } } }'
    answer = await gateway.ask(rename)
    assert answer.errors == []
    assert answer.data["rename"] == {
        "position": "intake:1:7",
        "petition": {"title": "路灯", "stage": "stage of p1"},
    }
    assert len(world.services["intake"].received) == 1


async def test_a_services_code_and_details_pass_unchanged(gateway: Gateway) -> None:
    answer = await gateway.ask('{ refused(code: "INVALID_STATE") }')
    [error] = answer.errors
    assert answer.status == 200
    assert answer.data == {"refused": None}
    assert error["message"] == "not from here"
    assert error["path"] == ["refused"]
    assert error["extensions"] == {"code": "INVALID_STATE", "state": "CLOSED", "allowed": ["REOPEN"]}


CODES = ["UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "INVALID_INPUT", "CONFLICT", "RATE_LIMITED", "INTERNAL"]


@pytest.mark.parametrize("code", CODES)
async def test_each_code_of_the_list_passes(a_gateway: Gateway, code: str) -> None:
    answer = await a_gateway.ask("query Q($code: String!) { refused(code: $code) }", {"code": code})
    assert answer.codes() == [code]


async def test_an_error_below_an_entity_keeps_its_path_and_the_rest_of_the_answer(
    gateway: Gateway,
) -> None:
    answer = await gateway.ask(PETITION, {"id": "refused"})
    [error] = answer.errors
    assert error["path"] == ["petition", "handling"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert answer.data["petition"]["title"] == "title refused"
    assert answer.data["petition"]["stage"] == "stage of refused"


@pytest.mark.parametrize("query", ["{ crash }", '{ refused(code: "") }', '{ refused(code: "HOMEMADE") }'])
async def test_an_error_without_a_listed_code_becomes_internal_with_an_id_that_is_logged(
    gateway: Gateway, query: str
) -> None:
    answer = await gateway.ask(query, x_request_id="req-41")
    [error] = answer.errors
    assert error["extensions"].keys() == {"code", "id"}
    assert error["extensions"]["code"] == "INTERNAL"
    assert "secret" not in str(answer)
    line = await gateway.logged(id=error["extensions"]["id"])
    assert (line["requestId"], line["from"]) == ("req-41", "intake")
    assert "secret" not in str(line)


@pytest.mark.parametrize("planner", ["js", "rust"])
async def test_a_dead_service_leaves_the_others_data_and_says_which(
    world: World, session: aiohttp.ClientSession, nobody: str, planner: str
) -> None:
    settings = world.settings | {"DISPATCH_URL": nobody, "GATEWAY_PLANNER": planner}
    async with started(session, settings) as gateway:
        answer = await gateway.ask(PETITION, {"id": "p1"})
        page = await gateway.ask(PAGE)
        root = await gateway.ask("{ dispatchCaller }")
    assert answer.status == 200
    assert answer.data["petition"]["title"] == "title p1"
    assert answer.data["petition"]["stage"] == "stage of p1"
    assert answer.data["petition"]["handling"] is None
    [error] = answer.errors
    assert error["extensions"] == {"code": "UNAVAILABLE", "service": "dispatch"}
    assert error["message"] == 'The service "dispatch" is not answering.'
    assert error["path"] == ["petition", "handling"]
    assert [edge["node"]["stage"] for edge in page.data["petitions"]["edges"]] == [f"stage of p{n}" for n in range(20)]
    missing = [["petitions", "edges", n, "node", "handling"] for n in range(20)]
    assert sorted(error["path"] for error in page.errors) == missing
    assert set(page.codes()) == {"UNAVAILABLE"}
    assert (root.data, root.codes(), root.errors[0]["path"]) == (None, ["UNAVAILABLE"], ["dispatchCaller"])
    port = nobody.split(":")[2].split("/")[0]
    assert not any(part in str((answer, page, root)) for part in ("127.0.0.1", port, "ECONNREFUSED", "stack"))


@pytest.mark.parametrize("planner", ["js", "rust"])
async def test_with_the_owner_away_the_others_lists_still_answer(
    world: World, session: aiohttp.ClientSession, nobody: str, planner: str
) -> None:
    settings = world.settings | {"INTAKE_URL": nobody, "GATEWAY_PLANNER": planner}
    async with started(session, settings) as gateway:
        answer = await gateway.ask("{ stages { id stage title } }")
    assert answer.data["stages"] == [
        {"id": "p0", "stage": "stage of p0", "title": None},
        {"id": "p1", "stage": "stage of p1", "title": None},
    ]
    assert set(answer.codes()) == {"UNAVAILABLE"}
    assert {error["extensions"]["service"] for error in answer.errors} == {"intake"}


async def test_with_a_service_away_every_place_in_a_list_has_its_own_error(
    world: World, session: aiohttp.ClientSession, nobody: str
) -> None:
    query = """query ($yes: Boolean!) {
      some: queue(ids: ["p1", "refused"]) { ...Whole similar @skip(if: $yes) { edges { cursor } } }
    }
    fragment Whole on Petition { id title called: title handling { asOf } }"""
    async with started(session, world.settings | {"INTAKE_URL": nobody}) as gateway:
        answer = await gateway.ask(query, {"yes": True})
    away = {"code": "UNAVAILABLE", "service": "intake"}
    places = [error["path"] for error in answer.errors if error["extensions"] == away]
    assert sorted(places) == [["some", n, key] for n in (0, 1) for key in ("called", "title")]
    [refused] = [error for error in answer.errors if error["extensions"] != away]
    assert (refused["path"], refused["extensions"]["code"]) == (["some", 1, "handling"], "FORBIDDEN")


async def test_with_a_service_away_its_root_fields_are_null_and_the_others_there(
    world: World, session: aiohttp.ClientSession, nobody: str
) -> None:
    query = '{ a: petition(id: "p1") { title } refused(code: "") dispatchCaller }'
    async with started(session, world.settings | {"INTAKE_URL": nobody}) as gateway:
        answer = await gateway.ask(query)
    assert answer.data == {"a": None, "refused": None, "dispatchCaller": "anonymous"}
    assert [(error["path"], error["extensions"]["code"]) for error in answer.errors] == [
        (["a"], "UNAVAILABLE"),
        (["refused"], "UNAVAILABLE"),
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "{ whoAmI __schema { queryType { name } } }",
            {"whoAmI": "anonymous", "__schema": {"queryType": {"name": "Query"}}},
        ),
        ('{ ...S } fragment S on Query { __type(name: "Query") { name } }', {"__type": {"name": "Query"}}),
        ("{ __typename whoAmI }", {"__typename": "Query", "whoAmI": "anonymous"}),
    ],
)
async def test_the_schema_is_told_beside_data(gateway: Gateway, query: str, expected: object) -> None:
    answer = await gateway.ask(query)
    assert (answer.data, answer.errors) == (expected, [])


async def test_an_operation_that_leaves_everything_out_is_answered_with_nothing(gateway: Gateway) -> None:
    answer = await gateway.ask("query ($no: Boolean = false) { whoAmI @include(if: $no) }")
    assert (answer.status, answer.data, answer.errors) == (200, {}, [])


@pytest.mark.parametrize("path", ["/jwks.json", "/nowhere"])
async def test_an_answer_that_is_no_graphql_counts_as_none(
    world: World, session: aiohttp.ClientSession, path: str
) -> None:
    url = world.services["intake"].url.replace("/graphql", path)
    async with started(session, world.settings | {"DISPATCH_URL": url}) as gateway:
        answer = await gateway.ask(PETITION, {"id": "p1"})
    assert answer.codes() == ["UNAVAILABLE"]
    assert answer.data["petition"]["title"] == "title p1"


async def test_an_entity_its_owner_does_not_know_keeps_the_others_fields(gateway: Gateway) -> None:
    answer = await gateway.ask('{ queue(ids: ["unknown", "p1"]) { id title handling { asOf } stage } }')
    assert answer.errors == []
    assert answer.data["queue"] == [
        {"id": "unknown", "title": None, "handling": {"asOf": MOMENT}, "stage": "stage of unknown"},
        {"id": "p1", "title": "title p1", "handling": {"asOf": MOMENT}, "stage": "stage of p1"},
    ]
