"""Positions and `Read-After`: a client that sends back what a mutation returned reads its own write everywhere.

A position is opaque to clients: `source:aggregate:sequence`, several joined by commas, in URL-safe base 64.
"""

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
-- read_after.behind: whether any of the positions has not been applied here yet
SELECT EXISTS (
    SELECT FROM unnest($1::uuid[], $2::text[], $3::int[]) AS wanted (aggregate_id, source, sequence)
    LEFT JOIN view.progress USING (aggregate_id, source)
    WHERE COALESCE(progress.applied, 0) < wanted.sequence)"""


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


async def wait(
    connection: Connection,
    positions: Sequence[Position],
    *,
    consumed: frozenset[Source],
    applied: Pulse,
    deadline: float,
) -> None:
    """Wait until this service has applied the positions, or until the deadline (system time, seconds since 1970).

    Positions of sources that this service does not consume, its own included, are skipped: its own view is immediate.
    """
    wanted = [p for p in positions if p.source in consumed]
    if not wanted:
        return
    arguments = (
        [p.aggregate for p in wanted],
        [p.source.value for p in wanted],
        [p.sequence for p in wanted],
    )
    deadline = min(deadline, time.time() + PATIENCE_SECONDS)
    while await connection.fetchval(_BEHIND, *arguments):
        left = deadline - time.time()
        if left <= 0:
            return
        await applied.wait(min(left, _POLL_SECONDS))
