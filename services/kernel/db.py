"""PostgreSQL, typed: a pool, and the transaction that commands and reactions are given.

The only functions that open a writing transaction are mutation.run (which can also decide without one), inbox.apply
with its replay and discard, the scheduler's (a consumer of time), service.prepare (the seed), and the rebuild's
(rebuild.py).

What writes a view names no schema: its connection's search path says which view is written, the one that is served or
the next one, which a rebuild makes. Whoever reads one says `view.`.
"""

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum, unique
from functools import cache
from typing import Any, Final, Protocol, cast
from uuid import UUID

import asyncpg as _asyncpg
import msgspec

from services.contracts.vocabulary import Source
from services.kernel.errors import InvalidInput, Unavailable

asyncpg: Any = _asyncpg  # ships no types: wrapped here once

_ACQUIRE_SECONDS: Final = 10.0
_LOCK_MILLISECONDS: Final = "5000"

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


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something is written: the originating request, and the event (or else that request) that caused it."""

    correlation: str
    causation: str


class OvertakenError(Exception):
    """What a decision was made on has changed since it was read without a lock; nothing was written of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a mutation answers, and the key that its client repeats it by."""

    subject: str
    mutation: str
    key: str
    input_hash: bytes
    answer: str


_NO_ANSWER: Final = (None,) * 5
_WRITING: Final = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM|FOR SHARE|FOR KEY SHARE)\b")
"""What writes or locks (FOR UPDATE)."""


@dataclass(frozen=True, slots=True)
class Write:
    """A decision that is about to be written, by one statement.

    :ivar record: its first parameters. After them come the version that the row must still have (or NULL, where it is
        locked) and the five of an answer that is kept with it (or NULLs); then `more`.
    """

    statement: str
    record: Sequence[object]
    aggregate: UUID
    more: Sequence[object]


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction and its cause. Commands take it; only the kernel makes it.

    With `locks` false there is none yet: what is read is not locked, and the command's one decision is written by one
    statement at the end, `saving`, if what it was made on still has the version that was read (`versions`).

    `seen` is what has been applied of the aggregate in this very transaction: its progress row is written last.
    `touched` are the aggregates of which something is told anew, for those who follow them live; `decided` are those of
    which a decision was written, whose events wait for the relay.
    """

    connection: Connection
    cause: Cause
    seen: Mapping[Source, int] = field(default_factory=dict[Source, int])
    touched: set[UUID] = field(default_factory=set[UUID])
    decided: list[UUID] = field(default_factory=list[UUID])
    locks: bool = True
    versions: dict[UUID, str] = field(default_factory=dict[UUID, str])
    pending: list[Write] = field(default_factory=list[Write])
    saving: Connection | None = None

    async def write(self, decision: Write) -> None:
        """Have a decision written: before anything is read that it changes, and at the end at the latest."""
        if self.pending and not self.locks:
            raise RuntimeError("A command that decides more than once needs a transaction that locks.")
        await self.flush()
        self.pending.append(decision)

    async def flush(self, answer: Answer | None = None) -> bool:
        """Write what is pending, and with it the answer; tell whether there was anything.

        :raises OvertakenError: what was read without a lock has changed.
        """
        if not self.pending:
            return False
        decision = self.pending.pop()
        version = None if self.locks else self._version(decision.aggregate)
        kept = (
            _NO_ANSWER
            if answer is None
            else (answer.subject, answer.mutation, answer.key, answer.input_hash, answer.answer)
        )
        written = self.saving or self.connection
        if not await written.fetchval(decision.statement, *decision.record, version, *kept, *decision.more):
            raise OvertakenError
        self.decided.append(decision.aggregate)
        return True

    def note(self, aggregate: UUID, version: str) -> None:
        """Note the version of a row that was read without a lock.

        :raises OvertakenError: it was read before, and has changed since.
        """
        if self.versions.setdefault(aggregate, version) != version:
            raise OvertakenError

    def _version(self, aggregate: UUID) -> str:
        if (version := self.versions.get(aggregate)) is None:
            raise RuntimeError("What is decided on without having been read needs a transaction that locks.")
        return version


@cache
def _writes(query: str) -> bool:
    return _WRITING.search(query) is not None


class _ReadOnly:
    """A connection for a command that writes nothing but its decision: anything else would not be undone with it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch(self, query: str, *args: object) -> Sequence[Row]:
        return await self._connection.fetch(self._reading(query), *args)

    async def fetchrow(self, query: str, *args: object) -> Row | None:
        return await self._connection.fetchrow(self._reading(query), *args)

    async def fetchval(self, query: str, *args: object) -> Any:
        return await self._connection.fetchval(self._reading(query), *args)

    async def execute(self, query: str, *args: object) -> str:
        return await self._connection.execute(self._reading(query), *args)

    async def executemany(self, command: str, args: Sequence[Sequence[object]]) -> None:
        await self._connection.executemany(self._reading(command), args)

    def _reading(self, query: str) -> str:
        if _writes(query):
            raise RuntimeError(f"This needs a transaction that locks: {query}")
        return query


async def _keep_session(connection: object) -> None:
    """Replace asyncpg's reset on release: no session state is ever set on pooled connections, so the trip is saved."""


class Database:
    """A pool of connections to one service's database."""

    def __init__(self, pool: Any, committed: Callable[[set[UUID]], None] | None = None) -> None:
        self._pool = pool
        self._committed = committed

    @property
    def reader(self) -> Connection:
        """The pool itself: each statement on a connection of its own, outside a transaction."""
        return cast(Connection, self._pool)

    @property
    def idle(self) -> int:
        """How many connections are open and unused."""
        return self._pool.get_idle_size()

    @property
    def busy(self) -> int:
        """How many connections are in use."""
        return self._pool.get_size() - self._pool.get_idle_size()

    @asynccontextmanager
    async def transaction(self, cause: Cause) -> AsyncGenerator[Transaction]:
        """Open a READ COMMITTED transaction; commit at the end, roll back on any exception."""
        async with (
            self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection,
            transaction_on(connection, cause) as tx,
        ):
            yield tx
        self._tell(tx)

    @asynccontextmanager
    async def unlocked(self, cause: Cause) -> AsyncGenerator[Transaction]:
        """Yield what a command may decide on without a lock. Whoever opens it flushes it: that is its commit.

        What is flushed is told at the end; with an exception nothing is.
        """
        async with self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection:
            yield (tx := Transaction(_ReadOnly(connection), cause, locks=False, saving=connection))
        self._tell(tx)

    def _tell(self, tx: Transaction) -> None:
        if self._committed is not None and tx.touched:
            self._committed(tx.touched)

    async def close(self) -> None:
        """Close the pool once its connections are back."""
        await self._pool.close()


@asynccontextmanager
async def transaction_on(connection: Connection, cause: Cause) -> AsyncGenerator[Transaction]:
    """Open a READ COMMITTED transaction on a connection; commit at the end, roll back on any exception."""
    inner: Any = connection
    async with inner.transaction():
        yield (tx := Transaction(connection, cause))
        await tx.flush()


@asynccontextmanager
async def savepoint(tx: Transaction) -> AsyncGenerator[None]:
    """Undo what is done inside, and that alone, on any exception."""
    connection: Any = tx.connection
    async with connection.transaction():
        yield


async def open_database(
    url: str,
    *,
    connections: int,
    application: str,
    observe: Callable[[str], None] | None = None,
    committed: Callable[[set[UUID]], None] | None = None,
) -> Database:
    """Connect a pool.

    :param connections: at most so many; a quarter of them are kept open.
    :param committed: is told which aggregates a transaction touched, after its commit.
    :param observe: is told every statement that is sent; each begins with a comment that names it.
    :raises OSError: the database cannot be reached.
    """

    async def prepare(connection: Any) -> None:
        told = observe
        if told is not None:

            def tell(sent: Any) -> None:
                told(sent.query)

            connection.add_query_logger(tell)

    pool: Any = await asyncpg.create_pool(
        url,
        init=prepare,
        min_size=max(1, connections // 4),
        max_size=connections,
        reset=_keep_session,
        command_timeout=30,
        server_settings={
            "application_name": application,
            "jit": "off",
            "timezone": "UTC",
            "lock_timeout": _LOCK_MILLISECONDS,
            "search_path": VIEW,
        },
    )
    return Database(pool, committed)


@asynccontextmanager
async def own_connection(
    url: str, *, application: str, view: str = VIEW, patience: float = 30
) -> AsyncGenerator[Connection]:
    """Open a connection outside the pool, for session state such as advisory locks.

    :param view: which view is written on it.
    :param patience: how many seconds a statement may take.
    """
    settings = {"application_name": application, "jit": "off", "timezone": "UTC", "search_path": view}
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


def describe(error: Exception) -> str:
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
