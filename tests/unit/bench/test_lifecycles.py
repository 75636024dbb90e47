"""What whole lives come to between two moments, and that the picture is kept with the figures."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.chart import draw
from bench.lifecycles import Moment, keep, stretch
from bench.pgbench import LimitError
from bench.report import read
from bench.usage import Usage
from tests.support.figures import FIGURES


def moment(at: float, finished: int, **cpu: float) -> Moment:
    return Moment(at, finished, {name: Usage(seconds, 0) for name, seconds in cpu.items()})


def test_a_stretch_is_what_came_between_two_moments() -> None:
    found = stretch(moment(100.0, 50, intake=7.0, kafka=1.0), moment(130.0, 350, intake=13.0, kafka=2.5))
    assert found.speed == pytest.approx(10.0)
    assert found.cpu_ms == pytest.approx({"intake": 20.0, "kafka": 5.0})
    assert found.total == pytest.approx(25.0)


def test_a_stretch_in_which_no_life_ended_is_no_measurement() -> None:
    with pytest.raises(LimitError, match="No life ended within 30 s"):
        stretch(moment(100.0, 50, intake=7.0), moment(130.0, 50, intake=13.0))


def test_the_picture_that_is_kept_is_of_the_figures_that_are_kept(tmp_path: Path) -> None:
    figures, picture = tmp_path / "latest.json", tmp_path / "benchmark.svg"
    keep(replace(FIGURES, lifecycles_per_second=40.04996), figures, picture)
    assert picture.read_text() == draw(read(figures))
    assert read(figures).lifecycles_per_second == 40.05
