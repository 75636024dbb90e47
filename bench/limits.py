"""The limits beside the lives: what the database alone could do, what Kafka's way takes, what the gateway adds.

Each is taken of a running system that has nothing else to do.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import uuid4

import msgspec
from aiokafka.admin import AIOKafkaAdminClient  # pyright: ignore[reportMissingTypeStubs]
from rich.console import Console
from rich.table import Table

from bench.installation import Installation, installation
from bench.load import load
from bench.pages import pages_of_20
from bench.people import Desk, desks
from bench.pgbench import LimitError, PgbenchLimit, pgbench
from bench.report import Limits, PageOf20, Percentiles
from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.kernel.kafka import (
    Broker,
    Consumer,
    Record,
    Topic,
    create_topics,
    discard,
    leave,
    new_consumer,
    new_producer,
    new_reader,
)

MESSAGES: Final = 1_000
_WARM_UP: Final = 100
_ARRIVES_WITHIN: Final = 10.0
_SAMPLE: Final = 500
_EMPTY_MS: Final = 1_000

_LIVES: Final = 280
_DESKS: Final = 8
"""So few that each department's list is longer than a page."""

_TOGETHER: Final = 8


async def limits(running: Installation, of: Sequence[Desk], random: Random, say: Callable[[str], None]) -> Limits:
    """Take all limits, as the report has them; afterwards the services are stopped.

    :raises LimitError, RecordingError, ScriptError: one of them could not be taken.
    """
    pages = await pages_of_20(running, of, random, say)
    round_trip = await kafka_round_trip(running, say)
    return _report(await pgbench(running, random.choice(of), random, say), round_trip, pages)


async def kafka_round_trip(
    running: Installation, say: Callable[[str], None], *, messages: int = MESSAGES
) -> Percentiles:
    """Return how long a message takes from a producer like the relay's to a consumer like a service's, one at a time.

    The message is a real one, of median size among intake's events.

    :raises LimitError: there is no event yet, or a message did not arrive.
    """
    broker = Broker(running.bootstrap)
    event = await _median_event(broker)
    topic = f"bench.{uuid4()}"
    await create_topics(broker, [Topic(topic, partitions=1)], replication=1)
    producer, consumer = new_producer(broker), new_consumer(broker, topic, [topic])
    try:
        await producer.start()
        await consumer.start()
        seconds: list[float] = []
        for _ in range(_WARM_UP + messages):
            began = time.perf_counter()
            sent = await producer.send(topic, event.value, event.key, headers=list(event.headers))
            await _arrival(consumer)
            seconds.append(time.perf_counter() - began)
            await sent
    finally:
        await discard(producer)
        await leave(consumer)
        await _delete(broker, topic)
    found = Percentiles.of(seconds[_WARM_UP:])
    say(f"a message of {len(event.value or b'')} bytes takes {found.p50:.1f} ms through Kafka")
    return found


async def _arrival(consumer: Consumer) -> None:
    until = time.perf_counter() + _ARRIVES_WITHIN
    while not any((await consumer.getmany(timeout_ms=200, max_records=1)).values()):
        if time.perf_counter() > until:
            raise LimitError(f"A message did not arrive within {_ARRIVES_WITHIN:.0f} s.")


async def _median_event(broker: Broker) -> Record:
    """Return a message of median size among the first on intake's topic.

    :raises LimitError: there is none.
    """
    reader = new_reader(broker, [catalogue.petition_topic(Source.INTAKE)])
    read: list[Record] = []
    await reader.start()
    try:
        while len(read) < _SAMPLE:
            fetched = await reader.getmany(timeout_ms=_EMPTY_MS, max_records=_SAMPLE)
            if not any(fetched.values()):
                break
            read += [record for of_partition in fetched.values() for record in of_partition]
    finally:
        await leave(reader)
    if not read:
        raise LimitError("There is no event whose way through Kafka could be measured: live some lives first.")
    return sorted(read, key=lambda record: len(record.value or b""))[len(read) // 2]


async def _delete(broker: Broker, topic: str) -> None:
    admin: Any = AIOKafkaAdminClient(**broker.options())
    await admin.start()
    try:
        await admin.delete_topics([topic])
    finally:
        await admin.close()


async def measure() -> Mapping[str, Any]:
    """Take the limits of a small system that has seen some lives; print them, and return the figures."""
    console, random = Console(), Random(1)  # noqa: S311 - the same choices in every run
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        async with installation(Path(folder), say=console.print) as running:
            console.print(f"{_LIVES} lives, so that there is something to read")
            of = desks(running.keys)[:_DESKS]
            async with load(running, of) as lives:
                for _ in range(_LIVES // _TOGETHER):
                    async with asyncio.TaskGroup() as tasks:
                        for _ in range(_TOGETHER):
                            tasks.create_task(lives.one())
            pages = await pages_of_20(running, of, random, console.print)
            round_trip = await kafka_round_trip(running, console.print)
            alone = await pgbench(running, of[0], random, console.print)
    _print(alone, round_trip, pages, console)
    return msgspec.to_builtins(_report(alone, round_trip, pages))


def _report(alone: PgbenchLimit, round_trip: Percentiles, pages: Mapping[str, PageOf20]) -> Limits:
    return Limits(
        pgbench_lifecycles_per_second=alone.lifecycles_per_second,
        kafka_round_trip_ms=round_trip,
        page_of_20_ms=pages,
        pgbench_cpu_ms_per_lifecycle=alone.cpu_ms_per_lifecycle,
        pgbench_statements=round(alone.statements),
        pgbench_commits=round(alone.commits),
    )


def _print(alone: PgbenchLimit, round_trip: Percentiles, pages: Mapping[str, PageOf20], console: Console) -> None:
    table = Table("limit", "measured", "of what", show_edge=False, pad_edge=False)
    table.add_row(
        "pgbench",
        f"{alone.lifecycles_per_second:.1f} lives/s, {alone.cpu_ms_per_lifecycle:.2f} CPU-ms of PostgreSQL each",
        f"{alone.statements:.0f} statements and {alone.commits:.0f} commits a life, {alone.lives:,} lives",
    )
    table.add_row(
        "Kafka round trip", f"p50 {round_trip.p50:.1f} ms, p99 {round_trip.p99:.1f} ms", f"{MESSAGES:,} messages"
    )
    for service, page in pages.items():
        direct, gateway = page.direct, page.gateway
        table.add_row(
            f"page of 20, {service}",
            f"p50 {direct.p50:.1f} ms direct, {gateway.p50:.1f} ms through the gateway: {page.ratio:.2f}",
            f"p99 {direct.p99:.1f} and {gateway.p99:.1f} ms",
        )
    console.print(table)
    left_out = ", ".join(f"{name} {times}" for name, times in sorted(alone.left_out.items()))
    console.print(f"Left out of the recording: {left_out}")
