"""What production refuses at start, and what it keeps to itself."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from graphql import get_introspection_query

from services.kernel.auth import keys
from services.kernel.auth.issuers import DEVELOPMENT_ISSUER
from tests.system.gateway.conftest import World
from tests.system.gateway.process import GATEWAY, Gateway, start_and_fail, started

SAFE = {"issuer": "https://login.example/realm"}


def issuers(*given: dict[str, str]) -> str:
    return json.dumps(given)


REFUSED = {
    "the development issuer": (
        {"GATEWAY_ISSUERS": issuers(SAFE, {"issuer": DEVELOPMENT_ISSUER, "jwks": "/etc/keys.json"})},
        "GATEWAY_ISSUERS trusts the development issuer, which production refuses.",
    ),
    "keys in the clear": (
        {"GATEWAY_ISSUERS": issuers(SAFE, {"issuer": "intake", "jwks": "http://keys.example/jwks.json"})},
        'GATEWAY_ISSUERS takes the keys of "intake" from an http address: production needs https',
    ),
    "keys in the clear at another port of intake": (
        {
            "INTAKE_URL": "http://intake.through-train:4001/graphql",
            "GATEWAY_ISSUERS": issuers({"issuer": "intake", "jwks": "http://intake.through-train:80/jwks.json"}),
        },
        'GATEWAY_ISSUERS takes the keys of "intake" from an http address',
    ),
    "keys in the clear from this machine": (
        {"GATEWAY_ISSUERS": issuers(SAFE, {"issuer": "organisation", "jwks": "http://127.0.0.1:9/jwks.json"})},
        'GATEWAY_ISSUERS takes the keys of "organisation" from an http address',
    ),
    "an issuer looked up in the clear": (
        {"GATEWAY_ISSUERS": issuers({"issuer": "http://login.example"})},
        'GATEWAY_ISSUERS takes the keys of "http://login.example" from an http address',
    ),
    "an address in capitals": (
        {"GATEWAY_ISSUERS": issuers({"issuer": "organisation", "jwks": "HTTP://keys.example/jwks.json"})},
        "neither a file's path nor an address that begins with https://",
    ),
    "a file that is not there": (
        {"GATEWAY_ISSUERS": issuers({"issuer": "organisation", "jwks": "/nowhere/jwks.json"})},
        "can't be read (ENOENT)",
    ),
    "the console": ({"GATEWAY_CONSOLE": "on"}, "GATEWAY_CONSOLE must be off in production."),
} | {
    f"{name} {word}": ({f"GATEWAY_{name}": word}, f"GATEWAY_{name} is off, which production refuses")
    for word in ("off", "0")
    for name in (
        "COST_LIMIT",
        "REQUEST_SECONDS",
        "HEADERS_SECONDS",
        "BODY_SECONDS",
        "CONNECTIONS",
        "SUBSCRIPTIONS",
        "SUBSCRIPTIONS_PER_CALLER",
        "SUBSCRIPTIONS_PER_CONNECTION",
        "SUBMIT_PER_ADDRESS",
        "SUBMIT_PER_SUBJECT",
        "OPEN_PER_ADDRESS",
        "OPEN_PER_SUBJECT",
        "OPEN_FAILURES",
    )
}


@pytest.mark.parametrize("what", REFUSED)
def test_production_refuses_to_start_and_names_the_setting(world: World, what: str) -> None:
    given, sentence = REFUSED[what]
    ended = start_and_fail(world.settings | {"GATEWAY_ISSUERS": issuers(SAFE)} | given | {"GATEWAY_ENVIRONMENT": ""})
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""


def test_keys_made_for_development_are_refused_under_any_name(world: World, tmp_path: Path) -> None:
    keys.create_missing(tmp_path)
    for file in (keys.INTAKE_PUBLIC, keys.DEVELOPMENT_PUBLIC):
        given = issuers({"issuer": "https://login.example", "jwks": str(tmp_path / file)})
        ended = start_and_fail(world.settings | {"GATEWAY_ISSUERS": given, "GATEWAY_ENVIRONMENT": "production"})
        assert ended.returncode == 2
        assert "GATEWAY_ISSUERS" in ended.stderr
        assert "made for development" in ended.stderr


def test_the_development_issuer_is_the_one_that_the_services_know() -> None:
    assert f"'{DEVELOPMENT_ISSUER}'" in (GATEWAY / "production.mjs").read_text()


async def test_development_accepts_all_of_it(world: World, session: aiohttp.ClientSession) -> None:
    given = {name: value for settings, _ in REFUSED.values() for name, value in settings.items()}
    given |= {"INTAKE_URL": world.settings["INTAKE_URL"], "GATEWAY_ENVIRONMENT": "development"}
    given["GATEWAY_ISSUERS"] = issuers(SAFE, {"issuer": DEVELOPMENT_ISSUER, "jwks": "http://keys.example/jwks.json"})
    async with started(session, world.settings | given) as gateway:
        assert gateway.logs[0]["environment"] == "development"
        assert (await gateway.ask("{ whoAmI }")).errors == []


@pytest.fixture(scope="module")
async def production(world: World, session: aiohttp.ClientSession) -> AsyncIterator[Gateway]:
    """As the world's settings are, with keys from a file, from this machine and from intake itself."""
    settings = {name: value for name, value in world.settings.items() if name != "GATEWAY_ENVIRONMENT"}
    async with started(session, settings) as gateway:
        yield gateway


async def test_production_is_what_it_is_unless_told_otherwise(production: Gateway, world: World) -> None:
    assert production.logs[0]["environment"] == "production"
    for token in (world.organisation.token(), world.residents.token()):
        assert (await production.ask("{ whoAmI }", token=token)).data == {"whoAmI": f"Bearer {token}"}


async def test_intakes_keys_may_come_in_the_clear_from_where_intake_is_asked(
    world: World, session: aiohttp.ClientSession
) -> None:
    """A name inside a cluster; nobody answers at it here."""
    given = issuers({"issuer": "intake", "jwks": "http://intake.through-train.svc:4001/jwks.json"})
    settings = {"GATEWAY_ISSUERS": given, "INTAKE_URL": "http://intake.through-train.svc:4001/graphql"}
    async with started(session, world.settings | settings | {"GATEWAY_ENVIRONMENT": "production"}) as gateway:
        assert gateway.logs[0]["environment"] == "production"


ASKING = {
    "the whole": get_introspection_query(),
    "a type": '{ __type(name: "Petition") { fields { name } } }',
    "beside data": "{ whoAmI __schema { types { name } } }",
    "under another name": "{ whoAmI nothing: __schema { types { name } } }",
    "in a fragment": "{ ...A } fragment A on Query { ... on Query { __schema { types { name } } } }",
    "in a mutation's answer": 'mutation { rename(id: "p1", title: "x") { position } __schema { types { name } } }',
    "wrongly": "{ __schema { nope } }",
}


@pytest.mark.parametrize("way", ASKING)
async def test_the_schema_is_told_to_nobody(production: Gateway, world: World, way: str) -> None:
    world.clear()
    for token in (None, world.organisation.token(roles=["operator"])):
        answer = await production.ask(ASKING[way], token=token)
        assert answer.data is None
        assert answer.codes() == ["FORBIDDEN"]
    assert all(not service.received for service in world.services.values())


async def test_what_type_an_answer_is_may_be_asked(production: Gateway) -> None:
    answer = await production.ask('{ __typename petition(id: "p1") { __typename } }')
    assert answer.data == {"__typename": "Query", "petition": {"__typename": "Petition"}}


GUESSES: dict[str, tuple[str, dict[str, object]]] = {
    "a field": ("{ petitoin { id } }", {}),
    "a field of a type": ('{ petition(id: "p1") { titel stagee handlings } }', {}),
    "no subfields": ('{ petition(id: "p1") }', {}),
    "a missing argument": ("{ petition { title } }", {}),
    "an argument": ('{ petition(id: "p1", lokale: EN) { title } }', {}),
    "a type": ("query($x: Petitoin) { whoAmI }", {}),
    "a fragment's type": ("{ ... on Petitions { id } }", {}),
    "an enum": ('{ petition(id: "p1", locale: ENN) { title } }', {}),
    "an input's field": ('mutation { submitPetition(input: {wordz: "x"}) { position } }', {}),
    "a directive": ("{ whoAmI @skipp(if: true) }", {}),
    "a variable's field": (
        "mutation($input: SubmitPetitionInput!) { submitPetition(input: $input) { position } }",
        {"input": {"wordz": "x", "locale": "DE"}},
    ),
    "a variable's type": ("query($id: String) { petition(id: $id) { title } }", {"id": "p1"}),
    "a subscription": ("subscription { timelin { sequence } }", {}),
}
SECRETS = {
    *("petition", "petitions", "locale", "ZH_CN", "EN", "words", "tags", "handling", "stage", "title", "deadline"),
    *("Petition", "Locale", "ID", "String", "Int", "Renamed", "Handling", "timeline", "whoAmI", "skip"),
}


def words_in(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


@pytest.mark.parametrize("way", GUESSES)
async def test_a_wrong_guess_is_told_nothing_that_it_did_not_say(production: Gateway, way: str) -> None:
    document, variables = GUESSES[way]
    answer = await production.ask(document, variables)
    assert set(answer.codes()) == {"INVALID_INPUT"}
    told = " ".join(error["message"] + json.dumps(error["extensions"]) for error in answer.errors)
    assert "Did you mean" not in told
    assert SECRETS & words_in(told) <= words_in(document + json.dumps(variables))


async def test_what_the_document_names_itself_is_still_said_to_be_wrong(production: Gateway) -> None:
    answer = await production.ask("{ petitoin { id } }")
    assert [error["message"] for error in answer.errors] == ['Cannot query field "petitoin" on type "Query".']


async def test_in_development_a_wrong_guess_is_helped(a_gateway: Gateway) -> None:
    answer = await a_gateway.ask("{ petitoin { id } }")
    assert 'Did you mean "petition"' in answer.errors[0]["message"]
    document, variables = GUESSES["a variable's field"]
    told = " ".join(error["message"] for error in (await a_gateway.ask(document, variables)).errors)
    assert 'Field "words" of required type "String!" was not provided' in told
    assert 'Field "wordz" is not defined by type "SubmitPetitionInput". Did you mean "words"?' in told
    assert 'Variable "$input.locale" does not fit: a value of type "Locale!" is expected' in told


async def test_production_may_be_told_to_show_its_schema(world: World, session: aiohttp.ClientSession) -> None:
    settings = {"GATEWAY_ENVIRONMENT": "production", "GATEWAY_INTROSPECTION": "allow"}
    async with started(session, world.settings | settings) as gateway:
        answer = await gateway.ask(get_introspection_query())
        assert answer.data["__schema"]["queryType"]["name"] == "Query"


async def test_development_may_be_told_to_hide_its_schema(world: World, session: aiohttp.ClientSession) -> None:
    async with started(session, world.settings | {"GATEWAY_INTROSPECTION": "refuse"}) as gateway:
        assert (await gateway.ask(get_introspection_query())).codes() == ["FORBIDDEN"]
