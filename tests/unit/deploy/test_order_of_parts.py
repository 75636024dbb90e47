"""In which order parts start and stop, with stand-ins that have no process."""

import asyncio
import os
import signal

from deploy.local.process import Process
from deploy.local.supervisor import Part, Supervisor


class StandIn:
    """A server that notes its stop, and starts only once another has."""

    process: Process | None = None

    def __init__(self, name: str, stopped: list[str], *, once: asyncio.Event | None = None) -> None:
        self.started = asyncio.Event()
        self._name = name
        self._stopped = stopped
        self._once = once

    async def make_way(self) -> None:
        """Have nothing in the way."""

    async def start(self) -> None:
        """Start, when the other has."""
        if self._once is not None:
            async with asyncio.timeout(5):
                await self._once.wait()
        self.started.set()

    async def stop(self) -> None:
        """Note the stop, after a moment in which others could come first."""
        await asyncio.sleep(0.01)
        self._stopped.append(self._name)


async def test_what_uses_others_starts_beside_them_and_stops_before_them() -> None:
    stopped: list[str] = []
    gateway = StandIn("gateway", stopped)
    service = StandIn("service", stopped, once=gateway.started)
    parts = [Part("service", service), Part("gateway", gateway, uses=("service",))]

    async def end() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    await Supervisor(parts, say=lambda _: None).run(end)
    assert service.started.is_set()
    assert stopped == ["gateway", "service"]
