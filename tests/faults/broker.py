"""The broker seen from outside the services: topics, partitions, consumer groups, messages as they lie there."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

Place = tuple[str, int]
"""A topic and one of its partitions."""


@dataclass(frozen=True)
class Lying:
    """A message and where it lies."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]

    @property
    def about(self) -> str:
        """The aggregate that the message names as its key."""
        return (self.key or b"").decode(errors="replace")

    @property
    def header(self) -> Mapping[str, str]:
        """The headers as text."""
        return {name: value.decode(errors="replace") for name, value in self.headers}


def early(messages: Sequence[Lying]) -> set[UUID]:
    """Return the petitions with an event that lies before an earlier one of its topic, wherever that lies first."""
    found: set[UUID] = set()
    first: dict[tuple[str, int, str], dict[int, None]] = {}
    for m in messages:
        if m.header.get("ce_sequence", "").isdigit():
            first.setdefault((m.topic, m.partition, m.about), {}).setdefault(int(m.header["ce_sequence"]))
    for (_, _, about), sequences in first.items():
        if list(sequences) != sorted(sequences):
            found.add(UUID(about))
    return found


@dataclass(frozen=True)
class Broker:
    """One broker's topics and groups. Every call makes its own client: the broker comes and goes in between."""

    bootstrap: str

    async def topics(self) -> list[str]:
        """Return the names of all topics, the broker's own left out."""
        async with self._admin() as admin:
            return sorted(name for name in await admin.list_topics() if not name.startswith("__"))

    async def ends(self, *topics: str) -> dict[Place, int]:
        """Return where each partition of the topics ends: the offset that its next message will have."""
        async with self._reader() as reader:
            found = await reader.end_offsets(await self._partitions(topics))
            return {(part.topic, part.partition): end for part, end in found.items()}

    async def messages(self, *topics: str) -> list[Lying]:
        """Return everything that the topics hold now, partition by partition."""
        async with self._reader() as reader:
            parts = await self._partitions(topics)
            reader.assign(parts)
            ends = await reader.end_offsets(parts)
            found: list[Lying] = []
            while any([await reader.position(part) < ends[part] for part in parts]):
                for records in (await reader.getmany(timeout_ms=200)).values():
                    found += [
                        Lying(r.topic, r.partition, r.offset, r.key, r.value, list(r.headers))
                        for r in records
                        if r.offset < ends[TopicPartition(r.topic, r.partition)]
                    ]
            return sorted(found, key=lambda lying: (lying.topic, lying.partition, lying.offset))

    async def publish(
        self,
        topic: str,
        *messages: tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]],
        partition: int | None = None,
    ) -> None:
        """Append messages (key, value, headers) as they are, in order; to the key's partition or to a given one.

        To a given one goes whatever a message can be: the client's own checks are passed by.
        """
        producer: Any = AIOKafkaProducer(bootstrap_servers=self.bootstrap, enable_idempotence=True, acks="all")
        await producer.start()
        try:
            for key, value, headers in messages:
                if partition is None:
                    await producer.send_and_wait(topic, value, key, headers=list(headers))
                    continue
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None, headers=list(headers))
                await (await producer.send_batch(batch, topic, partition=partition))
        finally:
            await producer.stop()

    async def again(self, *lying: Lying) -> None:
        """Append copies of messages to their own topics, in the given order within each."""
        for topic in {message.topic for message in lying}:
            await self.publish(topic, *((m.key, m.value, m.headers) for m in lying if m.topic == topic))

    async def add_partitions(self, topic: str, total: int) -> None:
        """Give a topic more partitions, so that some keys move to new ones."""
        async with self._admin() as admin:
            await admin.create_partitions({topic: NewPartitions(total)})

    async def committed(self, group: str) -> dict[Place, int]:
        """Return the offsets that a group has committed."""
        async with self._admin() as admin:
            found = await admin.list_consumer_group_offsets(group)
            return {(part.topic, part.partition): at.offset for part, at in found.items()}

    async def members(self, group: str) -> int:
        """Return how many members share a group's partitions; none while they are being shared out anew."""
        async with self._admin() as admin:
            [response] = await admin.describe_consumer_groups([group])
            [(_error, _name, state, _kind, _protocol, members, *_)] = response.groups
            return len(members) if state == "Stable" else 0

    async def rewind(self, group: str, place: Place, offset: int = 0) -> None:
        """Set a group's offset of a partition, as an operator would who wants it replayed.

        The group must have no members: the broker refuses it otherwise.
        """
        reader: Any = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False)
        await reader.start()
        try:
            part = TopicPartition(*place)
            reader.assign([part])
            await reader.commit({part: offset})
        finally:
            await reader.stop()

    async def _partitions(self, topics: Sequence[str]) -> list[TopicPartition]:
        async with self._admin() as admin:
            described = await admin.describe_topics(list(topics))
            return [TopicPartition(t["topic"], p["partition"]) for t in described for p in t["partitions"]]

    @asynccontextmanager
    async def _admin(self) -> AsyncGenerator[Any]:
        admin: Any = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    @asynccontextmanager
    async def _reader(self) -> AsyncGenerator[Any]:
        reader: Any = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await reader.start()
        try:
            yield reader
        finally:
            await reader.stop()
