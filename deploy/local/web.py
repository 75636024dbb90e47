"""A child process that serves HTTP on loopback and says on /readyz when it is ready."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deploy.local.ports import LOOPBACK, require_free
from deploy.local.process import Command, Process

_READY_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a process listens, and the environment variable that would move it."""

    port: int
    setting: str

    @property
    def url(self) -> str:
        """Return the address without a path."""
        return f"http://{LOOPBACK}:{self.port}"


class WebProcess:
    """A process of ours with an HTTP port: a service, or the gateway."""

    def __init__(self, command: Command, address: Address, *, logs: Path, pids: Path) -> None:
        """Describe the process; nothing is touched before `start`. `pids` is the folder of its pid file."""
        self.address = address
        self.process = Process(command, log=logs / f"{command.name}.log", pid_file=pids / f"{command.name}.pid")

    async def make_way(self) -> None:
        """End what a killed run left, and check that the port is free.

        :raises PortTaken: somebody else listens there.
        """
        await self.process.end_leftover()
        require_free(self.address.port, self.address.setting)

    async def start(self) -> None:
        """Start the process and return when it is ready.

        :raises PortTaken: somebody else listens there.
        :raises ProcessFailed: it ended at once.
        :raises NotReady: it lives but does not become ready.
        """
        await self.make_way()
        await self.process.start()
        try:
            await self.process.wait_ready(lambda: answers(self.address.port, "/readyz"), within=_READY_WITHIN)
        except BaseException:
            await self.process.stop()
            raise

    async def stop(self) -> None:
        """Ask the process to finish what it holds, and wait."""
        await self.process.stop()

    async def kill(self) -> None:
        """End the process with SIGKILL."""
        await self.process.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


async def answers(port: int, path: str) -> bool:
    """Tell whether a GET is answered with 200 within a second."""
    try:
        async with asyncio.timeout(1.0):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
                status: Sequence[bytes] = (await reader.readline()).split()
                return len(status) > 1 and status[1] == b"200"
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
