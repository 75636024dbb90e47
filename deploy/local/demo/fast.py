"""The domain's time while cases are played: faster for one of them, which is then played alone."""

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from deploy.local.demo.errors import DemoError
from services.kernel.domain_clock import FASTEST, read_pace, set_pace, system_now

_LOOK_EVERY: Final = 0.2
_LONGEST: Final = 300.0


def chosen_speed(given: str, *, left: float, level: int, seconds: float) -> float:
    """Return the speed that was asked for, or, without one, that which takes so many seconds.

    :param left: how many seconds of the domain's time have to pass until the level.
    :raises DemoError: it is no number, or would take too long.
    """
    try:
        speed = float(given) if given else left / seconds
    except ValueError:
        speed = 0.0
    if not left / _LONGEST <= speed <= min(left * 10, FASTEST):
        raise DemoError(
            f"SPEED={given} will not do: level {level} is {left / 86400:.1f} days away. Give {left / _LONGEST:.0f} or "
            f"more (which takes {_LONGEST / 60:.0f} minutes), {left / seconds:.0f} for {seconds:.0f} seconds, or none."
        )
    return speed


@contextmanager
def faster(file: Path, speed: float, *, lasting: timedelta) -> Generator[None]:
    """Let the domain's time run at a speed, and afterwards as before.

    :param lasting: when it ends by itself, in case this process is killed.
    """
    former = read_pace(file) if file.exists() else None
    set_pace(file, speed, lasting=lasting)
    try:
        yield
    finally:
        now = system_now()
        if former is None or former.speed_at(now) == 1:
            set_pace(file, 1)
        else:
            left = former.until - now if former.until else None
            set_pace(file, former.speed, lasting=left, system=lambda: now)


@asynccontextmanager
async def shared_time(file: Path, *, alone: bool, waits: Callable[[], None]) -> AsyncGenerator[None]:
    """Hold the installation's time for a case: many cases at once, or `alone` one that makes it run faster.

    What is held is the folder of the clock's file, and for as long as the process lives at most.

    :param waits: called once if others have to be waited for.
    """
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        said = False
        while not _held(folder, fcntl.LOCK_EX if alone else fcntl.LOCK_SH):
            if not said:
                waits()
                said = True
            await asyncio.sleep(_LOOK_EVERY)
        yield
    finally:
        os.close(folder)


def _held(folder: int, how: int) -> bool:
    try:
        fcntl.flock(folder, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
