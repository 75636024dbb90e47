"""Which tokens open the door: how they are made and signed, when, and what they may say of their holders."""

import json
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

import pytest
from joserfc import jwe, jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from services.contracts.vocabulary import Role
from services.kernel.access import ANYONE, Actor
from services.kernel.auth.issuers import RESIDENTS
from services.kernel.auth.key_sets import AGES
from services.kernel.auth.tokens import LONGEST_TOKEN, SKEW_SECONDS
from services.kernel.errors import Unauthenticated
from tests.support.door import START, Door, claims_of, door, headed
from tests.support.issuer import AUDIENCE, ec_key, issuing, part, raw


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


def nested(at: Door) -> str:
    return raw(at.key, headed(at, cty="JWT"), at.token().encode())


def encrypted(at: Door) -> str:
    public = ECKey.import_key(at.key.as_dict(private=False) | {"use": "enc"})
    return jwe.encrypt_compact({"alg": "ECDH-ES", "enc": "A128GCM"}, json.dumps(claims_of(at)).encode(), public)


def with_the_public_key_as_a_secret(at: Door) -> str:
    secret = OctKey.import_key(json.dumps(at.key.as_dict(private=False)))
    return jwt.encode({"alg": "HS256", "kid": at.key.kid}, claims_of(at), secret)


def on_another_curve(at: Door) -> str:
    key = ECKey.generate_key("P-384", {"kid": "p384", "use": "sig"})
    at.issuer.keys.append(dict(key.as_dict(private=False)))
    return jwt.encode({"alg": "ES384", "kid": "p384"}, claims_of(at), key, algorithms=["ES384"])


DEEP: Final = b'{"a":' * 5_000
NO_TOKEN, ALGORITHM, SIGNATURE = "not a signed JSON Web Token", "signed with ES256 or RS256", "not signed by a key"
EXTENSION, ISSUER = "an extension", "issuer is not trusted"

BAD: Final[dict[str, tuple[str, Callable[[Door], str]]]] = {
    "garbage": (NO_TOKEN, lambda _: "not-a-token"),
    "three words": (NO_TOKEN, lambda _: "a.b.c"),
    "nothing but dots": (NO_TOKEN, lambda _: ".."),
    "encrypted": (NO_TOKEN, encrypted),
    "a token within a token": (NO_TOKEN, nested),
    "a header that is a list": (NO_TOKEN, lambda at: raw(at.key, ["alg"], claims_of(at))),
    "a header that is a text": (NO_TOKEN, lambda at: raw(at.key, "alg", claims_of(at))),
    "a header that is a number": (NO_TOKEN, lambda at: raw(at.key, 5, claims_of(at))),
    "a bottomless header": (NO_TOKEN, lambda at: raw(at.key, DEEP[:5_000], claims_of(at))),
    "a bottomless payload": (NO_TOKEN, lambda at: raw(at.key, headed(at), DEEP[:10_000])),
    "a payload that is a list": (NO_TOKEN, lambda at: raw(at.key, headed(at), [claims_of(at)])),
    "a payload of broken characters": (NO_TOKEN, lambda at: raw(at.key, headed(at), b"\xff\xfe\xff")),
    "an end that is no number": (NO_TOKEN, lambda at: raw(at.key, headed(at), claims_of(at, exp=float("nan")))),
    "no end in sight": (NO_TOKEN, lambda at: raw(at.key, headed(at), claims_of(at, exp=float("inf")))),
    "a number of ten thousand digits": (
        NO_TOKEN,
        lambda at: raw(at.key, headed(at), b'{"exp":' + b"9" * 10_000 + b"}"),
    ),
    "without a signature": (ALGORITHM, lambda at: f"{part({'alg': 'none'})}.{part(claims_of(at))}."),
    "with the public key as a secret": (ALGORITHM, with_the_public_key_as_a_secret),
    "on another curve": (ALGORITHM, on_another_curve),
    "an algorithm that is a list": (ALGORITHM, lambda at: raw(at.key, headed(at, alg=["ES256"]), claims_of(at))),
    "critical headers": (EXTENSION, lambda at: raw(at.key, headed(at, crit=["exp"], exp=START + 60), claims_of(at))),
    "critical headers that are a number": (EXTENSION, lambda at: raw(at.key, headed(at, crit=5), claims_of(at))),
    "an unencoded payload": (
        EXTENSION,
        lambda at: raw(at.key, headed(at, b64=False, crit=["b64"]), claims_of(at), encoded=False),
    ),
    "an unencoded payload that says so in passing": (
        NO_TOKEN,
        lambda at: raw(at.key, headed(at, b64=False), claims_of(at), encoded=False),
    ),
    "a payload said to be encoded": (
        EXTENSION,
        lambda at: raw(at.key, headed(at, b64=True, crit=["b64"]), claims_of(at)),
    ),
    "a key id that is a number": ("key id", lambda at: raw(at.key, headed(at, kid=5), claims_of(at))),
    "a key id that is nothing": (SIGNATURE, lambda at: raw(at.key, headed(at, kid=None), claims_of(at))),
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


async def test_headers_that_nobody_knows_are_ignored(organisation: Door) -> None:
    token = raw(organisation.key, headed(organisation, typ="at+jwt", nonce="x"), claims_of(organisation))
    assert await organisation.open(token)


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
        forged = raw(stranger, {"alg": "ES256", "kid": "stranger", header: brought[header]}, claims_of(organisation))
        assert SIGNATURE in await organisation.refuses(forged)
        honest = raw(organisation.key, headed(organisation, **{header: brought[header]}), claims_of(organisation))
        assert (await organisation.open(honest)).roles == {Role.OPERATOR}
        assert trap.asked == []


async def test_a_token_longer_than_sixteen_kilobytes_is_refused_before_any_work(organisation: Door) -> None:
    empty = len(organisation.token(more=""))
    fits = organisation.token(more="x" * ((LONGEST_TOKEN - empty) * 3 // 4 - 4))
    assert LONGEST_TOKEN - 10 < len(fits) <= LONGEST_TOKEN
    assert "longer than 16 kB" in await organisation.refuses(fits + "x" * 20)
    assert organisation.issuer.asked == []
    assert (await organisation.open(fits)).subject == "someone"


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
    payload = json.dumps(claims_of(organisation, street="\ud800")).encode()
    assert "claim street" in await organisation.refuses(raw(organisation.key, headed(organisation), payload))


@pytest.mark.parametrize("claim", ["street", "community", "representative", "department"])
async def test_an_empty_claim_is_an_absent_one(organisation: Door, claim: str) -> None:
    assert getattr(await organisation.open(organisation.token(**{claim: ""})), claim) is None


@pytest.mark.parametrize("petition", [None, "", 5, "a petition", ["x"], True, "0" * 33])
async def test_a_residents_petition_must_be_an_id(petition: object) -> None:
    async with door(roles=RESIDENTS) as at:
        assert "claim petition" in await at.refuses(at.token(roles=["resident"], petition=petition))
