"""Telling what has changed: from one process to another, and what happens to those who wait while nobody is told."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import pytest

from services.kernel.live import Ear, Live
from tests.support.district import PATIENCE, District, eventually

_ENDLESS = 3600.0
_TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"
_THERE = "SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND query LIKE '%-- live.%'"


@pytest.fixture
def world(feedback_alone: District) -> District:
    return feedback_alone


@asynccontextmanager
async def process(world: District, *, net: float = _ENDLESS) -> AsyncGenerator[Live]:
    """What one process tells and hears with."""
    name = f"live-{uuid4().hex[:8]}"
    live = Live(world.feedback.settings.database_url.get_secret_value(), application=name, net=net)
    running = asyncio.create_task(live.run())
    live_name[live] = name
    await eventually(lambda: world.feedback.fetch(_THERE, name))
    try:
        yield live
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


live_name: dict[Live, str] = {}


async def heard(ear: Ear) -> None:
    async with asyncio.timeout(PATIENCE):
        await ear.wait()


async def test_what_one_process_changes_another_hears_and_so_does_it_itself(world: District) -> None:
    async with process(world) as one, process(world) as other:
        with one.listen("this") as here, other.listen("this") as there, other.listen("that") as elsewhere:
            for ear in (here, there, elsewhere):
                ear.attend()
            one.tell(["this"])
            await heard(here)
            await heard(there)
            one.tell(["that"])
            await heard(elsewhere)
            there.attend()
            other.tell(["that"])
            elsewhere.attend()
            one.tell(["that"])
            await heard(elsewhere)
            assert not there._heard.is_set()  # pyright: ignore[reportPrivateUsage]  # nothing of this was said


async def test_a_thousand_changes_at_once_are_all_heard(world: District) -> None:
    keys = [f"{uuid4()}-{'x' * 90}" for _ in range(1000)]  # as long as an id may be
    async with process(world) as one, process(world) as other:
        ears = [other.listen(key) for key in keys]
        waiting = [ear.__enter__() for ear in ears]
        for ear in waiting:
            ear.attend()
        one.tell(keys)
        await asyncio.gather(*map(heard, waiting))


async def test_without_a_word_everybody_looks_anyway(world: District) -> None:
    async with process(world, net=0.2) as one:
        with one.listen("this") as ear:
            ear.attend()
            await heard(ear)


async def test_a_lost_connection_is_made_again_and_everybody_looks(world: District) -> None:
    async with process(world) as one, process(world) as other:
        with one.listen("this") as ear:
            ear.attend()
            await world.feedback.execute(_TERMINATE, live_name[one])
            one.tell(["what is told into a dead connection"])
            await heard(ear)
            await eventually(lambda: world.feedback.fetch(_THERE, live_name[one]))
            ear.attend()
            other.tell(["this"])
            await heard(ear)


async def test_who_no_longer_listens_is_forgotten(world: District) -> None:
    async with process(world) as one:
        with one.listen("this"), one.listen("this"):
            pass
        assert not one._ears  # pyright: ignore[reportPrivateUsage]  # or every follower would leave something behind
