"""The feed from its topic at Kafka."""

import logging
import ssl
from collections.abc import AsyncGenerator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, SaslAuthenticationFailed

from department.event import Batch, Place, from_record
from department.settings import Settings
from department.store import Store

AT_ONCE = 100


class NotLetIn(Exception):
    """The broker does not take the login, or has no such topic for it."""


class OutOfReach(Exception):
    """No broker answers, or none with which one can speak; it may later."""


class Reason(logging.Handler):
    """Keeps why a connection failed: aiokafka logs that, and raises no more than that none was made."""

    error: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the error that a record tells of."""
        told = record.args if isinstance(record.args, tuple) else ()
        self.error = next((it for it in told if isinstance(it, BaseException)), self.error)


async def batches(settings: Settings, store: Store) -> AsyncGenerator[Batch]:
    """Yield what comes, from where the database ends; an empty batch when nothing came for half a second.

    The place is the database's own. That it is told to the broker as well is only so that operators see how far behind
    a department is; the broker forgets it a week after a department has stopped.

    :raises NotLetIn: see there; OutOfReach likewise.
    :raises KafkaError: the broker went away, or refused something later.
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
        await _enter(consumer, settings)
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


async def _enter(consumer: Any, settings: Settings) -> None:
    """Connect, and see that the topic is there: of one that it may not read, aiokafka would wait for the offsets."""
    reason, log = Reason(), logging.getLogger("aiokafka")
    log.addHandler(reason)
    try:
        await consumer.start()
        topics: set[str] = await consumer.topics()
    except KafkaError as error:
        if isinstance(reason.error, SaslAuthenticationFailed):
            raise NotLetIn(
                f"the broker at {settings.kafka} does not take {settings.username}'s login: see USERNAME and PASSWORD"
            ) from error
        raise OutOfReach(f"the broker at {settings.kafka} cannot be reached: {reason.error or error}") from error
    finally:
        log.removeHandler(reason)
    if settings.topic not in topics:
        raise NotLetIn(f"{settings.username}'s login may not read {settings.topic}, or there is none: see TOPIC")
