"""The keys of an issuer: which are fit, when they are fetched, how long they are believed, and where they are found."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, KeySet, RSAKey

from services.kernel.access import Actor
from services.kernel.auth.issuers import INTAKE_ISSUER, ORGANISATION_ROLES, RESIDENTS, Issuer
from services.kernel.auth.key_sets import AGES, Discovered, Published, usable_keys
from services.kernel.auth.tokens import Verifier
from services.kernel.errors import Unauthenticated, Unavailable
from tests.support.door import START, Door, Time, claims_of, door, headed
from tests.support.issuer import AUDIENCE, ec_key, issuing, part, raw, sign

SIGNATURE: Final = "not signed by a key"


async def until(condition: Callable[[], bool]) -> None:
    """Wait a little for what a server in the same process does."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0.01)


def small_rsa() -> dict[str, Any]:
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()  # noqa: S505 - that is the point
    return {"kty": "RSA", "n": part(numbers.n.to_bytes(128, "big")), "e": "AQAB"}


UNFIT: Final[dict[str, Callable[[dict[str, Any]], object]]] = {
    "for encryption": lambda jwk: jwk | {"use": "enc"},
    "for another use": lambda jwk: jwk | {"use": ["sig"]},
    "for another algorithm": lambda jwk: jwk | {"alg": "ES384"},
    "for signing alone": lambda jwk: {k: v for k, v in jwk.items() if k != "use"} | {"key_ops": ["sign"]},
    "a secret": lambda _: {"kty": "oct", "k": part(b"0" * 32)},
    "of another kind": lambda _: {"kty": "OKP", "crv": "Ed25519", "x": part(b"0" * 32)},
    "of a kind that is a list": lambda _: {"kty": ["EC"]},
    "of another curve": lambda _: dict(ECKey.generate_key("P-384").as_dict(private=False)),
    "of no curve": lambda jwk: jwk | {"x": part(b"1" * 32)},
    "in pieces": lambda jwk: {"kty": jwk["kty"], "crv": jwk["crv"]},
    "not in letters": lambda jwk: jwk | {"x": 5},
    "with a name that is a number": lambda jwk: jwk | {"kid": 5},
    "with its private part": lambda _: dict(ec_key("unfit").as_dict(private=True)),
    "of too few bits": lambda _: small_rsa(),
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("flaw", UNFIT)
async def test_an_unfit_key_is_passed_over_and_the_others_stay_good(organisation: Door, flaw: str) -> None:
    unfit = ec_key("unfit")
    flawed = UNFIT[flaw](dict(unfit.as_dict(private=False)))
    organisation.issuer.keys.insert(0, {"kid": "unfit", **flawed} if isinstance(flawed, dict) else flawed)  # pyright: ignore[reportArgumentType]
    assert [key.kid for key in usable_keys({"keys": organisation.issuer.keys})] == ["one"]
    assert SIGNATURE in await organisation.refuses(organisation.token(unfit))
    assert (await organisation.open(organisation.token())).subject == "someone"


async def test_keys_of_one_name_are_told_apart_by_their_algorithm(organisation: Door) -> None:
    key = RSAKey.generate_key(2048, {"kid": organisation.key.kid or "", "use": "sig"})
    organisation.issuer.publish(organisation.key, key)
    assert await organisation.open(organisation.token())
    assert await organisation.open(organisation.token(key))


async def test_a_token_of_an_rsa_key_below_2048_bits_is_refused(organisation: Door) -> None:
    private = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    with pytest.warns(match="2048"):
        key = RSAKey.import_key(private, {"kid": "small"})
    organisation.issuer.publish(organisation.key, key)
    assert SIGNATURE in await organisation.refuses(organisation.token(key))


async def test_a_key_is_good_for_its_own_algorithm_alone(organisation: Door) -> None:
    key = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
    organisation.issuer.publish(key)
    assert SIGNATURE in await organisation.refuses(
        raw(organisation.key, headed(organisation, kid="rsa"), claims_of(organisation))
    )
    assert (await organisation.open(organisation.token(key))).subject == "someone"


async def test_without_a_key_id_the_only_key_that_fits_is_meant(organisation: Door) -> None:
    token = sign(organisation.key, claims_of(organisation), kid=None)
    assert (await organisation.open(token)).subject == "s"
    organisation.issuer.publish(organisation.key, ec_key("two"))
    organisation.time.now += AGES.trusted * 2 + 1
    assert SIGNATURE in await organisation.refuses(
        sign(organisation.key, claims_of(organisation, exp=START + 9999), kid=None)
    )


async def test_an_issuers_key_signs_for_that_issuer_alone() -> None:
    residents = ec_key("residents")
    async with issuing() as server, issuing() as intake:
        key = ec_key()
        server.publish(key)
        intake.publish(residents)
        trusted = (
            Issuer(server.address, Discovered(server.address, development=True), ORGANISATION_ROLES),
            Issuer(INTAKE_ISSUER, Published(f"{intake.address}/keys"), RESIDENTS),
        )
        verifier = Verifier(trusted, audience=AUDIENCE)
        petition = str(uuid4())
        good = intake.token(residents, iss=INTAKE_ISSUER, roles=["resident"], petition=petition)
        assert (await verifier.actor(f"Bearer {good}")).petition == UUID(petition)
        for forged in (
            server.token(residents),
            intake.token(key, iss=INTAKE_ISSUER, roles=["resident"], petition=petition),
            intake.token(residents, iss=INTAKE_ISSUER, roles=["district_supervisor"]),
            server.token(key, roles=["resident"], petition=petition),
        ):
            with pytest.raises(Unauthenticated):
                await verifier.actor(f"Bearer {forged}")


async def test_a_new_key_is_found_without_a_restart_and_the_old_one_goes_on(organisation: Door) -> None:
    assert await organisation.open(organisation.token())
    new = ec_key("two")
    organisation.issuer.publish(organisation.key, new)
    organisation.time.now += AGES.again
    assert await organisation.open(organisation.token(new))
    assert await organisation.open(organisation.token(sub="another"))
    assert organisation.issuer.fetches == 2


async def test_a_key_exchanged_under_the_same_name_is_found(organisation: Door) -> None:
    assert await organisation.open(organisation.token())
    new = ec_key("one")
    organisation.issuer.publish(new)
    organisation.time.now += AGES.again
    assert await organisation.open(organisation.token(new))


async def test_unknown_keys_are_looked_for_every_five_seconds_at_most(organisation: Door) -> None:
    for _ in range(20):
        await organisation.refuses(organisation.token(ec_key("nobody")))
    assert organisation.issuer.fetches == 1
    organisation.time.now += AGES.again
    for _ in range(20):
        await organisation.refuses(organisation.token(ec_key("one")))
    assert organisation.issuer.fetches == 2


async def test_many_who_wait_for_the_keys_cause_one_fetch(organisation: Door) -> None:
    organisation.issuer.open.clear()
    waiting = [asyncio.create_task(organisation.open(organisation.token(sub=f"s{n}"))) for n in range(50)]
    await until(lambda: bool(organisation.issuer.asked))
    waiting[0].cancel()  # who gives up takes it from nobody
    organisation.issuer.open.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert [one.subject for one in answers[1:] if isinstance(one, Actor)] == [f"s{n}" for n in range(1, 50)]
    assert organisation.issuer.fetches == 1


async def test_while_the_issuer_is_away_known_keys_go_on_and_unknown_ones_are_unavailable(organisation: Door) -> None:
    assert await organisation.open(organisation.token())
    organisation.issuer.answer = lambda: web.Response(status=503)
    organisation.time.now += 40 * 60  # long after the keys have grown old
    later = START + 3 * 3600
    assert await organisation.open(organisation.token(sub="another", exp=later))
    with pytest.raises(Unavailable):
        await organisation.open(organisation.token(ec_key("two"), exp=later))
    assert SIGNATURE in await organisation.refuses(organisation.token(ec_key("one"), exp=later))
    organisation.issuer.answer = None
    organisation.time.now += AGES.longest
    assert SIGNATURE in await organisation.refuses(organisation.token(ec_key("two"), exp=later))


async def test_the_longer_an_issuer_is_away_the_less_it_is_asked(organisation: Door) -> None:
    organisation.issuer.answer = lambda: web.Response(status=500)
    asked: list[float] = []
    for _ in range(200):
        before = len(organisation.issuer.asked)
        with pytest.raises(Unavailable):
            await organisation.open(organisation.token())
        if len(organisation.issuer.asked) > before:
            asked.append(organisation.time.now - START)
        organisation.time.now += 0.5
    assert asked == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5]
    organisation.issuer.answer = None
    organisation.time.now += AGES.longest
    assert await organisation.open(organisation.token())


async def test_no_request_waits_for_a_silent_issuer_twice() -> None:
    async with door(ages=replace(AGES, fetch=0.2)) as at:
        at.issuer.open.clear()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(20):
            with pytest.raises(Unavailable):
                await at.open(at.token())
        assert 0.2 <= loop.time() - begun < 2
        assert len(at.issuer.asked) == 1


async def test_while_an_issuer_is_silent_nobody_with_a_known_key_waits() -> None:
    async with door(ages=replace(AGES, fetch=0.1)) as at:
        assert await at.open(at.token())
        at.issuer.open.clear()
        at.time.now += AGES.again
        with pytest.raises(Unavailable):
            await at.open(at.token(ec_key("two")))
        at.time.now += 3 * AGES.trusted
        known = at.verifier._keys[at.issuer.address]
        assert await at.open(at.token(sub="another", exp=START + 9999))
        assert known._fetching is not None  # behind the request, which has been answered


async def test_a_known_token_has_old_keys_renewed_too(organisation: Door) -> None:
    assert await organisation.open(organisation.token())
    organisation.time.now += AGES.trusted / 2
    token = organisation.token(sub="another")
    assert await organisation.open(token)
    organisation.issuer.publish(ec_key("two"))
    organisation.time.now += AGES.trusted / 2 + 1
    assert await organisation.open(token)
    known = organisation.verifier._keys[organisation.issuer.address]
    await until(lambda: {key.kid for key in known._keys or ()} == {"two"})
    assert SIGNATURE in await organisation.refuses(token)


async def test_old_keys_are_renewed_behind_the_request(organisation: Door) -> None:
    assert await organisation.open(organisation.token())
    organisation.issuer.publish(ec_key("two"))
    organisation.issuer.open.clear()
    organisation.time.now += AGES.trusted + 1
    async with asyncio.timeout(1):
        assert await organisation.open(organisation.token(sub="another"))
    organisation.issuer.open.set()
    known = organisation.verifier._keys[organisation.issuer.address]
    await until(lambda: {key.kid for key in known._keys or ()} == {"two"})
    assert SIGNATURE in await organisation.refuses(organisation.token(sub="another"))


async def test_a_known_token_ends_with_its_key(organisation: Door) -> None:
    token = organisation.token()
    assert await organisation.open(token)
    new = ec_key("two")
    organisation.issuer.publish(new)
    assert await organisation.open(token)
    assert organisation.issuer.fetches == 1
    organisation.time.now += AGES.again
    assert await organisation.open(organisation.token(new))
    assert SIGNATURE in await organisation.refuses(token)


async def test_after_a_long_silence_a_withdrawn_key_is_not_believed_even_once(organisation: Door) -> None:
    token = organisation.token()
    assert await organisation.open(token)
    organisation.issuer.publish(ec_key("two"))
    organisation.time.now += 2 * AGES.trusted + 1
    assert SIGNATURE in await organisation.refuses(token)


async def test_an_issuer_that_publishes_no_key_has_withdrawn_them_all(organisation: Door) -> None:
    assert await organisation.open(organisation.token())
    organisation.issuer.publish()
    organisation.time.now += 2 * AGES.trusted + 1
    assert SIGNATURE in await organisation.refuses(organisation.token())


async def test_a_file_of_keys_is_read_again_by_the_same_rules(tmp_path: Path) -> None:
    file, time, old, new = tmp_path / "keys.json", Time(), ec_key("old"), ec_key("new")
    issuer = Issuer(INTAKE_ISSUER, file, RESIDENTS)
    verifier = Verifier((issuer,), audience=AUDIENCE, now=time, ticks=time)

    async def opens(key: ECKey) -> bool:
        claims = {"iss": INTAKE_ISSUER, "aud": AUDIENCE, "sub": "p", "roles": ["resident"], "petition": str(uuid4())}
        try:
            return bool(await verifier.actor(f"Bearer {sign(key, {**claims, 'exp': START + 9999})}"))
        except Unauthenticated:
            return False

    with pytest.raises(Unavailable):
        await opens(old)
    file.write_text(json.dumps(KeySet([old]).as_dict()))
    time.now += AGES.retry
    assert await opens(old)
    file.write_text('{"keys": [')  # half written
    time.now += AGES.again
    assert await opens(old)
    file.write_text(json.dumps(KeySet([new]).as_dict()))
    assert not await opens(ec_key("old"))
    time.now += AGES.again
    assert await opens(new)
    assert not await opens(old)


async def test_keys_at_a_given_address_need_no_discovery() -> None:
    async with door(direct=True) as at:
        assert await at.open(at.token())
        assert at.issuer.asked == ["/keys"]


@pytest.mark.parametrize("end", ["", "/"])
async def test_an_issuer_is_discovered_with_and_without_a_slash_at_its_end(end: str) -> None:
    async with issuing() as server:
        key, name = ec_key(), server.address + end
        server.publish(key)
        server.configuration["issuer"] = name
        issuer = Issuer(name, Discovered(name, development=True), ORGANISATION_ROLES)
        verifier = Verifier((issuer,), audience=AUDIENCE)
        assert await verifier.actor(f"Bearer {server.token(key, iss=name)}")
        assert server.asked == ["/.well-known/openid-configuration", "/keys"]


WRONG_CONFIGURATIONS: Final[dict[str, Any]] = {
    "of another issuer": {"issuer": "https://another.example"},
    "of this issuer but for a slash": {"issuer": None},
    "without an address of keys": {"jwks_uri": None},
    "with an address that is a list": {"jwks_uri": ["https://127.0.0.1/keys"]},
    "with an address that is none": {"jwks_uri": "https://[/keys"},
    "with keys over plain http": {"jwks_uri": "http://keys.example/keys"},
    "with keys in a file": {"jwks_uri": "file:///etc/keys.json"},
}


@pytest.mark.parametrize("wrong", WRONG_CONFIGURATIONS)
async def test_a_configuration_that_cannot_be_trusted_gives_no_keys(organisation: Door, wrong: str) -> None:
    organisation.issuer.configuration = dict(WRONG_CONFIGURATIONS[wrong])
    if organisation.issuer.configuration.get("issuer", "") is None:
        organisation.issuer.configuration["issuer"] = f"{organisation.issuer.address}/"
    with pytest.raises(Unavailable):
        await organisation.open(organisation.token())
    assert organisation.issuer.fetches == 0


async def test_in_production_an_issuer_on_this_machine_needs_https_too() -> None:
    async with issuing() as server:
        server.publish(ec_key())
        issuer = Issuer(server.address, Discovered(server.address), ORGANISATION_ROLES)
        with pytest.raises(Unavailable):
            await Verifier((issuer,), audience=AUDIENCE).actor(f"Bearer {server.token(ec_key())}")
        assert server.fetches == 0


async def test_an_issuer_that_sends_us_elsewhere_is_not_followed(organisation: Door) -> None:
    async with issuing() as elsewhere:
        elsewhere.publish(organisation.key)
        to = {"Location": f"{elsewhere.address}/keys"}
        organisation.issuer.answer = lambda: web.Response(status=302, headers=to)
        with pytest.raises(Unavailable):
            await organisation.open(organisation.token())
        assert elsewhere.asked == []


WRONG_ANSWERS: Final[dict[str, Callable[[], web.Response]]] = {
    "a failure": lambda: web.Response(status=500),
    "another status": lambda: web.json_response({"keys": []}, status=203),
    "a page": lambda: web.Response(text="<html>"),
    "a list": lambda: web.json_response([]),
    "keys that are an object": lambda: web.json_response({"keys": {}}),
    "a bottomless answer": lambda: web.Response(body=b"[" * 100_000),
    "an endless answer": lambda: web.Response(body=b'{"keys": []' + b" " * 300_000 + b"}"),
}


@pytest.mark.parametrize("wrong", WRONG_ANSWERS)
async def test_an_answer_that_is_no_key_set_changes_nothing(wrong: str) -> None:
    async with door(direct=True) as at:
        assert await at.open(at.token())
        at.issuer.answer = WRONG_ANSWERS[wrong]
        at.time.now += AGES.again
        with pytest.raises(Unavailable):
            await at.open(at.token(ec_key("two")))
        assert at.issuer.asked == ["/keys", "/keys"]
        assert await at.open(at.token(sub="another"))
