"""One child process: started on a leash, logged to a file, awaited, stopped."""

import asyncio
import contextlib
import json
import os
import pwd
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from deploy.local.errors import NotReady, ProcessFailed

_LEASH = Path(__file__).with_name("leash.py")
_KEPT_LOGS = 3
_TAIL_BYTES = 64 * 1024
_PROBE_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Identity:
    """A numeric user and group to run as."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        """Return the user's name, or the number where there is no name."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


@dataclass(frozen=True, slots=True)
class Command:
    """What to run and how it is to end.

    `on_orphaned` is sent by the kernel when this process dies without stopping its child, `stop_with` by
    `stop`; after `stop_within` seconds follows SIGKILL.
    """

    name: str
    arguments: Sequence[str | Path]
    environment: Mapping[str, str] | None = None
    folder: Path | None = None
    identity: Identity | None = None
    on_orphaned: signal.Signals = signal.SIGKILL
    stop_with: signal.Signals = signal.SIGTERM
    stop_within: float = 10.0


def leashed(command: Command) -> list[str | Path]:
    """Return the arguments that start the command as a child which cannot outlive this process."""
    who = f"{command.identity.uid}:{command.identity.gid}" if command.identity else "-"
    leash = [sys.executable, "-I", "-S", _LEASH, str(int(command.on_orphaned)), str(os.getpid()), who]
    return [*leash, *command.arguments]


class Process:
    """A child that cannot outlive the process that started it.

    Start it from a thread that lives as long as the child should: Linux counts the death of the starting
    *thread*.
    """

    def __init__(self, command: Command, *, log: Path, pid_file: Path) -> None:
        self.command = command
        self.log = log
        self._pid_file = pid_file
        self._child: asyncio.subprocess.Process | None = None

    @property
    def name(self) -> str:
        """Return the name that messages use."""
        return self.command.name

    @property
    def pid(self) -> int:
        """Return the process id of the last start."""
        return self._started().pid

    @property
    def code(self) -> int | None:
        """Return how the child ended (negative: the signal that ended it), or None while it runs."""
        return self._started().returncode

    @property
    def running(self) -> bool:
        """Tell whether the child was started and has not ended."""
        return self._child is not None and self._child.returncode is None

    async def start(self) -> None:
        """End what a killed run left behind, rotate the log and start the child."""
        if self.running:
            raise RuntimeError(f"{self.name} is already running")
        await self.end_leftover()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        _rotate(self.log)
        with self.log.open("ab") as output:
            self._child = await asyncio.create_subprocess_exec(
                *leashed(self.command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                cwd=self.command.folder,
                env=self.command.environment,
                start_new_session=True,  # a terminal's Ctrl-C is for the supervisor, which stops in order
            )
        _write_pid_file(self._pid_file, self._child.pid)

    async def end_leftover(self) -> None:
        """End what a killed run left behind under the same pid file; before a port is looked at, say."""
        await end_leftover(self._pid_file, stop_with=self.command.stop_with, within=self.command.stop_within)

    async def run(self, *, within: float) -> None:
        """Start the child and wait for its success; `within` is in seconds.

        :raises ProcessFailed: it ended otherwise.
        :raises NotReady: the time is over; the child was stopped.
        """
        await self.start()
        try:
            async with asyncio.timeout(within):
                code = await self.wait()
        except TimeoutError:
            raise NotReady(self.name, within, self.tail(), self.log) from None
        finally:
            await self.stop()
        if code != 0:
            raise self.failure()

    async def wait(self) -> int:
        """Wait for the child's end and return its code (negative: the signal that ended it)."""
        return await self._started().wait()

    async def wait_ready(self, probe: Callable[[], Awaitable[bool]], *, within: float) -> None:
        """Wait until the probe says yes; `within` is in seconds.

        :raises ProcessFailed: the child ended first.
        :raises NotReady: the time is over.
        """
        child = self._started()
        try:
            async with asyncio.timeout(within):
                while not await probe():
                    if child.returncode is not None:
                        raise self.failure()
                    await asyncio.sleep(_PROBE_PAUSE)
        except TimeoutError:
            raise NotReady(self.name, within, self.tail(), self.log) from None
        if child.returncode is not None:  # the probe was answered by somebody else
            raise self.failure()

    def failure(self) -> ProcessFailed:
        """Return the error that reports the child's end."""
        return ProcessFailed(self.name, self._started().returncode or 0, self.tail(), self.log)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the child, if it still runs."""
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(number)

    async def stop(self) -> None:
        """Ask the child to end, and kill it when its time is over; do nothing when it has ended."""
        if self._child is None:
            return
        self.send(self.command.stop_with)
        try:
            async with asyncio.timeout(self.command.stop_within):
                await self._child.wait()
        except TimeoutError:
            await self.kill()
        self._pid_file.unlink(missing_ok=True)

    async def kill(self) -> None:
        """End the child at once with SIGKILL."""
        if self._child is None:
            return
        self.send(signal.SIGKILL)
        await self._child.wait()
        self._pid_file.unlink(missing_ok=True)

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of the child's log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _started(self) -> asyncio.subprocess.Process:
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child


async def end_leftover(pid_file: Path, *, stop_with: signal.Signals, within: float) -> None:
    """End the process that a pid file names, if it still is that very process (same id, same start time).

    `within` is the number of seconds before SIGKILL.
    """
    try:
        record = json.loads(pid_file.read_text())
        pid, started = int(record["pid"]), float(record["started"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        leftover = psutil.Process(pid)
        if abs(leftover.create_time() - started) < 1:
            await end(leftover, stop_with=stop_with, within=within)
    pid_file.unlink(missing_ok=True)


async def end(process: psutil.Process, *, stop_with: signal.Signals, within: float) -> None:
    """End a process that is not our child; `within` is the number of seconds before SIGKILL."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(stop_with)
        try:
            await asyncio.to_thread(process.wait, within)
        except psutil.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait, within)


def _write_pid_file(path: Path, pid: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(psutil.NoSuchProcess):  # it has ended already: nothing to clean up later
        path.write_text(json.dumps({"pid": pid, "started": psutil.Process(pid).create_time()}))


def _rotate(log: Path) -> None:
    """Keep the logs of the last runs as name.log.1, .2, …"""
    if not log.exists() or log.stat().st_size == 0:
        return
    for number in range(_KEPT_LOGS, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        newer = log if number == 1 else log.with_name(f"{log.name}.{number - 1}")
        if newer.exists():
            newer.replace(older)
