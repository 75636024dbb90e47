"""A door of a service before one running issuer, at a time that stands still until it is moved."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
from joserfc.jwk import ECKey, RSAKey

from services.contracts.vocabulary import Role
from services.kernel.access import Actor
from services.kernel.auth.issuers import CLAIMS, ORGANISATION_ROLES
from services.kernel.auth.issuers import Issuer as Trusted
from services.kernel.auth.key_sets import AGES, Ages, Discovered, Published
from services.kernel.auth.tokens import Verifier
from services.kernel.errors import Unauthenticated
from tests.support.issuer import AUDIENCE, Issuer, ec_key, issuing

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

    issuer: Issuer
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
        issuer = Trusted(server.address, place, roles, {**CLAIMS, **(claims or {})})
        verifier = Verifier((issuer,), audience=AUDIENCE, ages=ages, remembered=remembered, now=time, ticks=time)
        yield Door(server, key, time, verifier)


def claims_of(at: Door, **other: Any) -> dict[str, Any]:
    return {"iss": at.issuer.address, "aud": AUDIENCE, "sub": "s", "exp": START + 60, "roles": ["operator"], **other}


def headed(at: Door, **other: Any) -> dict[str, Any]:
    return {"alg": "ES256", "kid": at.key.kid, **other}
