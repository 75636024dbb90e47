"""Start parts in the order of what they need, watch them, and stop them in the opposite order.

What the parts are is data (`stack.py` has the real ones), so that tests give it tiny stand-ins.
"""

import asyncio
import fcntl
import os
import signal
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

from deploy.local.errors import DataFolderBusy, LocalRunError, PortTaken
from deploy.local.folders import DATA_SETTING, usable
from deploy.local.process import Process


class Server(Protocol):
    """What the supervisor can start: a database, a broker, a service, or a task that ends by itself."""

    @property
    def process(self) -> Process | None:
        """Return the process, or None before the first start."""
        ...

    async def make_way(self) -> None:
        """End what a killed run left, and check that the ports are free; write nothing."""
        ...

    async def start(self) -> None:
        """Start and return when it is ready (a task: when it has succeeded)."""
        ...

    async def stop(self) -> None:
        """Stop in good order; do nothing when it does not run."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """A server and the parts that must be ready before it starts; a `lasting` one is not expected to end.

    It stops before those that it started after, and before those that it `uses` without waiting for them at the start.
    """

    name: str
    server: Server
    after: tuple[str, ...] = ()
    lasting: bool = True
    uses: tuple[str, ...] = ()


class Supervisor:
    """Keep the parts running until a signal, or until one of them ends."""

    def __init__(self, parts: Sequence[Part], *, say: Callable[[str], None]) -> None:
        """Take the parts in any order, on a folder that is `held`; `say` gets one line at a time for the user."""
        self._parts = {part.name: part for part in parts}
        self._say = say
        self._started: list[Part] = []
        self._stop_wanted = asyncio.Event()

    async def run(self, when_ready: Callable[[], Awaitable[None]] | None = None) -> None:
        """Start everything, call `when_ready`, and return when a signal has stopped everything.

        Nothing is started before every port is seen to be free.

        :raises ProcessFailed: a part ended by itself; the others have been stopped.
        :raises LocalRunError: a part could not be started; the others have been stopped.
        """
        with self._signals():
            life = asyncio.create_task(self._live(when_ready))
            wanted = asyncio.create_task(self._stop_wanted.wait())
            try:
                await asyncio.wait({life, wanted}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                wanted.cancel()
                life.cancel()
                await asyncio.wait({life})
                await self._stop_all()
        if not life.cancelled() and (failure := life.exception()) is not None:
            raise _first(failure)

    async def _live(self, when_ready: Callable[[], Awaitable[None]] | None) -> None:
        await self._make_way()
        ready = {name: asyncio.Event() for name in self._parts}
        async with asyncio.TaskGroup() as tasks:
            for part in self._parts.values():
                tasks.create_task(self._keep(part, ready))
            for event in ready.values():
                await event.wait()
            if when_ready is not None:
                await when_ready()

    async def _make_way(self) -> None:
        clearing = (part.server.make_way() for part in self._parts.values())
        failures = [failure for failure in await asyncio.gather(*clearing, return_exceptions=True) if failure]
        taken = [failure for failure in failures if isinstance(failure, PortTaken)]
        if failures != taken:
            raise next(failure for failure in failures if not isinstance(failure, PortTaken))
        if taken:
            raise LocalRunError("\n".join(map(str, taken)))

    async def _keep(self, part: Part, ready: dict[str, asyncio.Event]) -> None:
        for name in part.after:
            await ready[name].wait()
        began = time.monotonic()
        self._started.append(part)  # before the start, so that one that is cut short is stopped too
        await part.server.start()
        self._say(f"{part.name}: {'ready' if part.lasting else 'done'} in {time.monotonic() - began:.1f} s")
        ready[part.name].set()
        if part.lasting and (process := part.server.process) is not None:
            await process.wait()
            raise process.failure()

    async def _stop_all(self) -> None:
        """Stop every part once those that need it have stopped."""
        if not self._started:
            return
        self._say("stopping …")
        stopped = {part.name: asyncio.Event() for part in self._started}

        async def stop(part: Part) -> None:
            for other in self._started:
                if part.name in (*other.after, *other.uses):
                    await stopped[other.name].wait()
            try:
                await part.server.stop()
            finally:
                stopped[part.name].set()

        await asyncio.gather(*(stop(part) for part in self._started))
        self._say("stopped")

    @contextmanager
    def _signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _on_signal(self) -> None:
        """Stop in order at the first signal, at once at the second."""
        if not self._stop_wanted.is_set():
            self._stop_wanted.set()
            return
        self._say("ending everything at once")
        for part in self._started:
            if part.server.process is not None:
                part.server.process.send(signal.SIGKILL)


@contextmanager
def held(folder: Path) -> Generator[None]:
    """Hold a data folder for this process; the hold ends with the process, however that ends.

    Enter it before anything is written there: two first runs at once would overwrite each other's passwords.

    :raises DataFolderBusy: another process holds it.
    :raises FolderUnusable: it cannot be made or written.
    """
    with usable(folder, DATA_SETTING):
        lock_file = (folder / "lock").open("a+")
    with lock_file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataFolderBusy(folder, _holder(lock)) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S %Z')}")
        lock.flush()
        yield


def is_held(folder: Path) -> bool:
    """Tell whether another process holds a data folder: whether the system that is kept there runs."""
    try:
        with (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _holder(lock: IO[str]) -> str:
    lock.seek(0)
    return lock.read().strip() or "another process"


def _first(failure: BaseException) -> BaseException:
    """Return what to report of a group of errors: the first that the user can act on, else the first."""
    if not isinstance(failure, BaseExceptionGroup):
        return failure
    errors = cast("BaseExceptionGroup[BaseException]", failure).exceptions
    return next((error for error in errors if isinstance(error, LocalRunError)), errors[0])
