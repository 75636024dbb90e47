"""Playing: lives through the gateway of a running installation, in a domain's time that catches up with the real one.

So due dates fall where they should, clocks remind and escalate, and what is still open stands where it would today.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from bench.installation import Installation
from bench.large.courses import LEFT_WAITING, WAITING, WAITING_BEGINS, Course, shared_out
from bench.large.lives import Life, Offices
from bench.large.played_time import OverError, PlayedTime, Times
from bench.large.texts import Matter, new_matter
from bench.life import Client, RefusedError
from bench.load import load
from bench.people import Desk, desks
from deploy.local.errors import LocalRunError
from deploy.local.postgres import SERVICES
from services.kernel.db import own_connection
from services.kernel.domain_clock import system_now

CLOCK: Final = "domain-clock.json"
_POLL_SECONDS: Final = "0.05"
"""How often the scheduler looks while the time is fast: some minutes or an hour of the domain's time."""

_MOST_REFUSED: Final = 0.05
_SETTLED_WITHIN: Final = 60.0

_WAITING: Final = """
SELECT (SELECT count(*) FROM own.outbox) + (SELECT count(*) FROM own.parked)
     + (SELECT count(*) FROM own.clock WHERE state = 'RUNNING' AND fires_at <= clock_timestamp() - interval '2 s')"""
_REACHED: Final = "SELECT COALESCE(sum(applied), 0)::bigint FROM own.progress WHERE source = $1"
_PUBLISHED: Final = "SELECT COALESCE(sum(sequence), 0)::bigint FROM own.petition"


class PlayError(LocalRunError):
    """The lives could not be played as they should be."""


@dataclass(frozen=True, slots=True)
class Played:
    """What was played: each petition's matter, in what time and until when, and which ways were taken how often."""

    times: Times
    end: datetime
    matters: Mapping[str, Matter]
    courses: Mapping[str, int]
    refused: Sequence[str]


@contextmanager
def fast(folder: Path) -> Generator[None]:
    """Let the parts that are started inside read the domain's time from a file of the folder."""
    told = {"THROUGH_TRAIN_DOMAIN_CLOCK": str(folder / CLOCK), "THROUGH_TRAIN_SCHEDULER_POLL": _POLL_SECONDS}
    os.environ |= told
    try:
        yield
    finally:
        for name in told:
            del os.environ[name]


async def play(
    running: Installation, folder: Path, *, lives: int, random: Random, say: Callable[[str], None]
) -> Played:
    """Play so many lives, spread over the weeks that the domain's time has to catch up, and some that are left waiting.

    :raises PlayError: too many acts were refused, or the system does not come to rest afterwards.
    """
    time = PlayedTime(folder / CLOCK)
    time.begin()
    began, behind = time.now(), system_now() - time.now()
    offices, places = Offices(running.keys), desks(running.keys)
    courses = shared_out(lives)
    random.shuffle(courses)
    refused: list[str] = []
    begins = [*zip(sorted(random.random() for _ in courses), courses, strict=True)]
    begins += [(WAITING_BEGINS, course) for course in LEFT_WAITING for _ in range(WAITING)]
    async with load(running, places, connections=len(begins)) as whole, asyncio.TaskGroup() as tasks:
        begun = [
            _Begun(_life(whole.client, time, offices, places, random), course, began + behind * share)
            for share, course in begins
        ]
        for one in begun:
            tasks.create_task(one.live(refused))
        tasks.create_task(time.follow())
        tasks.create_task(_tell(time, began, behind, say))
    if len(refused) > _MOST_REFUSED * lives:
        raise PlayError(f"{len(refused)} of {lives} lives were cut short by a refusal, as {refused[:3]}")
    await _settle(running)
    filed = [one for one in begun if one.life.petition]
    matters = {one.life.petition: one.life.matter for one in filed}
    return Played(time.times, time.end, matters, Counter(one.course.name for one in filed), refused)


def _life(client: Client, time: PlayedTime, offices: Offices, places: Sequence[Desk], random: Random) -> Life:
    desk = random.choice(places)
    others = [one for one in places if one is not desk and one.department != desk.department]
    near = [one for one in others if one.community == desk.community]
    beside = random.choice(near or [one for one in others if one.committee == desk.committee])
    return Life(client, time, offices, desk, beside, new_matter(random), Random(random.random()))  # noqa: S311


@dataclass(frozen=True, slots=True)
class _Begun:
    life: Life
    course: Course
    begins: datetime

    async def live(self, refused: list[str]) -> None:
        try:
            await self.life.time.until(self.begins)
            await self.course.live(self.life)
        except OverError:
            return
        except RefusedError as error:
            refused.append(f"{self.course.name}: {error}")


async def _tell(time: PlayedTime, began: datetime, behind: timedelta, say: Callable[[str], None]) -> None:
    """Say once a tenth how far the domain's time has come."""
    with suppress(OverError):
        for nth in range(1, 10):
            await time.until(began + behind * nth / 10)
            say(f"played: {nth * 10} % of {behind.days // 7} weeks, {time.speed:,.0f} times as fast as they were")


async def _settle(running: Installation) -> None:
    """Wait until everything is published, applied everywhere, and every clock that is due has fired.

    :raises PlayError: it does not come to rest.
    """
    try:
        async with asyncio.timeout(_SETTLED_WITHIN):
            while not await _rests(running):  # noqa: ASYNC110 - other processes come to rest
                await asyncio.sleep(0.3)
    except TimeoutError:
        raise PlayError(f"after {_SETTLED_WITHIN:.0f} s not everything is published and applied") from None


async def _rests(running: Installation) -> bool:
    published: dict[str, int] = {}
    reached: dict[tuple[str, str], int] = {}
    for service in SERVICES:
        async with own_connection(running.dsn(service), application="bench") as connection:
            if await connection.fetchval(_WAITING):
                return False
            published[service] = await connection.fetchval(_PUBLISHED)
            for source in SERVICES:
                reached[service, source] = await connection.fetchval(_REACHED, source)
    return all(reached[s, other] == published[other] for s in SERVICES for other in SERVICES if other != s)
