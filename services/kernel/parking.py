"""The operator's view of events that are held up: what is parked and why, what was passed over, and by whom.

Nothing here shows what an event says: an operator sees no petition text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from services.contracts.vocabulary import Source
from services.kernel.db import Connection, Row
from services.kernel.inbox import Discard, Inbox, Reason, Replay
from services.kernel.pulse import Pulse

Place = tuple[UUID, str, int]
"""Where a page begins: behind this aggregate, source and sequence."""

START: Final[Place] = (UUID(int=0), "", 0)

_PARKED: Final = """
-- parking.parked: a page of what is held up, petition by petition
SELECT aggregate_id, source, sequence, reason, detail, headers, topic, partition, "offset", parked_at
FROM own.parked WHERE (aggregate_id, source, sequence) > ($1, $2, $3)
ORDER BY aggregate_id, source, sequence LIMIT $4"""

_PARKED_FOR: Final = """
-- parking.parked_for: the same for one reason
SELECT aggregate_id, source, sequence, reason, detail, headers, topic, partition, "offset", parked_at
FROM own.parked WHERE reason = $5 AND (aggregate_id, source, sequence) > ($1, $2, $3)
ORDER BY aggregate_id, source, sequence LIMIT $4"""

_PARKED_OF: Final = """
-- parking.parked_of: what is held up of one petition
SELECT aggregate_id, source, sequence, reason, detail, headers, topic, partition, "offset", parked_at
FROM own.parked WHERE aggregate_id = $1 ORDER BY source, sequence LIMIT $2"""

_DISCARDED: Final = """
-- parking.discarded: a page of what was passed over
SELECT aggregate_id, source, sequence, error, headers, discarded_by, because, discarded_at
FROM own.discarded WHERE (aggregate_id, source, sequence) > ($1, $2, $3)
ORDER BY aggregate_id, source, sequence LIMIT $4"""

_MOST: Final = 100
_HEADERS: Final = msgspec.json.Decoder(list[tuple[str, str]])


@dataclass(frozen=True, slots=True)
class Parked:
    """An event that is held up; `detail` says for what it waits, or how it failed."""

    petition: UUID
    source: Source
    sequence: int
    type: str
    event_id: str
    reason: Reason
    detail: str
    topic: str
    partition: int
    offset: int
    parked_at: datetime


@dataclass(frozen=True, slots=True)
class Discarded:
    """An event that an operator passed over; type and id are absent for one that never arrived."""

    petition: UUID
    source: Source
    sequence: int
    type: str | None
    event_id: str | None
    error: str
    by: str
    because: str
    at: datetime


async def parked(connection: Connection, *, reason: Reason | None, first: int, after: Place = START) -> list[Parked]:
    """Return a page of what is held up, in the order of petition, source and sequence."""
    if reason is None:
        rows = await connection.fetch(_PARKED, *after, first)
    else:
        rows = await connection.fetch(_PARKED_FOR, *after, first, reason.value)
    return [_parked(row) for row in rows]


async def parked_of(connection: Connection, petition: UUID) -> list[Parked]:
    """Return what is held up of one petition, 100 events at most."""
    return [_parked(row) for row in await connection.fetch(_PARKED_OF, petition, _MOST)]


async def discarded(connection: Connection, *, first: int, after: Place = START) -> list[Discarded]:
    """Return a page of what was passed over."""
    return [_discarded(row) for row in await connection.fetch(_DISCARDED, *after, first)]


def _parked(row: Row) -> Parked:
    type_name, event_id = _named(row["headers"])
    return Parked(
        petition=row["aggregate_id"],
        source=Source(row["source"]),
        sequence=row["sequence"],
        type=type_name or "",
        event_id=event_id or "",
        reason=Reason(row["reason"]),
        detail=row["detail"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        parked_at=row["parked_at"],
    )


def _discarded(row: Row) -> Discarded:
    type_name, event_id = _named(row["headers"])
    return Discarded(
        petition=row["aggregate_id"],
        source=Source(row["source"]),
        sequence=row["sequence"],
        type=type_name,
        event_id=event_id,
        error=row["error"],
        by=row["discarded_by"],
        because=row["because"],
        at=row["discarded_at"],
    )


def _named(headers: str | None) -> tuple[str | None, str | None]:
    found = dict(_HEADERS.decode(headers)) if headers else {}
    return found.get("ce_type"), found.get("ce_id")


@dataclass(frozen=True, slots=True)
class Parking:
    """What an operator can do about what is held up in one service."""

    inbox: Inbox
    applied: Pulse
    committed: Pulse

    async def replay(self, replay: Replay) -> int:
        """Try what is parked of a petition again; return how many events have taken effect.

        :raises NotFound: nothing is parked of it.
        """
        return self._told(await self.inbox.replay(replay))

    async def discard(self, discard: Discard) -> int:
        """Pass over an event; return how many have taken effect that waited behind it.

        :raises NotFound: nothing is parked of the petition.
        :raises InvalidInput: nothing is parked on account of this event.
        """
        return self._told(await self.inbox.discard(discard))

    def _told(self, effects: int) -> int:
        self.applied.beat()
        self.committed.beat()
        return effects


def next_place(page: Sequence[Parked | Discarded]) -> Place:
    """Return where the page after this one begins."""
    last = page[-1]
    return last.petition, last.source.value, last.sequence
