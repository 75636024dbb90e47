"""How fast a view is rebuilt, as a ratio to a bare consumer of the same topics.

Feedback's view, which keeps the most: every event of intake and dispatch, the petitions, the late clocks. The bare
consumer reads and decodes the same messages and does nothing with them; it and the rebuild take turns in one run, so
their ratio is fair. A rebuild's time is all of it: making the tables, reading, projecting, VACUUM, the change.
"""

import os
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from deploy.local import kafka
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from deploy.local.settings import default_cache_folder
from services.contracts import catalogue
from services.contracts.clocks import ClockEvent
from services.contracts.event import Event
from services.contracts.examples import examples
from services.contracts.families import FAMILIES
from services.contracts.vocabulary import Source
from services.feedback.app import WIRING
from services.kernel.auth import keys
from services.kernel.db import own_connection
from services.kernel.envelope import Envelope, Headers, to_message
from services.kernel.kafka import Broker, create_topics, new_producer, topics_of
from services.kernel.rebuild import Plan, Rebuilt, rebuild
from services.kernel.rebuild_topics import reading
from services.kernel.service import prepare, rebuild_plan
from services.kernel.settings import Environment, Settings

PETITIONS: Final = 1_000
EVENTS: Final = 10
"""Of each petition and source."""

ROUNDS: Final = 5
_SOURCES: Final = (Source.INTAKE, Source.DISPATCH)
_console: Final = Console()

# As if feedback's consumer had applied them all; what it did besides is not the rebuild's business.
_APPLIED: Final = """
INSERT INTO own.progress (aggregate_id, source, received, applied)
SELECT aggregate_id, source, $3, $3 FROM unnest($1::uuid[]) AS aggregate_id CROSS JOIN unnest($2::text[]) AS source"""


def _stories(source: Source) -> list[Event]:
    """Return a source's examples of events, each petition's share of them."""
    topic = catalogue.petition_topic(source)
    [family] = [family for family in FAMILIES if family.topic == topic]
    found = [example.event for example in examples()[family.name]]
    return [event for event in islice(cycle(found), EVENTS) if isinstance(event, Event)]


def _messages(source: Source, petitions: list[UUID]) -> Iterator[tuple[bytes, bytes, Headers]]:
    """Yield the messages of a source's topic, as many petitions' events come: one after the other, among each other."""
    now = datetime.now(UTC)
    for sequence, event in enumerate(_stories(source), 1):
        for petition in petitions:
            said = msgspec.structs.replace(event, clock_id=uuid4()) if isinstance(event, ClockEvent) else event
            envelope = Envelope(
                id=uuid4(),
                source=source,
                type=event.TYPE,
                subject=str(petition),
                time=now,
                recorded=now,
                dataschema=catalogue.dataschema(source, event.TYPE),
                sequence=sequence,
                seen={},
                correlation="bench",
                causation="bench",
                cycle=1,
                street="huangtupo",
                community="community-73",
                lead="housing" if source is Source.DISPATCH else None,
            )
            yield to_message(envelope, catalogue.encode(said))


async def _fill(plan: Plan) -> None:
    petitions = [uuid4() for _ in range(PETITIONS)]
    producer = new_producer(plan.broker)
    await producer.start()
    try:
        for source in _SOURCES:
            sent = [
                await producer.send(catalogue.petition_topic(source), value, key, headers=headers)
                for key, value, headers in _messages(source, petitions)
            ]
            for acknowledged in sent:
                await acknowledged
    finally:
        await producer.stop()
    async with own_connection(plan.database_url, application="bench") as connection:
        await connection.execute(_APPLIED, petitions, [source.value for source in _SOURCES], EVENTS)


@asynccontextmanager
async def _installation(folder: Path) -> AsyncGenerator[Plan]:
    """Run the servers with feedback's database and topics; yield what its rebuild needs to know."""
    await kafka.prepare(default_cache_folder())
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(Postgres(folder / "postgres", free_port()))
        broker = await stack.enter_async_context(Kafka(folder / "kafka", free_port(), free_port()))
        keys.create_missing(folder / "test-keys")
        settings = Settings(  # pyright: ignore[reportCallIssue]
            environment=Environment.DEVELOPMENT,
            database_url=SecretStr(postgres.dsn("feedback")),
            kafka_bootstrap=broker.bootstrap,
            port=0,
            keys_folder=folder / "test-keys",
        )
        topics = [t for s in _SOURCES for t in topics_of(s, prefix="", partitions=settings.topic_partitions)]
        await create_topics(Broker(broker.bootstrap), topics, replication=1)
        await prepare(WIRING, settings)
        yield rebuild_plan(WIRING, settings)


async def _bare(plan: Plan) -> float:
    """Read and decode everything; return the seconds that it took."""
    began = time.perf_counter()
    async with reading(plan.broker, plan.consumed, plan.topic_prefix) as topics:
        await topics.start()
        ends = await topics.ends()
        read = 0
        while await topics.left(ends):
            read += len([arrived.decode() for arrived in topics.events(await topics.read())])
    assert read == PETITIONS * EVENTS * len(_SOURCES)
    return time.perf_counter() - began


async def _rebuilt(plan: Plan) -> tuple[float, Rebuilt]:
    began = time.perf_counter()
    done = await rebuild(plan, _console.print)
    assert done.events == PETITIONS * EVENTS * len(_SOURCES)
    return time.perf_counter() - began, done


async def measure() -> Mapping[str, Any]:
    """Measure, print, and return the figures."""
    bare: list[float] = []
    rebuilds: list[tuple[float, Rebuilt]] = []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        async with _installation(Path(folder)) as plan:
            await _fill(plan)
            await _bare(plan)  # warm-up
            await _rebuilt(plan)
            for nth in range(ROUNDS):
                bare.append(await _bare(plan))
                rebuilds.append(await _rebuilt(plan))
                _console.print(f"round {nth + 1} of {ROUNDS}")
    return _figures(bare, rebuilds)


def _figures(bare: list[float], rebuilds: list[tuple[float, Rebuilt]]) -> Mapping[str, Any]:
    events = PETITIONS * EVENTS * len(_SOURCES)
    speeds = {
        "bare consumer": events / statistics.median(bare),
        "rebuild": events / statistics.median(seconds for seconds, _ in rebuilds),
    }
    held = [done.held_seconds * 1000 for _, done in rebuilds]
    table = Table("feedback's view", "events", "events/s")
    for name, speed in speeds.items():
        table.add_row(name, f"{events:,}", f"{speed:,.0f}")
    ratio = round(statistics.median(alone / seconds for alone, (seconds, _) in zip(bare, rebuilds, strict=True)), 3)
    table.add_row("ratio", "", f"{ratio:.2f}")
    _console.print(table)
    return {
        "cores": os.cpu_count(),
        "events": events,
        "events_per_second": {name: round(speed) for name, speed in speeds.items()},
        "ratio": ratio,
        "writers_held_ms": {"median": round(statistics.median(held), 1), "most": round(max(held), 1)},
    }
