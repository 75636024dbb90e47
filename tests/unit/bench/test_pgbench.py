"""That pgbench does the work of the life is told by the rows: other ones than so many lives write are named."""

from bench.lifecycles import Course
from bench.pgbench import LIVES, difference, grown

EVENT, OUTBOX, RATE = ("intake", "own.event"), ("intake", "own.outbox"), ("feedback", "own.rate")
LIFE = {EVENT: (10, 0), OUTBOX: (10, 10)}


def test_as_many_lives_are_recorded_as_go_on_at_the_peak() -> None:
    assert Course().together == LIVES


def test_only_what_was_written_since_counts() -> None:
    before = {EVENT: (100, 0), OUTBOX: (100, 100), RATE: (7, 0)}
    assert grown(before, {EVENT: (110, 0), OUTBOX: (110, 110), RATE: (7, 0)}) == LIFE


def test_as_many_rows_as_so_many_lives_write_are_no_difference() -> None:
    assert difference(LIFE, 3, {EVENT: (30, 0), OUTBOX: (30, 30)}) == ""


def test_rows_that_are_missing_and_rows_too_many_are_named() -> None:
    assert difference(LIFE, 3, {OUTBOX: (30, 29), EVENT: (30, 0), RATE: (1, 0)}) == (
        "feedback.own.rate: (1, 0) instead of (0, 0); intake.own.outbox: (30, 29) instead of (30, 30)"
    )
    assert difference(LIFE, 1, {OUTBOX: (10, 10)}) == "intake.own.event: (0, 0) instead of (10, 0)"
