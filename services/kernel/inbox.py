"""Other services' events taking effect here: each exactly once, in order, after everything that it had seen.

One row of own.progress per (aggregate, source) says what was received and what was applied. A batch of events is one
transaction. An event that cannot be applied yet parks its own aggregate's stream, never the partition:

WAITING  something that its producer had seen has not been applied here yet (or an earlier event is parked)
GAP      an earlier sequence of its stream is missing; heals when that arrives
POISON   applying it failed for good; an operator replays or discards it

The first two resume by themselves. What an operator does (parking.py) is `replay` and `discard`.
"""

import asyncio
import random
import traceback
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog

from services.contracts import catalogue
from services.contracts.event import Event
from services.contracts.vocabulary import Source
from services.kernel import metrics, tracing
from services.kernel.arrivals import Arrived, Key, show_headers, stored
from services.kernel.db import TRANSIENT, UNREACHABLE, Lock, describe
from services.kernel.envelope import Envelope
from services.kernel.errors import InvalidInput, NotFound, Unavailable
from services.kernel.tracing import Tracing
from services.kernel.transaction import Cause, Database, Transaction, savepoint

log = structlog.get_logger()

Reaction = Callable[[Transaction, Any, Envelope], Awaitable[None]]
Projection = Callable[[Transaction, Sequence[tuple[Event, Envelope]]], Awaitable[None]]

Result = TypeVar("Result")

_ATTEMPTS: Final = 8

# In id order against deadlocks. A row that changed while its lock was waited for is read as it is then.
_LOCK: Final = """
-- inbox.lock: the view against its change, then what reactions may write, then how far each stream is
WITH held AS MATERIALIZED (
    SELECT FROM own.petition
    WHERE (SELECT pg_advisory_xact_lock_shared($2) IS NOT NULL) AND petition_id = ANY($1)
    ORDER BY petition_id FOR NO KEY UPDATE
)
SELECT aggregate_id, source, applied, parked FROM own.progress
WHERE (SELECT count(*) FROM held) >= 0 AND aggregate_id = ANY($1) AND source = ANY($3)
ORDER BY aggregate_id, source FOR NO KEY UPDATE"""

_ENTER: Final = """
-- inbox.enter: a progress row for every consumed source, so that even absence is locked
INSERT INTO own.progress (aggregate_id, source)
SELECT aggregate_id, source FROM unnest($1::uuid[]) AS aggregate_id CROSS JOIN unnest($2::text[]) AS source
ORDER BY aggregate_id, source ON CONFLICT DO NOTHING RETURNING aggregate_id, source, applied, parked"""

_READ_PARKED: Final = """
-- inbox.read_parked: events that waited for what may have come now
SELECT aggregate_id, source, sequence, reason, detail, headers, data, topic, partition, "offset"
FROM own.parked WHERE aggregate_id = ANY($1) ORDER BY aggregate_id, source, sequence"""

_SAVE_PROGRESS: Final = """
-- inbox.save_progress: both guards move together
WITH now AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::int[])
        AS now (aggregate_id, source, received, applied, parked)
), own AS (
    UPDATE own.progress SET received = now.received, applied = now.applied, parked = now.parked
    FROM now WHERE progress.aggregate_id = now.aggregate_id AND progress.source = now.source
)
INSERT INTO progress (aggregate_id, source, applied)
SELECT aggregate_id, source, applied FROM now WHERE applied > 0
ON CONFLICT (aggregate_id, source) DO UPDATE SET applied = EXCLUDED.applied"""

_PARK: Final = """
-- inbox.park: hold an event of one stream
INSERT INTO own.parked (aggregate_id, source, sequence, reason, detail, headers, data, topic, partition, "offset")
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (aggregate_id, source, sequence) DO UPDATE SET reason = EXCLUDED.reason, detail = EXCLUDED.detail"""

_DISCARD: Final = """
-- inbox.discard: who passed over an event, and why
INSERT INTO own.discarded (aggregate_id, source, sequence, error, headers, data, discarded_by, because)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""

_DISCARDED: Final = """
-- inbox.discarded: whether it was passed over before
SELECT 1 FROM own.discarded WHERE aggregate_id = $1 AND source = $2 AND sequence = $3"""

_REPLAYED: Final = """
-- inbox.replayed: who had what was parked tried again, why, and how many events took effect
INSERT INTO own.replayed (aggregate_id, replayed_by, because, applied) VALUES ($1, $2, $3, $4)"""

_IS_PARKED: Final = """
-- inbox.is_parked: whether anything is held up of an aggregate
SELECT EXISTS (SELECT 1 FROM own.parked WHERE aggregate_id = $1)"""

_WAITED: Final = """
-- inbox.waited: for how many seconds something has been held up of an aggregate
SELECT EXTRACT(epoch FROM clock_timestamp() - min(parked_at))::float8 FROM own.parked WHERE aggregate_id = $1"""

_CAME_AFTER_ALL: Final = """
-- inbox.came_after_all: events that were passed over because they had not come are kept when they do
UPDATE own.discarded SET headers = late.headers::jsonb, data = late.data
FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::bytea[])
    AS late (aggregate_id, source, sequence, headers, data)
WHERE discarded.aggregate_id = late.aggregate_id AND discarded.source = late.source
  AND discarded.sequence = late.sequence AND discarded.data IS NULL
RETURNING discarded.aggregate_id, discarded.source, discarded.sequence"""

MISSING_SECONDS: Final = 300
"""How long an event must have been missing before an operator may pass over it: it may just be late."""

_RELEASE: Final = """
-- inbox.release: events that have taken effect are parked no longer
DELETE FROM own.parked USING unnest($1::uuid[], $2::text[], $3::int[]) AS done (aggregate_id, source, sequence)
WHERE parked.aggregate_id = done.aggregate_id AND parked.source = done.source AND parked.sequence = done.sequence"""


class Reason(StrEnum):
    """Why an event is parked."""

    WAITING = "WAITING"
    GAP = "GAP"
    POISON = "POISON"


@dataclass(frozen=True, slots=True)
class Replay:
    """An operator's word that what is parked of an aggregate shall be tried again: who says so, and why."""

    aggregate: UUID
    by: str
    because: str


@dataclass(frozen=True, slots=True)
class Discard:
    """An operator's word that an event shall be passed over: which, who says so, and why."""

    aggregate: UUID
    source: Source
    sequence: int
    by: str
    because: str

    @property
    def key(self) -> tuple[UUID, str, int]:
        """What identifies the event, as it is stored."""
        return self.aggregate, self.source.value, self.sequence


@dataclass(slots=True)
class _Stream:
    """One aggregate's events of one source: how far they have been applied, and those that are held by sequence."""

    applied: int
    parked: int
    held: dict[int, tuple[Arrived, Reason, str]] = field(default_factory=dict[int, Any])


Streams = dict[UUID, dict[Source, _Stream]]


@dataclass(frozen=True, slots=True)
class Handlers:
    """What a service does with each event: react or (explicitly) ignore; and the projections that all events feed."""

    reactions: Mapping[tuple[Source, type[Event]], Reaction]
    ignored: frozenset[tuple[Source, type[Event]]]
    projections: Sequence[Projection]

    def unaccounted(self, sources: frozenset[Source]) -> set[str]:
        """Return events of the consumed sources that are in neither table: a wiring mistake."""
        known = self.reactions.keys() | self.ignored
        return {f"{s.value}/{t.TYPE}" for s in sources for t in catalogue.EVENTS[s].values() if (s, t) not in known}


class Inbox:
    """Applies events to one service's database."""

    def __init__(
        self,
        database: Database,
        sources: frozenset[Source],
        handlers: Handlers,
        refresh: Callable[[], Awaitable[object]],
        traces: Tracing,
    ) -> None:
        """Describe the inbox; what takes effect is counted under the name of the service that `traces` are of.

        `refresh` is awaited before each transaction, for what the rules keep in memory: inside one it would need a
        second connection, which may be held by those who wait for this very transaction.
        """
        if missing := handlers.unaccounted(sources):
            raise ValueError(f"neither reacted to nor ignored: {', '.join(sorted(missing))}")
        self._database = database
        self._sources = sources
        self._handlers = handlers
        self._refresh = refresh
        self._traces = traces

    async def apply(self, batch: Sequence[Arrived]) -> bool:
        """Apply a batch of events in one transaction; afterwards its offsets may be committed.

        Return whether reactions decided anything, which the relay has to publish.

        :raises UNREACHABLE: the database is away; nothing was applied, apply the batch again later.
        :raises Unavailable: something that the rules need has not arrived; likewise.
        """
        await self._refresh()
        try:
            return await self._retried(lambda: self._once(batch, careful=False))
        except (*UNREACHABLE, *TRANSIENT, Unavailable):
            raise
        except Exception:
            # Something in it is bad: rolled back, and applied again with a savepoint at each event.
            return await self._retried(lambda: self._once(batch, careful=True))

    async def replay(self, replay: Replay) -> int:
        """Try what is parked of one aggregate again, poison too; return how many events have taken effect.

        :raises NotFound: nothing is parked of it.
        """
        return await self._by_hand(replay)

    async def discard(self, discard: Discard) -> int:
        """Pass over one event, and let go on what waited behind it; return how many events have taken effect.

        Repeated, it changes nothing.

        :raises NotFound: nothing is parked of the aggregate.
        :raises InvalidInput: nothing is parked on account of this event.
        """
        try:
            return await self._by_hand(discard)
        except NotFound:
            if await self._database.reader.fetchrow(_DISCARDED, *discard.key) is None:
                raise
            return 0

    async def _by_hand(self, order: Replay | Discard) -> int:
        if not await self._database.reader.fetchval(_IS_PARKED, order.aggregate):
            raise NotFound("A parked event of this petition")
        await self._refresh()
        return await self._retried(lambda: self._again(order))

    async def _retried(self, once: Callable[[], Awaitable[Result]]) -> Result:
        for attempt in range(_ATTEMPTS):
            try:
                return await once()
            except TRANSIENT:
                if attempt == _ATTEMPTS - 1:
                    raise
                await asyncio.sleep(random.uniform(0.5, 1.5) * 0.005 * 2**attempt)  # noqa: S311 - spreads retries
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, batch: Sequence[Arrived], *, careful: bool) -> bool:
        aggregates = sorted({arrived.aggregate for arrived in batch})
        with self._traces.transaction():
            applied, decided = await self._applied(batch, aggregates, careful=careful)
        self._count(applied)
        return decided

    async def _applied(
        self, batch: Sequence[Arrived], aggregates: Sequence[UUID], *, careful: bool
    ) -> tuple[list[tuple[Event, Envelope]], bool]:
        async with self._database.transaction(Cause("", "")) as tx:
            streams = await self._lock(tx, aggregates)
            applied: list[tuple[Event, Envelope]] = []
            before, again = _held(streams), list[Arrived]()
            for arrived in batch:
                stream = streams[arrived.aggregate][arrived.envelope.source]
                sequence = arrived.envelope.sequence
                if sequence <= stream.applied or sequence in stream.held:
                    again.append(arrived)  # a duplicate changes nothing
                    continue
                stream.held[sequence] = (arrived, Reason.GAP, "")
                await self._advance(tx, streams[arrived.aggregate], applied, careful=careful)
            if not careful:
                await self._project(tx, applied)
            await self._save(tx, streams, before)
            if again:
                await _keep_late(tx, again)
        return applied, bool(tx.decided)

    def _count(self, applied: Sequence[tuple[Event, Envelope]]) -> None:
        now = datetime.now(UTC)
        for _, envelope in applied:
            labels = (self._traces.service, envelope.source.value)
            metrics.APPLIED.labels(*labels).inc()
            metrics.EVENT_DELAY.labels(*labels).observe(max(0.0, (now - envelope.recorded).total_seconds()))

    async def _again(self, order: Replay | Discard) -> int:
        aggregate = order.aggregate
        with self._traces.transaction():
            applied = await self._by_order(aggregate, order)
        self._count(applied)
        return len(applied)

    async def _by_order(self, aggregate: UUID, order: Replay | Discard) -> list[tuple[Event, Envelope]]:
        async with self._database.transaction(Cause("", "")) as tx:
            streams = await self._lock(tx, [aggregate])
            applied: list[tuple[Event, Envelope]] = []
            before = _held(streams)
            for stream in streams[aggregate].values():
                for sequence, (arrived, _, _) in stream.held.items():
                    stream.held[sequence] = (arrived, Reason.WAITING, "")
            if isinstance(order, Discard) and await tx.connection.fetchrow(_DISCARDED, *order.key) is None:
                await self._pass_over(tx, order, streams[aggregate], before)
            await self._advance(tx, streams[aggregate], applied, careful=True)
            if isinstance(order, Replay):
                await tx.connection.execute(_REPLAYED, aggregate, order.by, order.because, len(applied))
            await self._save(tx, streams, before)
        return applied

    async def _pass_over(
        self,
        tx: Transaction,
        discard: Discard,
        streams: Mapping[Source, _Stream],
        before: Mapping[Key, tuple[Reason, str]],
    ) -> None:
        stream = streams.get(discard.source)
        if stream is None or stream.applied + 1 != discard.sequence or not self._holds_up(discard, streams, before):
            nexts = ", ".join(f"{source.value}:{s.applied + 1}" for source, s in sorted(streams.items()))
            raise InvalidInput(
                "sequence", f"Nothing is parked on account of this event. Next in their streams are {nexts}."
            )
        event, _, _ = stream.held.pop(discard.sequence, (None, None, None))
        waited = await tx.connection.fetchval(_WAITED, discard.aggregate)
        if event is None and waited < MISSING_SECONDS:
            raise InvalidInput(
                "sequence",
                f"This event has not come yet, but may just be late: it can be passed over once others have waited for "
                f"it for {MISSING_SECONDS // 60} minutes.",
            )
        _, error = before.get((discard.aggregate, discard.source, discard.sequence), (None, "it never arrived"))
        await tx.connection.execute(
            _DISCARD,
            *discard.key,
            error,
            show_headers(event.headers) if event else None,
            event.data if event else None,
            discard.by,
            discard.because,
        )
        stream.applied += 1

    def _holds_up(
        self, discard: Discard, streams: Mapping[Source, _Stream], before: Mapping[Key, tuple[Reason, str]]
    ) -> bool:
        """Tell whether an event that is next in its stream is poison, or is missing and something waits for it."""
        if held := before.get((discard.aggregate, discard.source, discard.sequence)):
            return held[0] is Reason.POISON
        behind = bool(streams[discard.source].held)
        return behind or any(
            arrived.envelope.seen.get(discard.source, 0) >= discard.sequence
            for stream in streams.values()
            for arrived, _, _ in stream.held.values()
        )

    async def _lock(self, tx: Transaction, aggregates: Sequence[UUID]) -> Streams:
        connection = tx.connection
        sources = sorted(source.value for source in self._sources)
        streams: Streams = defaultdict(dict)
        rows, wanted = await connection.fetch(_LOCK, aggregates, Lock.VIEW, sources), len(aggregates) * len(sources)
        if len(rows) < wanted:
            rows = [*rows, *await connection.fetch(_ENTER, aggregates, sources)]
        if len(rows) < wanted:  # another batch has entered them meanwhile
            rows = await connection.fetch(_LOCK, aggregates, Lock.VIEW, sources)
        for row in rows:
            streams[row["aggregate_id"]][Source(row["source"])] = _Stream(row["applied"], row["parked"])
        waiting = [a for a, by_source in streams.items() if any(s.parked for s in by_source.values())]
        for row in await connection.fetch(_READ_PARKED, waiting) if waiting else ():
            held = streams[row["aggregate_id"]][Source(row["source"])].held
            held[row["sequence"]] = (stored(row), Reason(row["reason"]), row["detail"])
        return streams

    async def _advance(
        self,
        tx: Transaction,
        streams: Mapping[Source, _Stream],
        applied: list[tuple[Event, Envelope]],
        *,
        careful: bool,
    ) -> None:
        """Apply whatever of one aggregate can be applied now; each success may let the other streams go on.

        :param careful: an event that cannot be applied is parked as poison; else the error is the batch's.
        """
        moved = True
        while moved:
            moved = False
            for stream in streams.values():
                while (held := stream.held.get(stream.applied + 1)) is not None:
                    arrived, reason, _ = held
                    if reason is Reason.POISON or self._missing(arrived, streams):
                        break
                    event = await (self._tried if careful else self._effect)(tx, arrived, streams)
                    if event is None:
                        break
                    applied.append((event, arrived.envelope))
                    del stream.held[stream.applied + 1]
                    stream.applied += 1
                    moved = True

    async def _tried(self, tx: Transaction, arrived: Arrived, streams: Mapping[Source, _Stream]) -> Event | None:
        """Apply an event, projections too; if that fails, nothing is left of it, and it is held as poison."""
        try:
            async with savepoint(tx):
                event = await self._effect(tx, arrived, streams)
                await self._project(tx, [(event, arrived.envelope)])
        except (*UNREACHABLE, *TRANSIENT, Unavailable):
            raise
        except Exception as error:
            held = streams[arrived.envelope.source].held
            held[arrived.envelope.sequence] = (arrived, Reason.POISON, describe(error))
            _tell(arrived, error)
            return None
        return event

    def _missing(self, arrived: Arrived, streams: Mapping[Source, _Stream]) -> dict[Source, int]:
        """Return what the producer had seen and this service has not applied; sources not consumed are skipped."""
        seen = arrived.envelope.seen
        return {s: n for s, n in seen.items() if s in self._sources and streams[s].applied < n}

    async def _effect(self, tx: Transaction, arrived: Arrived, streams: Mapping[Source, _Stream]) -> Event:
        envelope = arrived.envelope
        kind, event = arrived.decode()
        with self._traces.event(envelope.type, arrived.headers, lambda: _attributes(arrived)):
            reaction = self._handlers.reactions.get((envelope.source, kind))
            if reaction is not None:
                cause = Cause(envelope.correlation, str(envelope.id))
                applied = {s: stream.applied for s, stream in streams.items() if stream.applied}
                seen = {**applied, envelope.source: envelope.sequence}
                reacting = Transaction(tx.connection, cause, seen, tx.touched, tx.decided)
                await reaction(reacting, event, envelope)
                await reacting.flush()
        return event

    async def _project(self, tx: Transaction, applied: Sequence[tuple[Event, Envelope]]) -> None:
        tx.touched.update(UUID(envelope.subject) for _, envelope in applied)
        for project_many in self._handlers.projections if applied else ():
            await project_many(tx, applied)

    async def _save(
        self,
        tx: Transaction,
        streams: Streams,
        before: Mapping[Key, tuple[Reason, str]],
    ) -> None:
        rows: list[tuple[UUID, str, int, int, int]] = []
        after: dict[Key, tuple[Arrived, Reason, str]] = {}
        for aggregate, by_source in streams.items():
            for source, stream in by_source.items():
                received = stream.applied
                for sequence in sorted(stream.held):
                    arrived, _, _ = stream.held[sequence]
                    received += 1 if sequence == received + 1 else 0
                    after[arrived.key] = (arrived, *self._why(stream, arrived, received, by_source))
                rows.append((aggregate, source.value, received, stream.applied, len(stream.held)))
        columns = [list(column) for column in zip(*rows, strict=True)]
        await tx.connection.execute(_SAVE_PROGRESS, *columns)
        fresh = [entry for key, entry in after.items() if before.get(key) != entry[1:]]
        if fresh:
            await tx.connection.executemany(_PARK, [_park_arguments(*entry) for entry in fresh])
        if released := [key for key in before if key not in after]:
            aggregates, sources, sequences = zip(*released, strict=True)
            await tx.connection.execute(_RELEASE, list(aggregates), [s.value for s in sources], list(sequences))

    def _why(
        self,
        stream: _Stream,
        arrived: Arrived,
        received: int,
        streams: Mapping[Source, _Stream],
    ) -> tuple[Reason, str]:
        sequence = arrived.envelope.sequence
        _, reason, detail = stream.held[sequence]
        if reason is Reason.POISON:
            return reason, detail
        if sequence > received:
            return Reason.GAP, f"sequence {received + 1} has not arrived"
        missing = self._missing(arrived, streams)
        if missing:
            return Reason.WAITING, "for " + ", ".join(f"{s.value}:{n}" for s, n in sorted(missing.items()))
        return Reason.WAITING, f"behind sequence {stream.applied + 1}"


async def _keep_late(tx: Transaction, again: Sequence[Arrived]) -> None:
    """Keep what was passed over as missing and has come after all: it has no effect any more, but is not lost."""
    came = await tx.connection.fetch(
        _CAME_AFTER_ALL,
        [arrived.aggregate for arrived in again],
        [arrived.envelope.source.value for arrived in again],
        [arrived.envelope.sequence for arrived in again],
        [show_headers(arrived.headers) for arrived in again],
        [arrived.data for arrived in again],
    )
    for row in came:
        log.warning(
            "an event that was passed over as missing has come",
            petition_id=str(row["aggregate_id"]),
            source=row["source"],
            sequence=row["sequence"],
        )


def _tell(arrived: Arrived, error: Exception) -> None:
    log.error(
        "event parked as poison",
        event_id=str(arrived.envelope.id),
        type=arrived.envelope.type,
        petition_id=arrived.envelope.subject,
        topic=arrived.topic,
        partition=arrived.partition,
        offset=arrived.offset,
        error=describe(error),
        frames=traceback.format_tb(error.__traceback__),
    )


def _attributes(arrived: Arrived) -> tracing.Attributes:
    envelope = arrived.envelope
    return {
        tracing.PETITION: envelope.subject,
        tracing.CORRELATION: envelope.correlation,
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": arrived.topic,
        "messaging.destination.partition.id": str(arrived.partition),
        "messaging.kafka.offset": arrived.offset,
        "cloudevents.event_id": str(envelope.id),
        "cloudevents.event_type": envelope.type,
    }


def _held(streams: Streams) -> dict[Key, tuple[Reason, str]]:
    return {
        arrived.key: (reason, detail)
        for by_source in streams.values()
        for stream in by_source.values()
        for arrived, reason, detail in stream.held.values()
    }


def _park_arguments(arrived: Arrived, reason: Reason, detail: str) -> tuple[object, ...]:
    aggregate, source, sequence = arrived.key
    headers = show_headers(arrived.headers)
    return (aggregate, source.value, sequence, reason.value, detail, headers, arrived.data, *arrived.place)
