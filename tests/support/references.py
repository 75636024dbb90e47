"""Reference entries: recorded by a service's own command, or published as an absent one would have."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import uuid4

from deploy.district import Size, entries_of
from services.contracts import catalogue
from services.contracts.event import SYSTEM
from services.contracts.reference import AnyEntry, ReferenceRecorded, key_of
from services.contracts.vocabulary import Role, Source
from services.dispatch.commands.reference import record_entries as record_at_dispatch
from services.intake import seed
from services.intake.commands.reference import record_entries as record_at_intake
from services.kernel.access import Actor
from services.kernel.entries import EntriesRecorded, RecordEntries
from services.kernel.envelope import Envelope, to_message
from services.kernel.kafka import Broker, new_producer
from services.kernel.recording import Recorder
from services.kernel.transaction import Cause, open_database

OPERATOR: Final = Actor("test-operator", frozenset({Role.OPERATOR}))
RECORDERS: Final[Mapping[str, Recorder]] = MappingProxyType(
    {"intake": record_at_intake, "dispatch": record_at_dispatch}
)
"""The commands of the services that own reference data."""


def beginnings(source: Source) -> list[AnyEntry]:
    """Return what a service has in tests: what every installation starts with, and the small district's."""
    seeded = seed.entries() if source is Source.INTAKE else []
    return [*seeded, *entries_of(source, Size.SMALL)]


async def record_small(service: str, url: str, *, now: datetime) -> None:
    """Record the small district in a migrated database."""
    await record(service, url, entries_of(Source(service), Size.SMALL), now=now)


async def record(
    service: str, url: str, entries: Sequence[AnyEntry], *, now: datetime, only_new: bool = False
) -> EntriesRecorded:
    """Record entries by the service's own command, in a transaction."""
    database = await open_database(url, connections=2, application=f"{service}-operator")
    try:
        async with database.transaction(Cause("district", "district")) as tx:
            return await RECORDERS[service](tx, RecordEntries(tuple(entries), only_new), by=OPERATOR, now=now)
    finally:
        await database.close()


async def publish_entries(
    bootstrap: str, prefix: str, source: Source, entries: Sequence[AnyEntry], *, now: datetime, sequence: int = 1
) -> None:
    """Publish reference entries to a source's topic."""
    producer = new_producer(Broker(bootstrap))
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
