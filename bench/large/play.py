"""Playing: lives through the gateway of a running installation, in a domain's time that catches up with the real one.

The domain's time begins some weeks back and runs fast until it is the real one; then it goes on like that. So due dates
fall where they should, clocks remind and escalate, and what is still open stands where it would stand today.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from bench.installation import Installation
from bench.large.courses import Course, shared_out
from bench.large.lives import Life, Offices, OverError, PlayedTime
from bench.large.texts import Matter, new_matter
from bench.life import Client, RefusedError
from bench.load import load
from bench.people import Desk, desks
from deploy.local.postgres import SERVICES
from services.kernel.db import own_connection
from services.kernel.domain_clock import Pace, system_now

CLOCK: Final = "domain-clock.json"
_POLL_SECONDS: Final = "0.05"
"""How often the scheduler looks while the time is fast: some minutes or an hour of the domain's time."""

_PAUSE: Final = 0.5
"""Seconds before the end in which nothing is done any more, so that the last acts have happened by then."""

_MOST_REFUSED: Final = 0.05
_SETTLED_WITHIN: Final = 60.0

_WAITING: Final = """
SELECT (SELECT count(*) FROM own.outbox) + (SELECT count(*) FROM own.parked)
     + (SELECT count(*) FROM own.clock WHERE state = 'RUNNING' AND fires_at <= clock_timestamp() - interval '2 s')"""
_REACHED: Final = "SELECT COALESCE(sum(applied), 0)::bigint FROM own.progress WHERE source = $1"
_PUBLISHED: Final = "SELECT COALESCE(sum(sequence), 0)::bigint FROM own.petition"


class PlayError(Exception):
    """The lives could not be played as they should be."""


@dataclass(frozen=True, slots=True)
class Played:
    """What was played: each petition's matter, in what time and until when, and which ways were taken how often."""

    pace: Pace
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


def go_back(folder: Path, weeks: int) -> datetime:
    """Let the domain's time stand some weeks back before anything is recorded; return that instant."""
    now = system_now()
    began = now - timedelta(weeks=weeks)
    _write(folder, Pace(now, began, 1.0))
    return began


def _write(folder: Path, pace: Pace) -> None:
    file = folder / CLOCK
    draft = file.with_suffix(".draft")
    draft.write_bytes(msgspec.json.encode(pace))
    draft.replace(file)


def _catching_up(folder: Path, seconds: float) -> tuple[Pace, datetime]:
    """Let the domain's time run so fast that after so many seconds it is the real one; return that, and the end."""
    known = msgspec.json.decode((folder / CLOCK).read_bytes(), type=Pace)
    now = system_now()
    behind, end = known.at(now), now + timedelta(seconds=seconds)
    pace = Pace(now, behind, (end - behind) / timedelta(seconds=seconds), end)
    _write(folder, pace)
    return pace, end


async def play(
    running: Installation, folder: Path, *, lives: int, seconds: float, random: Random, say: Callable[[str], None]
) -> Played:
    """Play so many lives in so many seconds, spread over the weeks that the domain's time has to catch up.

    :raises PlayError: too many acts were refused, or the system does not come to rest afterwards.
    """
    pace, end = _catching_up(folder, seconds)
    time = PlayedTime(pace, end - timedelta(seconds=_PAUSE) * pace.speed)
    offices, places = Offices(running.keys), desks(running.keys)
    courses = shared_out(lives)
    random.shuffle(courses)
    refused: list[str] = []
    async with load(running, places, connections=lives) as whole, asyncio.TaskGroup() as tasks:
        begun = [
            _Begun(
                _life(whole.client, time, offices, places, random),
                course,
                time.pace.domain + (end - pace.domain) * share,
            )
            for share, course in zip(sorted(random.random() for _ in courses), courses, strict=True)
        ]
        for one in begun:
            tasks.create_task(one.live(refused))
        tasks.create_task(_tell(time, end, say))
    if len(refused) > _MOST_REFUSED * lives:
        raise PlayError(f"{len(refused)} of {lives} lives were cut short by a refusal, as {refused[:3]}")
    await _settle(running)
    filed = [one for one in begun if one.life.petition]
    matters = {one.life.petition: one.life.matter for one in filed}
    return Played(pace, end, matters, Counter(one.course.name for one in filed), refused)


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


async def _tell(time: PlayedTime, end: datetime, say: Callable[[str], None]) -> None:
    """Say once a tenth how far the domain's time has come."""
    behind = end - time.pace.domain
    for nth in range(1, 10):
        instant = time.pace.domain + behind * nth / 10
        if instant >= time.end:
            return
        await time.until(instant)
        say(f"played: {nth * 10} % of {behind.days // 7} weeks")


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
