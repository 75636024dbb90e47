"""Intake, wired: what it consumes, how it reacts, what it serves."""

from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from services.contracts.vocabulary import Source
from services.intake import handlers, seed
from services.intake.commands import clocks
from services.intake.schema import schema
from services.intake.vault import Vault
from services.kernel.auth import keys
from services.kernel.scheduler import ClockCommands
from services.kernel.service import Wiring
from services.kernel.settings import Settings


def open_vault(settings: Settings) -> Vault:
    """Return the vault with the keys of the keys folder.

    :raises MissingKeyError: one of them is missing.
    """
    folder: Path = settings.keys_folder
    current, masters = keys.master_keys(folder)
    return Vault(
        current,
        masters,
        secret_key=keys.secret_bytes(folder, keys.RESIDENT_SECRET),
        phone_key=keys.secret_bytes(folder, keys.PHONE_HASH),
        signing_key=keys.private_key(folder, keys.INTAKE_PRIVATE),
    )


def routes(settings: Settings) -> Sequence[BaseRoute]:
    """Return the address of the public keys that residents' tokens are checked with."""
    public = keys.public_keys(settings.keys_folder / keys.INTAKE_PUBLIC).as_dict(private=False)

    async def jwks(_request: Request) -> Response:
        return JSONResponse(public)

    return [Route("/.well-known/jwks.json", jwks)]


WIRING = Wiring(
    source=Source.INTAKE,
    package="services.intake",
    consumed=handlers.SOURCES,
    schema=schema,
    handlers=handlers.handlers,
    clocks=ClockCommands(clocks.fire_clock, clocks.reckon_clocks),
    seed=seed.entries,
    extra=open_vault,
    routes=routes,
)
