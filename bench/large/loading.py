"""Loading: copies through COPY and a producer to where the originals lie, and everything as it is at rest.

Each table is emptied and filled in one transaction of its own, originals included, so that its rows are frozen and
all-visible from the beginning, and a load that breaks off leaves the tables as they were. Indexes and constraints are
those of the migrations throughout.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from random import Random
from typing import Any, Final

from confluent_kafka import Producer

from bench.large.copies import Copier, Made, plan
from bench.large.left import COUNTERS, PLACE, Originals, partition_of, place_of
from bench.large.place import Place
from bench.large.play import Played
from bench.large.tables import Table, Treatment
from deploy.local.errors import LocalRunError
from deploy.local.postgres import SERVICES
from services.contracts.vocabulary import Source
from services.intake.vault import Vault
from services.kernel.db import own_connection
from services.kernel.kafka import leave, new_consumer, new_reader

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


class LoadError(LocalRunError):
    """Not everything that was made has arrived."""


class _Tables:
    """One COPY into each table, fed as copies are made."""

    def __init__(self, place: Place, tasks: asyncio.TaskGroup) -> None:
        self.rows: dict[Table, int] = {}
        self._place = place
        self._tasks = tasks
        self._waiting: dict[Table, asyncio.Queue[bytes | None]] = {}

    def fill(self, table: Table) -> None:
        """Begin to empty a table and to fill it with what is given."""
        self._waiting[table] = asyncio.Queue(_AHEAD)
        self._tasks.create_task(self._filled(table))

    async def give(self, table: Table, rows: bytes) -> None:
        """Hand rows on to a table."""
        await self._waiting[table].put(rows)

    async def finish(self, table: Table, rows: bytes) -> None:
        """Hand a table its last rows."""
        await self.give(table, rows)
        await self._waiting[table].put(None)

    async def _filled(self, table: Table) -> None:
        dsn = self._place.dsns[table.service]
        async with own_connection(dsn, application="bench", patience=_PATIENCE) as connection:
            inner: Any = connection
            async with inner.transaction():
                await inner.execute(f"TRUNCATE {table.name}")
                done: str = await inner.copy_to_table(
                    table.table,
                    schema_name=table.schema,
                    columns=list(table.columns),
                    source=_given(self._waiting[table]),
                    format="text",
                    freeze=True,
                    timeout=_PATIENCE,
                )
        self.rows[table] = int(done.removeprefix("COPY "))


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
        self._producer.close()
        if left:
            raise LoadError(f"{left} messages did not reach the broker: {'; '.join(self._failures[:3])}")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded: rows of each table (`intake.own.event`), messages of each topic, and how long it took."""

    rows: Mapping[str, int]
    messages: Mapping[str, int]
    seconds: Mapping[str, float]


async def load(
    place: Place,
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
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        tables, topics = _Tables(place, tasks), _Topics(place.broker.bootstrap, originals.partitions)
        counts: _Counts = defaultdict(lambda: [0] * len(COUNTERS))
        for table in originals.lines:
            tables.fill(table)
        copies = _copies(originals, played, vault, petitions, random, counts)
        await _hand_on(copies, tables, topics, _Progress(petitions - len(originals.templates), say))
        for table, lines in originals.lines.items():
            last = _added(table, lines, counts) if table.treatment is Treatment.COUNTED else b"".join(lines)
            await tables.finish(table, last)
    await topics.finish()
    copied = time.monotonic()
    ends = await _consumed(place, originals, topics.sent)
    say("vacuuming and analysing")
    await asyncio.gather(*(_vacuum(place.dsns[service]) for service in SERVICES))
    rows = {f"{table.service}.{table.name}": tables.rows[table] for table in originals.lines}
    return Loaded(rows, ends, {"copying": copied - began, "vacuum": time.monotonic() - copied})


def _copies(
    originals: Originals, played: Played, vault: Vault, petitions: int, random: Random, counts: _Counts
) -> Iterator[Made]:
    """Yield the copies in order, and count their visits."""
    number = petitions - len(originals.templates)
    copier = Copier(vault, random, time_of=_time_of(played), numbers=originals.numbers)
    for planned in plan(originals.templates, number, began=played.times.domain, now=played.end, random=random):
        made = copier.copy(planned)
        for visit in planned.template.visits:
            counted = place_of(visit.at + planned.shift, visit.street, visit.department, str(made.petition))
            counts[counted] = [before + more for before, more in zip(counts[counted], visit.counts, strict=True)]
        yield made


async def _hand_on(copies: Iterator[Made], tables: "_Tables", topics: "_Topics", progress: "_Progress") -> None:
    since = int(datetime.now(UTC).timestamp()) - _KEPT_DAYS * 86_400
    while batch := list(islice(copies, _BATCH)):
        rows: dict[Table, list[bytes]] = defaultdict(list)
        for made in batch:
            template, values = made.planned.template, made.values
            for table, pattern in template.rows.items():
                rows[table].append(pattern.filled(values))
            for table, answers in template.answers.items():
                recent = (answer for answer in answers if answer.stored + made.planned.shift > since)
                rows[table].extend(answer.row.filled(values) for answer in recent)
            await topics.send(made)
        for table, written in rows.items():
            await tables.give(table, b"".join(written))
        progress.tell(len(batch))


class _Progress:
    def __init__(self, copies: int, say: Callable[[str], None]) -> None:
        self._copies, self._say = copies, say
        self._done = 0
        self._began = self._told = time.monotonic()

    def tell(self, more: int) -> None:
        self._done += more
        now = time.monotonic()
        if now - self._told >= _TELL_SECONDS:
            self._told = now
            speed = self._done / (now - self._began)
            left = (self._copies - self._done) / speed / 60
            self._say(f"{self._done:,} of {self._copies:,} copied ({speed:,.0f}/s, {left:.1f} min left)")


def _time_of(played: Played) -> Callable[[int], int]:
    def time_of(system: int) -> int:
        return int(played.times.at(datetime.fromtimestamp(system / 1000, UTC)).timestamp() * 1000)

    return time_of


def _added(table: Table, lines: Sequence[bytes], counts: _Counts) -> bytes:
    """Return the counters' rows: what they were, and what the copies add."""
    names = [*PLACE, *COUNTERS]
    for line in lines:
        row = dict(zip(table.columns, line.decode().rstrip("\n").split("\t"), strict=True))
        place = tuple(row[name] for name in PLACE)
        counts[place] = [number + int(row[name]) for number, name in zip(counts[place], COUNTERS, strict=True)]
    order = [names.index(column) for column in table.columns]
    rows = ([*place, *map(str, numbers)] for place, numbers in sorted(counts.items()))
    return "".join("\t".join(row[nth] for nth in order) + "\n" for row in rows).encode()


async def _consumed(place: Place, originals: Originals, sent: Mapping[str, int]) -> Mapping[str, int]:
    """Let each service's consumer go on where the topics end: what was copied has taken effect already.

    Returns how many messages each topic has.

    :raises LoadError: the topics do not end where they should.
    """
    reader = new_reader(place.broker, list(originals.partitions))
    await reader.start()
    try:
        ends = await reader.end_offsets(list(reader.assignment()))
    finally:
        await leave(reader)
    found = Counter[str]()
    for part, end in ends.items():
        found[part.topic] += end
    for topic, before in originals.messages.items():
        if found[topic] != before + sent.get(topic, 0):
            raise LoadError(f"{topic} has {found[topic]} messages instead of {before + sent.get(topic, 0)}")
    for service in SERVICES:
        followed = [place.petitions(source) for source in Source if source != service]
        consumer = new_consumer(place.broker, place.group(service), followed)
        await consumer.start()
        try:
            await consumer.commit({part: end for part, end in ends.items() if part.topic in followed})
        finally:
            await leave(consumer)
    return found


async def _vacuum(dsn: str) -> None:
    async with own_connection(dsn, application="bench", patience=_PATIENCE) as connection:
        await connection.execute("VACUUM (ANALYZE)")
