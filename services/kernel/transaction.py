"""The transaction that commands and reactions are given, with a lock or without, and the pool that it comes from.

The only functions that open a writing transaction are mutation.run (which can also decide without one), inbox.apply
with its replay and discard, the scheduler's (a consumer of time), service.prepare (the seed), and the rebuild's
(rebuild.py).
"""

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, cast
from uuid import UUID

from services.contracts.vocabulary import Source
from services.kernel.db import Connection, Row, asyncpg, session_settings

_ACQUIRE_SECONDS: Final = 10.0
_LOCK_MILLISECONDS: Final = "5000"


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
class Unlocked:
    """What a command that takes no lock has read, by its versions, and where its decision is saved."""

    saving: Connection
    versions: dict[UUID, str] = field(default_factory=dict[UUID, str])

    def note(self, aggregate: UUID, version: str) -> None:
        """Note the version of a row that was read.

        :raises OvertakenError: it was read before, and has changed since.
        """
        if self.versions.setdefault(aggregate, version) != version:
            raise OvertakenError

    def version(self, aggregate: UUID) -> str:
        """Return the version that a row must still have for what was decided on it to be saved."""
        if (version := self.versions.get(aggregate)) is None:
            raise RuntimeError("What is decided on without having been read needs a transaction that locks.")
        return version


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction and its cause. Commands take it; only the kernel makes it.

    With `unlocked` there is none yet: what is read is not locked, and the command's one decision is written by one
    statement at the end, if what it was made on still has the version that was read.

    `seen` is what has been applied of the aggregate in this very transaction: its progress row is written last.
    `touched` are the aggregates of which something is told anew, for those who follow them live; `decided` are those of
    which a decision was written, whose events wait for the relay.
    """

    connection: Connection
    cause: Cause
    seen: Mapping[Source, int] = field(default_factory=dict[Source, int])
    touched: set[UUID] = field(default_factory=set[UUID])
    decided: list[UUID] = field(default_factory=list[UUID])
    unlocked: Unlocked | None = None
    pending: list[Write] = field(default_factory=list[Write])

    async def write(self, decision: Write) -> None:
        """Have a decision written: before anything is read that it changes, and at the end at the latest."""
        if self.pending and self.unlocked:
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
        version = self.unlocked.version(decision.aggregate) if self.unlocked else None
        kept = (
            _NO_ANSWER
            if answer is None
            else (answer.subject, answer.mutation, answer.key, answer.input_hash, answer.answer)
        )
        written = self.unlocked.saving if self.unlocked else self.connection
        if not await written.fetchval(decision.statement, *decision.record, version, *kept, *decision.more):
            raise OvertakenError
        self.decided.append(decision.aggregate)
        return True


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
            yield (tx := Transaction(_ReadOnly(connection), cause, unlocked=Unlocked(connection)))
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
        server_settings={**session_settings(application), "lock_timeout": _LOCK_MILLISECONDS},
    )
    return Database(pool, committed)
