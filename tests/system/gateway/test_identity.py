"""Who is let through, who is refused, and that no two callers ever share an answer."""

import asyncio
import base64
import json
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from services.kernel.auth.tokens import SKEW_SECONDS
from tests.system.gateway import stubs
from tests.system.gateway.conftest import AUDIENCE, SKEW, Issuer, World
from tests.system.gateway.process import GATEWAY, Gateway, started

WHO = "{ whoAmI }"


async def test_without_a_token_the_request_passes(a_gateway: Gateway) -> None:
    answer = await a_gateway.ask(WHO)
    assert (answer.status, answer.data, answer.errors) == (200, {"whoAmI": "anonymous"}, [])


@pytest.mark.parametrize("issuer", ["organisation", "residents"])
async def test_a_good_token_passes_and_reaches_the_service_whole(a_gateway: Gateway, world: World, issuer: str) -> None:
    token = getattr(world, issuer).token()
    answer = await a_gateway.ask(WHO, token=token)
    again = await a_gateway.ask(WHO, token=token)
    assert answer.data == again.data == {"whoAmI": f"Bearer {token}"}


async def test_rs256_passes(world: World, session: aiohttp.ClientSession) -> None:
    key = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
    async with stubs.running("intake") as issuer:
        issuer.jwks = {"keys": [key.as_dict(private=False)]}
        jwks = issuer.url.replace("graphql", "jwks.json")
        settings = world.settings | {"GATEWAY_ISSUERS": json.dumps([{"issuer": "rsa", "jwks": jwks}])}
        claims = {"iss": "rsa", "aud": [AUDIENCE, "other"], "sub": "s", "exp": int(time.time()) + 60}
        token = jwt.encode({"alg": "RS256", "kid": "rsa-1"}, claims, key)
        async with started(session, settings) as gateway:
            assert (await gateway.ask(WHO, token=token)).data == {"whoAmI": f"Bearer {token}"}


def unsigned(world: World) -> str:
    def part(value: Mapping[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {"iss": "organisation", "aud": AUDIENCE, "sub": "s", "exp": int(time.time()) + 60}
    return f"{part({'alg': 'none'})}.{part(claims)}."


def symmetric(world: World) -> str:
    """The classic confusion: HS256 with the public key as the secret."""
    secret = OctKey.import_key(json.dumps(world.organisation.jwks()["keys"][0]))
    claims = {"iss": "organisation", "aud": AUDIENCE, "sub": "s", "exp": int(time.time()) + 60}
    return jwt.encode({"alg": "HS256", "kid": world.organisation.key.kid}, claims, secret)


def signed_otherwise(world: World, algorithm: str) -> str:
    """Signed with an algorithm that is not on the list, by a key that the issuer publishes."""
    claims = {"iss": "organisation", "aud": AUDIENCE, "sub": "s", "exp": int(time.time()) + 60}
    key = world.odd_keys[algorithm]
    return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key, algorithms=[algorithm])


def with_its_own_key(world: World) -> str:
    """The header brings the key that it asks to be checked with."""
    key = ECKey.generate_key("P-256", {"kid": str(world.organisation.key.kid), "use": "sig"})
    claims = {"iss": "organisation", "aud": AUDIENCE, "sub": "s", "exp": int(time.time()) + 60}
    registry = JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    header = {"alg": "ES256", "kid": key.kid, "jwk": key.as_dict(private=False)}
    return jwt.encode(header, claims, key, registry=registry)


BAD: dict[str, Callable[[World], str]] = {
    "signed by a key of nobody's": lambda world: world.organisation.token(key=ECKey.generate_key("P-256")),
    "signed by the other issuer's key": lambda world: Issuer("organisation", world.residents.key).token(),
    "expired for longer than clocks may differ": lambda world: world.organisation.token(lives=-SKEW - 1),
    "without an end": lambda world: world.organisation.token(exp=None),
    "not yet valid": lambda world: world.organisation.token(nbf=int(time.time()) + SKEW + 5),
    "issued in the future": lambda world: world.organisation.token(iat=int(time.time()) + SKEW + 5),
    "issued at no time": lambda world: world.organisation.token(iat="yesterday"),
    "for another audience": lambda world: world.organisation.token(aud="someone-else"),
    "without an audience": lambda world: world.organisation.token(aud=None),
    "of an unknown issuer": lambda world: Issuer("stranger", world.organisation.key).token(),
    "without an issuer": lambda world: world.organisation.token(iss=None),
    "without a signature": unsigned,
    "signed with the public key as a secret": symmetric,
    "signed with EdDSA": lambda world: signed_otherwise(world, "Ed25519"),
    "signed with ES384": lambda world: signed_otherwise(world, "ES384"),
    "signed with PS256": lambda world: signed_otherwise(world, "PS256"),
    "signed with RS512": lambda world: signed_otherwise(world, "RS512"),
    "signed with a key of its own": with_its_own_key,
    "altered": lambda world: world.organisation.token()[:-6] + "AAAAAA",
    "garbage": lambda _world: "not-a-token",
    "three dots": lambda _world: "a.b.c",
    "two words": lambda _world: "a b",
}


@pytest.mark.parametrize("flaw", BAD)
async def test_a_bad_token_is_refused_before_any_service_sees_it(a_gateway: Gateway, world: World, flaw: str) -> None:
    token = BAD[flaw](world)
    answer = await a_gateway.ask(WHO, token=token)
    assert answer.status == 401
    assert answer.data is None
    assert answer.codes() == ["UNAUTHENTICATED"]
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert token not in str(answer.errors)
    assert all(not service.received for service in world.services.values())
    assert token not in str(a_gateway.logs)


async def test_another_scheme_is_refused(a_gateway: Gateway) -> None:
    answer = await a_gateway.ask(WHO, authorization="Basic dXNlcjpwYXNz")
    assert (answer.status, answer.codes()) == (401, ["UNAUTHENTICATED"])


OFF_BY_LESS: dict[str, Callable[[], dict[str, Any]]] = {
    "expired": lambda: {"exp": int(time.time()) - SKEW + 10},
    "not yet valid": lambda: {"nbf": int(time.time()) + SKEW - 5},
    "issued in the future": lambda: {"iat": int(time.time()) + SKEW - 5},
}


@pytest.mark.parametrize("claim", OFF_BY_LESS)
async def test_clocks_may_differ_by_half_a_minute(a_gateway: Gateway, world: World, claim: str) -> None:
    answer = await a_gateway.ask(WHO, token=world.organisation.token(**OFF_BY_LESS[claim]()))
    assert (answer.status, answer.errors) == (200, [])


def test_the_gateway_and_the_services_allow_clocks_the_same() -> None:
    [bound] = re.findall(r"const SKEW_SECONDS = (\d+);", (GATEWAY / "identity.mjs").read_text())
    assert int(bound) == SKEW_SECONDS == SKEW


async def test_a_token_may_last_as_long_as_its_issuer_likes(a_gateway: Gateway, world: World) -> None:
    token = world.organisation.token(exp=int(time.time()) + 10 * 365 * 86400)
    assert (await a_gateway.ask(WHO, token=token)).status == 200


async def test_a_known_token_ends_with_its_time(a_gateway: Gateway, world: World) -> None:
    token = world.organisation.token(exp=int(time.time()) - SKEW + 2)
    assert (await a_gateway.ask(WHO, token=token)).status == 200
    await asyncio.sleep(2.1)
    answer = await a_gateway.ask(WHO, token=token)
    assert (answer.status, answer.codes()) == (401, ["UNAUTHENTICATED"])


async def test_keys_that_cannot_be_had_yet_are_not_the_tokens_fault(
    world: World, session: aiohttp.ClientSession, nobody: str
) -> None:
    late = Issuer.of("late")
    jwks = nobody.replace("graphql", "jwks.json")
    settings = world.settings | {"GATEWAY_ISSUERS": json.dumps([{"issuer": "late", "jwks": jwks}])}
    async with started(session, settings) as gateway:
        before = await gateway.ask(WHO, token=late.token())
        anonymous = await gateway.ask(WHO)
        assert (before.status, before.codes()) == (503, ["UNAVAILABLE"])
        assert anonymous.status == 200
        async with stubs.running("intake", int(nobody.split(":")[2].split("/")[0])) as issuer:
            issuer.jwks = late.jwks()
            await asyncio.sleep(0.6)
            assert (await gateway.ask(WHO, token=late.token())).status == 200


async def test_a_new_key_of_an_issuer_is_found_without_a_restart(a_gateway: Gateway, world: World) -> None:
    successor = ECKey.generate_key("P-256", {"kid": "intake-2", "use": "sig"})
    rotated = Issuer(world.residents.name, successor)
    assert (await a_gateway.ask(WHO, token=world.residents.token())).status == 200
    published = world.services["intake"].jwks
    try:
        world.services["intake"].jwks = {"keys": [*published["keys"], *rotated.jwks()["keys"]]}
        statuses: list[int] = []
        while 200 not in statuses and len(statuses) < 30:  # keys are looked up every 5 s at most
            statuses.append((await a_gateway.ask(WHO, token=rotated.token())).status)
            await asyncio.sleep(0.2)
        assert statuses[-1] == 200
        assert (await a_gateway.ask(WHO, token=world.residents.token("other"))).status == 200
    finally:
        world.services["intake"].jwks = published


async def test_a_withdrawn_key_ends_known_tokens_too_when_the_keys_have_grown_old(
    world: World, session: aiohttp.ClientSession
) -> None:
    async with stubs.running("intake") as publisher:
        leaving, staying = Issuer.of("leaving"), Issuer("leaving", ECKey.generate_key("P-256", {"kid": "staying"}))
        publisher.jwks = {"keys": [*leaving.jwks()["keys"], *staying.jwks()["keys"]]}
        issuers = [{"issuer": "leaving", "jwks": publisher.url.replace("graphql", "jwks.json")}]
        settings = world.settings | {"GATEWAY_ISSUERS": json.dumps(issuers), "GATEWAY_KEYS_SECONDS": "2"}
        async with started(session, settings) as gateway:
            known, other = leaving.token("known"), staying.token("other")
            assert (await gateway.ask(WHO, token=known)).status == 200
            assert (await gateway.ask(WHO, token=other)).status == 200
            publisher.jwks = staying.jwks()
            assert (await gateway.ask(WHO, token=known)).status == 200
            await asyncio.sleep(2.1)
            assert (await gateway.ask(WHO, token=known)).status == 401
            assert (await gateway.ask(WHO, token=other)).status == 200


async def test_known_keys_are_kept_while_their_source_is_away(world: World, session: aiohttp.ClientSession) -> None:
    async with stubs.running("intake") as publisher:
        issuer = Issuer.of("away")
        publisher.jwks = issuer.jwks()
        issuers = [{"issuer": "away", "jwks": publisher.url.replace("graphql", "jwks.json")}]
        settings = world.settings | {"GATEWAY_ISSUERS": json.dumps(issuers), "GATEWAY_KEYS_SECONDS": "1"}
        async with started(session, settings) as gateway:
            assert (await gateway.ask(WHO, token=issuer.token())).status == 200
            await publisher.stop()
            await asyncio.sleep(1.1)
            assert (await gateway.ask(WHO, token=issuer.token())).status == 200
            assert (await gateway.ask(WHO, token=issuer.token("new"))).status == 200
            assert (await gateway.logged(event="issuer keys not fetched"))["reason"] == "ECONNREFUSED"
            new = Issuer("away", ECKey.generate_key("P-256", {"kid": "new"}))
            await asyncio.sleep(1.1)
            answer = await gateway.ask(WHO, token=new.token())
            assert (answer.status, answer.codes()) == (503, ["UNAVAILABLE"])  # its key may be there by now


@dataclass
class Directory:
    """An issuer with an OpenID configuration, as a directory service has one."""

    root: str
    configuration: dict[str, str]
    issuer: Issuer


@asynccontextmanager
async def directory(**told: str) -> AsyncGenerator[Directory]:
    """Serve a configuration and keys on loopback; `told` replaces what the configuration says."""
    found = Directory("", {}, Issuer.of("directory"))

    async def configuration(_request: web.Request) -> web.Response:
        return web.json_response(found.configuration)

    async def jwks(_request: web.Request) -> web.Response:
        return web.json_response(found.issuer.jwks())

    app = web.Application()
    app.router.add_get("/realm/.well-known/openid-configuration", configuration)
    app.router.add_get("/realm/keys", jwks)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found.root = f"http://127.0.0.1:{runner.addresses[0][1]}/realm"
        found.issuer.name = found.root
        found.configuration = {"issuer": found.root, "jwks_uri": f"{found.root}/keys"} | told
        yield found
    finally:
        await runner.cleanup()


async def test_an_issuers_keys_are_found_by_its_configuration(world: World, session: aiohttp.ClientSession) -> None:
    async with directory() as organisation:
        settings = world.settings | {"GATEWAY_ISSUERS": json.dumps([{"issuer": organisation.root}])}
        async with started(session, settings) as gateway:
            token = organisation.issuer.token()
            assert (await gateway.ask(WHO, token=token)).data == {"whoAmI": f"Bearer {token}"}
            stranger = Issuer(organisation.root, ECKey.generate_key("P-256", {"kid": "stranger"}))
            assert (await gateway.ask(WHO, token=stranger.token())).status == 401


@pytest.mark.parametrize(
    ("told", "environment", "reason"),
    [
        ({"issuer": "https://login.example"}, "development", "OTHER_ISSUER"),
        ({"jwks_uri": "http://keys.example/keys"}, "development", "JWKS_URI_NOT_HTTPS"),
        ({"jwks_uri": "file:///etc/passwd"}, "development", "JWKS_URI_NOT_HTTPS"),
        ({"jwks_uri": ""}, "development", "JWKS_URI_NOT_HTTPS"),
    ],
)
async def test_a_configuration_that_cannot_be_trusted_gives_no_keys(
    world: World, session: aiohttp.ClientSession, told: dict[str, str], environment: str, reason: str
) -> None:
    async with directory(**told) as organisation:
        issuers = json.dumps([{"issuer": organisation.root}])
        settings = world.settings | {"GATEWAY_ISSUERS": issuers, "GATEWAY_ENVIRONMENT": environment}
        async with started(session, settings) as gateway:
            answer = await gateway.ask(WHO, token=organisation.issuer.token())
            assert (answer.status, answer.codes()) == (503, ["UNAVAILABLE"])
            assert (await gateway.logged(event="issuer keys not fetched"))["reason"] == reason


@pytest.mark.parametrize("query", ["{ whoAmI(wait: 0.05) }", "{ whoAmI(wait: 0.05) dispatchCaller(wait: 0.05) }"])
async def test_two_users_never_share_an_answer(gateway: Gateway, world: World, query: str) -> None:
    """The same query from forty callers at once, with one request id: everything equal but the token."""
    tokens = [world.organisation.token(f"user-{n}") for n in range(20)] + [None] * 20
    answers = await asyncio.gather(*(gateway.ask(query, token=token, x_request_id="same") for token in tokens))
    for token, answer in zip(tokens, answers, strict=True):
        assert answer.errors == []
        assert set(answer.data.values()) == {f"Bearer {token}" if token else "anonymous"}
    assert len(world.services["intake"].received) == len(tokens)
