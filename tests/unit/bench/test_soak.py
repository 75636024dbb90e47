"""What a soak says of memory: how much more lives add, once caches are full."""

import pytest

from bench.soak import Look, growth, run


def looks(*sizes: float) -> list[Look]:
    """Return looks after each hundred lives of so many."""
    return [Look(100 * nth, float(nth), {"intake": size, "kafka": 380.0}) for nth, size in enumerate(sizes, start=1)]


def test_what_fills_at_first_and_stays_then_is_no_growth() -> None:
    assert growth(looks(50.0, *[90.0] * 9)) == {"intake": 0.0, "kafka": 0.0}


def test_what_grows_with_each_life_is_told_for_ten_thousand() -> None:
    assert growth(looks(50.0, *(90.0 + nth for nth in range(9))))["intake"] == pytest.approx(100.0)


def test_two_looks_are_needed() -> None:
    with pytest.raises(ValueError, match="looked at twice"):
        growth(looks(90.0))


@pytest.mark.parametrize("lives", [-1, 0, 1, 99])
def test_too_few_lives_are_refused_before_the_first(lives: int) -> None:
    with pytest.raises(SystemExit, match=rf"so let there be 100 lives at least, not {lives}\.$"):
        run(lives)
