"""Where a system is, and connections to its databases that cannot write."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import asyncpg as _asyncpg

asyncpg: Any = _asyncpg  # ships no types: wrapped here once

SERVICES: Final = ("intake", "dispatch", "feedback")
REFERENCES: Final = ("intake", "dispatch")
"""The services that publish reference entries; each other service keeps them."""

UNREACHABLE: Final[tuple[type[Exception], ...]] = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
"""What comes of a database that is away, or does not let us in."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """The databases by service, the brokers, and what the topics' names begin with."""

    databases: Mapping[str, str]
    bootstrap: str
    prefix: str = ""

    def topic(self, service: str) -> str:
        """Return the topic of a service's petition events."""
        return f"{self.prefix}petition.{service}.v1"

    def department_topic(self, department: str) -> str:
        """Return the topic of a department's feed."""
        return f"{self.prefix}department.{department}.feed.v1"

    def reference_topic(self, service: str) -> str:
        """Return the topic of a service's reference entries."""
        return f"{self.prefix}reference.{service}.v1"

    def dead_letters(self, service: str) -> str:
        """Return the topic of what a service could not read."""
        return f"{self.prefix}deadletter.{service}.v1"

    def group(self, service: str) -> str:
        """Return the consumer group that a service follows petitions with."""
        return f"{self.prefix}{service}"


def others(service: str) -> tuple[str, ...]:
    """Return the services that a service follows: both others."""
    return tuple(name for name in SERVICES if name != service)


class Connection(Protocol):
    """The part of asyncpg's connection that is used here."""

    async def fetch(self, query: str, *args: object) -> Sequence[Row]: ...
    async def fetchrow(self, query: str, *args: object) -> Row | None: ...
    async def fetchval(self, query: str, *args: object) -> Any: ...
    def transaction(self, *, isolation: str, readonly: bool) -> Any: ...


@asynccontextmanager
async def snapshot(connection: Connection) -> AsyncGenerator[None]:
    """Let several statements see the same moment."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        yield


@asynccontextmanager
async def connected(databases: Mapping[str, str]) -> AsyncGenerator[Mapping[str, Connection]]:
    """Connect to the databases, read-only whatever is sent."""
    settings = {
        "application_name": "through-train-audit",
        "default_transaction_read_only": "on",
        "timezone": "UTC",
        "jit": "off",
    }
    async with AsyncExitStack() as stack:
        connections: dict[str, Connection] = {}
        for service, url in databases.items():
            connection = await asyncpg.connect(url, server_settings=settings)
            stack.push_async_callback(connection.close)
            connections[service] = cast(Connection, connection)
        yield connections
