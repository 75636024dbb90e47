"""Lives go on at once: as one ends another begins, and at the end the last ones are waited for."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest

from bench.life import Client, RefusedError
from bench.load import Load


@dataclass
class Held(Load):
    """Lives that end when they may."""

    begun: int = 0
    may_end: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def one(self) -> None:
        self.begun += 1
        await self.may_end.acquire()
        self.finished += 1

    def let_end(self, lives: int) -> None:
        """Let so many end."""
        for _ in range(lives):
            self.may_end.release()

    async def reached(self, begun: int) -> None:
        """Wait until so many have begun."""
        async with asyncio.timeout(10):
            while self.begun < begun:  # noqa: ASYNC110 - they begin by themselves
                await asyncio.sleep(0)


def held() -> Held:
    return Held(cast(Client, None), [])


async def test_as_one_ends_another_begins_and_the_last_ones_are_waited_for() -> None:
    lives = held()
    async with lives.going_on(3):
        await lives.reached(3)
        lives.let_end(2)
        await lives.reached(5)
        assert lives.finished == 2
        asyncio.get_running_loop().call_soon(lives.let_end, 3)
    assert (lives.begun, lives.finished) == (5, 5)


async def test_what_goes_on_is_counted_in_the_stretch_in_which_it_ends() -> None:
    lives = held()
    async with lives.going_on(2):
        await lives.reached(2)
        lives.begin()
        lives.let_end(1)
        await lives.reached(3)
        assert lives.finished == 1
        asyncio.get_running_loop().call_soon(lives.let_end, 2)


async def test_a_life_that_is_refused_ends_all_of_it() -> None:
    class Refused(Held):
        async def one(self) -> None:
            if self.begun:
                raise RefusedError("submit: no")
            await super().one()

    lives = Refused(cast(Client, None), [])
    with pytest.raises(ExceptionGroup) as group:
        async with lives.going_on(2):
            await asyncio.Event().wait()
    assert [str(error) for error in group.value.exceptions] == ["submit: no"]
