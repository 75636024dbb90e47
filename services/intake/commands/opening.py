"""Opening one's petition with tracking code and secret: a token for that petition, for one hour."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from joserfc import jwt

from services.contracts.vocabulary import Role
from services.intake.store import openings
from services.intake.vault import Vault
from services.kernel.auth.tokens import INTAKE_ISSUER
from services.kernel.db import Connection
from services.kernel.errors import NotFound, RateLimited
from services.kernel.ids import PetitionId, parse_tracking_code

LIFETIME_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class Opened:
    """A petition's id and a token for it."""

    petition_id: PetitionId
    token: str


async def open_petition(reader: Connection, tracking_code: str, secret: str, vault: Vault, *, audience: str) -> Opened:
    """Return a resident's token. A wrong secret and an unknown code are answered alike.

    Reckoned in the system's time, like all that guards a door: the domain's can be moved for a demonstration.

    :raises InvalidInput: the code has a typing error (its check character does not fit).
    :raises NotFound: no petition has this code, or the secret is not its own.
    :raises RateLimited: too many wrong secrets for this petition; each further one doubles the wait.
    """
    now = datetime.now(UTC)
    found = await openings.find(reader, parse_tracking_code(tracking_code), now=now)
    if found is None:
        raise NotFound("A petition with this tracking code and secret")
    petition_id, wait = found
    if wait:
        seconds = max(1, int(wait.total_seconds()))
        raise RateLimited(f"Too many wrong secrets; try again in {seconds} seconds.", seconds)
    if not vault.opens(petition_id, secret):
        await openings.failed(reader, petition_id, now=now)
        raise NotFound("A petition with this tracking code and secret")
    await openings.opened(reader, petition_id)
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
    return Opened(petition_id, jwt.encode({"alg": "ES256", "kid": vault.signing_key.kid}, claims, vault.signing_key))
