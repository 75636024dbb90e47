"""Figures are kept in a file as they were found, and shown beside what was aimed at."""

import io
import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from bench.report import PageOf20, Percentiles, print_table, read, write
from tests.support.figures import FIGURES


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "kept" / "latest.json"
    write(FIGURES, file)
    assert read(file) == FIGURES


def test_figures_are_kept_to_three_decimals(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    write(replace(FIGURES, lifecycles_per_second=1 / 3, rounds=(1 / 3,)), file)
    kept = json.loads(file.read_text())
    assert (kept["lifecycles_per_second"], kept["rounds"], kept["cores"]) == (0.333, [0.333], 2)


def test_the_table_fits_a_terminal_and_shows_what_was_aimed_at() -> None:
    shown = io.StringIO()
    print_table(FIGURES, Console(file=shown, width=80))
    rows = [" ".join(line.replace("│", " ").split()) for line in shown.getvalue().splitlines()]
    assert "lives per second 40.0 pgbench 140.0 0.29 ≥ 40" in rows
    assert "event to view, ms 14.0 / 34.0 Kafka 4.0 / 9.0 3.5 p99 < 250" in rows
    assert "page of 20, gateway direct 1.60 ≤ 2.0" in rows
    assert "gateway 9.50 9.50 150" in rows
    assert "wait for feedback 12.0 32.0 900" in rows
    assert rows[0] == "2 cores, CPython 3.11.2, 0 petitions stored"


def test_figures_from_before_the_interpreter_was_kept_are_read_and_shown_without_one(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    write(FIGURES, file)
    kept = json.loads(file.read_text())
    del kept["interpreter"]
    file.write_text(json.dumps(kept))
    assert read(file) == replace(FIGURES, interpreter="")
    shown = io.StringIO()
    print_table(read(file), Console(file=shown, width=80))
    assert shown.getvalue().splitlines()[0].strip() == "2 cores, 0 petitions stored"


def test_percentiles_are_durations_that_were_measured() -> None:
    assert Percentiles.of([nth / 1000 for nth in range(100, -1, -1)]) == Percentiles(50.0, 99.0)
    assert Percentiles.of([0.25]) == Percentiles(250.0, 250.0)
    with pytest.raises(ValueError, match="no durations"):
        Percentiles.of([])


def test_a_pages_ratio_is_the_gateways_to_the_direct_calls() -> None:
    assert PageOf20(Percentiles(4.0, 9.0), Percentiles(6.0, 12.0)).ratio == 1.5
