"""The domain's time while cases are played: how fast, for how long, and who waits for whom."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local.demo.errors import DemoError
from deploy.local.demo.fast import chosen_speed, faster, shared_time
from services.kernel.domain_clock import FASTEST, DomainClock, read_pace, set_pace

DAY = 86_400.0


def test_without_a_speed_a_case_takes_the_seconds_that_it_names() -> None:
    assert chosen_speed("", left=10 * DAY, level=2, seconds=20) == 10 * DAY / 20
    assert chosen_speed("150000", left=10 * DAY, level=2, seconds=20) == 150_000


@pytest.mark.parametrize("given", ["fast", "0", "-5", "nan", "inf", "1", str(FASTEST * 2)])
def test_a_speed_that_will_not_do_is_said_with_one_that_will(given: str) -> None:
    with pytest.raises(DemoError, match=f"SPEED={given} will not do: level 3 is 6.0 days away. Give 1728 or more"):
        chosen_speed(given, left=6 * DAY, level=3, seconds=30)


def test_afterwards_time_runs_as_before(tmp_path: Path) -> None:
    file = tmp_path / "pace"
    clock = DomainClock(file)
    with faster(file, 5_000, lasting=timedelta(minutes=1)):
        assert clock.speed == 5_000
    assert clock.speed == 1
    set_pace(file, 60, lasting=timedelta(minutes=10))
    until = read_pace(file).until
    with pytest.raises(KeyboardInterrupt), faster(file, 5_000, lasting=timedelta(minutes=1)):
        raise KeyboardInterrupt
    assert clock.speed == 60
    assert read_pace(file).until == until
    set_pace(file, 60)
    with faster(file, 5_000, lasting=timedelta(minutes=1)):
        pass
    assert (read_pace(file).speed, read_pace(file).until) == (60, None)


def test_a_pace_whose_player_was_killed_ends_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "pace"
    with faster(file, 5_000, lasting=timedelta(seconds=30)):
        pace = read_pace(file)
    assert pace.until == pace.system + timedelta(seconds=30)


async def test_cases_share_the_time_and_one_that_speeds_it_up_has_it_alone(tmp_path: Path) -> None:
    file = tmp_path / "pace"
    happened: list[str] = []
    waiting = asyncio.Event()

    def waits() -> None:
        happened.append("waits")
        waiting.set()

    async def alone() -> None:
        async with shared_time(file, alone=True, waits=waits):
            happened.append("alone")

    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(shared_time(file, alone=False, waits=lambda: happened.append("never")))
        fast = asyncio.create_task(alone())
        await waiting.wait()
        happened.append("both end")
    await fast
    assert happened == ["waits", "both end", "alone"]
