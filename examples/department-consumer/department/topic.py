"""The feed from its topic at Kafka."""

import ssl
from collections.abc import AsyncGenerator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from department.event import Batch, Place, from_record
from department.settings import Settings
from department.store import Store

AT_ONCE = 100


async def batches(settings: Settings, store: Store) -> AsyncGenerator[Batch]:
    """Yield what comes, from where the database ends; an empty batch when nothing came for half a second.

    The place is the database's own. That it is told to the broker as well is only so that operators see how far behind
    a department is; the broker forgets it a week after a department has stopped.

    :raises KafkaError: the broker cannot be reached, or refused the login or the topic.
    :raises Unreadable: a message is no event of a feed.
    """
    consumer: Any = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        security_protocol="SASL_SSL" if settings.ca_file else "SASL_PLAINTEXT",
        ssl_context=ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else None,
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=settings.username,
        sasl_plain_password=settings.password,
        group_id=settings.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    partition = TopicPartition(settings.topic, 0)  # a feed has one
    try:
        await consumer.start()
        consumer.assign([partition])
        if (offset := store.place.offset) is None:
            await consumer.seek_to_beginning(partition)
        else:
            consumer.seek(partition, offset)
        while True:
            records = (await consumer.getmany(partition, timeout_ms=500, max_records=AT_ONCE)).get(partition, [])
            reached: int = await consumer.position(partition)
            end: int = (await consumer.end_offsets([partition]))[partition]
            events = [from_record(record.value, record.headers) for record in records]
            yield Batch(events, Place(offset=reached), at_end=reached >= end)
            if records:
                await consumer.commit({partition: reached})
    finally:
        await consumer.stop()
