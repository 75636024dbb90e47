"""Which tokens open the door: signatures, keys and their ages, times, and what a token may say of its holder."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwe, jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from services.contracts.vocabulary import Role
from services.kernel.access import ANYONE, Actor
from services.kernel.auth.issuers import CLAIMS, INTAKE_ISSUER, ORGANISATION_ROLES, RESIDENTS, Issuer
from services.kernel.auth.key_sets import AGES, Ages, Discovered, Published
from services.kernel.auth.tokens import LONGEST_TOKEN, SKEW_SECONDS, Verifier
from services.kernel.errors import Unauthenticated, Unavailable
from tests.support.issuer import AUDIENCE, ec_key, issuing, sign
from tests.support.issuer import Issuer as IssuerServer

START: Final = 1_900_000_000


class Time:
    """The system's time and what measures ages: it stands still until it is moved."""

    def __init__(self) -> None:
        self.now = float(START)

    def __call__(self) -> float:
        return self.now


@dataclass
class Door:
    """A verifier that trusts one running issuer, whose key is `key`."""

    issuer: IssuerServer
    key: ECKey
    time: Time
    verifier: Verifier

    def token(self, key: ECKey | RSAKey | None = None, /, **claims: Any) -> str:
        return self.issuer.token(key or self.key, at=START, **claims)

    async def open(self, token: str) -> Actor:
        return await self.verifier.actor(f"Bearer {token}")

    async def refuses(self, token: str) -> str:
        """Return why a token is refused."""
        with pytest.raises(Unauthenticated) as refusal:
            await self.open(token)
        assert token not in refusal.value.message
        return refusal.value.message


@asynccontextmanager
async def door(
    *,
    claims: Mapping[Any, str] | None = None,
    roles: frozenset[Role] = ORGANISATION_ROLES,
    ages: Ages = AGES,
    remembered: int = 10_000,
    direct: bool = False,
) -> AsyncGenerator[Door]:
    async with issuing() as server:
        time, key = Time(), ec_key()
        server.publish(key)
        place = Published(f"{server.address}/keys") if direct else Discovered(server.address, development=True)
        issuer = Issuer(server.address, place, roles, {**CLAIMS, **(claims or {})})
        verifier = Verifier((issuer,), audience=AUDIENCE, ages=ages, remembered=remembered, now=time, ticks=time)
        yield Door(server, key, time, verifier)


@pytest.fixture
async def organisation() -> AsyncGenerator[Door]:
    async with door() as opened:
        yield opened


async def until(condition: Callable[[], bool]) -> None:
    """Wait a little for what a server in the same process does."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0.01)


def part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def raw(key: ECKey, header: object, payload: object, *, encoded: bool = True) -> str:
    """Sign what no library would: any header, any payload."""
    body = part(payload) if encoded else json.dumps(payload, separators=(",", ":")).replace(".", r"\u002e")
    signed = f"{part(header)}.{body}"
    return f"{signed}.{part(jws.JWSRegistry.algorithms['ES256'].sign(signed.encode(), key))}"


async def test_without_a_token_one_is_anyone(organisation: Door) -> None:
    assert await organisation.verifier.actor(None) is ANYONE
    assert await organisation.verifier.actor("") is ANYONE


async def test_a_token_of_the_organisation_says_who_asks(organisation: Door) -> None:
    token = organisation.token(
        sub="hui-bi",
        roles=["representative", "station_staff"],
        community="community-73",
        placements=["community-73", "maan"],
        representative="rep-hui-bi",
        department="housing",
        petition=str(uuid4()),
    )
    assert await organisation.open(token) == Actor(
        subject="hui-bi",
        roles=frozenset({Role.REPRESENTATIVE, Role.STATION_STAFF}),
        street="huangtupo",
        community="community-73",
        placements=frozenset({"community-73", "maan"}),
        representative="rep-hui-bi",
        department="housing",
        petition=None,
    )


async def test_rs256_is_as_good_as_es256(organisation: Door) -> None:
    key = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig", "alg": "RS256"})
    organisation.issuer.publish(organisation.key, key)
    assert (await organisation.open(organisation.token(key))).subject == "someone"


@pytest.mark.parametrize("authorization", ["Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "Bearer a b", "Bearer é", "x"])
async def test_an_authorization_that_is_no_bearer_token_is_refused(organisation: Door, authorization: str) -> None:
    with pytest.raises(Unauthenticated, match="must be 'Bearer <token>'"):
        await organisation.verifier.actor(authorization)


def of(at: Door, **other: Any) -> dict[str, Any]:
    return {"iss": at.issuer.address, "aud": AUDIENCE, "sub": "s", "exp": START + 60, "roles": ["operator"], **other}


def headed(at: Door, **other: Any) -> dict[str, Any]:
    return {"alg": "ES256", "kid": at.key.kid, **other}


def nested(at: Door) -> str:
    return raw(at.key, headed(at, cty="JWT"), at.token().encode())


def encrypted(at: Door) -> str:
    public = ECKey.import_key(at.key.as_dict(private=False) | {"use": "enc"})
    return jwe.encrypt_compact({"alg": "ECDH-ES", "enc": "A128GCM"}, json.dumps(of(at)).encode(), public)


def with_the_public_key_as_a_secret(at: Door) -> str:
    secret = OctKey.import_key(json.dumps(at.key.as_dict(private=False)))
    return jwt.encode({"alg": "HS256", "kid": at.key.kid}, of(at), secret)


def on_another_curve(at: Door) -> str:
    key = ECKey.generate_key("P-384", {"kid": "p384", "use": "sig"})
    at.issuer.keys.append(dict(key.as_dict(private=False)))
    return jwt.encode({"alg": "ES384", "kid": "p384"}, of(at), key, algorithms=["ES384"])


DEEP: Final = b'{"a":' * 5_000
NO_TOKEN, ALGORITHM, SIGNATURE = "not a signed JSON Web Token", "signed with ES256 or RS256", "not signed by a key"
EXTENSION, ISSUER = "an extension", "issuer is not trusted"

BAD: Final[dict[str, tuple[str, Callable[[Door], str]]]] = {
    "garbage": (NO_TOKEN, lambda _: "not-a-token"),
    "three words": (NO_TOKEN, lambda _: "a.b.c"),
    "nothing but dots": (NO_TOKEN, lambda _: ".."),
    "encrypted": (NO_TOKEN, encrypted),
    "a token within a token": (NO_TOKEN, nested),
    "a header that is a list": (NO_TOKEN, lambda at: raw(at.key, ["alg"], of(at))),
    "a header that is a text": (NO_TOKEN, lambda at: raw(at.key, "alg", of(at))),
    "a header that is a number": (NO_TOKEN, lambda at: raw(at.key, 5, of(at))),
    "a bottomless header": (NO_TOKEN, lambda at: raw(at.key, DEEP[:5_000], of(at))),
    "a bottomless payload": (NO_TOKEN, lambda at: raw(at.key, headed(at), DEEP[:10_000])),
    "a payload that is a list": (NO_TOKEN, lambda at: raw(at.key, headed(at), [of(at)])),
    "a payload of broken characters": (NO_TOKEN, lambda at: raw(at.key, headed(at), b"\xff\xfe\xff")),
    "an end that is no number": (NO_TOKEN, lambda at: raw(at.key, headed(at), of(at, exp=float("nan")))),
    "no end in sight": (NO_TOKEN, lambda at: raw(at.key, headed(at), of(at, exp=float("inf")))),
    "a number of ten thousand digits": (
        NO_TOKEN,
        lambda at: raw(at.key, headed(at), b'{"exp":' + b"9" * 10_000 + b"}"),
    ),
    "without a signature": (ALGORITHM, lambda at: f"{part({'alg': 'none'})}.{part(of(at))}."),
    "with the public key as a secret": (ALGORITHM, with_the_public_key_as_a_secret),
    "on another curve": (ALGORITHM, on_another_curve),
    "an algorithm that is a list": (ALGORITHM, lambda at: raw(at.key, headed(at, alg=["ES256"]), of(at))),
    "critical headers": (EXTENSION, lambda at: raw(at.key, headed(at, crit=["exp"], exp=START + 60), of(at))),
    "critical headers that are a number": (EXTENSION, lambda at: raw(at.key, headed(at, crit=5), of(at))),
    "an unencoded payload": (
        EXTENSION,
        lambda at: raw(at.key, headed(at, b64=False, crit=["b64"]), of(at), encoded=False),
    ),
    "a payload said to be encoded": (EXTENSION, lambda at: raw(at.key, headed(at, b64=True, crit=["b64"]), of(at))),
    "a key id that is a number": ("key id", lambda at: raw(at.key, headed(at, kid=5), of(at))),
    "a key id that is nothing": (SIGNATURE, lambda at: raw(at.key, headed(at, kid=None), of(at))),
    "of an unknown issuer": (ISSUER, lambda at: at.token(iss="https://stranger.example")),
    "without an issuer": (ISSUER, lambda at: at.token(iss=None)),
    "of several issuers": (ISSUER, lambda at: at.token(iss=[at.issuer.address])),
    "signed by a key of nobody's": (SIGNATURE, lambda at: at.token(ec_key("nobody"))),
    "signed by another key of the same name": (SIGNATURE, lambda at: at.token(ec_key("one"))),
    "altered": (SIGNATURE, lambda at: at.token()[:-6] + "AAAAAA"),
    "with half a signature": (SIGNATURE, lambda at: at.token()[:-43]),
    "without an end": ("claim exp", lambda at: at.token(exp=None)),
    "an end that is a text": ("claim exp", lambda at: at.token(exp=str(START + 60))),
    "an end that is true": ("claim exp", lambda at: at.token(exp=True)),
    "not yet valid": ("claim nbf", lambda at: at.token(nbf=START + SKEW_SECONDS + 1)),
    "from the future": ("claim iat", lambda at: at.token(iat=START + SKEW_SECONDS + 1)),
    "for another audience": ("claim aud", lambda at: at.token(aud="someone-else")),
    "for other audiences": ("claim aud", lambda at: at.token(aud=["a", "b"])),
    "without an audience": ("claim aud", lambda at: at.token(aud=None)),
    "for an audience that is an object": ("claim aud", lambda at: at.token(aud={AUDIENCE: 1})),
    "of nobody": ("claim sub", lambda at: at.token(sub=None)),
    "of an empty name": ("claim sub", lambda at: at.token(sub="")),
    "of a number": ("claim sub", lambda at: at.token(sub=7)),
    "expired": ("expired", lambda at: at.token(exp=START - SKEW_SECONDS)),
}


@pytest.mark.parametrize("flaw", BAD)
async def test_a_bad_token_is_refused_with_a_sentence(organisation: Door, flaw: str) -> None:
    why, make = BAD[flaw]
    assert why in await organisation.refuses(make(organisation))


async def test_a_far_end_is_an_end(organisation: Door) -> None:
    assert (await organisation.open(organisation.token(exp=10**300))).subject == "someone"


@pytest.mark.parametrize("claim", ["nbf", "iat", "exp"])
async def test_clocks_may_differ_by_thirty_seconds(organisation: Door, claim: str) -> None:
    there = -SKEW_SECONDS + 1 if claim == "exp" else SKEW_SECONDS
    assert (await organisation.open(organisation.token(**{claim: START + there}))).subject == "someone"


@pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c"])
async def test_keys_that_a_token_brings_along_are_not_looked_at(organisation: Door, header: str) -> None:
    stranger = ec_key("stranger")
    async with issuing() as trap:
        trap.publish(stranger)
        brought = {
            "jwk": stranger.as_dict(private=False),
            "jku": f"{trap.address}/keys",
            "x5u": f"{trap.address}/keys",
            "x5c": [part(b"a certificate" * 60)],
        }
        forged = raw(stranger, {"alg": "ES256", "kid": "stranger", header: brought[header]}, of(organisation))
        assert SIGNATURE in await organisation.refuses(forged)
        honest = raw(organisation.key, headed(organisation, **{header: brought[header]}), of(organisation))
        assert (await organisation.open(honest)).roles == {Role.OPERATOR}
        assert trap.asked == []


async def test_a_token_longer_than_sixteen_kilobytes_is_refused_before_any_work(organisation: Door) -> None:
    empty = len(organisation.token(more=""))
    fits = organisation.token(more="x" * ((LONGEST_TOKEN - empty) * 3 // 4 - 4))
    assert LONGEST_TOKEN - 10 < len(fits) <= LONGEST_TOKEN
    assert "longer than 16 kB" in await organisation.refuses(fits + "x" * 20)
    assert organisation.issuer.asked == []
    assert (await organisation.open(fits)).subject == "someone"


# Keys


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
    "with its private part": lambda jwk: jwk | {"d": part(b"1" * 32)},
    "of too few bits": lambda _: small_rsa(),
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("flaw", UNFIT)
async def test_an_unfit_key_is_passed_over_and_the_others_stay_good(organisation: Door, flaw: str) -> None:
    unfit = ec_key("unfit")
    flawed = UNFIT[flaw](dict(unfit.as_dict(private=False)))
    organisation.issuer.keys.insert(0, {"kid": "unfit", **flawed} if isinstance(flawed, dict) else flawed)  # pyright: ignore[reportArgumentType]
    assert SIGNATURE in await organisation.refuses(organisation.token(unfit))
    assert (await organisation.open(organisation.token())).subject == "someone"


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
        raw(organisation.key, headed(organisation, kid="rsa"), of(organisation))
    )
    assert (await organisation.open(organisation.token(key))).subject == "someone"


async def test_without_a_key_id_the_only_key_that_fits_is_meant(organisation: Door) -> None:
    token = sign(organisation.key, of(organisation), kid=None)
    assert (await organisation.open(token)).subject == "s"
    organisation.issuer.publish(organisation.key, ec_key("two"))
    organisation.time.now += AGES.trusted * 2 + 1
    assert SIGNATURE in await organisation.refuses(sign(organisation.key, of(organisation, exp=START + 9999), kid=None))


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


async def test_a_known_token_ends_with_its_time(organisation: Door) -> None:
    token = organisation.token(exp=START + 60)
    assert await organisation.open(token)
    organisation.time.now += 60 + SKEW_SECONDS
    assert "expired" in await organisation.refuses(token)


async def test_a_known_token_is_verified_again_after_ten_minutes(
    organisation: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    check = jws.validate_compact

    def counted(*args: Any, **kwargs: Any) -> bool:
        checked.append("once more")
        return check(*args, **kwargs)

    monkeypatch.setattr(jws, "validate_compact", counted)
    token = organisation.token()
    for _ in range(3):
        await organisation.open(token)
        organisation.time.now += AGES.trusted / 3
    assert len(checked) == 1
    await organisation.open(token)
    assert len(checked) == 2


async def test_the_oldest_of_too_many_known_tokens_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    async with door(remembered=3) as at:
        tokens = [at.token(sub=f"s{n}") for n in range(5)]
        for token in tokens:
            await at.open(token)
        monkeypatch.setattr(jws, "validate_compact", lambda *_, **__: False)
        opened: list[str] = []
        for token in tokens:
            try:
                opened.append((await at.open(token)).subject)
            except Unauthenticated:
                continue
        assert opened == ["s2", "s3", "s4"]


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


# Discovery


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


WRONG_ANSWERS: Final[dict[str, Callable[[], web.Response]]] = {
    "a failure": lambda: web.Response(status=500),
    "another status": lambda: web.json_response({"keys": []}, status=203),
    "another address": lambda: web.Response(status=302, headers={"Location": "/elsewhere"}),
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


# Claims

KEYCLOAK: Final = {"roles": "realm_access.roles", "department": "dept", "street": "https://example.org/street"}


async def test_an_organisation_may_keep_our_claims_elsewhere() -> None:
    async with door(claims=KEYCLOAK) as at:
        token = at.token(
            roles="of another system",
            street=None,
            realm_access={"roles": ["offline_access", "department"]},
            dept="housing",
            **{"https://example.org/street": "dewu"},
        )
        actor = await at.open(token)
        assert (actor.roles, actor.department, actor.street) == ({Role.DEPARTMENT}, "housing", "dewu")


@pytest.mark.parametrize("realm_access", [None, "roles", ["department"], {}, {"roles": None}, {"roles": []}, 5])
async def test_where_the_path_leads_nowhere_there_is_no_role(realm_access: object) -> None:
    async with door(claims=KEYCLOAK) as at:
        assert "none of this system's roles" in await at.refuses(at.token(realm_access=realm_access))


async def test_roles_of_the_organisations_own_say_nothing_here(organisation: Door) -> None:
    token = organisation.token(roles=["offline_access", "STREET_COMMITTEE", "street_committee", "管理员"])
    assert (await organisation.open(token)).roles == {Role.STREET_COMMITTEE}


@pytest.mark.parametrize("roles", [None, [], ["offline_access"], ["STREET_COMMITTEE"]])
async def test_a_token_without_a_role_of_ours_is_refused(organisation: Door, roles: object) -> None:
    assert "none of this system's roles" in await organisation.refuses(organisation.token(roles=roles))


@pytest.mark.parametrize("role", ["resident", "system", "anyone"])
async def test_a_role_that_the_issuer_may_not_give_is_refused(organisation: Door, role: str) -> None:
    given = organisation.token(roles=["street_committee", role], petition=str(uuid4()))
    assert f"may not give the role {role}" in await organisation.refuses(given)


WRONG_CLAIMS: Final[list[tuple[str, object]]] = [
    ("roles", "street_committee"),
    ("roles", {"street_committee": True}),
    ("roles", ["street_committee", 5]),
    ("roles", ["street_committee", ["operator"]]),
    ("street", 7),
    ("street", True),
    ("street", ["huangtupo"]),
    ("street", {"code": "huangtupo"}),
    ("street", "x" * 256),
    ("street", "huangtupo\0"),
    ("street", "huang\u202etupo"),
    ("community", 73),
    ("placements", "community-73"),
    ("placements", [73]),
    ("placements", [["community-73"]]),
    ("placements", {"community-73": 1}),
    ("representative", ["rep-hui-bi"]),
    ("department", 1.5),
    ("sub", "x" * 256),
    ("sub", "some\0one"),
    ("sub", "some\none"),
]


@pytest.mark.parametrize(("claim", "value"), WRONG_CLAIMS)
async def test_a_claim_of_a_wrong_kind_is_refused_by_name(organisation: Door, claim: str, value: object) -> None:
    assert f"claim {claim}" in await organisation.refuses(organisation.token(**{claim: value}))


async def test_half_a_character_in_a_claim_is_refused(organisation: Door) -> None:
    payload = json.dumps(of(organisation, street="\ud800")).encode()
    assert "claim street" in await organisation.refuses(raw(organisation.key, headed(organisation), payload))


@pytest.mark.parametrize("claim", ["street", "community", "representative", "department"])
async def test_an_empty_claim_is_an_absent_one(organisation: Door, claim: str) -> None:
    assert getattr(await organisation.open(organisation.token(**{claim: ""})), claim) is None


@pytest.mark.parametrize("petition", [None, "", 5, "a petition", ["x"], True, "0" * 33])
async def test_a_residents_petition_must_be_an_id(petition: object) -> None:
    async with door(roles=RESIDENTS) as at:
        assert "claim petition" in await at.refuses(at.token(roles=["resident"], petition=petition))
