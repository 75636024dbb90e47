"""Positions and `Read-After`: a client that sends back what a mutation returned reads its own write everywhere.

A position is opaque to clients: `source:aggregate:sequence`, several joined by commas, in URL-safe base 64.
"""

import asyncio
import base64
import binascii
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.contracts.vocabulary import Source
from services.kernel.db import Connection
from services.kernel.errors import InvalidInput
from services.kernel.pulse import Pulse

HEADER: Final = "read-after"
DEADLINE_HEADER: Final = "read-after-deadline"
PATIENCE_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.05
_MOST: Final = 20
_BEYOND: Final = 2**31

_BEHIND: Final = """
-- read_after.behind: which of the positions have not been applied here yet
SELECT wanted.nth FROM unnest((SELECT $1::uuid[]), (SELECT $2::text[]), (SELECT $3::int[])) WITH ORDINALITY
    AS wanted (aggregate_id, source, sequence, nth)
LEFT JOIN view.progress USING (aggregate_id, source)
WHERE COALESCE(progress.applied, 0) < wanted.sequence"""


@dataclass(frozen=True, slots=True)
class Position:
    """One event of one aggregate in one source."""

    source: Source
    aggregate: UUID
    sequence: int


def show(*positions: Position) -> str:
    """Return positions as clients carry them."""
    text = ",".join(f"{p.source.value}:{p.aggregate}:{p.sequence}" for p in positions)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse(text: str) -> tuple[Position, ...]:
    """Parse what a client carried back.

    :raises InvalidInput: it is not a position of ours, or more than 20 of them.
    """
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        parts = [part.split(":") for part in plain.split(",")]
        positions = tuple(Position(Source(s), UUID(a), int(n)) for s, a, n in parts)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise InvalidInput("Read-After", "Read-After must be a position as a mutation returned it.") from None
    if any(not 0 < p.sequence < _BEYOND for p in positions):
        raise InvalidInput("Read-After", "Read-After must be a position as a mutation returned it.")
    if len(positions) > _MOST:
        raise InvalidInput("Read-After", f"Read-After may name at most {_MOST} positions.")
    return positions


@dataclass(slots=True, eq=False)
class _Waiter:
    """What a request waits for, and the word that it may go on."""

    positions: Sequence[Position]
    seen: asyncio.Future[None]


class WaitingRoom:
    """Where the requests of one process wait for positions: one statement asks for all of them, however many wait.

    Positions of sources that this service does not consume, its own included, are skipped: its own view is immediate.
    """

    def __init__(self, connection: Connection, *, consumed: frozenset[Source], applied: Pulse) -> None:
        """Wait by asking on a connection whenever something was applied here (or, for other replicas, by the clock)."""
        self._connection = connection
        self._consumed = consumed
        self._applied = applied
        self._waiters: set[_Waiter] = set()
        self._asking: asyncio.Task[None] | None = None

    async def wait(self, positions: Sequence[Position], *, deadline: float) -> None:
        """Wait until this service has applied the positions, or until the deadline (system time, seconds since 1970).

        :raises UNREACHABLE: the database is away.
        """
        waiter = _Waiter([p for p in positions if p.source in self._consumed], asyncio.Future())
        if not await self._behind([waiter]):
            return
        self._waiters.add(waiter)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        try:
            async with asyncio.timeout(max(0.0, min(deadline - time.time(), PATIENCE_SECONDS))):
                await waiter.seen
        except TimeoutError:
            if waiter.seen.done() and not waiter.seen.cancelled():
                waiter.seen.result()  # what went wrong in the database may be a time-out too
        finally:
            self._waiters.discard(waiter)

    async def _ask(self) -> None:
        while self._waiters:
            await self._applied.wait(_POLL_SECONDS)
            asked = list(self._waiters)
            try:
                behind = await self._behind(asked)
            except Exception as error:  # each of them is told
                self._tell(asked, error)
            else:
                self._tell([waiter for waiter in asked if waiter not in behind])

    def _tell(self, waiters: Sequence[_Waiter], error: Exception | None = None) -> None:
        for waiter in waiters:
            self._waiters.discard(waiter)
            if waiter.seen.done():  # its time is over, or its client has gone
                continue
            if error is None:
                waiter.seen.set_result(None)
            else:
                waiter.seen.set_exception(error)

    async def _behind(self, waiters: Sequence[_Waiter]) -> set[_Waiter]:
        """Return those that have to wait on."""
        wanted = [(waiter, position) for waiter in waiters for position in waiter.positions]
        if not wanted:
            return set()
        rows = await self._connection.fetch(
            _BEHIND,
            [p.aggregate for _, p in wanted],
            [p.source.value for _, p in wanted],
            [p.sequence for _, p in wanted],
        )
        return {wanted[int(row["nth"]) - 1][0] for row in rows}
