"""Whether memory stays what it is over many lives: 100,000 of them one after another, 32 at once, without a restart.

`make bench ARGS=soak` (some hours: as many as 100,000 lives take), or `python -m bench.soak LIVES` for fewer. Memory is
looked at after each hundredth; the first tenth, in which caches fill, is no part of the judgement.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from cyclopts import App
from rich.console import Console

from bench import usage
from bench.installation import Installation
from bench.life import RefusedError
from bench.lifecycles import fresh
from bench.load import AT_ONCE, Load, load
from bench.people import desks
from bench.report import processor, titled_table

LIVES: Final = 100_000
_LOOKS: Final = 100
_MEGABYTE: Final = 1e6
_console: Final = Console(highlight=False)
app: Final = App(name="python -m bench.soak", help=__doc__)


class Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much memory each process had (MB), after so many lives and seconds."""

    lives: int
    seconds: float
    memory_mb: Mapping[str, float]


class Soak(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole run, and by process what 10,000 lives more would add (MB), after the first tenth."""

    machine: str
    lives: int
    refused: int
    """Lives that ended early, since a step was refused or seen too late."""
    lifecycles_per_second: float
    looks: list[Look]
    growth_mb: Mapping[str, float]


def growth(looks: Sequence[Look]) -> Mapping[str, float]:
    """Return by process the slope of its memory, in MB for 10,000 lives, over all but the first tenth.

    :raises ValueError: there are fewer than two looks after the first tenth.
    """
    settled = [look for look in looks if look.lives * 10 > looks[-1].lives]
    if len(settled) < 2:
        raise ValueError("memory has to be looked at twice at least after the first tenth of the lives")
    lives = [float(look.lives) for look in settled]
    return {
        name: round(statistics.linear_regression(lives, [look.memory_mb[name] for look in settled]).slope * 10_000, 3)
        for name in looks[-1].memory_mb
    }


async def measure(lives: int = LIVES) -> Mapping[str, Any]:
    """Measure on an installation of its own, print the table, and return the figures."""
    async with fresh(_console.print) as running, load(running, desks(running.keys)) as living:
        await living.greet()
        found = await _soaked(running, living, lives)
    _print(found)
    return msgspec.to_builtins(found)


async def _soaked(running: Installation, living: Load, lives: int) -> Soak:
    living.begin()
    began, looks = time.perf_counter(), list[Look]()
    step, refused = max(1, lives // _LOOKS), 0

    async def one_after_another() -> None:
        nonlocal refused
        while living.finished < lives:
            try:
                await living.one()
            except RefusedError as error:
                refused += 1
                if refused > step:  # one in a hundred: what is measured then is something else
                    raise
                _console.print(f"a life ended early: {error}", markup=False)
                continue
            if not living.finished % step:
                looks.append(_look(running, living, began))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(one_after_another())
    speed = round(looks[-1].lives / looks[-1].seconds, 2)
    return Soak(processor(), looks[-1].lives, refused, speed, looks, growth(looks))


def _look(running: Installation, living: Load, began: float) -> Look:
    living.timings.seconds.clear()  # not asked for here, and they would grow themselves
    memory = {name: round(used.memory / _MEGABYTE, 1) for name, used in usage.taken(running).items()}
    seconds = round(time.perf_counter() - began, 1)
    _console.print(f"{living.finished:,} lives in {seconds:,.0f} s: {_said(memory)}")
    return Look(living.finished, seconds, memory)


def _said(memory: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {size:.0f} MB" for name, size in memory.items())


def _print(found: Soak) -> None:
    names = list(found.growth_mb)
    table = titled_table("memory, MB", "lives", *names)
    for look in found.looks[_LOOKS // 10 - 1 :: _LOOKS // 10]:
        table.add_row(f"{look.lives:,}", *(f"{look.memory_mb[name]:.0f}" for name in names))
    table.add_row("+10,000", *(f"{found.growth_mb[name]:+.2f}" for name in names))
    _console.print(table)


@app.default
def run(lives: int = LIVES) -> None:
    """Have so many lives lived, print how memory went, and keep nothing.

    :raises SystemExit: they are too few for memory to be looked at so often.
    """
    if lives < _LOOKS:
        sys.exit(f"Memory is looked at {_LOOKS} times, so let there be {_LOOKS} lives at least, not {lives}.")
    asyncio.run(measure(lives))


if __name__ == "__main__":
    app()
