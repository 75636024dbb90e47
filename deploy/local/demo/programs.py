"""Departments' own programs while a case is played: examples/, each with a login, a token and a database of its own."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition  # pyright: ignore[reportMissingTypeStubs]

from deploy.local.accounts import AccountError, open_account
from deploy.local.demo.errors import DemoError
from deploy.local.demo.words import Words
from deploy.local.errors import LocalRunError
from deploy.local.node import find_node, install_packages
from deploy.local.process import Command, leashed
from deploy.local.settings import ROOT
from services.kernel.auth.development import sign

PYTHON: Final = ROOT / "examples" / "department-consumer"
NODE: Final = ROOT / "examples" / "department-consumer-node"
_WORK_SECONDS: Final = "1"
_STOP_WITHIN: Final = 15.0
_CAUGHT_UP_WITHIN: Final = 30.0
_LOOK_EVERY: Final = 0.2


@dataclass(frozen=True, slots=True)
class Around:
    """What is around the gateway: the broker, as whoever runs it reaches it and as departments do, and folders.

    `folder` is where the departments keep their databases and tokens, `cache` what is downloaded.
    """

    kafka: str
    departments: str
    topic_prefix: str
    folder: Path
    cache: Path


@dataclass(frozen=True, slots=True)
class Kind:
    """A program of examples/: where it lies, and how it is started and asked for a report."""

    folder: Path
    run: Sequence[str | Path]
    report: Sequence[str | Path]


def in_python() -> Kind:
    """Return the Python program; what it needs is installed here."""
    module = (sys.executable, "-m", "department")
    return Kind(PYTHON, (*module, "run"), (*module, "report"))


async def in_node(around: Around) -> Kind:
    """Return the Node program, and fetch its packages when it is used for the first time.

    :raises DemoError: they could not be fetched.
    """
    node = find_node()
    around.folder.mkdir(parents=True, exist_ok=True)
    try:
        await install_packages(node, around.folder, NODE, cache=around.cache, of="the example department")
    except LocalRunError as error:
        raise DemoError(str(error)) from error
    script = (node.program, "--disable-warning=ExperimentalWarning", "department.mjs")
    return Kind(NODE, script, (*script, "report"))


class Program:
    """A department's program: what it says is passed on, and it cannot outlive this process."""

    def __init__(self, kind: Kind, code: str, name: Words, environment: Mapping[str, str], says: IO[str]) -> None:
        """Describe it: `environment` is its own settings, `says` where its lines go."""
        self.code, self.name = code, name
        self._kind, self._environment, self._says = kind, environment, says
        self._process: asyncio.subprocess.Process | None = None
        self._passing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it, on the database that it has."""
        command = Command(self.code, self._kind.run)
        self._process = await asyncio.create_subprocess_exec(
            *leashed(command),
            cwd=self._kind.folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._passing = asyncio.create_task(self._pass_on(self._process))

    async def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._over()

    async def stop(self) -> None:
        """Ask it to end, and wait; it finishes what it holds."""
        if self._process is None:
            return
        try:
            with suppress(ProcessLookupError):
                self._process.terminate()
            async with asyncio.timeout(_STOP_WITHIN):
                await self._over()
        except TimeoutError:
            await self.kill()

    async def report(self) -> list[str]:
        """Return what it says is in its database."""
        asking = await asyncio.create_subprocess_exec(
            *self._kind.report,
            cwd=self._kind.folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await asking.communicate()
        return said.decode(errors="replace").splitlines()

    async def has_read(self, kafka: str) -> int:
        """Wait until its database has everything that is on its topic now; return how many events that is.

        :raises DemoError: it has not in time.
        """
        topic = self._environment["TOPIC"]
        end = await _end_of(kafka, topic)
        try:
            async with asyncio.timeout(_CAUGHT_UP_WITHIN):
                while self._next_offset() < end:
                    await asyncio.sleep(_LOOK_EVERY)
        except TimeoutError:
            raise DemoError(f"{self.code} has read {self._next_offset()} of {end} messages of {topic}") from None
        return end

    def _next_offset(self) -> int:
        with closing(sqlite3.connect(f"file:{self._environment['DATABASE']}?mode=ro", uri=True, timeout=5)) as database:
            [found] = database.execute("SELECT next_offset FROM place")
        return found[0] or 0

    async def _over(self) -> None:
        assert self._process is not None
        assert self._passing is not None
        await self._process.wait()
        await self._passing

    async def _pass_on(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            print(f"      {self.code} | {line.decode(errors='replace').rstrip()}", file=self._says, flush=True)


async def _end_of(kafka: str, topic: str) -> int:
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=kafka)
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        ends: dict[Any, int] = await consumer.end_offsets([partition])
        return ends[partition]
    finally:
        await consumer.stop()


@asynccontextmanager
async def department(
    kind: Kind, code: str, name: Words, around: Around, *, gateway: str, keys: Path, says: IO[str]
) -> AsyncGenerator[Program]:
    """Give a department a login and a token, start its program, and end it with the context.

    :raises DemoError: the broker gives no logins.
    """
    try:
        login = await asyncio.to_thread(open_account, around.kafka, code, topic_prefix=around.topic_prefix)
    except AccountError as error:
        raise DemoError(str(error)) from error
    folder = around.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    token = folder / f"{code}.token"
    token.touch(mode=0o600)
    token.write_text(sign(keys, "department", sub=f"program-{code}", department=code))
    environment = {
        **os.environ,
        "DEPARTMENT": code,
        "DATABASE": str(folder / f"{code}.sqlite"),
        "GRAPHQL": gateway,
        "TOKEN_FILE": str(token),
        "KAFKA": around.departments,
        "USERNAME": login.username,
        "PASSWORD": login.password,
        "TOPIC": login.topic,
        "GROUP": f"{login.group_prefix}desk",
        "WORK_SECONDS": _WORK_SECONDS,
    }
    program = Program(kind, code, name, environment, says)
    await program.start()
    try:
        yield program
    finally:
        await program.stop()
