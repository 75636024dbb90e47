"""Verifying bearer tokens: signature, algorithm, issuer, audience, expiry, and which roles the issuer may give.

Each issuer is bound to its own keys and roles, so that a key that signs for residents cannot make a supervisor.
A verified token is remembered until it expires: ES256 verification would otherwise be the dearest part of a request.
"""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.contracts.vocabulary import Role
from services.kernel.access import ANYONE, Actor
from services.kernel.auth import keys
from services.kernel.errors import Unauthenticated, Unavailable
from services.kernel.settings import Environment, Settings

ALGORITHMS: Final = ["ES256", "RS256"]
DEVELOPMENT_ISSUER: Final = "https://through-train.local/development"
INTAKE_ISSUER: Final = "https://through-train.local/intake"
LEEWAY_SECONDS: Final = 30
_REFETCH_SECONDS: Final = 10.0
_REMEMBERED: Final = 10_000
_ORGANISATION_ROLES: Final = frozenset(Role) - {Role.ANYONE, Role.RESIDENT, Role.SYSTEM}


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who may sign: its name, where its public keys are (a file, or an address to fetch), the roles it may give."""

    name: str
    jwks: Path | str
    roles: frozenset[Role]


def issuers(settings: Settings) -> tuple[Issuer, ...]:
    """Return the issuers that a service trusts under its settings."""
    intake = str(settings.intake_jwks_url) if settings.intake_jwks_url else settings.keys_folder / keys.INTAKE_PUBLIC
    trusted = [Issuer(INTAKE_ISSUER, intake, frozenset({Role.RESIDENT}))]
    if settings.environment is Environment.DEVELOPMENT:
        development = settings.keys_folder / keys.DEVELOPMENT_PUBLIC
        trusted.append(Issuer(DEVELOPMENT_ISSUER, development, _ORGANISATION_ROLES))
    if settings.organisation_issuer and settings.organisation_jwks_url:
        organisation = str(settings.organisation_jwks_url)
        trusted.append(Issuer(settings.organisation_issuer, organisation, _ORGANISATION_ROLES))
    return tuple(trusted)


class Verifier:
    """Turns an Authorization header into an Actor."""

    def __init__(self, trusted: tuple[Issuer, ...], *, audience: str) -> None:
        self._issuers = {issuer.name: issuer for issuer in trusted}
        self._audience = audience
        self._key_sets: dict[str, KeySet] = {}
        self._fetched: dict[str, float] = {}
        self._verified: dict[bytes, tuple[float, Actor]] = {}

    async def actor(self, authorization: str | None) -> Actor:
        """Return who sent a request; without a header, anyone.

        :raises Unauthenticated: the token cannot be trusted.
        """
        if not authorization:
            return ANYONE
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Authorization must be 'Bearer <token>'.")
        digest = hashlib.sha256(token.encode()).digest()
        remembered = self._verified.get(digest)
        if remembered is not None and remembered[0] > time.time():
            return remembered[1]
        expires, actor = await self._verify(token.strip())
        if len(self._verified) >= _REMEMBERED:
            self._verified.clear()
        self._verified[digest] = (expires, actor)
        return actor

    async def _verify(self, token: str) -> tuple[float, Actor]:
        issuer = self._issuers.get(_claimed_issuer(token))
        if issuer is None:
            raise Unauthenticated("The token's issuer is not trusted here.")
        try:
            claims = await self._decode(token, issuer)
            registry = jwt.JWTClaimsRegistry(
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": issuer.name},
                aud={"essential": True, "value": self._audience},
                exp={"essential": True},
                sub={"essential": True},
            )
            registry.validate(claims)
            return float(claims["exp"]), _actor(claims, issuer)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Unauthenticated(f"The token is not valid: {type(error).__name__}.") from error

    async def _decode(self, token: str, issuer: Issuer) -> dict[str, Any]:
        try:
            return jwt.decode(token, await self._keys(issuer, fresh=False), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            # The key may be newer than ours: look again, but not more often than every few seconds.
            if time.monotonic() - self._fetched[issuer.name] < _REFETCH_SECONDS:
                raise
            return jwt.decode(token, await self._keys(issuer, fresh=True), algorithms=ALGORITHMS).claims

    async def _keys(self, issuer: Issuer, *, fresh: bool) -> KeySet:
        if fresh or issuer.name not in self._key_sets:
            if isinstance(issuer.jwks, Path):
                self._key_sets[issuer.name] = keys.public_keys(issuer.jwks)
            else:
                self._key_sets[issuer.name] = await _fetch(issuer.jwks)
            self._fetched[issuer.name] = time.monotonic()
        return self._key_sets[issuer.name]


def _claimed_issuer(token: str) -> str:
    """Return what the token says of its issuer, unverified, to know which keys to try."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(cast(Mapping[str, Any], claims)["iss"])
    except (IndexError, KeyError, TypeError, ValueError):
        raise Unauthenticated("The token is not a signed JSON Web Token with an issuer.") from None


async def _fetch(url: str) -> KeySet:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            response.raise_for_status()
            return KeySet.import_key_set(await response.json())
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise Unavailable("The token's issuer cannot be reached for its keys; try again later.") from error


def _actor(claims: Mapping[str, Any], issuer: Issuer) -> Actor:
    named = frozenset(Role(name) for name in claims.get("roles", ()))
    if not named or named - issuer.roles:
        raise Unauthenticated("The token claims a role that its issuer may not give, or none.")
    petition = claims.get("petition")
    return Actor(
        subject=str(claims["sub"]),
        roles=named,
        street=claims.get("street"),
        community=claims.get("community"),
        placements=frozenset(claims.get("placements", ())),
        representative=claims.get("representative"),
        department=claims.get("department"),
        petition=UUID(petition) if petition else None,
    )
