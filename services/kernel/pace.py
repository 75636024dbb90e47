"""How often a loop takes a batch: what comes meanwhile goes with the next one, at little more than the price of one."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

_SHARE: Final = 1 / 2
_LONGEST_SECONDS: Final = 0.03


class Pace:
    """Lets a loop rest after each batch as long as that took, within bounds.

    On a quiet machine a batch is short, and so is the rest. Where much comes at once batches take longer, rests too,
    and so each takes more with it: what is paid for once in a batch is paid less often, just when it matters.
    """

    def __init__(self, least: float, *, now: Callable[[], float] = time.monotonic) -> None:
        """Take a batch every `least` seconds at most."""
        self._now = now
        self._least = least
        self._began = self._until = 0.0

    def begin(self) -> None:
        """A batch begins."""
        self._began = self._now()

    def end(self) -> None:
        """It has ended."""
        spent = self._now() - self._began
        self._until = self._began + max(self._least, min(spent / _SHARE, spent + _LONGEST_SECONDS))

    @property
    def left(self) -> float:
        """How many seconds it is until the next batch may begin; before the first, none."""
        return max(0.0, self._until - self._now())

    async def rest(self) -> None:
        """Wait until the next batch may begin."""
        await asyncio.sleep(self.left)
