"""Opening one's petition with tracking code and secret: a token for that petition, for one hour."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from joserfc import jwt

from services.contracts.vocabulary import Role
from services.intake.store import openings
from services.intake.vault import Vault
from services.kernel.auth.tokens import INTAKE_ISSUER
from services.kernel.db import Connection
from services.kernel.errors import NotFound, RateLimited
from services.kernel.ids import PetitionId, parse_tracking_code

LIFETIME_SECONDS: Final = 3600
_NOBODYS: Final = PetitionId(UUID(int=0))
"""Whose secret is reckoned where there is no petition, so that it takes as long."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A petition's id and a token for it."""

    petition_id: PetitionId
    token: str


async def open_petition(
    reader: Connection, tracking_code: str, secret: str, vault: Vault, *, origin: str, audience: str
) -> Opened:
    """Return a resident's token. A wrong secret and an unknown code are answered alike, at the same cost.

    Failures count for a code and where they come from together, so that who knows a code cannot lock its resident out.
    Guessing from many places gains nothing: a secret has 80 bits. Reckoned in the system's time, like all that guards a
    door: the domain's can be moved for a demonstration.

    :param origin: the client's address, as the gateway saw it.
    :raises InvalidInput: the code has a typing error (its check character does not fit).
    :raises NotFound: no petition has this code, or the secret is not its own.
    :raises RateLimited: too many failures from there; each further one doubles the wait.
    """
    now, code = datetime.now(UTC), parse_tracking_code(tracking_code)
    latch = vault.latch(code, origin)
    found = await openings.find(reader, code, latch, now=now)
    if found.wait:
        seconds = max(1, int(found.wait.total_seconds()))
        raise RateLimited(f"Too many wrong secrets; try again in {seconds} seconds.", seconds)
    right = vault.opens(found.petition_id or _NOBODYS, secret)
    if found.petition_id is None or not right:
        await openings.failed(reader, latch, now=now)
        raise NotFound("A petition with this tracking code and secret")
    petition_id = found.petition_id
    if found.failed_before:
        await openings.opened(reader, latch)
    issued = int(now.timestamp())
    claims = {
        "iss": INTAKE_ISSUER,
        "aud": audience,
        "sub": f"petition:{petition_id}",
        "iat": issued,
        "exp": issued + LIFETIME_SECONDS,
        "roles": [Role.RESIDENT.value],
        "petition": str(petition_id),
    }
    key = vault.signing_key
    return Opened(petition_id, jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key))
