"""Waiting so long at most, also for who is told to end."""

import asyncio

import pytest

from services.kernel.kafka import at_most


async def _for_ever(ended: asyncio.Event) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.set()


async def test_what_is_done_in_time_is_waited_for() -> None:
    done: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append("done")

    await at_most(10, work())
    assert done == ["done"]


async def test_its_error_is_raised() -> None:
    async def work() -> None:
        raise LookupError("what is wrong")

    with pytest.raises(LookupError):
        await at_most(10, work())


async def test_what_takes_longer_is_cancelled_also_while_one_is_told_to_end() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    found: list[str] = []

    async def leaves() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            try:
                await at_most(0.01, _for_ever(ended))
            except TimeoutError:
                found.append("late")

    leaving = asyncio.create_task(leaves())
    await begun.wait()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    await ended.wait()
    assert found == ["late"]
    assert leaving.cancelled()
