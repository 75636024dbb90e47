"""The benchmark: whole lives through the gateway, what each process spends on one, and how long each step takes.

One run on one installation: warm-up; rounds at the peak, so many lives going on at once; a while at half of the median
round, for latencies; then the limits, alone on the same servers.
"""

import asyncio
import os
import random
import statistics
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import report, usage
from bench.installation import Installation, installation
from bench.life import EVENT_TO_VIEW_STEP, MUTATIONS
from bench.limits import limits
from bench.load import Load, load
from bench.people import desks
from bench.report import HalfOfPeak, Lives, Percentiles, Ratios, Report, StepLatency
from services.kernel.db import own_connection

Say = Callable[[str], None]

_MEGABYTE: Final = 1e6
_SETTLES: Final = 2.0
"""Seconds between the peak and half of it: what was left of the one is no part of the other."""

_console: Final = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Course:
    """How long it is measured: seconds of warm-up, of each round at the peak, and at half of it."""

    together: int = 32
    warm_up: float = 20.0
    rounds: int = 4
    round_seconds: float = 30.0
    half_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class _Spent:
    """What a stretch came to: lives per second, and each process's CPU-ms for one life."""

    speed: float
    lives: int
    cpu_ms: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.cpu_ms.values())


async def measure() -> None:
    """Measure on an installation of its own, print the table, and keep the figures."""
    async with fresh(_console.print) as running:
        found = await measured(running, Course(), _console.print)
    report.print_table(found, _console)
    report.write(found)


@asynccontextmanager
async def fresh(say: Say) -> AsyncGenerator[Installation]:
    """Run an installation that is thrown away afterwards."""
    with tempfile.TemporaryDirectory(prefix="through-train-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's account goes through it
        async with installation(folder, say=say) as running:
            yield running


async def measured(running: Installation, course: Course, say: Say) -> Report:
    """Measure a running installation, from its first life to the limits."""
    lived = await lives(running, course, say)
    bounds = await limits(running, desks(running.keys), random.Random(2), say)  # noqa: S311 - the same in every run
    return Report(
        cores=os.cpu_count() or 0,
        machine=report.processor(),
        **{name: getattr(lived, name) for name in lived.__struct_fields__},
        limits=bounds,
        ratios=Ratios(
            of_pgbench=lived.lifecycles_per_second / bounds.pgbench_lifecycles_per_second,
            event_to_view_to_kafka=lived.latency_ms[report.EVENT_TO_VIEW].p50 / bounds.kafka_round_trip_ms.p50,
            gateway_to_direct=bounds.page_of_20_ms["intake"].ratio,
        ),
    )


async def lives(running: Installation, course: Course, say: Say) -> Lives:
    """Measure whole lives on a running installation: at the peak, and at half of it."""
    stored = await _stored(running)
    who = desks(running.keys)
    async with load(running, who) as living:
        say(f"warm-up: everybody once, then {course.together} lives at once for {course.warm_up:.0f} s")
        await living.greet()
        await living.together(course.together, course.warm_up)
        rounds = [await _round(running, living, course, nth, say) for nth in range(course.rounds)]
        peak = statistics.median(each.speed for each in rounds)
        memory = {name: used.memory / _MEGABYTE for name, used in usage.taken(running).items()}
        say(f"half of the peak: {peak / 2:.1f} lives a second for {course.half_seconds:.0f} s")
        half = await _at(running, living, peak / 2, course.half_seconds)
        latency = {step: _latency(times) for step, times in living.timings.seconds.items()}
        latency[report.EVENT_TO_VIEW] = latency[EVENT_TO_VIEW_STEP]
    spent = {name: statistics.median(each.cpu_ms[name] for each in rounds) for name in rounds[0].cpu_ms}
    return Lives(
        stored=stored,
        lifecycles_per_second=peak,
        rounds=tuple(each.speed for each in rounds),
        cpu_ms_rounds=tuple(each.total for each in rounds),
        mutations_per_second=peak * MUTATIONS,
        cpu_ms_per_lifecycle={**spent, report.TOTAL: sum(spent.values())},
        memory_mb={**memory, report.TOTAL: sum(memory.values())},
        half_of_peak=HalfOfPeak(half.speed, {**half.cpu_ms, report.TOTAL: half.total}),
        latency_ms=latency,
    )


async def _round(running: Installation, lives: Load, course: Course, nth: int, say: Say) -> _Spent:
    lives.begin()
    before = usage.taken(running)
    speed = await lives.together(course.together, course.round_seconds)
    spent = _spent(before, usage.taken(running), speed, lives.finished)
    say(f"round {nth + 1} of {course.rounds}: {speed:.1f} lives a second, {spent.total:.1f} CPU-ms each")
    return spent


async def _at(running: Installation, lives: Load, a_second: float, seconds: float) -> _Spent:
    await asyncio.sleep(_SETTLES)
    lives.begin()
    before = usage.taken(running)
    await lives.steadily(a_second, seconds)
    return _spent(before, usage.taken(running), a_second, lives.finished)


def _spent(before: Mapping[str, usage.Usage], after: Mapping[str, usage.Usage], speed: float, lives: int) -> _Spent:
    cpu_ms = {name: (used.cpu - before[name].cpu) * 1000 / lives for name, used in after.items()}
    return _Spent(speed, lives, cpu_ms)


def _latency(seconds: list[float]) -> StepLatency:
    of = Percentiles.of(seconds)
    return StepLatency(of.p50, of.p99, len(seconds))


async def _stored(running: Installation) -> int:
    async with own_connection(running.dsn("intake"), application="bench") as connection:
        return await connection.fetchval("SELECT count(*) FROM own.petition")
