"""What lives cost in the databases: every statement of them, with its values, as the server itself wrote it down.

The server logs all statements while some lives go on at once and nothing else is asked; so events are published and
applied by batches, as they are under load. What would have been sent without a life (pollers that found nothing, the
scheduler, figures for metrics) is left out, by the statements' names, and said.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Final
from uuid import UUID

import aiohttp

from bench.installation import Installation
from bench.life import Client, Timings, live
from bench.people import Desk
from deploy.local.postgres import SERVICES
from services.kernel.db import Connection, own_connection

_DRIVER: Final = "asyncpg.types"
_DRIVERS: Final = re.compile(
    r"SELECT\s+current_setting\('jit'\) AS cur|SELECT\s+set_config\('jit'|WITH RECURSIVE typeinfo"
)
"""What asyncpg asks of itself when it meets a type for the first time on a connection."""

WITHOUT_THE_LIFE: Final[Mapping[str, str]] = {
    "scheduler.": "clocks are looked at all the time",
    "figures.": "read for metrics",
    "relay.waiting": "read for metrics",
    "department_feed.waiting": "read for metrics",
    "service.lag": "read when somebody asks whether the service is ready",
    "reference.": "what a service keeps in memory of the district is read again every so often",
    "live.alive": "asked every second",
    "relay.try_lock": "asked by a relay that stands by",
    _DRIVER: "asked by the driver, once on each connection",
}
"""What is sent whether somebody lives or not, by the beginnings of the statements' names, and why."""

TAKEN_OUT: Final[Mapping[str, frozenset[str]]] = {
    "relay.lowest": frozenset({"relay.published", "department_feed.published"}),
    "department_feed.unpublished": frozenset({"department_feed.delivered"}),
}
"""Polls that belong to the life if they found something: the same connection then says what has been published."""

_SETTLED_WITHIN: Final = 20.0
_LAST_WORDS: Final = 1.0
"""Seconds for what follows the last event: whoever listens is told some milliseconds after it."""

_CODES: Final = "SELECT petition_id, tracking_code FROM own.petition WHERE petition_id = ANY($1)"
_SEQUENCES: Final = "SELECT petition_id AS id, sequence AS at FROM own.petition WHERE petition_id = ANY($1)"
_APPLIED: Final = (
    "SELECT aggregate_id AS id, applied AS at FROM own.progress WHERE aggregate_id = ANY($1) AND source = $2"
)

_BEGIN: Final = "BEGIN"
_COMMIT: Final = "COMMIT"

_LINE: Final = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \S+ \[(?P<pid>\d+)\] (?P<user>\S*)@(?P<database>\S*) "
    r"(?P<kind>[A-Z]+):  (?P<text>.*)$"
)
_STATEMENT: Final = re.compile(r"^(?:statement|execute [^:]+): (.*)$", re.DOTALL)
_PARAMETERS: Final = re.compile(r"^[Pp]arameters: (.*)$", re.DOTALL)
_PARAMETER: Final = re.compile(r"\$\d+ = (?:NULL|'((?:[^']|'')*)')(?:, |$)")
_WRITES: Final = re.compile(r"\b(?:INSERT INTO|UPDATE \w|DELETE FROM)|\bpg_notify\(")
_NAME: Final = re.compile(r"^\s*-- ([a-z_]+\.[a-z_]+): ")


class RecordingError(Exception):
    """A life could not be recorded, or not so that it could be done again."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as it was sent: its name, its text without comments, and its values as text (None: NULL)."""

    name: str
    sql: str
    values: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Transaction:
    """Statements that took effect together: between a BEGIN and its COMMIT, or a single one by itself."""

    statements: tuple[Statement, ...]
    explicit: bool

    @property
    def length(self) -> int:
        """How many statements were sent for it, its BEGIN and COMMIT among them."""
        return len(self.statements) + (2 if self.explicit else 0)

    @property
    def writes(self) -> bool:
        """Whether its end is a commit that something was written for."""
        return self.explicit or any(_WRITES.search(statement.sql) for statement in self.statements)


@dataclass(frozen=True, slots=True)
class Recording:
    """Lives that went on at once, at one desk, and each service's transactions in the order in which they ended."""

    petitions: Mapping[UUID, str]
    """Each with its tracking code."""
    department: str
    transactions: Mapping[str, tuple[Transaction, ...]]
    left_out: Mapping[str, int]
    """How many statements were left out, by name."""

    @property
    def statements(self) -> int:
        """How many statements were sent in all databases, each BEGIN and COMMIT among them."""
        return sum(transaction.length for each in self.transactions.values() for transaction in each)

    @property
    def commits(self) -> int:
        """How many transactions wrote something, in all databases."""
        return sum(transaction.writes for each in self.transactions.values() for transaction in each)


async def record(
    running: Installation, desk: Desk, random: Random, say: Callable[[str], None], *, lives: int
) -> Recording:
    """Live so many lives at once while the server writes down all statements.

    :raises RecordingError: they did not come to rest, or what was written down cannot be done again.
    """
    async with AsyncExitStack() as stack:
        admins = {service: await stack.enter_async_context(_admin(running, service)) for service in SERVICES}
        session = await stack.enter_async_context(aiohttp.ClientSession())
        timings = Timings()
        client = Client(session, running.url, lambda: timings)
        log = running.processes["postgres"].log
        begin = log.stat().st_size
        async with _logged(admins["intake"]):
            lived = await asyncio.gather(*(live(client, desk, random) for _ in range(lives)))
            petitions = [UUID(petition) for petition in lived]
            await _settled(admins, petitions)
            await asyncio.sleep(_LAST_WORDS)
        codes = {row["petition_id"]: row["tracking_code"] for row in await admins["intake"].fetch(_CODES, petitions)}
    written = await asyncio.to_thread(_since, log, begin)
    transactions, left_out = sorted_out(written, SERVICES)
    recording = Recording(codes, desk.department, transactions, left_out)
    say(
        f"{lives} lives at once are {recording.statements:,} statements and {recording.commits:,} commits; "
        f"{sum(left_out.values()):,} statements would have been sent without them"
    )
    return recording


def sorted_out(log: str, databases: Sequence[str]) -> tuple[dict[str, tuple[Transaction, ...]], dict[str, int]]:
    """Return the transactions that a log tells of, by database, and how many statements were left out, by name.

    :param log: lines of a server's log, with log_statement = all and our log_line_prefix.
    :param databases: whose; in each, only what was sent by the role of its name counts.
    :raises RecordingError: a statement that has no name, or a transaction that was rolled back or never ended.
    """
    sorted_by_database: dict[str, tuple[Transaction, ...]] = {}
    left_out = Counter[str]()
    sent = list(_sent(log, databases))
    for database in databases:
        sessions: dict[str, _Session] = {}
        ended: list[Transaction] = []
        for each in sent:
            if each.database == database:
                ended += sessions.setdefault(each.pid, _Session(left_out)).take(each.statement)
        if still_open := [session for session in sessions.values() if session.open is not None]:
            raise RecordingError(f"{len(still_open)} transactions in {database} had not ended when the log did.")
        for session in sessions.values():
            session.leave()
        sorted_by_database[database] = tuple(ended)
    counted = sum(transaction.length for each in sorted_by_database.values() for transaction in each)
    if counted + left_out.total() != len(sent):
        raise RecordingError(f"Of {len(sent)} statements, {counted} were kept and {left_out.total()} left out.")
    return sorted_by_database, dict(left_out)


@dataclass(frozen=True, slots=True)
class _Sent:
    pid: str
    database: str
    statement: Statement


@dataclass(slots=True)
class _Session:
    """One connection's statements as they come, and which of them belong to the life."""

    left_out: Counter[str]
    open: list[Statement] | None = None
    poll: Statement | None = None

    def take(self, statement: Statement) -> Iterator[Transaction]:
        """Yield the transactions that end with this statement."""
        if statement.name == _DRIVER:
            self.left_out[_DRIVER] += 1
        elif statement.name == _BEGIN:
            self.open = []
        elif statement.name == _COMMIT and self.open is not None:
            done, self.open = self.open, None
            yield Transaction(tuple(done), explicit=True)
        elif statement.name in {_COMMIT, "ROLLBACK"}:
            raise RecordingError(f"A {statement.name} where it cannot be done again: something was repeated.")
        elif self.open is not None:
            self.open.append(statement)
        elif any(statement.name.startswith(beginning) for beginning in WITHOUT_THE_LIFE):
            self.left_out[statement.name] += 1
        elif statement.name in TAKEN_OUT:
            self.leave()
            self.poll = statement
        else:
            if self.poll is not None and statement.name in TAKEN_OUT[self.poll.name]:
                yield Transaction((self.poll,), explicit=False)
                self.poll = None
            yield Transaction((statement,), explicit=False)

    def leave(self) -> None:
        """Leave out a poll that found nothing."""
        if self.poll is not None:
            self.left_out[self.poll.name] += 1
            self.poll = None


@dataclass(slots=True)
class _Entry:
    """A message of the log: where it came from, of what kind it is, and its lines."""

    pid: str
    user: str
    database: str
    kind: str
    lines: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def own(self, databases: Sequence[str]) -> bool:
        """Tell whether the role of one of the databases is spoken of, in its database."""
        return self.user == self.database and self.database in databases


def _entries(log: str) -> Iterator[_Entry]:
    entry: _Entry | None = None
    for line in log.split("\n"):
        if (found := _LINE.match(line)) is not None:
            if entry is not None:
                yield entry
            entry = _Entry(found["pid"], found["user"], found["database"], found["kind"], [found["text"]])
        elif entry is not None:
            entry.lines.append(line.removeprefix("\t"))
    if entry is not None:
        yield entry


def _sent(log: str, databases: Sequence[str]) -> Iterator[_Sent]:
    """Yield all statements that the databases' own roles sent, each with its values."""
    said: _Entry | None = None
    for entry in [*_entries(log), _Entry("", "", "", "LOG", [""])]:
        if said is not None and said.own(databases) and (sql := _STATEMENT.match(said.text.rstrip("\n"))) is not None:
            detailed = entry.kind == "DETAIL" and entry.pid == said.pid
            parameters = _PARAMETERS.match(entry.text.rstrip("\n")) if detailed else None
            values = _values(parameters[1]) if parameters else ()
            yield _Sent(said.pid, said.database, _statement(sql[1], values))
        said = entry if entry.kind == "LOG" else None


def _statement(sql: str, values: tuple[str | None, ...]) -> Statement:
    plain = "\n".join(line for line in sql.split("\n") if not line.lstrip().startswith("--")).strip().rstrip(";")
    if (name := next((found[1] for line in sql.split("\n") if (found := _NAME.match(line))), None)) is not None:
        return Statement(name, plain, values)
    if (word := plain.split(maxsplit=1)[0].upper() if plain else "") in {_BEGIN, _COMMIT, "ROLLBACK"}:
        return Statement(word, plain, values)
    if _DRIVERS.match(plain):
        return Statement(_DRIVER, plain, values)
    raise RecordingError(f"A statement without a name was sent, of which nobody knows what it is for: {plain[:80]!r}")


def _values(text: str) -> tuple[str | None, ...]:
    values: list[str | None] = []
    at = 0
    while at < len(text):
        if (found := _PARAMETER.match(text, at)) is None:
            raise RecordingError(f"The values of a statement cannot be read from {text[at : at + 40]!r} on.")
        values.append(found[1].replace("''", "'") if found[1] is not None else None)
        at = found.end()
    return tuple(values)


def _since(log: Path, begin: int) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        return file.read().decode()


@asynccontextmanager
async def _admin(running: Installation, service: str) -> AsyncGenerator[Connection]:
    """Open a connection whose statements are not counted: by the superuser, who is no service."""
    async with own_connection(running.stack.postgres.dsn("postgres", service), application="bench") as connection:
        yield connection


@asynccontextmanager
async def _logged(admin: Connection) -> AsyncGenerator[None]:
    """Have the server log all statements meanwhile."""
    try:
        for change in ("log_statement = 'all'", "log_parameter_max_length = -1"):
            await admin.execute(f"ALTER SYSTEM SET {change}")
        await _reloaded(admin, "all")
        yield
    finally:
        for setting in ("log_statement", "log_parameter_max_length"):
            await admin.execute(f"ALTER SYSTEM RESET {setting}")
        await _reloaded(admin, "none")


async def _reloaded(admin: Connection, wanted: str) -> None:
    """Wait until the server has heard of its settings; its other connections have when they send their next statement.

    :raises RecordingError: it does not take them over.
    """
    await admin.execute("SELECT pg_reload_conf()")
    for _ in range(50):
        if await admin.fetchval("SHOW log_statement") == wanted:
            return
        await asyncio.sleep(0.1)
    raise RecordingError(f"log_statement did not become {wanted!r}.")


async def _settled(admins: Mapping[str, Connection], petitions: Sequence[UUID]) -> None:
    """Wait until everything of the petitions was published and has taken effect everywhere.

    :raises RecordingError: that takes too long.
    """
    try:
        async with asyncio.timeout(_SETTLED_WITHIN):
            while not await _are_settled(admins, petitions):  # noqa: ASYNC110 - other processes bring them to rest
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise RecordingError(f"The petitions had not come to rest after {_SETTLED_WITHIN:.0f} s.") from None


async def _are_settled(admins: Mapping[str, Connection], petitions: Sequence[UUID]) -> bool:
    # First what has been applied: what becomes of an event between two looks then counts as not applied yet.
    applied = {
        (source, consumer): {row["id"]: row["at"] for row in await admins[consumer].fetch(_APPLIED, petitions, source)}
        for source, consumer in permutations(admins, 2)
    }
    for source, admin in admins.items():
        decided = {row["id"]: row["at"] for row in await admin.fetch(_SEQUENCES, petitions)}
        if not decided or any(applied[source, consumer] != decided for consumer in admins if consumer != source):
            return False
    for service, admin in admins.items():
        outboxes = ["own.outbox", *(["own.department_outbox"] if service == "dispatch" else [])]
        for outbox in outboxes:
            if await admin.fetchval(f"SELECT EXISTS (SELECT FROM {outbox})"):  # noqa: S608 - one of two names
                return False
    return True
