"""Two replicas of every service, a and b, on the same databases and topics; the gateway asks a spreader for them."""

import asyncio
import dataclasses
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from bench.installation import Installation, installation
from bench.replicas.spreader import arguments
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.postgres import SERVICES
from deploy.local.process import Command, Process
from deploy.local.settings import ROOT
from deploy.local.stack import Stack
from deploy.local.supervisor import Part
from deploy.local.web import Address, WebProcess
from services.kernel.db import Connection

SPREADER: Final = "spreader"
DATABASE: Final[Mapping[str, str]] = {"log_lock_waits": "on", "deadlock_timeout": "20ms"}
"""The server writes down each wait for a lock of more than 20 ms."""

_STOP_WITHIN: Final = 20.0
_READY_WITHIN: Final = 20.0
_ERROR: Final = '"level": "error"'

_HOLDERS: Final = """
-- bench.holders: from which port the relay of a service speaks that may publish, and by which server process
SELECT client_port, pid FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE datname = $1 AND application_name = $1 || '-relay' AND locktype = 'advisory' AND granted"""


@dataclass
class Replica:
    """One process of a service with all its roles; the same port and log at every start."""

    service: str
    letter: str
    port: int
    web: WebProcess = field(repr=False)
    _errors: int = 0

    @property
    def name(self) -> str:
        """`intake-a`."""
        return f"{self.service}-{self.letter}"

    @property
    def url(self) -> str:
        """Where it is asked without spreader and gateway."""
        return f"http://{LOOPBACK}:{self.port}"

    async def stop(self) -> None:
        """Have it finish what it holds, and end."""
        if self.web.process.running:
            await self.web.stop()
            self._errors += self._logged()

    async def kill(self) -> None:
        """End it with SIGKILL."""
        await self.web.kill()
        self._errors += self._logged()

    @property
    def errors(self) -> int:
        """How many lines of its logs, of all its starts, tell of an error that nobody expected."""
        return self._errors + (self._logged() if self.web.process.running else 0)

    def _logged(self) -> int:
        return self.web.process.log.read_text(errors="replace").count(_ERROR)


@dataclass
class Pair:
    """A running system with one replica of each service, or two."""

    installation: Installation
    replicas: Mapping[tuple[str, str], Replica]

    @property
    def present(self) -> list[Replica]:
        """The replicas that run."""
        return [replica for replica in self.replicas.values() if replica.web.process.running]

    @property
    def measured(self) -> Installation:
        """The installation as its processes are now, by name."""
        others = {name: process for name, process in self.installation.processes.items() if not _is_replica(name)}
        return dataclasses.replace(
            self.installation, processes={**others, **{each.name: each.web.process for each in self.present}}
        )

    def replica(self, service: str, letter: str) -> Replica:
        """Return one."""
        return self.replicas[service, letter]

    def other(self, replica: Replica) -> Replica:
        """Return the other one of the same service."""
        return self.replica(replica.service, "b" if replica.letter == "a" else "a")

    async def join(self, *services: str) -> None:
        """Start the second replicas, and return when they are ready."""
        await asyncio.gather(*(self.replica(service, "b").web.start() for service in services))

    async def leave(self, *services: str) -> None:
        """Have the second replicas end in order."""
        await asyncio.gather(*(self.replica(service, "b").stop() for service in services))

    async def publishing(self, admin: Connection, service: str) -> tuple[Replica, int] | None:
        """Return the replica whose relay has the lock, and its server process; None while nobody has."""
        for row in await admin.fetch(_HOLDERS, service):
            for letter in "ab":
                replica = self.replica(service, letter)
                if replica.web.process.running and _speaks_from(replica.web.process.pid, row["client_port"]):
                    return replica, row["pid"]
        return None


class Spreader:
    """The spreader as a part of an installation."""

    def __init__(self, ways: Mapping[int, list[int]], *, logs: Path, pids: Path) -> None:
        command = Command(SPREADER, [sys.executable, "-m", "bench.replicas.spreader", *arguments(ways)], folder=ROOT)
        self.process = Process(command, log=logs / f"{SPREADER}.log", pid_file=pids / f"{SPREADER}.pid")
        self._ways = ways

    async def make_way(self) -> None:
        """End what a killed run left."""
        await self.process.end_leftover()

    async def start(self) -> None:
        """Start it, and return when it listens.

        :raises ProcessFailed: a port is taken.
        """
        await self.process.start()
        await self.process.wait_ready(self._listens, within=_READY_WITHIN)

    async def stop(self) -> None:
        """End it, with the connections that go through it."""
        await self.process.stop()

    async def _listens(self) -> bool:
        try:
            for port in self._ways:
                _, writer = await asyncio.open_connection(LOOPBACK, port)
                writer.close()
        except OSError:
            return False
        return True


@asynccontextmanager
async def pair(folder: Path, *, say: Callable[[str], None]) -> AsyncGenerator[Pair]:
    """Run everything with one replica of each service, and yield it; second ones can join.

    :raises LocalRunError: a part could not be started; the others have been stopped.
    """
    replicas: dict[tuple[str, str], Replica] = {}
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(
            installation(folder, say=say, database=DATABASE, parts=lambda of: _parts(of, replicas))
        )
        both = Pair(running, replicas)
        stack.push_async_callback(both.leave, *SERVICES)
        yield both


def _parts(stack: Stack, replicas: dict[tuple[str, str], Replica]) -> list[Part]:
    """Return an installation's parts with replicas in their services' places, on ports of their own."""
    folders: dict[str, Any] = {"logs": stack.settings.logs_folder, "pids": stack.settings.pids_folder}
    for service in SERVICES:
        for letter in "ab":
            replicas[service, letter] = _replica(stack, service, letter, folders)
    ways = {stack.address(service).port: [replicas[service, letter].port for letter in "ab"] for service in SERVICES}
    parts = [Part(SPREADER, Spreader(ways, **folders))]
    for part in stack.parts():
        first = replicas.get((part.name, "a"))
        parts.append(part if first is None else dataclasses.replace(part, name=first.name, server=first.web))
    return parts


def _replica(stack: Stack, service: str, letter: str, folders: Mapping[str, Any]) -> Replica:
    port = free_port()
    command = Command(
        f"{service}-{letter}",
        [sys.executable, "-m", f"services.{service}"],
        environment={**stack.environment(service), "THROUGH_TRAIN_PORT": str(port)},
        folder=ROOT,
        stop_within=_STOP_WITHIN,
    )
    return Replica(service, letter, port, WebProcess(command, Address(port, "THROUGH_TRAIN_PORT"), **folders))


def _is_replica(name: str) -> bool:
    return name.rpartition("-")[0] in SERVICES


def _speaks_from(pid: int, port: int) -> bool:
    try:
        return any(c.laddr[1:] == (port,) for c in psutil.Process(pid).net_connections("tcp"))
    except psutil.Error:
        return False
