"""Speaking as another service: events published to its topic, in sequence."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from services.contracts import catalogue
from services.contracts.event import Event
from services.contracts.reference import Department, Street
from services.contracts.vocabulary import Source
from services.kernel.envelope import Envelope, to_message
from services.kernel.kafka import Broker, new_producer
from tests.support.district import District, RunningService, eventually
from tests.support.references import publish_entries


@dataclass
class Voice:
    """Publishes as one service about any petition; counts the sequence of each."""

    district: District
    source: Source
    sequences: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def say(
        self, petition: str, *events: Event, seen: dict[Source, int] | None = None, cycle: int = 1, **other: Any
    ) -> int:
        """Publish events about a petition and return the last one's sequence."""
        producer = new_producer(Broker(self.district.servers.bootstrap))
        await producer.start()
        try:
            for event in events:
                self.sequences[petition] += 1
                fields: dict[str, Any] = {
                    "id": uuid4(),
                    "source": self.source,
                    "type": event.TYPE,
                    "subject": petition,
                    "time": self.district.time(),
                    "recorded": self.district.time(),
                    "dataschema": catalogue.dataschema(self.source, event.TYPE),
                    "sequence": self.sequences[petition],
                    "seen": seen or {},
                    "correlation": "test",
                    "causation": "test",
                    "cycle": cycle,
                    "street": "huangtupo",
                    "community": "community-73",
                    **other,
                }
                key, value, headers = to_message(Envelope(**fields), catalogue.encode(event))
                topic = catalogue.petition_topic(self.source, self.district.prefix)
                await (await producer.send(topic, value, key, headers=headers))
        finally:
            await producer.stop()
        return self.sequences[petition]


async def raw(
    district: District, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    """Publish any message at all."""
    producer = new_producer(Broker(district.servers.bootstrap))
    await producer.start()
    try:
        await (await producer.send(topic, value, key, headers=headers))
    finally:
        await producer.stop()


async def heard(district: District, service: RunningService, *entries: Street | Department) -> None:
    """Let a service that is tried alone hear of places and departments of a test's own, and wait until it has."""
    for entry in entries:
        source = Source.DISPATCH if isinstance(entry, Department) else Source.INTAKE
        await publish_entries(district.servers.bootstrap, district.prefix, source, [entry], now=district.time.now)

    async def known() -> bool:
        assert service.runtime is not None
        references = await service.runtime.references.get()
        return all(references.ever(type(entry), entry.id) for entry in entries)

    await eventually(known)
