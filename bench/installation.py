"""The whole system for a measurement: the parts of `make run`, on ports and data of its own.

Durable as in production (fsync, synchronous commit, acks=all), logs as in production, tokens checked everywhere; traces
off, and the gateway's limits per address off, since all requests come from one.
"""

import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.ports import LOOPBACK, free_port
from deploy.local.process import Process
from deploy.local.set_up import set_up
from deploy.local.settings import LocalSettings
from deploy.local.stack import Stack
from deploy.local.supervisor import Part, held

_PORTS: Final = (
    *("GATEWAY", "INTAKE", "DISPATCH", "FEEDBACK", "GATEWAY_METRICS", "OBSERVE"),
    *("POSTGRES", "KAFKA", "KAFKA_CONTROLLER", "DEPARTMENTS"),
)


@dataclass(frozen=True)
class Installation:
    """A running system: where it is asked, and by which processes it is done (by their parts' names)."""

    stack: Stack
    processes: Mapping[str, Process]

    @property
    def keys(self) -> Path:
        """Where the development issuer's keys lie."""
        return self.stack.settings.keys_folder

    @property
    def url(self) -> str:
        """Where clients ask: the gateway."""
        return f"http://{LOOPBACK}:{self.stack.settings.gateway_port}/graphql"

    def direct(self, service: str) -> str:
        """Return where a service is asked without the gateway."""
        return f"{self.stack.address(service).url}/graphql"

    def dsn(self, service: str) -> str:
        """Return the address of a service's database, as its role."""
        return self.stack.postgres.dsn(service)

    @property
    def admin_dsn(self) -> str:
        """The superuser's address of the database server."""
        return self.stack.postgres.admin_dsn

    @property
    def bootstrap(self) -> str:
        """Where the broker is reached."""
        return self.stack.kafka.bootstrap


@asynccontextmanager
async def installation(
    folder: Path,
    *,
    say: Callable[[str], None],
    database: Mapping[str, str] | None = None,
    parts: Callable[[Stack], Sequence[Part]] = Stack.parts,
) -> AsyncGenerator[Installation]:
    """Run everything on a folder, new or kept from before; yield it once it is ready.

    The environment of this process is changed, since the parts read their ports there.

    :param database: settings of postgresql.conf beside our own.
    :param parts: what runs, in the order in which it starts.
    :raises LocalRunError: a part could not be started; the others have been stopped.
    """
    stack = _described(folder, database)
    with held(folder):
        await set_up(stack.settings)
        async with AsyncExitStack() as running:
            started: dict[str, Process] = {}
            for part in parts(stack):
                running.push_async_callback(part.server.stop)  # first, so that one that is cut short is stopped too
                await part.server.start()
                if part.lasting:
                    started[part.name] = _process(part)
                    say(f"{part.name} is ready")
            yield Installation(stack, started)


@asynccontextmanager
async def servers(folder: Path, *, database: Mapping[str, str] | None = None) -> AsyncGenerator[Stack]:
    """Run PostgreSQL and Kafka alone on a folder that was kept, for what is done to it while nobody serves.

    The environment of this process is changed too.

    :param database: settings of postgresql.conf beside our own.
    :raises LocalRunError: a server could not be started.
    """
    stack = _described(folder, database)
    with held(folder):
        async with AsyncExitStack() as running:
            for part in stack.servers():
                running.push_async_callback(part.server.stop)
                await part.server.start()
            yield stack


def _described(folder: Path, database: Mapping[str, str] | None) -> Stack:
    os.environ |= {f"THROUGH_TRAIN_{name}_PORT": str(free_port()) for name in _PORTS}
    os.environ["THROUGH_TRAIN_DATA_FOLDER"] = str(folder)
    return Stack(LocalSettings(), measured=True, database=database or {})


def _process(part: Part) -> Process:
    if (process := part.server.process) is None:
        raise RuntimeError(f"{part.name} has no process")
    return process
