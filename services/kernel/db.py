"""PostgreSQL, typed: connections, and what goes wrong with them.

What writes a view names no schema: its connection's search path says which view is written, the one that is served or
the next one, which a rebuild makes. Whoever reads one says `view.`.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import IntEnum, unique
from typing import Any, Final, Protocol, cast

import asyncpg as _asyncpg
import msgspec

from services.kernel.errors import InvalidInput, Unavailable

asyncpg: Any = _asyncpg  # ships no types: wrapped here once

VIEW: Final = "view"
NEXT_VIEW: Final = "view_next"
OLD_VIEW: Final = "view_old"


@unique
class Lock(IntEnum):
    """The advisory locks of a service's database, all of them: two that were one would wait for each other for ever."""

    RELAY = 0x7454_0001
    """One active relay of events."""
    MIGRATION = 0x7454_0002
    """One migration at a time; shared by who relies on none."""
    VIEW = 0x7454_0003
    """Shared by whoever writes the view; the change to another view has it alone."""
    REBUILD = 0x7454_0004
    """One rebuild at a time."""
    FEEDS = 0x7454_0005
    """One active relay of the departments' feeds."""


Row = Mapping[str, Any]

TRANSIENT: Final[tuple[type[Exception], ...]] = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)
"""Worth running the same transaction again at once: 40P01, 40001, 55P03, and statements prepared before a migration."""

UNREACHABLE: Final[tuple[type[Exception], ...]] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection whose server takes its leave between two messages of one exchange
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.QueryCanceledError,
    ConnectionError,
    TimeoutError,
    OSError,
)
"""The database is away, or is just coming or going: hold and try again later."""

UNSTORABLE: Final[tuple[type[Exception], ...]] = (asyncpg.DataError, UnicodeEncodeError, OverflowError)
"""A value that no column can hold (22xxx): a character, a number or an instant out of range. The client's mistake."""

UniqueViolation: Final[type[Exception]] = asyncpg.UniqueViolationError


class Connection(Protocol):
    """The part of asyncpg's connection (and pool) that is used here."""

    async def fetch(self, query: str, *args: object) -> Sequence[Row]: ...
    async def fetchrow(self, query: str, *args: object) -> Row | None: ...
    async def fetchval(self, query: str, *args: object) -> Any: ...
    async def execute(self, query: str, *args: object) -> str: ...
    async def executemany(self, command: str, args: Sequence[Sequence[object]]) -> None: ...


def session_settings(application: str, view: str = VIEW) -> dict[str, str]:
    """Return what every session of ours has set, for its plans too.

    Queries are not compiled: compiling costs more than short statements do. A page that is read here and there costs
    little more than the next one, as on disks without a moving head: else a plan made while a table is young reads all
    of it, and is kept while it grows.

    What requests ask most often for many ids at once takes them as `(SELECT $1)`, so that no plan depends on how many
    there are: one is kept for all. Else the server takes each plan for a lucky one, and plans anew each time
    (tests/service/kernel/test_kept_plans.py).
    """
    return {
        "application_name": application,
        "jit": "off",
        "random_page_cost": "1.1",
        "timezone": "UTC",
        "search_path": view,
    }


@asynccontextmanager
async def own_connection(
    url: str, *, application: str, view: str = VIEW, patience: float = 30
) -> AsyncGenerator[Connection]:
    """Open a connection outside the pool, for session state such as advisory locks.

    :param view: which view is written on it.
    :param patience: how many seconds a statement may take.
    """
    settings = session_settings(application, view)
    connection: Any = await asyncpg.connect(url, command_timeout=patience, server_settings=settings)
    try:
        yield cast(Connection, connection)
    finally:
        await connection.close(timeout=5)


@asynccontextmanager
async def listening(
    url: str, *, application: str, channel: str, heard: Callable[[str], None]
) -> AsyncGenerator[Connection]:
    """Open a connection of its own that listens to a channel; `heard` is given what is said there."""
    async with own_connection(url, application=application) as connection:
        await listen(connection, channel, heard)
        yield connection


async def listen(connection: Connection, channel: str, heard: Callable[[str], None]) -> None:
    """Have a connection listen to a channel for as long as it lasts; `heard` is given what is said there."""

    def hear(_connection: object, _pid: int, _channel: str, payload: str) -> None:
        heard(payload)

    await cast(Any, connection).add_listener(channel, hear)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def refuse_nul(value: object, field: str = "input") -> None:
    """Refuse U+0000 anywhere in an input: PostgreSQL cannot store it, and nobody can mean it.

    :raises InvalidInput: naming the field.
    """
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidInput(field, f"{field} contains the character U+0000, which no text may contain.")
    elif isinstance(value, Mapping):
        for key, inner in cast(Mapping[object, object], value).items():
            name = _camel(str(key))
            refuse_nul(inner, name if field == "input" else f"{field}.{name}")
    elif isinstance(value, list | tuple):
        for inner in cast(Sequence[object], value):
            refuse_nul(inner, field)


def describe(error: BaseException) -> str:
    """Return what a log may say of an error.

    Messages quote what they are about, and that may be what people wrote. So they are told of our own errors, the
    broker's and the network's only; of database errors the SQLSTATE and the constraint, of events that do not fit their
    definition the place, and of all others the type alone.
    """
    name = type(error).__name__
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError | UnicodeError):
        details = [str(getattr(error, detail, None) or "") for detail in ("sqlstate", "constraint_name")]
        return " ".join([name, *filter(None, details)])
    if isinstance(error, msgspec.ValidationError):
        _, at, place = str(error).rpartition(" - at `")
        return f"{name} at {place.rstrip('`')}" if at else name
    told = isinstance(error, OSError) or type(error).__module__.split(".")[0] in {"services", "aiokafka"}
    return f"{name}: {error}" if told and str(error) else name


def unavailable() -> Unavailable:
    """Return what a client is told when the database is away."""
    return Unavailable("The database cannot be reached for the moment; repeat with the same idempotencyKey later.")
