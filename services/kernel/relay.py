"""The outbox relay: publishes what commands recorded, in order, at least once.

It always takes the lowest rows that exist (identity order is not commit order, so "later than the last" would lose
rows), and deletes them after the broker's word. One relay per service is active, by an advisory lock; a zombie that
lost its lock is harmless, because consumers go by sequence.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

import structlog

from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.kernel import telemetry
from services.kernel.db import UNREACHABLE, Connection, Row, UniqueViolation, describe, own_connection
from services.kernel.envelope import Envelope, to_message
from services.kernel.history import parse_seen
from services.kernel.kafka import BrokerError, Producer, discard, new_producer
from services.kernel.pulse import Pulse

log = structlog.get_logger()

BATCH: Final = 500
_AGAIN: Final = (*UNREACHABLE, BrokerError, UniqueViolation)
"""After these it starts over; the last says that a zombie has numbered, in its `published`, what is numbered here."""

_STANDBY_SECONDS: Final = 0.5
_LOCK: Final = 0x7454_0001

_TRY_LOCK: Final = """
-- relay.try_lock: one active relay per service database
SELECT pg_try_advisory_lock($1)"""

# OFFSET 0 has each event looked up by its key: planned for any batch, a long outbox is joined with all of history.
_LOWEST: Final = """
-- relay.lowest: the oldest unpublished events that exist, whatever was published before
SELECT outbox.position, outbox.topic, outbox.key, event.aggregate_id, event.sequence, event.event_id, event.type,
       event.cycle, event.happened_at, event.recorded_at, event.data, event.seen, event.correlation_id,
       event.causation_id, event.street, event.community, event.lead, event.cohandlers, event.followers
FROM (SELECT * FROM own.outbox ORDER BY position LIMIT $1) AS outbox
CROSS JOIN LATERAL (
    SELECT * FROM own.event WHERE event.aggregate_id = outbox.aggregate_id AND event.sequence = outbox.sequence OFFSET 0
) AS event
ORDER BY outbox.position"""

PUBLISHED: Final = """
-- relay.published: what the broker has acknowledged
DELETE FROM own.outbox WHERE position = ANY($1)"""


class Relay:
    """Publishes one service's outbox until it is cancelled.

    `published` is the statement that takes away what the broker has acknowledged ($1: its positions). A service may do
    more in it that must be done once for each event and in the order of publication, and return the keys of what is
    followed live; `told` is given these.
    """

    def __init__(
        self,
        source: Source,
        *,
        database_url: str,
        bootstrap: str,
        topic_prefix: str,
        poll: float,
        committed: Pulse,
        published: str = PUBLISHED,
        told: Callable[[Sequence[str]], None] = lambda _: None,
    ) -> None:
        self._source = source
        self._database_url = database_url
        self._bootstrap = bootstrap
        self._prefix = topic_prefix
        self._poll = poll
        self._committed = committed
        self._published = published
        self._told = told

    async def run(self) -> None:
        """Stand by for the lock, publish, and start over after any failure of database or broker."""
        while True:
            try:
                async with own_connection(self._database_url, application=f"{self._source.value}-relay") as connection:
                    while not await connection.fetchval(_TRY_LOCK, _LOCK):  # noqa: ASYNC110 - another process holds it
                        await asyncio.sleep(_STANDBY_SECONDS)
                    await self._publish_all(connection)
            except _AGAIN as error:
                telemetry.RELAY_RESTARTS.labels(self._source.value).inc()
                log.warning("relay starts over", error=describe(error))
                await asyncio.sleep(_STANDBY_SECONDS)

    async def _publish_all(self, connection: Connection) -> None:
        producer = new_producer(self._bootstrap)
        try:
            await producer.start()
            while True:
                rows = await connection.fetch(_LOWEST, BATCH)
                if rows:
                    await self._publish(producer, rows)
                    done = await connection.fetch(self._published, [row["position"] for row in rows])
                    self._told([row["key"] for row in done])
                    telemetry.PUBLISHED.labels(self._source.value).inc(len(rows))
                if len(rows) < BATCH:
                    await self._committed.wait(self._poll)
        finally:
            # After a failed send the producer's own order is unknown; and at the end nobody waits for a broker.
            await discard(producer)

    async def _publish(self, producer: Producer, rows: Sequence[Row]) -> None:
        sent = [
            await producer.send(f"{self._prefix}{row['topic']}", value, key, headers=headers)
            for row in rows
            for key, value, headers in [self._message(row)]
        ]
        await asyncio.gather(*sent)

    def _message(self, row: Row) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
        aggregate: UUID = row["aggregate_id"]
        envelope = Envelope(
            id=row["event_id"],
            source=self._source,
            type=row["type"],
            subject=row["key"] or str(aggregate),
            time=row["happened_at"],
            recorded=row["recorded_at"],
            dataschema=catalogue.dataschema(self._source, row["type"]),
            sequence=row["sequence"],
            seen=parse_seen(row["seen"]),
            correlation=row["correlation_id"],
            causation=row["causation_id"],
            cycle=row["cycle"],
            street=row["street"],
            community=row["community"],
            lead=row["lead"],
            cohandlers=tuple(row["cohandlers"]),
            followers=tuple(row["followers"]),
        )
        return to_message(envelope, row["data"].encode())
