"""Verifying bearer tokens: signature, algorithm, issuer, audience, times, and which roles the issuer may give.

A verified token is remembered for a while, because verifying is the dearest part of a request; it is forgotten with
its key, its end or its age, whichever comes first.
"""

import hashlib
import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, cast

from joserfc import jws, jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError

from services.kernel.access import ANYONE, Actor
from services.kernel.auth import keys
from services.kernel.auth.claims import actor as actor_of
from services.kernel.auth.issuers import (
    CLAIMS,
    DEVELOPMENT_ISSUER,
    INTAKE_ISSUER,
    ORGANISATION_ROLES,
    RESIDENTS,
    Issuer,
)
from services.kernel.auth.key_sets import AGES, ALGORITHMS, REGISTRY, Ages, Discovered, IssuerKeys, Published
from services.kernel.errors import Unauthenticated
from services.kernel.settings import Environment, Settings

SKEW_SECONDS: Final = 30
LONGEST_TOKEN: Final = 16 * 1024
_REMEMBERED: Final = 10_000
_BEARER: Final = re.compile(r"bearer +([!-~]+) *", re.IGNORECASE)


def issuers(settings: Settings) -> tuple[Issuer, ...]:
    """Return the issuers that a service trusts under its settings."""
    url = settings.intake_jwks_url
    intake = Published(str(url)) if url else settings.keys_folder / keys.INTAKE_PUBLIC
    trusted = [Issuer(INTAKE_ISSUER, intake, RESIDENTS)]
    development = settings.environment is Environment.DEVELOPMENT
    if development:
        trusted.append(Issuer(DEVELOPMENT_ISSUER, settings.keys_folder / keys.DEVELOPMENT_PUBLIC, ORGANISATION_ROLES))
    if name := settings.organisation_issuer:
        url = settings.organisation_jwks_url
        place = Published(str(url)) if url else Discovered(name, development)
        trusted.append(Issuer(name, place, ORGANISATION_ROLES, {**CLAIMS, **settings.organisation_claims}))
    return tuple(trusted)


@dataclass(frozen=True, slots=True)
class _Verified:
    """What is remembered of a good token: until when, whose it is, and the key that it stands on."""

    until: float
    actor: Actor
    keys: IssuerKeys
    signer: str


@dataclass(frozen=True, slots=True)
class Session:
    """Who has come to stay, and until when (system time, seconds since 1970) that may be relied on; None is for good.

    Then the token must be verified again. It may have ended, or its key may have been withdrawn.
    """

    actor: Actor
    until: float | None


class Verifier:
    """Turns an Authorization header into an Actor."""

    def __init__(
        self,
        trusted: tuple[Issuer, ...],
        *,
        audience: str,
        ages: Ages = AGES,
        remembered: int = _REMEMBERED,
        now: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """Trust some issuers.

        `remembered` is how many tokens are. `now` is the system's time, by which tokens end; `ticks` only ever
        goes on, and measures ages. Both are seconds.
        """
        self._issuers = {issuer.name: issuer for issuer in trusted}
        self._keys = {one.name: IssuerKeys(one.name, one.keys, ages=ages, ticks=ticks) for one in trusted}
        self._audience = audience
        self._ages = ages
        self._remembered = remembered
        self._now = now
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    async def actor(self, authorization: str | None) -> Actor:
        """Return who sent a request; without a header, anyone.

        :raises Unauthenticated: the token cannot be trusted.
        :raises Unavailable: its issuer cannot be asked for the key.
        """
        return (await self._known(authorization)).actor if authorization else ANYONE

    async def session(self, authorization: str | None) -> Session:
        """Return who has opened a connection that stays open; without a token, anyone.

        :raises Unauthenticated: the token cannot be trusted, or has ended: who stays is given no time for slow clocks.
        :raises Unavailable: its issuer cannot be asked for the key.
        """
        if not authorization:
            return Session(ANYONE, None)
        known = await self._known(authorization)
        if known.until <= self._now():
            raise Unauthenticated("The token has expired.")
        return Session(known.actor, known.until)

    async def _known(self, authorization: str) -> _Verified:
        token = _bearer(authorization)
        digest = hashlib.sha256(token).digest()
        known = self._verified.get(digest)
        if known is not None and known.until > self._now() and known.keys.stands(known.signer):
            return known
        verified = await self._verify(token)
        self._verified[digest] = verified
        self._verified.move_to_end(digest)
        if len(self._verified) > self._remembered:
            self._verified.popitem(last=False)
        return verified

    async def _verify(self, token: bytes) -> _Verified:
        signed, claims = _open(token)
        name = claims.get("iss")
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise Unauthenticated("The token's issuer is not trusted here.")
        issuer_keys = self._keys[issuer.name]
        signer = await issuer_keys.signer(signed)
        now = self._now()
        self._check(claims, now)
        until = min(claims["exp"], now + self._ages.trusted)
        return _Verified(until, actor_of(claims, issuer), issuer_keys, signer)

    def _check(self, claims: dict[str, Any], now: float) -> None:
        registry = jwt.JWTClaimsRegistry(
            now=int(now),
            leeway=SKEW_SECONDS,
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(claims)
        except ExpiredTokenError:
            raise Unauthenticated("The token has expired.") from None
        except ClaimError as error:
            raise Unauthenticated(f"The token's claim {error.claim} is missing, or not right here.") from error


def _bearer(authorization: str) -> bytes:
    if len(authorization) > LONGEST_TOKEN + len("Bearer "):
        raise Unauthenticated(f"The token is longer than {LONGEST_TOKEN // 1024} kB.")
    given = _BEARER.fullmatch(authorization)
    if given is None:
        raise Unauthenticated("Authorization must be 'Bearer <token>'.")
    return given[1].encode("ascii")


def _open(token: bytes) -> tuple[jws.CompactSignature, dict[str, Any]]:
    """Return a token's parts, of which nothing is proved yet."""
    try:
        signed = jws.extract_compact(token, registry=REGISTRY)
        header, claims = cast(object, signed.headers()), json.loads(signed.payload, parse_constant=_no_number)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise Unauthenticated("The token is not a signed JSON Web Token.") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise Unauthenticated("The token is not a signed JSON Web Token.")
    _check_header(cast(Mapping[str, Any], header))
    return signed, cast(dict[str, Any], claims)


def _check_header(header: Mapping[str, Any]) -> None:
    # Keys that a token brings along or points to (jwk, x5c, jku, x5u) are nobody's: they are not even read.
    if header.get("alg") not in ALGORITHMS:
        raise Unauthenticated(f"The token must be signed with {' or '.join(ALGORITHMS)}.")
    if "crit" in header:  # the library would understand one, unencoded payloads, and take them
        raise Unauthenticated("The token asks for an extension of JSON Web Signature that is not understood here.")
    if not isinstance(header.get("kid"), str | None):
        raise Unauthenticated("The token's key id is not a text.")


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
