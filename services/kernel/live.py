"""Waking those who follow something live, in every process of a service, when any of them has changed it.

What changed is told after the commit, on a connection of its own: a NOTIFY inside a writing transaction would have all
commits wait for each other. Whoever listens reads again from the database, where they stopped: a lost word costs the
net's second and nothing else.
"""

import asyncio
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import structlog

from services.kernel.db import UNREACHABLE, describe, listening

log = structlog.get_logger()

NET_SECONDS: Final = 1.0
"""Everybody looks at least so often: what is told while a connection is down is heard by nobody."""

_GATHER_SECONDS: Final = 0.005
_AGAIN_SECONDS: Final = 0.5
_CHANNEL: Final = "changed"
_KEYS_AT_ONCE: Final = 50  # PostgreSQL takes 8000 bytes, and no key of ours is longer than an id may be

_TELL: Final = """
-- live.tell: what has changed
SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload"""

_HASTY: Final = """
-- live.hasty: a word that is lost in a crash is made up for by the net
SET synchronous_commit = off"""

_ALIVE: Final = """
-- live.alive: whether the server still hears us
SELECT"""


class Ear:
    """What one follower waits with."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()

    def attend(self) -> None:
        """Forget what was heard: what is read from now on knows of it."""
        self._heard.clear()

    async def wait(self) -> None:
        """Wait until something was heard since `attend`; after a second at most something is."""
        await self._heard.wait()

    def hear(self) -> None:
        """Wake the follower."""
        self._heard.set()


class Live:
    """Tells the service's other processes what this one has changed, and wakes its own followers."""

    def __init__(self, database_url: str, *, application: str, net: float = NET_SECONDS) -> None:
        self._database_url = database_url
        self._application = application
        self._net = net
        self._ears: dict[str, set[Ear]] = {}
        self._untold: set[str] = set()
        self._more = asyncio.Event()

    @property
    def followers(self) -> int:
        """How many wait here for something to change."""
        return sum(map(len, self._ears.values()))

    def tell(self, keys: Iterable[str]) -> None:
        """Say what has changed; it is committed already."""
        self._untold.update(keys)
        if self._untold:
            self._more.set()

    @contextmanager
    def listen(self, key: str) -> Generator[Ear]:
        """Listen for changes of one thing."""
        ear = Ear()
        self._ears.setdefault(key, set()).add(ear)
        try:
            yield ear
        finally:
            self._ears[key].discard(ear)
            if not self._ears[key]:
                del self._ears[key]

    async def run(self) -> NoReturn:
        """Tell and hear until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._look_anyway())
            both.create_task(self._converse())
        raise AssertionError("neither of them returns")

    async def _look_anyway(self) -> NoReturn:
        while True:
            await asyncio.sleep(self._net)
            self._wake_all()

    async def _converse(self) -> NoReturn:
        while True:
            try:
                async with listening(
                    self._database_url, application=self._application, channel=_CHANNEL, heard=self._hear
                ) as connection:
                    await connection.execute(_HASTY)
                    self._wake_all()
                    while True:
                        await self._something_to_tell()
                        keys, self._untold = sorted(self._untold), set()
                        if keys:
                            await connection.execute(_TELL, _CHANNEL, list(_payloads(keys)))
                        else:
                            await connection.execute(_ALIVE)
            except UNREACHABLE as error:
                self._untold.clear()  # everybody looks anyway
                log.warning("live views only look anyway", error=describe(error))
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _something_to_tell(self) -> None:
        try:
            async with asyncio.timeout(self._net):
                await self._more.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_GATHER_SECONDS)  # many commits, one word
        self._more.clear()

    def _hear(self, payload: str) -> None:
        for key in payload.split(" "):
            for ear in self._ears.get(key, ()):
                ear.hear()

    def _wake_all(self) -> None:
        for ears in self._ears.values():
            for ear in ears:
                ear.hear()


def _payloads(keys: list[str]) -> Iterator[str]:
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        yield " ".join(keys[start : start + _KEYS_AT_ONCE])
