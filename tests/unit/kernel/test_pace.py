"""How long a loop rests between batches."""

import pytest

from services.kernel.pace import Pace


class _Time:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def _after(spent: float, *, least: float = 0.02) -> float:
    now = _Time()
    pace = Pace(least, now=now)
    pace.begin()
    now.seconds += spent
    pace.end()
    return pace.left


def test_nobody_rests_before_the_first_batch() -> None:
    assert Pace(0.02, now=_Time()).left == 0


def test_after_a_short_batch_the_next_one_begins_when_the_least_time_is_over() -> None:
    assert _after(0.005) == pytest.approx(0.015)


def test_the_least_time_holds_however_long_it_is() -> None:
    assert _after(0.005, least=0.5) == pytest.approx(0.495)


def test_after_a_longer_batch_its_own_time_is_rested() -> None:
    assert _after(0.025) == pytest.approx(0.025)


def test_nobody_rests_longer_than_30_milliseconds() -> None:
    assert _after(5.0) == pytest.approx(0.03)


def test_what_is_waited_for_meanwhile_is_rest_too() -> None:
    now = _Time()
    pace = Pace(0.02, now=now)
    pace.begin()
    pace.end()
    now.seconds += 1
    assert pace.left == 0
