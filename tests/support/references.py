"""Reference entries published as the absent services would have: a service that is tried alone still needs them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from services.contracts import catalogue
from services.contracts.event import SYSTEM
from services.contracts.reference import AnyEntry, ReferenceRecorded, key_of
from services.contracts.vocabulary import Source
from services.kernel.envelope import Envelope, to_message
from services.kernel.kafka import new_producer


async def publish_entries(
    bootstrap: str, prefix: str, source: Source, entries: Sequence[AnyEntry], *, now: datetime, sequence: int = 1
) -> None:
    """Publish reference entries to a source's topic."""
    producer = new_producer(bootstrap)
    await producer.start()
    try:
        for entry in entries:
            envelope = Envelope(
                id=uuid4(),
                source=source,
                type=ReferenceRecorded.TYPE,
                subject=key_of(entry),
                time=now,
                recorded=now,
                dataschema=catalogue.dataschema(source, ReferenceRecorded.TYPE),
                sequence=sequence,
                seen={},
                correlation="seed",
                causation="seed",
                cycle=0,
                street="",
                community="",
            )
            data = catalogue.encode(ReferenceRecorded(by=SYSTEM, entry=entry))
            key, value, headers = to_message(envelope, data)
            await producer.send(catalogue.reference_topic(source, prefix), value, key, headers=headers)
    finally:
        await producer.stop()
