"""Reading topics from end to end, and how far consumer groups are: aiokafka, typed."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.admin import AIOKafkaAdminClient  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.errors import KafkaError  # pyright: ignore[reportMissingTypeStubs]

from deploy.audit.event import Heard, UnreadableError, from_message
from deploy.audit.place import REFERENCES, SERVICES, Place, others
from deploy.audit.spool import Spool

BrokerError: Final[type[Exception]] = cast(type[Exception], KafkaError)

_FETCH_MS: Final = 200
_BATCH: Final = 2_000


class _Partition(Protocol):
    topic: str
    partition: int


class _Record(Protocol):
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class _Reader(Protocol):
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def assign(self, partitions: Sequence[_Partition]) -> None: ...
    def seek(self, partition: _Partition, offset: int) -> None: ...
    async def position(self, partition: _Partition) -> int: ...
    async def beginning_offsets(self, partitions: Sequence[_Partition]) -> Mapping[_Partition, int]: ...
    async def end_offsets(self, partitions: Sequence[_Partition]) -> Mapping[_Partition, int]: ...
    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[_Partition, Sequence[_Record]]: ...


class _Admin(Protocol):
    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def describe_topics(self, topics: Sequence[str]) -> Sequence[Mapping[str, Any]]: ...
    async def list_consumer_group_offsets(self, group_id: str) -> Mapping[_Partition, Any]: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """The newest that a reference topic says of one key."""

    sequence: int
    entry: Any


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that is no event: where it lies, and why it is none."""

    service: str
    place: str
    why: str


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event as it lies on a department's topic, by its headers."""

    sequence: int
    id: UUID
    type: str
    subject: UUID
    place: str


@dataclass(slots=True)
class Topics:
    """Everything that the topics hold, as far as it has been read."""

    place: Place
    spool: Spool
    references: dict[str, dict[str, Entry]] = field(default_factory=lambda: {s: {} for s in REFERENCES})
    unreadable: list[Unreadable] = field(default_factory=list[Unreadable])
    buried: dict[str, set[str]] = field(default_factory=lambda: {s: set() for s in SERVICES})
    """What each service put among its dead letters, by the place it came from."""
    _read: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])

    async def catch_up(self) -> None:
        """Read on to where the topics end now."""
        takes: dict[str, Callable[[Sequence[_Record]], None]] = {}
        for service in SERVICES:
            takes[self.place.topic(service)] = lambda records, s=service: self._petitions(s, records)
            takes[self.place.dead_letters(service)] = lambda records, s=service: self._dead_letters(s, records)
        for service in REFERENCES:
            takes[self.place.reference_topic(service)] = lambda records, s=service: self._references(s, records)
        async with _admin(self.place) as admin:
            partitions = await _partitions(admin, list(takes))
        async with _reader(self.place) as reader:
            await self._read_on(reader, partitions, takes)

    async def feed(self, department: str) -> AsyncGenerator[Numbered]:
        """Yield what a department's topic holds now, from its beginning."""
        topic = self.place.department_topic(department)
        async with _admin(self.place) as admin:
            partitions = await _partitions(admin, [topic])
        if not partitions:
            return
        async with _reader(self.place) as reader:
            reader.assign(partitions)
            begins, ends = await reader.beginning_offsets(partitions), await reader.end_offsets(partitions)
            for p in partitions:
                reader.seek(p, begins[p])
            while any([await reader.position(p) < ends[p] for p in partitions]):
                for records in (await reader.getmany(timeout_ms=_FETCH_MS, max_records=_BATCH)).values():
                    for record in records:
                        try:
                            yield _numbered(record)
                        except (KeyError, ValueError) as error:
                            unreadable = Unreadable("dispatch", _place(record), f"no event of a feed: {error}")
                            self.unreadable.append(unreadable)

    async def _read_on(
        self,
        reader: _Reader,
        partitions: Sequence[_Partition],
        takes: Mapping[str, Callable[[Sequence[_Record]], None]],
    ) -> None:
        reader.assign(partitions)
        begins, ends = await reader.beginning_offsets(partitions), await reader.end_offsets(partitions)
        for p in partitions:
            reader.seek(p, self._read.get((p.topic, p.partition), begins[p]))
        while any([await reader.position(p) < ends[p] for p in partitions]):
            for p, records in (await reader.getmany(timeout_ms=_FETCH_MS, max_records=_BATCH)).items():
                takes[p.topic](records)
        for p in partitions:
            self._read[p.topic, p.partition] = await reader.position(p)

    def _petitions(self, service: str, records: Sequence[_Record]) -> None:
        heard: list[Heard] = []
        for r in records:
            try:
                heard.append(Heard(from_message(service, r.key, r.value, r.headers), r.partition, r.offset))
            except UnreadableError as error:
                self.unreadable.append(Unreadable(service, _place(r), str(error)))
        self.spool.add(heard)

    def _references(self, service: str, records: Sequence[_Record]) -> None:
        known = self.references[service]
        for r in records:
            key = (r.key or b"").decode(errors="replace")
            try:
                [sequence] = [int(text) for name, text in r.headers if name == "ce_sequence"]
                entry = json.loads(r.value or b"")["entry"]
            except (ValueError, KeyError, TypeError):
                self.unreadable.append(Unreadable(service, _place(r), "no reference entry"))
                continue
            if key not in known or known[key].sequence < sequence:
                known[key] = Entry(sequence, entry)

    def _dead_letters(self, service: str, records: Sequence[_Record]) -> None:
        for r in records:
            self.buried[service].update(text.decode() for name, text in r.headers if name == "dl_origin")


def _numbered(record: _Record) -> Numbered:
    headers = {name: text.decode() for name, text in record.headers}
    return Numbered(
        sequence=int(headers["ce_sequence"]),
        id=UUID(headers["ce_id"]),
        type=headers["ce_type"],
        subject=UUID(headers["ce_subject"]),
        place=_place(record),
    )


def _place(record: _Record) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"


async def lag(place: Place) -> dict[str, int]:
    """Return how many messages each service's consumer group still has before it."""
    async with _admin(place) as admin:
        topics = {service: place.topic(service) for service in SERVICES}
        partitions = await _partitions(admin, list(topics.values()))
        committed = {s: await admin.list_consumer_group_offsets(place.group(s)) for s in SERVICES}
    async with _reader(place) as reader:
        begins, ends = await reader.beginning_offsets(partitions), await reader.end_offsets(partitions)
    behind: dict[str, int] = {}
    for service in SERVICES:
        followed = {topics[other] for other in others(service)}
        reached = {p: max(begins[p], _offset(committed[service].get(p))) for p in partitions}
        behind[service] = sum(max(0, ends[p] - reached[p]) for p in partitions if p.topic in followed)
    return behind


def _offset(committed: Any) -> int:
    return -1 if committed is None else int(committed.offset)


async def _partitions(admin: _Admin, topics: Sequence[str]) -> list[_Partition]:
    described = await admin.describe_topics(topics)
    return [
        cast(_Partition, TopicPartition(topic["topic"], partition["partition"]))
        for topic in described
        for partition in topic["partitions"]
    ]


@asynccontextmanager
async def _admin(place: Place) -> AsyncGenerator[_Admin]:
    untyped: Any = AIOKafkaAdminClient(bootstrap_servers=place.bootstrap)
    admin = cast(_Admin, untyped)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def _reader(place: Place) -> AsyncGenerator[_Reader]:
    untyped: Any = AIOKafkaConsumer(
        bootstrap_servers=place.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=100
    )
    reader = cast(_Reader, untyped)
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()
