"""A replica with a saboteur inside: it dies, waits or fails at exactly one point, when a file orders it to.

`python -m tests.faults.sabotage SERVICE FOLDER` wraps a few functions of the kernel from outside and then runs the
service's own main: production code knows of no failpoints. All replicas of a service read the same file; whoever
reaches the ordered point first takes the order, alone, and carries it out once.
"""

import asyncio
import functools
import json
import os
import runpy
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from services.kernel.inbox import Inbox
from services.kernel.kafka import BrokerError
from services.kernel.mutation import Mutations
from services.kernel.relay import Relay
from services.kernel.scheduler import Scheduler

_AMID: Final = 3
"""A failed send is amid successful ones in a batch of at least so many."""


class Point(StrEnum):
    """Where it happens."""

    AFTER_COMMIT = "after the commit, before publishing"
    WHILE_PUBLISHING = "at the second of several sends"
    AFTER_PUBLISH = "after publishing, before deleting from the outbox"
    AFTER_TELLING = "after publishing to departments, before deleting from their outbox"
    IN_BATCH = "in the inbox's transaction, everything written and nothing committed"
    AFTER_EFFECT = "after the effect, before committing the offsets"
    BEFORE_ANSWER = "after a mutation's commit, before its answer"
    IN_FIRING = "in the scheduler's transaction, the level written and not committed"
    AFTER_FIRING = "after a level was committed"


class Act(StrEnum):
    """What happens."""

    KILL = "SIGKILL to itself"
    HOLD = "wait until it is released"
    REFUSE = "the send fails, and the broker has nothing"
    SILENCE = "the send reaches the broker, and is reported as failed"


@dataclass(frozen=True)
class Orders:
    """The orders for one service's replicas; at most one at a time."""

    folder: Path
    service: str

    @property
    def _file(self) -> Path:
        return self.folder / f"order-{self.service}.json"

    @property
    def _taken(self) -> Path:
        return self.folder / f"order-{self.service}.taken"

    def program(self) -> list[str]:
        """Return the arguments of Python that start a replica which takes these orders."""
        return ["-m", "tests.faults.sabotage", self.service, str(self.folder)]

    def give(self, point: Point, act: Act = Act.KILL) -> None:
        """Order an act at the next time that any replica of the service reaches the point."""
        self._taken.unlink(missing_ok=True)
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps({"point": point, "act": act}))
        draft.replace(self._file)

    async def taken(self) -> bool:
        """Tell whether a replica has reached the point."""
        return self._taken.exists()

    def release(self) -> None:
        """Let a replica that was ordered to wait go on."""
        self._taken.unlink()

    def take(self, point: Point) -> Act | None:
        """Take the order for this point, if there is one and nobody else has taken it."""
        try:
            order = json.loads(self._file.read_text())
            if order["point"] != point:
                return None
            self._file.rename(self._taken)
        except FileNotFoundError:
            return None
        return Act(order["act"])

    async def reached(self, point: Point) -> None:
        """Do what is ordered for this point."""
        act = self.take(point)
        if act is Act.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        while act is Act.HOLD and self._taken.exists():  # noqa: ASYNC110 - another process removes it
            await asyncio.sleep(0.01)


@dataclass
class _Failing:
    """A producer whose second send fails, when the broker has acknowledged all the others."""

    producer: Any
    act: Act
    rows: int
    others: list[asyncio.Future[object]] = field(default_factory=list)
    broken: asyncio.Future[object] | None = None

    async def send(self, *args: Any, **kwargs: Any) -> asyncio.Future[object]:
        if self.broken is None and self.others:
            self.broken = asyncio.get_running_loop().create_future()
            if self.act is Act.SILENCE:
                self.others.append(await self.producer.send(*args, **kwargs))
            return self.broken
        sent = await self.producer.send(*args, **kwargs)
        self.others.append(sent)
        return sent

    async def fail(self) -> None:
        """Report the failure, after the successes."""
        while self.broken is None or len(self.others) < self.rows - (self.act is Act.REFUSE):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await asyncio.gather(*self.others)
        self.broken.set_exception(BrokerError("ordered to fail"))


def _sabotage(orders: Orders) -> None:
    """Wrap the kernel's functions; one that is not there any more ends the process, and so the test."""

    def publish(original: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def wrapped(self: Relay, producer: Any, rows: Sequence[Any]) -> None:
            if self._outlet.name != "events":
                await original(self, producer, rows)
                return await orders.reached(Point.AFTER_TELLING)
            await orders.reached(Point.AFTER_COMMIT)
            if len(rows) >= _AMID and (act := orders.take(Point.WHILE_PUBLISHING)):
                producer = _Failing(producer, act, len(rows))
                failure = asyncio.create_task(producer.fail())
                await asyncio.gather(original(self, producer, rows), failure)
            else:
                await original(self, producer, rows)
            return await orders.reached(Point.AFTER_PUBLISH)

        return wrapped

    def afterwards(
        point: Point, *, unless: object = None
    ) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., Awaitable[Any]]]:
        def around(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            async def wrapped(*args: Any, **kwargs: Any) -> Any:
                outcome = await original(*args, **kwargs)
                if unless is None or outcome is not unless:
                    await orders.reached(point)
                return outcome

            return wrapped

        return around

    def described(original: Callable[..., None]) -> Callable[..., None]:
        def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            self._commands = replace(
                self._commands, fire=afterwards(Point.IN_FIRING, unless=False)(self._commands.fire)
            )

        return wrapped

    _wrap(Relay, "_publish", publish)
    _wrap(Inbox, "_save", afterwards(Point.IN_BATCH))
    _wrap(Inbox, "apply", afterwards(Point.AFTER_EFFECT))
    _wrap(Mutations, "_locked", afterwards(Point.BEFORE_ANSWER))
    _wrap(Mutations, "_unlocked", afterwards(Point.BEFORE_ANSWER))
    _wrap(Scheduler, "__init__", described)
    # A clock that was not fired has reached nothing.
    _wrap(Scheduler, "_fire", afterwards(Point.AFTER_FIRING, unless=False))


def _wrap(owner: type[Any], name: str, around: Callable[[Any], Any]) -> None:
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(around(original)))


if __name__ == "__main__":
    service, folder = sys.argv[1:]
    _sabotage(Orders(Path(folder), service))
    sys.argv = [f"services.{service}"]
    runpy.run_module(f"services.{service}", run_name="__main__")
