"""Spreads connections over replicas, as a balancer of TCP does: to each in turn that takes them.

`python -m bench.replicas.spreader PORT=PORT,PORT …`: what comes to the first port of each argument goes on to one of
the others. It looks into nothing that it passes on, so a connection stays with its replica for as long as it lasts.
"""

import asyncio
import signal
import sys
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import uvloop

from deploy.local.ports import LOOPBACK

_SAID: Final = "spreading"


class _End(asyncio.Protocol):
    """One of the two ends of a way through: what comes in here goes out at the other."""

    def __init__(self, other: "_End | None" = None) -> None:
        self.other = other
        self.transport: Any = None
        self.early = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.early += data
        else:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever the reason
        if self.other is not None:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.transport.resume_reading()


class _Entrance(_End):
    """The end that a client has connected to."""

    def __init__(self, replicas: deque[int]) -> None:
        super().__init__()
        self._replicas = replicas
        self._going: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._going = asyncio.create_task(self._go_on())

    async def _go_on(self) -> None:
        turn = list(self._replicas)  # others come in meanwhile and move it on
        self._replicas.rotate(-1)
        for port in turn:
            try:
                _, other = await asyncio.get_running_loop().create_connection(lambda: _End(self), LOOPBACK, port)
            except OSError:
                continue  # nobody there: the next one
            if self.transport.is_closing():
                other.transport.close()
                return
            self.other = other
            other.transport.write(bytes(self.early))
            return
        self.transport.abort()


@asynccontextmanager
async def spreading(ways: Mapping[int, Sequence[int]]) -> AsyncGenerator[None]:
    """Spread what comes to each port over others while the block runs.

    :raises OSError: a port is taken.
    """
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        for port, replicas in ways.items():
            turns = deque(replicas)
            server = await loop.create_server(lambda turns=turns: _Entrance(turns), LOOPBACK, port)
            stack.callback(server.close)
        yield


def arguments(ways: Mapping[int, Sequence[int]]) -> list[str]:
    """Return what this program is told, to spread so."""
    return [f"{port}={','.join(map(str, replicas))}" for port, replicas in ways.items()]


def _ways(told: Sequence[str]) -> dict[int, list[int]]:
    pairs = [argument.split("=") for argument in told]
    return {int(port): [int(replica) for replica in replicas.split(",")] for port, replicas in pairs}


async def _run(told: Sequence[str]) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with spreading(_ways(told)):
        await stopping.wait()


if __name__ == "__main__":
    uvloop.run(_run(sys.argv[1:]))
