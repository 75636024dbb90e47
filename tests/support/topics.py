"""Topics as they are, read and written past the services' code."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.support.district import District, eventually


@dataclass(frozen=True)
class Message:
    """A message of a topic."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


async def fetch_all(district: District, topic: str) -> list[Message]:
    """Return everything that a topic holds now, partition by partition."""
    consumer: Any = AIOKafkaConsumer(
        bootstrap_servers=district.servers.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, n) for n in await _partitions(district, topic)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[Message] = []
        while any([await consumer.position(part) < ends[part] for part in partitions]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [Message(r.key, r.value, list(r.headers)) for r in records]
        return found
    finally:
        await consumer.stop()


async def published(district: District) -> bool:
    """Return whether all that was recorded is on its topic, and in the departments' feeds."""
    for name, service in district.services.items():
        for outbox in ("outbox", *(("department_outbox",) if name == "dispatch" else ())):
            if await service.fetch(f"SELECT 1 FROM own.{outbox} LIMIT 1"):
                return False
    return True


async def all_published(district: District) -> None:
    """Wait until all that was recorded is on its topic: only then do topics and feeds stand still."""
    await eventually(lambda: published(district))


async def topics(district: District) -> set[str]:
    """Return the names of the district's own topics."""
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=district.servers.bootstrap)
    await admin.start()
    try:
        return {name for name in await admin.list_topics() if name.startswith(district.prefix)}
    finally:
        await admin.close()


async def _partitions(district: District, topic: str) -> list[int]:
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=district.servers.bootstrap)
    await admin.start()
    try:
        [described] = await admin.describe_topics([topic])
        return sorted(partition["partition"] for partition in described["partitions"])
    finally:
        await admin.close()


async def republish(district: District, topic: str, messages: Sequence[Message]) -> None:
    """Append messages to a topic as they are, in order."""
    producer: Any = AIOKafkaProducer(bootstrap_servers=district.servers.bootstrap, enable_idempotence=True, acks="all")
    await producer.start()
    try:
        for message in messages:
            await producer.send_and_wait(topic, message.value, message.key, headers=list(message.headers))
    finally:
        await producer.stop()
