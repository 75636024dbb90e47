"""All that must be in place before a service starts, in one process: keys, migrations, topics, seed entries.

`python -m services.<name> migrate` does the same for one service, where services are installed apart. Here most of a
start's seconds went into four interpreters that each imported the same code, so one does it for the three together.
"""

import asyncio
import sys
from typing import Final

from deploy.local.settings import LocalSettings
from deploy.local.stack import Stack
from services.dispatch.app import WIRING as DISPATCH
from services.feedback.app import WIRING as FEEDBACK
from services.intake.app import WIRING as INTAKE
from services.kernel import telemetry
from services.kernel.auth.development import create_keys
from services.kernel.db import UNREACHABLE
from services.kernel.migrate import MigrationError
from services.kernel.service import Wiring, domain_time, prepare
from services.kernel.settings import Settings

_WIRINGS: Final = (INTAKE, DISPATCH, FEEDBACK)
_PREFIX: Final = "THROUGH_TRAIN_"


def main() -> None:
    """Prepare everything.

    :raises SystemExit: a database is not as its migrations left it, or a server cannot be reached.
    """
    settings = LocalSettings()
    telemetry.configure_logs("preparation", "INFO")
    create_keys(settings.keys_folder)
    try:
        asyncio.run(_prepare(Stack(settings)))
    except* (MigrationError, *UNREACHABLE) as failures:
        sys.exit("\n".join(map(str, failures.exceptions)))


async def _prepare(stack: Stack) -> None:
    async with asyncio.TaskGroup() as tasks:
        for wiring in _WIRINGS:
            settings = _told(stack, wiring)
            tasks.create_task(prepare(wiring, settings, now=domain_time(settings)))


def _told(stack: Stack, wiring: Wiring) -> Settings:
    """Return a service's settings, as its own process will read them."""
    environment = stack.environment(wiring.source.value)
    chosen = {
        name.removeprefix(_PREFIX).lower(): value for name, value in environment.items() if name.startswith(_PREFIX)
    }
    return Settings.model_validate({name: chosen[name] for name in Settings.model_fields.keys() & chosen.keys()})


if __name__ == "__main__":
    main()
