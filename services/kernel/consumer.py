"""The consumer: fetches what other services published and hands it to the inbox; commits offsets after the database."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.kernel import reference, telemetry
from services.kernel.db import TRANSIENT, UNREACHABLE, Database
from services.kernel.envelope import UnreadableError
from services.kernel.errors import Unavailable
from services.kernel.inbox import Arrived, Inbox, arrived
from services.kernel.kafka import (
    BrokerError,
    Consumer,
    Record,
    dead_letter_topic,
    new_consumer,
    new_producer,
    next_offsets,
)
from services.kernel.pulse import Pulse

log = structlog.get_logger()

WAITS: Final[tuple[type[Exception], ...]] = (*UNREACHABLE, *TRANSIENT, Unavailable)

BATCH: Final = 500
_FETCH_WAIT_MS: Final = 500
_BACK_OFF: Final = (0.1, 0.2, 0.5, 1.0, 2.0)


class Events:
    """Consumes the other services' topics for one service until it is cancelled."""

    def __init__(
        self,
        service: Source,
        sources: Sequence[Source],
        *,
        database: Database,
        inbox: Inbox,
        bootstrap: str,
        topic_prefix: str,
        applied: Pulse,
        committed: Pulse,
    ) -> None:
        self._service = service
        self._bootstrap = bootstrap
        self._prefix = topic_prefix
        self._database = database
        self._inbox = inbox
        self._applied = applied
        self._committed = committed
        self._references = [
            catalogue.reference_topic(s, topic_prefix) for s in sources if s in catalogue.REFERENCE_SOURCES
        ]
        self._topics = [*(catalogue.petition_topic(s, topic_prefix) for s in sources), *self._references]

    async def run(self) -> None:
        """Consume, and start over after any failure of the broker."""
        while True:
            consumer = new_consumer(self._bootstrap, f"{self._prefix}{self._service.value}", self._topics)
            try:
                await consumer.start()
                while True:
                    fetched = await consumer.getmany(timeout_ms=_FETCH_WAIT_MS, max_records=BATCH)
                    if fetched:
                        await self._take(fetched)
                        await self._commit(consumer, fetched)
            except (BrokerError, OSError) as error:
                log.warning("consumer starts over", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(_BACK_OFF[-1])
            finally:
                await consumer.stop()

    async def _commit(self, consumer: Consumer, fetched: Mapping[object, Sequence[Record]]) -> None:
        try:
            await consumer.commit(next_offsets(fetched))
        except BrokerError as error:
            # Rebalanced meanwhile, most likely: whoever has the partition now meets duplicates, which change nothing.
            log.info("offsets not committed", error=f"{type(error).__name__}: {error}")

    async def _take(self, fetched: Mapping[object, Sequence[Record]]) -> None:
        petitions: list[Arrived] = []
        references: list[Record] = []
        for record in (r for records in fetched.values() for r in records):
            if record.topic in self._references:
                references.append(record)
                continue
            place = (record.topic, record.partition, record.offset)
            try:
                petitions.append(arrived(record.key, record.value, record.headers, *place))
            except UnreadableError as error:
                await self._bury(record, error)
        for attempt in range(1_000_000):
            try:
                if references:
                    await self._take_references(references)
                if petitions:
                    await self._inbox.apply(petitions)
                break
            except WAITS as error:
                log.warning("events wait", error=f"{type(error).__name__}: {error}", events=len(petitions))
                await asyncio.sleep(_BACK_OFF[min(attempt, len(_BACK_OFF) - 1)])
        telemetry.CONSUMED.labels(self._service.value).inc(len(petitions) + len(references))
        self._applied.beat()
        self._committed.beat()

    async def _take_references(self, records: Sequence[Record]) -> None:
        readable: list[reference.Arrival] = []
        for record in records:
            try:
                readable.append(reference.read(record.key, record.value, record.headers))
            except UnreadableError as error:
                await self._bury(record, error)
        await reference.keep(self._database.reader, readable)

    async def _bury(self, record: Record, error: UnreadableError) -> None:
        """Send an unreadable message to the dead letters; only then may its offset be committed."""
        log.error(
            "unreadable message",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            error=str(error),
        )
        producer = new_producer(self._bootstrap)
        try:
            await producer.start()
            origin = f"{record.topic}/{record.partition}/{record.offset}".encode()
            headers = [*record.headers, ("dl_origin", origin), ("dl_error", str(error).encode()[:1000])]
            topic = dead_letter_topic(self._service, self._prefix)
            await (await producer.send(topic, record.value, record.key, headers=headers))
        finally:
            await producer.stop()
        telemetry.UNREADABLE.labels(self._service.value).inc()
