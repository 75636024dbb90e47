"""A pulse that wakes whoever waits for it, within one process. Everybody also polls: a lost one costs time only."""

import asyncio


class Pulse:
    """Wakes all present waiters at once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def beat(self) -> None:
        """Wake everybody who waits now, and whoever begins to wait next."""
        self._event.set()

    def forget(self) -> None:
        """Take note of what has been: whoever looks now sees all that was told so far. For who waits here alone."""
        if self._event.is_set():
            self._event = asyncio.Event()

    async def wait(self, at_most: float) -> bool:
        """Wait for the next beat, or `at_most` seconds; tell whether there was one."""
        try:
            async with asyncio.timeout(at_most):
                await self._event.wait()
        except TimeoutError:
            return False
        self.forget()
        return True
