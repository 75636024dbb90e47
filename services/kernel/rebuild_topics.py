"""The topics that a view is made from, read from their beginning; nobody else's offsets are moved."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.kernel import arrivals, reference
from services.kernel.arrivals import Arrived
from services.kernel.envelope import UnreadableError
from services.kernel.errors import InvalidInput
from services.kernel.kafka import Broker, Record, leave, new_reader

BATCH: Final = 2_000
"""Messages at a time."""

_POLL_MS: Final = 200


class Topics:
    """The consumed topics of petitions and of reference entries; all that asks the broker may raise a BrokerError."""

    def __init__(self, broker: Broker, consumed: Collection[Source], prefix: str) -> None:
        self._prefix = prefix
        self._petitions = {catalogue.petition_topic(source, prefix) for source in consumed}
        publishers = [source for source in consumed if source in catalogue.REFERENCE_SOURCES]
        references = {catalogue.reference_topic(source, prefix) for source in publishers}
        self._new = lambda: new_reader(broker, sorted(self._petitions | references))
        self._reader = self._new()

    async def start(self) -> None:
        """Find the partitions; may be called again if that fails."""
        await leave(self._reader)
        self._reader = self._new()
        await self._reader.start()

    async def stop(self) -> None:
        """Leave the broker."""
        await leave(self._reader)

    async def ends(self) -> Mapping[Any, int]:
        """Return where each partition ends now."""
        return await self._reader.end_offsets(list(self._reader.assignment()))

    async def left(self, ends: Mapping[Any, int]) -> int:
        """Return how many messages lie before those ends and have not been read."""
        return sum([max(0, end - await self._reader.position(part)) for part, end in ends.items()])

    async def read(self) -> list[Record]:
        """Return the next messages; none if none come for a moment."""
        fetched = await self._reader.getmany(timeout_ms=_POLL_MS, max_records=BATCH)
        return [record for of_partition in fetched.values() for record in of_partition]

    async def cut(self) -> list[str]:
        """Return, in words, which partitions of petitions have lost their beginning."""
        begins = await self._reader.beginning_offsets(list(self._reader.assignment()))
        found = sorted((part.topic, part.partition, at) for part, at in begins.items())
        return [f"{topic}/{n} begins at offset {at}" for topic, n, at in found if at and topic in self._petitions]

    def events(self, records: Sequence[Record]) -> list[Arrived]:
        """Return the events about petitions among messages; what the inbox could not read is none."""
        found: list[Arrived] = []
        for record in records:
            if record.topic in self._petitions:
                try:
                    found.append(arrivals.read(record, self._prefix))
                except UnreadableError:
                    continue
        return found

    def entries(self, records: Sequence[Record]) -> list[reference.Arrival]:
        """Return the reference entries among messages; what the consumer could not read is none."""
        found: list[reference.Arrival] = []
        for record in records:
            if record.topic not in self._petitions:
                try:
                    found.append(reference.read(record.key, record.value, record.headers))
                except (UnreadableError, InvalidInput):
                    continue
        return found


@asynccontextmanager
async def reading(broker: Broker, consumed: Collection[Source], prefix: str) -> AsyncGenerator[Topics]:
    """Yield the topics of the consumed services, not yet started."""
    topics = Topics(broker, consumed, prefix)
    try:
        yield topics
    finally:
        await topics.stop()
