"""Asking for every list: how long answers take, and by which plans they come."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final, cast

import aiohttp

from bench.installation import Installation
from bench.large.building import large
from bench.large.lists import Asked, every_list
from bench.large.plans import EXPLAINED, Log, Plan, summed_up
from bench.large.results import Listed
from bench.large.world import World, world
from bench.life import Client, Timings
from bench.report import Percentiles

REQUESTS: Final = 120
"""Of each kind, each about something else."""

_WARM_UP: Final = 3
_EXPLAINED: Final = 12
"""Requests of each kind whose plans are written down: at first they are made for the values, then for any."""

_WORK: Final = frozenset({"inbox", "live", "openings", "relay", "scheduler", "view_petition"})
"""Modules none of whose statements reads a list."""

_IDLE_SECONDS: Final = 8.0
_WRITTEN_SECONDS: Final = 0.05
_TOLD_SECONDS: Final = 10.0
_SEED: Final = 7


async def measure(folder: Path, petitions: int, say: Callable[[str], None]) -> list[Listed]:
    """Ask for every list on an installation with so many petitions; for plans once more, when plans are written."""
    ways = list(every_list())
    async with large(folder, petitions, say=say) as running, _asking(running) as (client, timings, of):
        answered = [await _timed(way, client, timings, of) for way in _told(ways, say, "timed")]
    async with large(folder, petitions, say=say, database=EXPLAINED) as running, _asking(running) as (client, _, of):
        log = Log(running.processes["postgres"].log)
        await asyncio.sleep(_IDLE_SECONDS)
        beside = {ran.name for ran in log.ran()}
        plans = [await _explained(way, client, log, of, beside) for way in _told(ways, say, "explained")]
    return [
        Listed(way.field, way.by, way.how, REQUESTS, times.p50, times.p99, entries, _EXPLAINED, plan)
        for way, (times, entries), plan in zip(ways, answered, plans, strict=True)
    ]


@asynccontextmanager
async def _asking(running: Installation) -> AsyncGenerator[tuple[Client, Timings, World]]:
    of = await world(running, Random(_SEED))  # noqa: S311
    connector = aiohttp.TCPConnector(keepalive_timeout=3)
    async with aiohttp.ClientSession(connector=connector) as session:
        timings = Timings()
        yield Client(session, running.url, lambda: timings), timings, of


def _told(ways: Sequence[Asked], say: Callable[[str], None], done: str) -> Iterator[Asked]:
    told = time.monotonic()
    for nth, way in enumerate(ways):
        if time.monotonic() - told > _TOLD_SECONDS:
            told = time.monotonic()
            say(f"{nth} of {len(ways)} ways to ask {done}")
        yield way


async def _timed(way: Asked, client: Client, timings: Timings, of: World) -> tuple[Percentiles, float]:
    name, entries = f"{way.field}, {way.by}, {way.how}", 0
    for nth in range(_WARM_UP + REQUESTS):
        if nth == _WARM_UP:
            timings.seconds.pop(name, None)
            entries = 0
        entries += await _ask(name, way, client, of)
    return Percentiles.of(timings.seconds[name]), entries / REQUESTS


async def _explained(way: Asked, client: Client, log: Log, of: World, beside: set[str]) -> list[Plan]:
    log.ran()
    for _ in range(_EXPLAINED):
        await _ask("explained", way, client, of)
    await asyncio.sleep(_WRITTEN_SECONDS)
    return summed_up([ran for ran in log.ran() if ran.name not in beside and not _at_work(ran.name)])


def _at_work(statement: str) -> bool:
    """Tell whether a statement is none of a list: the services go on working while they are asked."""
    module, _, does = statement.partition(".")
    return module in _WORK or does in {"lock", "save"}


async def _ask(name: str, way: Asked, client: Client, of: World) -> int:
    """Send a request; return how many entries came."""
    token, variables = way.draw(of)
    return _entries(await client.ask(name, way.document, token, variables))


def _entries(answer: Any) -> int:
    """Return how long the list in an answer is; one, if it is no list."""
    while isinstance(answer, dict):
        parts = cast(dict[str, Any], answer)
        if "edges" not in parts and len(parts) != 1:
            return 1
        answer = parts.get("edges", next(iter(parts.values())))
    return len(cast(list[Any], answer)) if isinstance(answer, list) else int(answer is not None)
