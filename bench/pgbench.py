"""What the database alone could do of whole lives: pgbench with the same statements and commits, and nobody who asks.

The statements are those that the server wrote down of some lives that went on at once. They are done on copies of the
databases, which are removed afterwards. That it is the same work is checked by the rows that were written: in each
table as many inserted or updated, and as many deleted, as in the recording, times its executions.
"""

import asyncio
import os
import re
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from shutil import disk_usage
from typing import Final, cast
from urllib.parse import unquote, urlsplit

import psutil

from bench.ended import ended
from bench.installation import Installation
from bench.load import AT_ONCE
from bench.people import Desk
from bench.recording import Recording, record
from bench.scripts import BEGINNING, OPTIONS, Fresh, Preparing, script
from deploy.local.postgres import SERVICES, program
from services.kernel.db import own_connection

CLIENTS: Final = 4
"""For each database."""

LIVES: Final = AT_ONCE
"""How many go on at once in the recording, and so in each execution of the scripts: as at the benchmark's peak."""

_STATISTICS_SECONDS: Final = 11
"""How long a connection may keep its counts to itself: 10 s when it is idle."""

_COUNTED_WITHIN: Final = 5.0
_ROOM: Final = 1.5
"""How many times the databases' size must be free for copies, with what is then written on them."""

_PATIENCE: Final = 180
"""Seconds for one run of pgbench."""

_PROCESSED: Final = re.compile(r"number of transactions actually processed: (\d+)/(\d+)")
_FAILED: Final = re.compile(r"number of failed transactions: (\d+)")

_WRITTEN: Final = """
SELECT schemaname || '.' || relname AS name, n_tup_ins + n_tup_upd AS kept, n_tup_del AS deleted
FROM pg_stat_user_tables"""

Rows = tuple[int, int]
"""Inserted or updated (the first life that a counter counts inserts it, the others update it), and deleted."""

_NONE: Final[Rows] = (0, 0)

Written = Mapping[tuple[str, str], Rows]
"""How many rows were written, by service and table."""


class LimitError(Exception):
    """A limit could not be taken, or not so that it can be believed."""


@dataclass(frozen=True, slots=True)
class PgbenchLimit:
    """What the database alone can do of lives: the same statements and commits, without whom they come from."""

    lifecycles_per_second: float
    cpu_ms_per_lifecycle: float
    """PostgreSQL's, all its processes together."""
    statements: float
    """For one life, in all databases, BEGIN and COMMIT among them."""
    commits: float
    """For one life, in all databases."""
    lives: int
    """How many were done in the time that counted."""
    left_out: Mapping[str, int]
    """How many statements were sent during the recording that would have been sent without a life, by name."""


async def pgbench(
    running: Installation,
    desk: Desk,
    random: Random,
    say: Callable[[str], None],
    *,
    seconds: float = 20,
) -> PgbenchLimit:
    """Record lives, then have pgbench do their statements on copies of the databases, as often as it can.

    The services and the gateway are stopped for it, and stay so: their relays would publish what is written here.

    :param seconds: how long it shall go on, about.
    :raises RecordingError, ScriptError: the lives cannot be done again.
    :raises LimitError: there is no room for copies, a statement failed, or not the same rows were written as in the
        recording.
    """
    say("waiting until the database has counted what was written before")
    await asyncio.sleep(_STATISTICS_SECONDS)
    originals = {service: service for service in SERVICES}
    async with AsyncExitStack() as stack:
        before = await _written(running, originals)
        recording = await record(running, desk, random, say, lives=LIVES)
        await _stop_services(running)
        await asyncio.sleep(1)  # an ending connection's counts come with its end
        written = grown(before, await _written(running, originals))
        databases = await stack.enter_async_context(_copies(running, say))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        replay = _Replay(running, databases, await _write_scripts(running, recording, folder), written)
        say("pgbench tries whether it writes what the lives wrote")
        begun = await replay.do(1)  # connections, caches and plans are a service's, too, but only once: it is taken off
        times = 1 + max(2, round(seconds / begun.seconds))
        say(f"pgbench does {times * CLIENTS * LIVES:,} lives' statements with {CLIENTS} clients in each database")
        done = await replay.do(times)
    lives = (times - 1) * CLIENTS * LIVES
    return PgbenchLimit(
        lifecycles_per_second=lives / (done.seconds - begun.seconds),
        cpu_ms_per_lifecycle=1000 * (done.cpu - begun.cpu) / lives,
        statements=recording.statements / LIVES,
        commits=recording.commits / LIVES,
        lives=lives,
        left_out=recording.left_out,
    )


@dataclass(frozen=True, slots=True)
class _Took:
    """What it took, in seconds: by the clock, and of CPU by the server's processes."""

    seconds: float
    cpu: float


@dataclass(frozen=True, slots=True)
class _Replay:
    """The recording's scripts, the databases they are done on, and the rows that one execution writes."""

    running: Installation
    databases: Mapping[str, str]
    scripts: Mapping[str, Path]
    rows: Written

    async def do(self, times: int) -> _Took:
        """Have each client do the scripts so many times, in all databases at once.

        :raises LimitError: a statement failed, other rows were written than so many executions', or it took too long.
        """
        server = psutil.Process(self.running.processes["postgres"].pid)
        written, spent = await _written(self.running, self.databases), _cpu(server)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(_PATIENCE), asyncio.TaskGroup() as tasks:
                for service, file in self.scripts.items():
                    dsn = self.running.stack.postgres.dsn(service, self.databases[service])
                    tasks.create_task(run(dsn, file, times))
        except* LimitError as group:
            raise LimitError(str(group.exceptions[0])) from group
        except* TimeoutError as group:
            raise LimitError(f"pgbench had not done its {times} executions after {_PATIENCE} s.") from group
        took = time.perf_counter() - began
        await self._require_rows(written, times * CLIENTS)
        return _Took(took, _cpu(server) - spent)

    async def _require_rows(self, before: Written, executions: int) -> None:
        until = time.perf_counter() + _COUNTED_WITHIN
        while other := difference(self.rows, executions, grown(before, await _written(self.running, self.databases))):
            if time.perf_counter() > until:
                raise LimitError(f"{executions} executions wrote other rows (inserted or updated, deleted): {other}")
            await asyncio.sleep(0.2)


def grown(before: Written, after: Written) -> Written:
    """Return what was written between two looks, where anything was."""
    since: dict[tuple[str, str], Rows] = {}
    for table, (kept, deleted) in after.items():
        were = before.get(table, _NONE)
        if any(rows := (kept - were[0], deleted - were[1])):
            since[table] = rows
    return since


def difference(once: Written, times: int, written: Written) -> str:
    """Return in which tables other rows were written than so many times those of once; nothing if all are the same."""
    wanted = {table: tuple(rows * times for rows in of_once) for table, of_once in once.items()}
    others = [
        (service, table, written.get((service, table), _NONE), wanted.get((service, table), _NONE))
        for service, table in sorted(wanted.keys() | written.keys())
    ]
    return "; ".join(f"{service}.{table}: {had} instead of {due}" for service, table, had, due in others if had != due)


async def _written(running: Installation, databases: Mapping[str, str]) -> Written:
    """Return how many rows were ever written, as far as the server has counted."""
    written: dict[tuple[str, str], Rows] = {}
    for service, database in databases.items():
        async with own_connection(running.stack.postgres.dsn("postgres", database), application="bench") as admin:
            for row in await admin.fetch(_WRITTEN):
                written[service, row["name"]] = (row["kept"], row["deleted"])
    return written


async def _stop_services(running: Installation) -> None:
    async with asyncio.TaskGroup() as tasks:
        for name in ("gateway", *SERVICES):
            tasks.create_task(running.processes[name].stop())


@asynccontextmanager
async def _copies(running: Installation, say: Callable[[str], None]) -> AsyncGenerator[Mapping[str, str]]:
    """Copy the services' databases, of which nobody uses the originals; remove the copies at the end.

    :raises LimitError: they would fill the disk.
    """
    copies = {service: f"{service}_alone" for service in SERVICES}
    async with own_connection(running.admin_dsn, application="bench", patience=3600) as admin:
        size = await admin.fetchval(
            "SELECT sum(pg_database_size(name))::int8 FROM unnest($1::text[]) AS name", SERVICES
        )
        if (free := disk_usage(running.stack.settings.data_folder).free) < size * _ROOM:
            raise LimitError(f"The databases have {size >> 20:,} MB, and {free >> 20:,} MB are too few to copy them.")
        try:
            for service, copy in copies.items():
                say(f"copying {service}'s database")
                await admin.execute(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)")
                await admin.execute(f"CREATE DATABASE {copy} OWNER {service} TEMPLATE {service} STRATEGY file_copy")
            yield copies
        finally:
            for copy in copies.values():
                await admin.execute(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)")


async def _write_scripts(running: Installation, recording: Recording, folder: Path) -> Mapping[str, Path]:
    files: dict[str, Path] = {}
    for service, transactions in recording.transactions.items():
        async with own_connection(running.dsn(service), application="bench") as connection:
            text = await script(transactions, Fresh(recording), cast(Preparing, connection))
        files[service] = folder / f"{service}.sql"
        files[service].write_text(text)
    return files


async def run(dsn: str, file: Path, times: int) -> None:
    """Have each client do a script so many times.

    :raises LimitError: a statement failed.
    """
    of = urlsplit(dsn)
    tried = await ended(
        *(program("pgbench"), "--no-vacuum", "--file", file, "--define", f"{BEGINNING}=1"),
        *("--client", str(CLIENTS), "--jobs", "1", "--transactions", str(times)),
        environment={
            **{name: value for name, value in os.environ.items() if not name.startswith("PG")},
            "PGHOST": str(of.hostname),
            "PGPORT": str(of.port),
            "PGUSER": unquote(str(of.username)),
            "PGPASSWORD": unquote(str(of.password)),
            "PGDATABASE": of.path.removeprefix("/"),
            "PGOPTIONS": OPTIONS,
        },
    )
    done, failed = _PROCESSED.search(tried.said), _FAILED.search(tried.said)
    if tried.code or done is None or done[1] != done[2] or (failed is not None and failed[1] != "0"):
        why = f"{tried.complained[-2000:]}\n{tried.said[-500:]}"
        raise LimitError(f"pgbench could not do {file.stem}'s statements:\n{why}")


def _cpu(server: psutil.Process) -> float:
    """Return how many seconds of CPU a server and its children have spent, those that have ended among them."""
    spent = 0.0
    for process in [server, *server.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        spent += times.user + times.system + times.children_user + times.children_system
    return spent
