"""What was played, as it lies in the databases and on the topics: read whole, and held against each other."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final

from aiokafka.partitioner import DefaultPartitioner  # pyright: ignore[reportMissingTypeStubs]

from bench.large.place import Place
from bench.large.play import Played
from bench.large.tables import Table, Treatment, tables_of
from bench.large.templates import Left, Template, template_of
from deploy.local.errors import LocalRunError
from deploy.local.postgres import SERVICES
from services.contracts.vocabulary import Source
from services.feedback.domain.rates import SHARDS
from services.intake.vault import Vault
from services.kernel.calendar import SHANGHAI
from services.kernel.db import Connection, own_connection
from services.kernel.kafka import Broker, Record, leave, new_reader

_READ_MS: Final = 500
_AT_ONCE: Final = 5_000
COUNTERS: Final = ("reached", "not_reached", "responded", "solved", "satisfied")
PLACE: Final = ("day", "street", "department", "shard")


class NotAtRestError(LocalRunError):
    """Tables and topics do not agree: something is still on its way, or is not as it is known here."""


@dataclass(frozen=True)
class Originals:
    """Everything that was there before the copies: templates, and the rows that stay beside them."""

    templates: Sequence[Template]
    lines: Mapping[Table, Sequence[bytes]]
    """All rows of the tables that are written, as COPY writes them."""

    numbers: Mapping[str, int]
    """How far each department's feed is numbered."""

    partitions: Mapping[str, int]
    """How many partitions each topic has."""

    messages: Mapping[str, int]
    """How many messages each topic has."""

    said: Sequence[bytes]
    """Each message of a template, headers and value in one."""


@dataclass
class _Read:
    lines: dict[Table, list[bytes]] = field(default_factory=dict[Table, list[bytes]])
    of: dict[str, Left] = field(default_factory=dict[str, Left])

    def take(self, table: Table, lines: Sequence[bytes]) -> None:
        """Share a table's rows out among the petitions that they belong to."""
        self.lines[table] = list(lines)
        if table.treatment is Treatment.COUNTED:
            return
        for line in lines:
            row = line.decode().removesuffix("\n").split("\t")
            owner = self._answered(line) if table.treatment is Treatment.ANSWERED else row[table.petition]
            if owner in self.of:
                self.of[owner].rows.setdefault(table, []).append(row)

    def _answered(self, line: bytes) -> str:
        """Return whose an answer is: it names its petition first."""
        text = line.decode()
        named = [(text.find(petition), petition) for petition in self.of if petition in text]
        return min(named)[1] if named else ""


async def read(place: Place, played: Played, vault: Vault) -> Originals:
    """Read everything that was played, at rest.

    :raises UncoveredError: a table of which it is not said what becomes of it.
    :raises NotAtRestError: tables and topics do not agree.
    :raises TemplateError: a petition that cannot be multiplied.
    """
    found = _Read()
    found.of = {petition: Left() for petition in played.matters}
    for service in SERVICES:
        async with own_connection(place.dsns[service], application="bench") as connection:
            for table in await tables_of(service, connection):
                if table.treatment is Treatment.EMPTY and await connection.fetchval(_ANY.format(table.name)):
                    raise NotAtRestError(f"{service}'s {table.name} is not empty")
                if table.is_written:
                    found.take(table, await _lines(connection, table))
    feeds = {place.feed(code): code for code in _departments(found)}
    topics = {place.petitions(source): source for source in Source}
    partitions, messages = await _messages(place.broker, topics, feeds, found.of)
    templates = [
        template_of(petition, left, played.matters[petition], played.times, vault, feeds)
        for petition, left in sorted(found.of.items())
    ]
    _agree(found, topics, templates)
    said = [
        b"".join([value, *(name.encode() + text for name, text in headers)])
        for left in found.of.values()
        for _, headers, value in left.messages
    ]
    return Originals(templates, found.lines, _numbers(found), partitions, messages, said)


_ANY: Final = "SELECT EXISTS (SELECT FROM {})"


async def _lines(connection: Connection, table: Table) -> list[bytes]:
    inner: Any = connection
    written = bytearray()

    async def take(data: bytes) -> None:
        written.extend(data)

    query = f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY 1, 2"  # noqa: S608 - names of our own
    await inner.copy_from_query(query, output=take, format="text")
    return bytes(written).splitlines(keepends=True)


def _departments(found: _Read) -> set[str]:
    return {
        line.split(b"\t")[table.columns.index("department")].decode()
        for table, lines in found.lines.items()
        if table.treatment is Treatment.NUMBERED
        for line in lines
    }


def _numbers(found: _Read) -> Mapping[str, int]:
    last: dict[str, int] = {}
    for table, lines in found.lines.items():
        if table.treatment is Treatment.NUMBERED:
            for line in lines:
                row = dict(zip(table.columns, line.decode().rstrip("\n").split("\t"), strict=True))
                last[row["department"]] = max(last.get(row["department"], 0), int(row["number"]))
    return last


async def _messages(
    broker: Broker, topics: Iterable[str], feeds: Mapping[str, str], of: Mapping[str, Left]
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Give each petition its messages, each once; return how many partitions and messages the topics have.

    :raises NotAtRestError: a message lies in another partition than ours would.
    """
    reader = new_reader(broker, [*topics, *feeds])
    seen = set[tuple[str, bytes, bytes]]()
    messages = Counter[str]()
    await reader.start()
    try:
        ends = await reader.end_offsets(list(reader.assignment()))
        partitions = Counter(part.topic for part in ends)
        while any([await reader.position(part) < end for part, end in ends.items()]):
            for records in (await reader.getmany(timeout_ms=_READ_MS, max_records=_AT_ONCE)).values():
                for record in records:
                    messages[record.topic] += 1
                    if record.partition != partition_of(record.key or b"", partitions[record.topic]):
                        raise NotAtRestError(f"{record.topic}/{record.partition}: another client chose the partition")
                    _give(record, of, feeds, seen)
    finally:
        await leave(reader)
    return partitions, messages


def _give(
    record: Record, of: Mapping[str, Left], feeds: Mapping[str, str], seen: set[tuple[str, bytes, bytes]]
) -> None:
    key, sequence = record.key or b"", dict(record.headers)["ce_sequence"]
    place = (record.topic, b"" if record.topic in feeds else key, sequence)
    if place not in seen and key.decode() in of:
        seen.add(place)
        of[key.decode()].messages.append((record.topic, list(record.headers), record.value or b""))


_partitioner: Any = DefaultPartitioner()  # has no types


@cache
def _all(partitions: int) -> Sequence[int]:
    return list(range(partitions))


def partition_of(key: bytes, partitions: int) -> int:
    """Return where the services' own client puts a key: all of a petition's events lie in one partition."""
    place: int = _partitioner(key, _all(partitions), ())
    return place


def _agree(found: _Read, topics: Mapping[str, Source], templates: Sequence[Template]) -> None:
    """Hold tables, topics and what is known here of both against each other.

    :raises NotAtRestError: they do not agree.
    """
    for petition, left in found.of.items():
        told = Counter(topic for topic, _, _ in left.messages)
        for topic, source in topics.items():
            if told[topic] != (recorded := len(left.of(source.value, "own.event"))):
                raise NotAtRestError(
                    f"petition {petition}: {recorded} events at {source.value}, {told[topic]} published"
                )
        numbered = len(left.of("dispatch", "own.department_feed"))
        if (heard := sum(number for topic, number in told.items() if topic not in topics)) != numbered:
            raise NotAtRestError(f"petition {petition}: {numbered} events in departments' feeds, {heard} published")
    counted: Counter[tuple[str, ...]] = Counter()
    for template in templates:
        for visit in template.visits:
            for counter, number in zip(COUNTERS, visit.counts, strict=True):
                counted[*place_of(visit.at, visit.street, visit.department, template.petition), counter] += number
    [(table, lines)] = [(t, lines) for t, lines in found.lines.items() if t.treatment is Treatment.COUNTED]
    for line in lines:
        row = dict(zip(table.columns, line.decode().rstrip("\n").split("\t"), strict=True))
        for counter in COUNTERS:
            counted[*(row[name] for name in PLACE), counter] -= int(row[counter])
    if wrong := [place for place, number in counted.items() if number]:
        raise NotAtRestError(f"the visits do not add up to the counters, as of {', '.join(wrong[0])}")


def place_of(at: int, street: str, department: str, petition: str) -> tuple[str, str, str, str]:
    """Return where a visit is counted: the day in Shanghai, street, department, and one of the counters there."""
    day = datetime.fromtimestamp(at, SHANGHAI).date()
    return day.isoformat(), street, department, str(int(petition[-1], 16) % SHARDS)
