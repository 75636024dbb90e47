"""aiokafka, typed: the few calls that are used here."""

import asyncio
import ssl
import struct
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.abc import ConsumerRebalanceListener  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # pyright: ignore[reportMissingTypeStubs]
from aiokafka.errors import (  # pyright: ignore[reportMissingTypeStubs]
    KafkaError,
    MessageSizeTooLargeError,
    NoError,
    TopicAlreadyExistsError,
    for_code,
)

from services.contracts import catalogue
from services.contracts.vocabulary import Source

_KNOCK_SECONDS: Final = 1.0
_WHICH_VERSIONS: Final = struct.pack(">ihhih", 10, 18, 0, 0, -1)
"""Kafka's ApiVersions (key 18, version 0, no client id): what is answered before a login, too."""
_LENGTH_BYTES: Final = 4
_PARTING_SECONDS: Final = 3.0
BrokerError: Final[type[Exception]] = cast(type[Exception], KafkaError)
TooLargeError: Final[type[Exception]] = cast(type[Exception], MessageSizeTooLargeError)


@dataclass(frozen=True, slots=True)
class Broker:
    """How the broker is reached: `bootstrap` is `host:port,…`; with a login or a CA file, as those of it."""

    bootstrap: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: Path | None = None

    def options(self) -> dict[str, Any]:
        """Return aiokafka's settings for a client."""
        security = f"{'SASL_' if self.username else ''}{'SSL' if self.tls else 'PLAINTEXT'}"
        chosen: dict[str, Any] = {"bootstrap_servers": self.bootstrap, "security_protocol": security}
        if self.username:
            chosen |= {
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        if self.tls:
            chosen["ssl_context"] = ssl.create_default_context(cafile=self.ca_file)
        return chosen


class Record(Protocol):
    """A message as it was fetched."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Producer(Protocol):
    """An idempotent producer; `send` returns a future that resolves at the broker's word."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def send(
        self, topic: str, value: bytes | None, key: bytes | None, *, headers: Sequence[tuple[str, bytes]]
    ) -> asyncio.Future[object]: ...


class Consumer(Protocol):
    """A consumer of a group; commits by hand."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[object, Sequence[Record]]: ...
    async def commit(self, offsets: Mapping[object, int]) -> None: ...


class Reader(Protocol):
    """Reads all partitions of topics from their beginning, without a group; a partition is what aiokafka calls one."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[object, Sequence[Record]]: ...
    def assignment(self) -> frozenset[Any]: ...
    async def beginning_offsets(self, partitions: Sequence[Any]) -> Mapping[Any, int]: ...
    async def end_offsets(self, partitions: Sequence[Any]) -> Mapping[Any, int]: ...
    async def position(self, partition: Any) -> int: ...


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic to be created: retention is unlimited (the topics are the truth that views are rebuilt from)."""

    name: str
    partitions: int
    compacted: bool = False


def new_producer(broker: Broker) -> Producer:
    """Return an idempotent producer (acks=all), not yet started."""
    producer: Any = AIOKafkaProducer(
        **broker.options(),
        enable_idempotence=True,
        acks="all",
        linger_ms=2,
        request_timeout_ms=15_000,
        max_request_size=1_048_576,
    )
    return cast(Producer, producer)


async def at_most(seconds: float, work: Coroutine[Any, Any, None]) -> None:
    """Wait for something so long at most, also in a task that is being cancelled.

    There, CPython 3.11.2 has `asyncio.timeout` end in another cancellation.

    :raises TimeoutError: it took longer, and was cancelled.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task,), timeout=seconds)
    finally:
        late = task.cancel()
    if late:
        raise TimeoutError
    task.result()


async def discard(producer: Producer) -> None:
    """Stop a producer with all that it still holds, without waiting for a broker that does not answer.

    Its own `stop` sends that first, and an idempotent producer tries for ever: with the broker away it never returns.
    """
    inner: Any = producer
    inner._closed = True
    with suppress(TimeoutError):
        await at_most(_PARTING_SECONDS, inner._sender.close())
    await inner.client.close()


class _Sharing(ConsumerRebalanceListener):
    """Tells that a group is about to share out its partitions anew."""

    def __init__(self, revoked: Callable[[], None]) -> None:
        self._revoked = revoked

    def on_partitions_revoked(self, revoked: Collection[object]) -> None:  # noqa: ARG002 - as the library has it
        self._revoked()

    def on_partitions_assigned(self, assigned: Collection[object]) -> None: ...


def new_consumer(
    broker: Broker, group: str, topics: Sequence[str], *, revoked: Callable[[], None] = lambda: None
) -> Consumer:
    """Return a consumer, not yet started; a new group starts at the beginning of every topic.

    :param revoked: called before the group shares out its partitions anew: until then nobody else has them.
    """
    consumer: Any = AIOKafkaConsumer(
        **broker.options(),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        metadata_max_age_ms=10_000,
        session_timeout_ms=6_000,
        heartbeat_interval_ms=2_000,
        fetch_max_wait_ms=500,
    )
    consumer.subscribe(topics, listener=_Sharing(revoked))
    return cast(Consumer, consumer)


def new_reader(broker: Broker, topics: Sequence[str]) -> Reader:
    """Return a reader, not yet started; partitions that are added later are noticed."""
    reader: Any = AIOKafkaConsumer(
        *topics,
        **broker.options(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        metadata_max_age_ms=10_000,
        request_timeout_ms=10_000,
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=4 * 1_048_576,
    )
    return cast(Reader, reader)


async def leave(consumer: Consumer | Reader) -> None:
    """Stop a consumer, without waiting for a broker that does not answer: its group misses it after the session."""
    try:
        await at_most(_PARTING_SECONDS, consumer.stop())
    except (TimeoutError, KafkaError):  # raised on, it would take the place of the cancellation that ends the job
        inner: Any = consumer
        if inner._fetcher is not None:
            await inner._fetcher.close()
        await inner._client.close()


def next_offsets(fetched: Mapping[object, Sequence[Record]]) -> dict[object, int]:
    """Return the offsets to commit once all that was fetched has taken effect."""
    return {partition: records[-1].offset + 1 for partition, records in fetched.items() if records}


def topics_of(source: Source, *, prefix: str, partitions: int) -> list[Topic]:
    """Return the topics that a service publishes on."""
    own = [Topic(catalogue.petition_topic(source, prefix), partitions)]
    if source in catalogue.REFERENCE_SOURCES:
        own.append(Topic(catalogue.reference_topic(source, prefix), 1, compacted=True))
    return own


def dead_letter_topic(source: Source, prefix: str) -> str:
    """Return the topic for messages that a service could not even read."""
    return f"{prefix}deadletter.{source.value}.v1"


async def reachable(broker: Broker) -> bool:
    """Tell whether one of the brokers answers: one that hangs still lets the system accept connections for it."""
    for address in broker.bootstrap.split(","):
        host, _, port = address.rpartition(":")
        try:
            async with asyncio.timeout(_KNOCK_SECONDS):
                reader, writer = await asyncio.open_connection(host, int(port), ssl=broker.options().get("ssl_context"))
                try:
                    writer.write(_WHICH_VERSIONS)
                    await reader.readexactly(_LENGTH_BYTES)
                    return True
                finally:
                    writer.close()
        except (OSError, EOFError):
            continue
    return False


async def create_topics(broker: Broker, topics: Sequence[Topic], *, replication: int) -> None:
    """Create the topics that do not exist yet.

    :raises BrokerError: the broker cannot be reached, or refused one.
    """
    admin: Any = AIOKafkaAdminClient(**broker.options())
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        wanted = [
            NewTopic(
                topic.name,
                num_partitions=topic.partitions,
                replication_factor=replication,
                topic_configs={
                    "cleanup.policy": "compact" if topic.compacted else "delete",
                    "retention.ms": "-1",
                },
            )
            for topic in topics
            if topic.name not in existing
        ]
        answer = await admin.create_topics(wanted) if wanted else None
        for name, code, *_ in answer.topic_errors if answer else ():
            refusal: type[Exception] = for_code(code)
            # Another process may have been quicker.
            if refusal not in (NoError, TopicAlreadyExistsError):
                raise refusal(name)
    finally:
        await admin.close()
