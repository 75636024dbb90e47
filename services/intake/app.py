"""Intake, wired: what it consumes, how it reacts, what it serves."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from services.contracts.vocabulary import Source
from services.intake import handlers, operating, seed
from services.intake.commands import clocks
from services.intake.schema import schema
from services.intake.store import openings
from services.intake.vault import Vault
from services.kernel.auth import keys
from services.kernel.auth.keyrings import Watched
from services.kernel.scheduler import ClockCommands
from services.kernel.service import Wiring
from services.kernel.settings import Settings


def open_vault(settings: Settings) -> Vault:
    """Return the vault with the keys of the keys folder.

    :raises KeyFileError: one of them is missing, or is no key.
    """
    return operating.open_vault(settings.keys_folder)


def routes(settings: Settings) -> Sequence[BaseRoute]:
    """Return the address of the public keys that residents' tokens are checked with.

    :raises KeyFileError: there are none.
    """
    public = Watched(settings.keys_folder / keys.INTAKE_PUBLIC, keys.public_keys)

    async def jwks(_request: Request) -> Response:
        return JSONResponse(public().as_dict(private=False))

    return [Route("/.well-known/jwks.json", jwks)]


WIRING = Wiring(
    source=Source.INTAKE,
    package="services.intake",
    consumed=handlers.SOURCES,
    schema=schema,
    handlers=handlers.handlers,
    clocks=ClockCommands(clocks.fire_clock, clocks.reckon_clocks),
    seed=seed.entries,
    keyed=lambda vault: vault.keyed,
    extra=open_vault,
    routes=routes,
    forget=(openings.FORGET,),
    operator=operating.COMMANDS,
)
