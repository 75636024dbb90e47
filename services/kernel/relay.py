"""The outbox relay: publishes what commands recorded, in order, at least once.

It always takes the lowest rows that exist (identity order is not commit order, so "later than the last" would lose
rows), and deletes them after the broker's word. One relay per outlet is active, by an advisory lock; a zombie that
lost its lock is harmless, because consumers go by sequence.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn
from uuid import UUID

import structlog
from opentelemetry.trace import Span

from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.kernel import metrics, tracing
from services.kernel.db import UNREACHABLE, Connection, Lock, Row, UniqueViolation, describe, listen, own_connection
from services.kernel.envelope import Envelope, Message, to_message
from services.kernel.history import parse_seen
from services.kernel.kafka import Broker, BrokerError, Producer, Topic, create_topics, discard, new_producer
from services.kernel.pace import Pace
from services.kernel.pulse import Pulse
from services.kernel.tracing import NO_TRACES, Tracing

log = structlog.get_logger()

BATCH: Final = 500
_AGAIN: Final = (*UNREACHABLE, BrokerError, UniqueViolation)
"""After these it starts over; the last says that a zombie has numbered, in its `published`, what is numbered here."""

_STANDBY_SECONDS: Final = 0.5
_GATHER_SECONDS: Final = 0.01
"""At most so often there is a batch: under load many events are published together."""

_LOCK: Final = Lock.RELAY

_TRY_LOCK: Final = """
-- relay.try_lock: one active relay per outlet of a service
SELECT pg_try_advisory_lock($1)"""

# OFFSET 0 has each event looked up by its key: planned for any batch, a long outbox is joined with all of history.
_LOWEST: Final = """
-- relay.lowest: the oldest unpublished events that exist, whatever was published before
SELECT outbox.position, outbox.topic, outbox.key, outbox.traceparent, event.aggregate_id, event.sequence,
       event.event_id, event.type, event.cycle, event.happened_at, event.recorded_at, event.data, event.seen,
       event.correlation_id, event.causation_id, event.street, event.community, event.lead, event.cohandlers,
       event.followers
FROM (SELECT * FROM own.outbox ORDER BY position LIMIT $1) AS outbox
CROSS JOIN LATERAL (
    SELECT * FROM own.event WHERE event.aggregate_id = outbox.aggregate_id AND event.sequence = outbox.sequence OFFSET 0
) AS event
ORDER BY outbox.position"""

PUBLISHED: Final = """
-- relay.published: what the broker has acknowledged
DELETE FROM own.outbox WHERE position = ANY($1)"""

_WAITING: Final = """
-- relay.waiting: how many events wait to be published, and for how many seconds the oldest does
SELECT (SELECT count(*) FROM (SELECT FROM own.outbox ORDER BY position LIMIT $1) AS counted) AS messages,
       COALESCE((
           SELECT EXTRACT(epoch FROM clock_timestamp() - event.recorded_at)
           FROM (SELECT * FROM own.outbox ORDER BY position LIMIT 1) AS oldest
           JOIN own.event ON event.aggregate_id = oldest.aggregate_id AND event.sequence = oldest.sequence
       ), 0)::float8 AS seconds"""


_TELL: Final = """
-- relay.tell: something was written here for the relay, which is another process's
SELECT pg_notify($1, '')"""


async def pass_on(connection: Connection, outlet: str, written: Pulse) -> None:
    """For a while, tell the process whose relay is active when something was written here.

    After the commit, and many commits by one word: a NOTIFY inside a writing transaction would have all commits wait
    for each other. A word that is lost costs the relay's poll.
    """
    until = time.monotonic() + _STANDBY_SECONDS
    while (left := until - time.monotonic()) > 0:
        if await written.wait(left):
            await connection.execute(_TELL, outlet)
            await asyncio.sleep(_GATHER_SECONDS)


class Word:
    """Tells the relay what is written in a process that has none of its own."""

    def __init__(self, source: Source, outlet: str, *, database_url: str, written: Pulse) -> None:
        self._application = f"{source.value}-word"
        self._outlet = outlet
        self._database_url = database_url
        self._written = written

    async def run(self) -> NoReturn:
        """Tell it until cancelled."""
        while True:
            try:
                async with own_connection(self._database_url, application=self._application) as connection:
                    while True:
                        await pass_on(connection, self._outlet, self._written)
            except UNREACHABLE as error:
                log.warning("the relay looks by itself", error=describe(error))
                await asyncio.sleep(_STANDBY_SECONDS)


@dataclass(frozen=True, slots=True)
class Outlet:
    """One table of what is still to be published, and the way from it to the topics.

    `name` is what it is called in metrics; `waiting` reads for them how many rows there are ($1: how far is counted),
    and for how many seconds the oldest has waited. `lowest` reads its oldest rows ($1: at most so many), each with a
    `position`; `topic` and `message` say where a row goes, and as what. `published` takes away what the broker has
    acknowledged ($1: its positions). A service may do more in it that must be done once for each event and in the order
    of publication, and return the keys of what is followed live. `new_topic` names the topic that must be there before
    a row is sent, if that is not certain. A row with a `traceparent` is traced. There is a batch every `gather` seconds
    at most. Each outlet of a service has a `lock` of its own, so that one whose topics cannot be written holds up no
    other.
    """

    name: str
    lock: int
    waiting: str
    lowest: str
    topic: Callable[[Row], str]
    message: Callable[[Row], Message]
    published: str
    new_topic: Callable[[Row], str | None] = lambda _: None
    gather: float = _GATHER_SECONDS


def events(
    source: Source, *, published: str = PUBLISHED, new_topic: Callable[[Row], str | None] = lambda _: None
) -> Outlet:
    """Return the outlet of a service's events, from own.outbox to its topics."""

    def message(row: Row) -> Message:
        aggregate: UUID = row["aggregate_id"]
        envelope = Envelope(
            id=row["event_id"],
            source=source,
            type=row["type"],
            subject=row["key"] or str(aggregate),
            time=row["happened_at"],
            recorded=row["recorded_at"],
            dataschema=catalogue.dataschema(source, row["type"]),
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

    return Outlet("events", _LOCK, _WAITING, _LOWEST, lambda row: row["topic"], message, published, new_topic)


class Relay:
    """Publishes one outlet of a service until it is cancelled.

    `told` is given the keys of what is followed live, once they are published.
    """

    def __init__(
        self,
        source: Source,
        outlet: Outlet,
        *,
        database_url: str,
        broker: Broker,
        topic_prefix: str,
        topic_replication: int,
        poll: float,
        written: Pulse,
        told: Callable[[Sequence[str]], None] = lambda _: None,
        traces: Tracing = NO_TRACES,
    ) -> None:
        self._traces = traces
        self._source = source
        self._outlet = outlet
        self._application = f"{source.value}-relay" + ("" if outlet.lock == _LOCK else f"-{outlet.name}")
        self._database_url = database_url
        self._broker = broker
        self._prefix = topic_prefix
        self._replication = topic_replication
        self._poll = poll
        self._written = written
        self._told = told

    async def run(self) -> None:
        """Stand by for the lock, publish, and start over after any failure of database or broker."""
        while True:
            try:
                async with own_connection(self._database_url, application=self._application) as connection:
                    while not await connection.fetchval(_TRY_LOCK, self._outlet.lock):
                        await pass_on(connection, self._outlet.name, self._written)
                    await listen(connection, self._outlet.name, lambda _: self._written.beat())
                    await self._publish_all(connection)
            except _AGAIN as error:
                metrics.RELAY_RESTARTS.labels(self._source.value).inc()
                log.warning("relay starts over", error=describe(error))
                await asyncio.sleep(_STANDBY_SECONDS)

    async def _publish_all(self, connection: Connection) -> None:
        outlet, producer, pace = self._outlet, new_producer(self._broker), Pace(self._outlet.gather)
        known = set[str]()
        try:
            await producer.start()
            while True:
                pace.begin()
                self._written.forget()
                rows = await connection.fetch(outlet.lowest, BATCH)
                if rows:
                    await self._create(known, [topic for row in rows if (topic := outlet.new_topic(row))])
                    await self._publish(producer, rows)
                    done = await connection.fetch(outlet.published, [row["position"] for row in rows])
                    self._told([row["key"] for row in done])
                    metrics.PUBLISHED.labels(self._source.value).inc(len(rows))
                    pace.end()
                if len(rows) < BATCH:
                    await self._written.wait(self._poll)
                    await pace.rest()
        finally:
            # After a failed send the producer's own order is unknown; and at the end nobody waits for a broker.
            await discard(producer)

    async def _create(self, known: set[str], wanted: Sequence[str]) -> None:
        """Create topics of one partition, unless they are known to be there."""
        if missing := sorted({*wanted} - known):
            topics = [Topic(f"{self._prefix}{name}", partitions=1) for name in missing]
            await create_topics(self._broker, topics, replication=self._replication)
            known.update(missing)

    async def _publish(self, producer: Producer, rows: Sequence[Row]) -> None:
        outlet = self._outlet
        sent: list[asyncio.Future[object]] = []
        spans: list[Span] = []
        for row in rows:
            topic = f"{self._prefix}{outlet.topic(row)}"
            key, value, headers = outlet.message(row)
            if traceparent := row.get("traceparent"):
                spans.append(
                    span := self._traces.sent(f"send {outlet.topic(row)}", traceparent, _attributes(row, topic))
                )
                headers = [*headers, (tracing.HEADER, (tracing.of(span) or traceparent).encode())]
            sent.append(await producer.send(topic, value, key, headers=headers))
        await asyncio.gather(*sent)
        for span in spans:  # one that failed is sent again, and told then
            span.end()


def _attributes(row: Row, topic: str) -> tracing.Attributes:
    return {
        tracing.PETITION: str(row["aggregate_id"]),
        tracing.CORRELATION: row["correlation_id"],
        "messaging.system": "kafka",
        "messaging.operation.type": "send",
        "messaging.destination.name": topic,
        "cloudevents.event_id": str(row["event_id"]),
        "cloudevents.event_type": row["type"],
    }
