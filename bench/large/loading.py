"""Loading: copies through COPY and a producer to where the originals lie, and everything as it is at rest.

Each table is emptied and filled in one transaction of its own, originals included, so that its rows are frozen and
all-visible from the beginning, and a load that breaks off leaves the tables as they were. Indexes and constraints are
those of the migrations throughout.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from confluent_kafka import Producer

from bench.large.copies import Copier, Made, plan
from bench.large.left import COUNTERS, PLACE, Originals, partition_of, place_of
from bench.large.play import Played
from bench.large.tables import Table, Treatment
from deploy.local.postgres import SERVICES
from deploy.local.stack import Stack
from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.intake.vault import Vault
from services.kernel.db import own_connection
from services.kernel.kafka import Broker, leave, new_consumer, new_reader

WHILE_LOADING: Final[Mapping[str, str]] = {
    "wal_level": "minimal",  # what is written into a table that was emptied in the same transaction needs no log then
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "maintenance_work_mem": "256MB",
    "autovacuum": "off",
}
"""Settings of postgresql.conf while there is nobody but the loader; the server is stopped in order after it."""

_BATCH: Final = 500
"""Copies that are made before they are handed on."""

_AHEAD: Final = 2
"""Batches that may wait for a table."""

_PATIENCE: Final = 4 * 3600.0
_PRODUCER: Final[Mapping[str, Any]] = {
    "acks": "all",
    "enable.idempotence": True,
    # Uncompressed, as the relay sends them, the topics would take as much of the disk as the tables.
    "compression.type": "gzip",
    "compression.level": 1,
    "linger.ms": 200,
    "batch.size": 900_000,
    "batch.num.messages": 5_000,
    "queue.buffering.max.messages": 400_000,
    "queue.buffering.max.kbytes": 500_000,
    "log_level": 3,
}
_FLUSH_SECONDS: Final = 300.0
_TELL_SECONDS: Final = 5.0
_KEPT_DAYS: Final = 7


_Counts = dict[tuple[str, ...], list[int]]


class LoadError(Exception):
    """Not everything that was made has arrived."""


class _Tables:
    """One COPY into each table, fed as copies are made."""

    def __init__(self) -> None:
        self._waiting: dict[Table, asyncio.Queue[bytes | None]] = {}

    async def fill(self, table: Table, dsn: str) -> None:
        """Empty a table and fill it with what is given, until the end is given."""
        queue = self._waiting.setdefault(table, asyncio.Queue(_AHEAD))
        async with own_connection(dsn, application="bench", patience=_PATIENCE) as connection:
            inner: Any = connection
            async with inner.transaction():
                await inner.execute(f"TRUNCATE {table.name}")
                await inner.copy_to_table(
                    table.table,
                    schema_name=table.schema,
                    columns=list(table.columns),
                    source=_given(queue),
                    format="text",
                    freeze=True,
                    timeout=_PATIENCE,
                )

    async def give(self, table: Table, rows: bytes | None) -> None:
        """Hand rows on to a table; None is the end."""
        await self._waiting.setdefault(table, asyncio.Queue(_AHEAD)).put(rows)


async def _given(queue: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
    while (rows := await queue.get()) is not None:
        yield rows


class _Topics:
    """A producer of events as they were published; where each goes is known beforehand."""

    def __init__(self, bootstrap: str, partitions: Mapping[str, int]) -> None:
        self._failures: list[str] = []
        self._partitions = partitions
        self._producer: Any = Producer({**_PRODUCER, "bootstrap.servers": bootstrap, "error_cb": self._failed})
        self.sent = Counter[str]()

    def _failed(self, error: object) -> None:
        self._failures.append(str(error))

    async def send(self, made: Made) -> None:
        """Send all events of a copy."""
        key, values = str(made.petition).encode(), made.values
        placed: dict[int, int] = {}
        for message in made.planned.template.messages:
            of = self._partitions[message.topic]
            if of not in placed:
                placed[of] = partition_of(key, of)
            headers = list(zip(message.names, message.headers(values), strict=True))
            while True:
                try:
                    self._producer.produce(
                        message.topic, message.value.filled(values), key, placed[of], headers=headers
                    )
                except BufferError:
                    self._producer.poll(0)
                    await asyncio.sleep(0.02)
                else:
                    break
            self.sent[message.topic] += 1

    async def finish(self) -> None:
        """Wait for the broker's word for all of them.

        :raises LoadError: it did not come.
        """
        left = await asyncio.to_thread(self._producer.flush, _FLUSH_SECONDS)
        if left:
            raise LoadError(f"{left} messages did not reach the broker: {'; '.join(self._failures[:3])}")


@dataclass
class _Batch:
    rows: dict[Table, list[bytes]] = field(default_factory=lambda: defaultdict[Table, list[bytes]](list))
    petitions: int = 0

    def take(self, made: Made, since: int) -> None:
        """Add a copy's rows; of its answers only those stored since then."""
        template, values = made.planned.template, made.values
        for table, pattern in template.rows.items():
            self.rows[table].append(pattern.filled(values))
        for table, answers in template.answers.items():
            for answer in answers:
                if answer.stored + made.planned.shift > since:
                    self.rows[table].append(answer.row.filled(values))
        self.petitions += 1


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded: petitions in all, and how long the parts took (seconds)."""

    petitions: int
    seconds: Mapping[str, float]


async def load(
    stack: Stack,
    originals: Originals,
    played: Played,
    vault: Vault,
    petitions: int,
    *,
    random: Random,
    say: Callable[[str], None],
) -> Loaded:
    """Load copies until there are so many petitions; nobody may serve meanwhile.

    :raises LoadError: not everything arrived; the folder is worth nothing then.
    """
    copies = petitions - len(originals.templates)
    assert played.pace.until is not None
    since = int(datetime.now(UTC).timestamp()) - _KEPT_DAYS * 86_400
    copier = Copier(vault, random, time_of=_time_of(played), numbers=originals.numbers)
    planned = plan(originals.templates, copies, began=played.pace.domain, now=played.pace.until, random=random)
    tables, topics = _Tables(), _Topics(stack.kafka.bootstrap, originals.partitions)
    counts: _Counts = defaultdict(lambda: [0] * len(COUNTERS))
    began = told = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        written = [table for table in originals.lines if table.treatment is not Treatment.COUNTED]
        for table in written:
            tasks.create_task(tables.fill(table, stack.postgres.dsn(table.service)))
        batch, done = _Batch(), 0
        for one in planned:
            made = copier.copy(one)
            batch.take(made, since)
            _count(counts, made)
            await topics.send(made)
            if batch.petitions == _BATCH:
                for table, rows in batch.rows.items():
                    await tables.give(table, b"".join(rows))
                done, batch = done + batch.petitions, _Batch()
                if time.monotonic() - told > _TELL_SECONDS:
                    told = time.monotonic()
                    say(_progress(done, copies, told - began))
        for table in written:
            rest = [*batch.rows.get(table, ()), *originals.lines[table]]
            await tables.give(table, b"".join(rest))
            await tables.give(table, None)
    await topics.finish()
    copied = time.monotonic()
    [(rates, lines)] = [(t, ls) for t, ls in originals.lines.items() if t.treatment is Treatment.COUNTED]
    await _write_counts(stack.postgres.dsn(rates.service), rates, lines, counts)
    await _consumed(Broker(stack.kafka.bootstrap), originals, topics.sent)
    say("vacuuming and analysing")
    await asyncio.gather(*(_vacuum(stack.postgres.dsn(service)) for service in SERVICES))
    return Loaded(petitions, {"copying": copied - began, "vacuum": time.monotonic() - copied})


def _progress(done: int, of: int, seconds: float) -> str:
    speed = done / seconds
    return (
        f"{done:,} of {of:,} copied in {seconds / 60:.1f} min ({speed:,.0f}/s, {(of - done) / speed / 60:.0f} min left)"
    )


def _time_of(played: Played) -> Callable[[int], int]:
    def time_of(system: int) -> int:
        return int(played.pace.at(datetime.fromtimestamp(system / 1000, UTC)).timestamp() * 1000)

    return time_of


def _count(counts: _Counts, made: Made) -> None:
    for visit in made.planned.template.visits:
        place = place_of(visit.at + made.planned.shift, visit.street, visit.department, str(made.petition))
        counts[place] = [before + more for before, more in zip(counts[place], visit.counts, strict=True)]


async def _write_counts(dsn: str, table: Table, lines: Sequence[bytes], counts: _Counts) -> None:
    """Write the counters anew: what they were, and what the copies add."""
    names = [*PLACE, *COUNTERS]
    for line in lines:
        row = dict(zip(table.columns, line.decode().rstrip("\n").split("\t"), strict=True))
        place = tuple(row[name] for name in PLACE)
        counts[place] = [number + int(row[name]) for number, name in zip(counts[place], COUNTERS, strict=True)]
    order = [names.index(column) for column in table.columns]
    rows = [[*place, *map(str, numbers)] for place, numbers in sorted(counts.items())]
    written = "".join("\t".join(row[nth] for nth in order) + "\n" for row in rows).encode()
    tables = _Tables()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tables.fill(table, dsn))
        await tables.give(table, written)
        await tables.give(table, None)


async def _consumed(broker: Broker, originals: Originals, sent: Mapping[str, int]) -> None:
    """Let each service's consumer go on where the topics end: what was copied has taken effect already.

    :raises LoadError: the topics do not end where they should.
    """
    reader = new_reader(broker, list(originals.partitions))
    await reader.start()
    try:
        ends = await reader.end_offsets(list(reader.assignment()))
    finally:
        await leave(reader)
    for topic, before in originals.messages.items():
        found, expected = sum(end for part, end in ends.items() if part.topic == topic), before + sent.get(topic, 0)
        if found != expected:
            raise LoadError(f"{topic} has {found} messages instead of {expected}")
    topics = {source.value: catalogue.petition_topic(source) for source in Source}
    for service in SERVICES:
        followed = [topic for source, topic in topics.items() if source != service]
        consumer = new_consumer(broker, service, followed)
        await consumer.start()
        try:
            await consumer.commit({part: end for part, end in ends.items() if part.topic in followed})
        finally:
            await leave(consumer)


async def _vacuum(dsn: str) -> None:
    async with own_connection(dsn, application="bench", patience=_PATIENCE) as connection:
        await connection.execute("VACUUM (ANALYZE)")
