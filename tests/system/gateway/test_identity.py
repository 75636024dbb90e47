"""Who is let through, who is refused, and that no two callers ever share an answer."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Mapping

import aiohttp
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.system.gateway import stubs
from tests.system.gateway.conftest import AUDIENCE, Issuer, World
from tests.system.gateway.process import Gateway, started

WHO = "{ whoAmI }"


async def test_without_a_token_the_request_passes(js_gateway: Gateway) -> None:
    answer = await js_gateway.ask(WHO)
    assert (answer.status, answer.data, answer.errors) == (200, {"whoAmI": "anonymous"}, [])


@pytest.mark.parametrize("issuer", ["organisation", "residents"])
async def test_a_good_token_passes_and_reaches_the_service_whole(
    js_gateway: Gateway, world: World, issuer: str
) -> None:
    token = getattr(world, issuer).token()
    answer = await js_gateway.ask(WHO, token=token)
    again = await js_gateway.ask(WHO, token=token)
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


BAD: dict[str, Callable[[World], str]] = {
    "signed by a key of nobody's": lambda world: world.organisation.token(key=ECKey.generate_key("P-256")),
    "signed by the other issuer's key": lambda world: Issuer("organisation", world.residents.key).token(),
    "expired": lambda world: world.organisation.token(lives=-1),
    "without an end": lambda world: world.organisation.token(exp=None),
    "not yet valid": lambda world: world.organisation.token(nbf=int(time.time()) + 60),
    "for another audience": lambda world: world.organisation.token(aud="someone-else"),
    "without an audience": lambda world: world.organisation.token(aud=None),
    "of an unknown issuer": lambda world: Issuer("stranger", world.organisation.key).token(),
    "without an issuer": lambda world: world.organisation.token(iss=None),
    "without a signature": unsigned,
    "signed with the public key as a secret": symmetric,
    "altered": lambda world: world.organisation.token()[:-6] + "AAAAAA",
    "garbage": lambda _world: "not-a-token",
    "three dots": lambda _world: "a.b.c",
    "two words": lambda _world: "a b",
}


@pytest.mark.parametrize("flaw", BAD)
async def test_a_bad_token_is_refused_before_any_service_sees_it(js_gateway: Gateway, world: World, flaw: str) -> None:
    token = BAD[flaw](world)
    answer = await js_gateway.ask(WHO, token=token)
    assert answer.status == 401
    assert answer.data is None
    assert answer.codes() == ["UNAUTHENTICATED"]
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert token not in str(answer.errors)
    assert all(not service.received for service in world.services.values())
    assert token not in str(js_gateway.logs)


async def test_another_scheme_is_refused(js_gateway: Gateway) -> None:
    answer = await js_gateway.ask(WHO, authorization="Basic dXNlcjpwYXNz")
    assert (answer.status, answer.codes()) == (401, ["UNAUTHENTICATED"])


async def test_a_known_token_ends_with_its_time(js_gateway: Gateway, world: World) -> None:
    token = world.organisation.token(exp=int(time.time()) + 2)
    assert (await js_gateway.ask(WHO, token=token)).status == 200
    await asyncio.sleep(2.1)
    answer = await js_gateway.ask(WHO, token=token)
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


async def test_a_new_key_of_an_issuer_is_found_without_a_restart(js_gateway: Gateway, world: World) -> None:
    successor = ECKey.generate_key("P-256", {"kid": "intake-2", "use": "sig"})
    rotated = Issuer(world.residents.name, successor)
    assert (await js_gateway.ask(WHO, token=world.residents.token())).status == 200
    published = world.services["intake"].jwks
    try:
        world.services["intake"].jwks = {"keys": [*published["keys"], *rotated.jwks()["keys"]]}
        statuses: list[int] = []
        while 200 not in statuses and len(statuses) < 30:  # keys are looked up every 5 s at most
            statuses.append((await js_gateway.ask(WHO, token=rotated.token())).status)
            await asyncio.sleep(0.2)
        assert statuses[-1] == 200
        assert (await js_gateway.ask(WHO, token=world.residents.token("other"))).status == 200
    finally:
        world.services["intake"].jwks = published


@pytest.mark.parametrize("query", ["{ whoAmI(wait: 0.05) }", "{ whoAmI(wait: 0.05) dispatchCaller(wait: 0.05) }"])
async def test_two_users_never_share_an_answer(gateway: Gateway, world: World, query: str) -> None:
    """The same query from forty callers at once, with one request id: everything equal but the token."""
    tokens = [world.organisation.token(f"user-{n}") for n in range(20)] + [None] * 20
    answers = await asyncio.gather(*(gateway.ask(query, token=token, x_request_id="same") for token in tokens))
    for token, answer in zip(tokens, answers, strict=True):
        assert answer.errors == []
        assert set(answer.data.values()) == {f"Bearer {token}" if token else "anonymous"}
    assert len(world.services["intake"].received) == len(tokens)
