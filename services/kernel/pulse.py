"""A pulse that wakes whoever waits for it, within one process. Everybody also polls: a lost one costs time only."""

import asyncio


class Pulse:
    """Wakes all present waiters at once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def beat(self) -> None:
        """Wake everybody who waits now, and whoever begins to wait next."""
        self._event.set()

    async def wait(self, at_most: float) -> None:
        """Wait for the next beat, or `at_most` seconds."""
        try:
            async with asyncio.timeout(at_most):
                await self._event.wait()
        except TimeoutError:
            return
        self._event = asyncio.Event() if self._event.is_set() else self._event
