"""Load: so many lives at once (to find the peak), or so many a second (to see how long each step takes below it)."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from bench.installation import Installation
from bench.life import Client, Timings, live
from bench.people import Desk

AT_ONCE: Final = 32
"""How many lives go on at once at the benchmark's peak."""


@dataclass
class Load:
    """Who sends requests and what became of them since the last `begin`."""

    client: Client
    desks: Sequence[Desk]
    finished: int = 0
    timings: Timings = field(default_factory=Timings)
    _random: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - the same choices in every run

    def begin(self) -> None:
        """Forget what has been counted: what is measured begins now."""
        self.finished, self.timings = 0, Timings()

    async def greet(self) -> None:
        """Have everybody ask every service once: a token costs most when it is seen for the first time."""
        tokens = {token for desk in self.desks for token in desk.tokens}
        for token in sorted(tokens):
            await self.client.greet(token)

    async def one(self) -> None:
        """Live one life at some desk."""
        await live(self.client, self._random.choice(self.desks), self._random)
        self.finished += 1

    @asynccontextmanager
    async def going_on(self, lives: int) -> AsyncGenerator[None]:
        """Keep so many lives going on at once: as one ends, another begins. At the end, the last ones are waited for.

        :raises ExceptionGroup: with a RefusedError, as soon as a step of one was not done.
        """
        ending = False

        async def one_after_another() -> None:
            while not ending:
                await self.one()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(lives):
                tasks.create_task(one_after_another())
            yield
            ending = True

    async def together(self, lives: int, seconds: float) -> float:
        """Have so many lives go on at once for so long; return how many ended in a second.

        None is under way when the time begins, and what is when it is over is not counted. So it is some per cent too
        few where the time is short against a life: stretches upon lives that are `going_on` have no such edges.
        """
        async with self.going_on(lives):
            await asyncio.sleep(seconds)
            at_the_end = self.finished
        return at_the_end / seconds

    async def steadily(self, a_second: float, seconds: float) -> None:
        """Begin so many lives a second, whatever has become of those before, and wait for the last one."""
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for nth in range(int(a_second * seconds)):
                await asyncio.sleep(began + nth / a_second - time.perf_counter())
                tasks.create_task(self.one())


@asynccontextmanager
async def load(running: Installation, desks: Sequence[Desk], *, connections: int = 64) -> AsyncGenerator[Load]:
    """Yield a load on a running system; its connections are kept alive, as clients keep theirs."""
    connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=3)
    async with aiohttp.ClientSession(connector=connector) as session:
        holder: list[Load] = []
        timings: Callable[[], Timings] = lambda: holder[0].timings  # noqa: E731
        holder.append(Load(Client(session, running.url, timings), desks))
        yield holder[0]
