"""The benchmark: whole lives through the gateway, what each process spends on one, and how long each step takes.

One run on one installation: warm-up; rounds at the peak, windows upon so many lives that go on at once, through all of
them; a while at half of the median round, for latencies; then the limits, alone on the same servers.
"""

import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise, starmap
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import chart, report, usage
from bench.installation import Installation, installation
from bench.life import EVENT_TO_VIEW_STEP, MUTATIONS
from bench.limits import limits
from bench.load import AT_ONCE, Load, load
from bench.people import desks
from bench.pgbench import LimitError
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

    together: int = AT_ONCE
    warm_up: float = 20.0
    rounds: int = 4
    round_seconds: float = 30.0
    half_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What had been done and spent at one moment (seconds by a clock that only differences count of)."""

    at: float
    finished: int
    used: Mapping[str, usage.Usage]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was done between two moments: lives per second, and each process's CPU-ms for one life."""

    speed: float
    cpu_ms: Mapping[str, float]

    @property
    def total(self) -> float:
        """All processes' CPU-ms for one life."""
        return sum(self.cpu_ms.values())


def stretch(before: Moment, after: Moment) -> Stretch:
    """Return what came between two moments.

    CPU of lives that had begun before counts, that of lives that had not ended then too: where as many go on at either
    moment, that is as much. Where none goes on at either, all of it is theirs.

    :raises LimitError: no life ended meanwhile.
    """
    lives, seconds = after.finished - before.finished, after.at - before.at
    if lives < 1:
        raise LimitError(f"No life ended within {seconds:.0f} s: this machine is too slow, or something stands still.")
    spent = {name: (used.cpu - before.used[name].cpu) * 1000 / lives for name, used in after.used.items()}
    return Stretch(lives / seconds, spent)


async def measure() -> None:
    """Measure on an installation of its own, print the table, keep the figures, and draw them."""
    async with fresh(_console.print) as running:
        found = await measured(running, Course(), _console.print)
    report.print_table(found, _console)
    keep(found)


def keep(found: Report, figures: Path = report.LATEST, picture: Path = chart.CHART) -> None:
    """Keep the figures, and the picture of them."""
    report.write(found, figures)
    chart.redraw(figures, picture)


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
        interpreter=report.interpreter(),
        **{name: getattr(lived, name) for name in lived.__struct_fields__},
        limits=bounds,
        ratios=Ratios(
            of_pgbench=lived.lifecycles_per_second / bounds.pgbench_lifecycles_per_second,
            event_to_view_to_kafka=lived.latency_ms[report.EVENT_TO_VIEW].p50 / bounds.kafka_round_trip_ms.p50,
            gateway_to_direct=bounds.page_of_20_ms["intake"].ratio,
        ),
    )


async def lives(running: Installation, course: Course, say: Say) -> Lives:
    """Measure whole lives on a running installation: at the peak, and at half of it.

    :raises LimitError: no life ended in a whole round.
    """
    stored = await _stored(running)
    who = desks(running.keys)
    async with load(running, who) as living:
        say(f"warm-up: everybody once, then {course.together} lives at once for {course.warm_up:.0f} s")
        await living.greet()
        async with living.going_on(course.together):
            await asyncio.sleep(course.warm_up)
            moments = [_now(running, living)]
            for nth in range(course.rounds):
                await asyncio.sleep(course.round_seconds)
                moments.append(_now(running, living))
                _tell(stretch(*moments[-2:]), nth, course, say)
        rounds = list(starmap(stretch, pairwise(moments)))
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


def _now(running: Installation, lives: Load) -> Moment:
    return Moment(time.perf_counter(), lives.finished, usage.taken(running))


def _tell(of: Stretch, nth: int, course: Course, say: Say) -> None:
    say(f"round {nth + 1} of {course.rounds}: {of.speed:.1f} lives a second, {of.total:.1f} CPU-ms each")


async def _at(running: Installation, lives: Load, a_second: float, seconds: float) -> Stretch:
    await asyncio.sleep(_SETTLES)
    lives.begin()
    before = replace(_now(running, lives), at=time.perf_counter())  # looking takes a moment, too
    await lives.steadily(a_second, seconds)
    return stretch(before, _now(running, lives))


def _latency(seconds: list[float]) -> StepLatency:
    of = Percentiles.of(seconds)
    return StepLatency(of.p50, of.p99, len(seconds))


async def _stored(running: Installation) -> int:
    async with own_connection(running.dsn("intake"), application="bench") as connection:
        return await connection.fetchval("SELECT count(*) FROM own.petition")
