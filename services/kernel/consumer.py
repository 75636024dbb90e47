"""The consumer: fetches what other services published and hands it to the inbox; commits offsets after the database."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import structlog

from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.kernel import arrivals, metrics, reference
from services.kernel.arrivals import Arrived
from services.kernel.db import TRANSIENT, UNREACHABLE, describe
from services.kernel.envelope import UnreadableError
from services.kernel.errors import InvalidInput, Unavailable
from services.kernel.inbox import Inbox
from services.kernel.kafka import (
    Broker,
    BrokerError,
    Record,
    TooLargeError,
    dead_letter_topic,
    discard,
    leave,
    new_producer,
)
from services.kernel.lag import Lag
from services.kernel.offsets import Offsets
from services.kernel.pace import Pace
from services.kernel.pulse import Pulse
from services.kernel.reference import ReferenceCache
from services.kernel.transaction import Database

log = structlog.get_logger()

Done = TypeVar("Done")

WAITS: Final[tuple[type[Exception], ...]] = (*UNREACHABLE, *TRANSIENT, Unavailable)

BATCH: Final = 500
_FETCH_WAIT_MS: Final = 500
_GATHER_SECONDS: Final = 0.02
"""At most so often a batch is taken."""

_BACK_OFF: Final = (0.1, 0.2, 0.5, 1.0, 2.0)


class Events:
    """Consumes the other services' topics for one service until it is cancelled.

    Reference entries have a consumer of their own: petitions may have to wait for a policy, and what they wait for must
    not wait behind them.
    """

    def __init__(
        self,
        service: Source,
        sources: Sequence[Source],
        *,
        database: Database,
        inbox: Inbox,
        references: ReferenceCache,
        broker: Broker,
        topic_prefix: str,
        applied: Pulse,
        committed: Pulse,
    ) -> None:
        self._service = service
        self._sources = sources
        self._broker = broker
        self._prefix = topic_prefix
        self._database = database
        self._inbox = inbox
        self._references = references
        self._applied = applied
        self._committed = committed

    async def run(self) -> None:
        """Consume both, and start over after any failure of the broker."""
        group = f"{self._prefix}{self._service.value}"
        publishers = [s for s in self._sources if s in catalogue.REFERENCE_SOURCES]
        async with asyncio.TaskGroup() as both:
            both.create_task(
                self._consume(
                    f"{group}-references",
                    [catalogue.reference_topic(s, self._prefix) for s in publishers],
                    self._take_references,
                )
            )
            await self._policies()
            both.create_task(
                self._consume(
                    group, [catalogue.petition_topic(s, self._prefix) for s in self._sources], self._take_petitions
                )
            )

    async def _policies(self) -> None:
        """Wait until there is a policy: without one no clock can start, so that no event could take effect."""
        while True:
            try:
                if (await self._references.get()).terms.policies:
                    return
            except UNREACHABLE as error:
                log.warning("references wait", error=describe(error))
            await asyncio.sleep(_BACK_OFF[0])

    async def _consume(
        self, group: str, topics: Sequence[str], take: Callable[[Sequence[Record]], Awaitable[None]]
    ) -> None:
        while True:
            offsets, pace = Offsets(self._broker, group, topics), Pace(_GATHER_SECONDS)
            consumer, watching = offsets.consumer, None
            try:
                await consumer.start()
                lag = Lag(self._service.value, self._prefix, topics, offsets.reached)
                watching = asyncio.create_task(lag.watch(consumer))
                while True:
                    fetched = await consumer.getmany(timeout_ms=_FETCH_WAIT_MS, max_records=BATCH)
                    turn = offsets.begin(fetched)
                    pace.begin()
                    records = [record for of_partition in fetched.values() for record in of_partition]
                    if records:
                        await take(records)
                        metrics.CONSUMED.labels(self._service.value).inc(len(records))
                        offsets.done(fetched, turn)
                    offsets.commit_in_time(idle=not records)
                    if records:
                        pace.end()
                        await pace.rest()
            except (BrokerError, OSError) as error:
                metrics.CONSUMER_RESTARTS.labels(self._service.value).inc()
                log.warning("consumer starts over", error=describe(error))
            finally:
                if watching is not None:
                    watching.cancel()
                try:
                    await offsets.part()
                finally:
                    await leave(consumer)
            await asyncio.sleep(_BACK_OFF[-1])

    async def _take_petitions(self, records: Sequence[Record]) -> None:
        batch: list[Arrived] = []
        for record in records:
            try:
                batch.append(arrivals.read(record, self._prefix))
            except UnreadableError as error:
                await self._bury(record, error)
        if batch and await self._held(lambda: self._inbox.apply(batch), len(batch)):
            self._committed.beat()
        self._applied.beat()

    async def _take_references(self, records: Sequence[Record]) -> None:
        readable: list[reference.Arrival] = []
        for record in records:
            try:
                readable.append(reference.read(record.key, record.value, record.headers))
            except (UnreadableError, InvalidInput) as error:
                await self._bury(record, error)
        await self._held(lambda: reference.keep(self._database.reader, readable), len(readable))
        self._references.forget()

    async def _held(self, apply: Callable[[], Awaitable[Done]], events: int) -> Done:
        """Apply events, holding them for as long as the database is away or something that they need is missing."""
        attempt = 0
        while True:
            try:
                return await apply()
            except WAITS as error:
                log.warning("events wait", error=describe(error), events=events)
                await asyncio.sleep(_BACK_OFF[min(attempt, len(_BACK_OFF) - 1)])
                attempt += 1

    async def _bury(self, record: Record, error: Exception) -> None:
        """Send an unreadable message to the dead letters; only then may its offset be committed."""
        log.error(
            "unreadable message",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            error=str(error),
        )
        topic = dead_letter_topic(self._service, self._prefix)
        origin = f"{record.topic}/{record.partition}/{record.offset}".encode()
        why = [("dl_origin", origin), ("dl_error", str(error).encode()[:1000])]
        producer = new_producer(self._broker)
        try:
            await producer.start()
            try:
                await (await producer.send(topic, record.value or b"", record.key, headers=[*record.headers, *why]))
            except TooLargeError:  # with what we add; where it came from it can be read all the same
                await (await producer.send(topic, b"", None, headers=why))
        finally:
            await discard(producer)
        metrics.UNREADABLE.labels(self._service.value).inc()
