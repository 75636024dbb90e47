"""Departments' own programs (examples/), run as departments run them, and a way to the gateway that ends them."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from deploy.local.accounts import open_account
from deploy.local.node import find_node
from deploy.local.settings import ROOT
from services.kernel.auth import development
from tests.support.district import District, eventually

PYTHON, NODE = ROOT / "examples" / "department-consumer", ROOT / "examples" / "department-consumer-node"


@dataclass
class Program:
    """A department's program: as processes, one after the other, on one database."""

    folder: Path
    command: list[str | Path]
    environment: Mapping[str, str]
    database: Path
    process: asyncio.subprocess.Process | None = None
    lines: list[str] = field(default_factory=list[str])
    _reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it."""
        self.process = await asyncio.create_subprocess_exec(
            *self.command,
            cwd=self.folder,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reading = asyncio.create_task(self._read(self.process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.lines.append(line.decode().rstrip())

    async def ended(self, within: float = 30.0) -> int:
        """Wait until it has ended; return its exit status."""
        assert self.process is not None
        assert self._reading is not None
        async with asyncio.timeout(within):
            code = await self.process.wait()
            await self._reading
        return code

    def kill(self) -> None:
        """End it with SIGKILL."""
        assert self.process is not None
        self.process.kill()

    async def stop(self) -> None:
        """End it if it runs, with SIGTERM, and see that it obeys."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            assert await self.ended() == 0, self.lines

    def rows(self, query: str, *given: object) -> list[tuple[Any, ...]]:
        """Read from its database; nothing while it does not let us in."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)) as db:
            return db.execute(query, given).fetchall()

    def has_begun(self) -> bool:
        """Return whether its database is there, with the last of its tables."""
        return self.database.exists() and self.rows("SELECT 1 FROM sqlite_master WHERE name = 'answer'") != []

    def states(self) -> dict[str, str]:
        """Return where its orders stand, by their ids."""
        return dict(self.rows("SELECT id, state FROM work_order"))

    def place(self) -> tuple[int, int]:
        """Return the last event's number, and how many came again."""
        [(last, duplicates)] = self.rows("SELECT last, duplicates FROM place")
        return last, duplicates


@asynccontextmanager
async def holding(database: Path) -> AsyncGenerator[None]:
    """Look into a database for as long as the context lasts: who writes can do all of it, but not commit."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM work_order").fetchall()
        yield


@contextmanager
def last_write_failing(database: Path) -> Generator[None]:
    """Let whoever takes an event fail at the last of its writes, as a full disk would."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute(
            "CREATE TRIGGER full_disk BEFORE UPDATE ON place WHEN new.last > old.last"
            " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
    yield
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("DROP TRIGGER full_disk")


async def waits_to_commit(database: Path) -> None:
    """Wait until somebody who writes has only the commit left: then nobody else is let in to look.

    A process of its own looks: SQLite lets one in at once that looks already.
    """
    look = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('SELECT count(*) FROM work_order')"

    async def shut() -> bool:
        looking = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", look, str(database)), stderr=asyncio.subprocess.PIPE
        )
        _, complained = await looking.communicate()
        return b"database is locked" in complained

    await eventually(shut)


@dataclass
class Door:
    """A way to the gateway, on which a program can be ended at the two moments that matter for an answer."""

    target: str
    session: aiohttp.ClientSession
    url: str = ""
    passed: list[str] = field(default_factory=list[str])
    shut: bool = False
    """Whether nobody is let through."""
    _first: tuple[str, Callable[[], Awaitable[object]]] | None = None
    _victim: Program | None = None
    _mutation: str = ""
    _accepted: bool = False

    def kill(self, program: Program, *, at: str, accepted: bool) -> None:
        """End a program when it sends a mutation: before that has come anywhere, or once it is `accepted`."""
        self._victim, self._mutation, self._accepted = program, at, accepted

    def let_in_first(self, act: Callable[[], Awaitable[object]], *, before: str) -> None:
        """Let somebody else act just before a mutation comes through."""
        self._first = (before, act)

    async def pass_on(self, request: web.Request) -> web.Response:
        """Pass a request on, or not, or its answer not."""
        body = await request.read()
        if self.shut:
            raise web.HTTPServiceUnavailable
        if self._first is not None and self._first[0].encode() in body:
            act, self._first = self._first[1], None
            await act()
        victim = self._victim if self._mutation and self._mutation.encode() in body else None
        if victim is not None:
            self._victim = None
        if victim is None or self._accepted:
            kept = {name: request.headers[name] for name in ("Authorization", "Content-Type")}
            async with self.session.post(self.target, data=body, headers=kept) as response:
                answer, status = await response.read(), response.status
            self.passed.append(body.decode())
            if victim is None:
                return web.Response(body=answer, status=status, content_type="application/json")
            assert b"errors" not in answer, answer
        victim.kill()
        raise web.HTTPServiceUnavailable


@asynccontextmanager
async def door(district: District) -> AsyncGenerator[Door]:
    """Open a way to a district's gateway."""
    opened = Door(district.url, district.session)
    app = web.Application()
    app.router.add_post("/graphql", opened.pass_on)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    opened.url = f"http://127.0.0.1:{runner.addresses[0][1]}/graphql"
    try:
        yield opened
    finally:
        await runner.cleanup()


@asynccontextmanager
async def program(
    district: District, department: str, folder: Path, *, node: bool = False, url: str | None = None, **settings: str
) -> AsyncGenerator[Program]:
    """Give a department a login and a token, and prepare its program, which is ended with the context."""
    folder.mkdir(parents=True, exist_ok=True)
    account = await asyncio.to_thread(
        open_account, district.servers.bootstrap, department, topic_prefix=district.prefix
    )
    token = folder / f"{department}.token"
    user = "department"
    token.write_text(development.sign(Path(district.servers.keys), user, department=department))
    database = folder / f"{department}.sqlite"
    environment = {
        "PATH": os.environ["PATH"],
        "DEPARTMENT": department,
        "DATABASE": str(database),
        "GRAPHQL": url or district.url,
        "TOKEN_FILE": str(token),
        "KAFKA": district.servers.departments,
        "USERNAME": account.username,
        "PASSWORD": account.password,
        "TOPIC": account.topic,
        "GROUP": f"{account.group_prefix}desk",
        "WORK_SECONDS": "0",
        "POLL_SECONDS": "0.2",
        **settings,
    }
    if node:
        command: list[str | Path] = [find_node().program, "--disable-warning=ExperimentalWarning", "department.mjs"]
    else:
        command = [sys.executable, "-m", "department", "run"]
    prepared = Program(NODE if node else PYTHON, command, environment, database)
    try:
        yield prepared
    finally:
        if prepared.process is not None and prepared.process.returncode is None:
            prepared.kill()
            with suppress(TimeoutError):
                await prepared.ended()
