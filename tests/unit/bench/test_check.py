"""Two files of figures are compared: what got slower beyond chance is said and fails, and chance alone does not."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.check import Verdict, compare, main
from bench.report import Percentiles, Report, StepLatency, write
from tests.support.figures import FIGURES, on_a_machine, spending


def verdicts(old: Report, new: Report) -> dict[Verdict, list[str]]:
    """Return which figures are of each verdict, by the names that their sentences begin with."""
    _, findings = compare(old, new)
    return {
        verdict: [finding.sentence.split(":")[0] for finding in findings if finding.verdict is verdict]
        for verdict in Verdict
    }


def files(folder: Path, old: Report, new: Report) -> list[str]:
    """Keep two reports and return the files' names."""
    write(old, folder / "old.json")
    write(new, folder / "new.json")
    return [str(folder / "old.json"), str(folder / "new.json")]


def test_the_same_figures_are_all_within_the_noise() -> None:
    found = verdicts(FIGURES, FIGURES)
    assert {"lives per second", "CPU per life, total", "submit, p50", "memory of kafka"} <= {*found[Verdict.SAME]}
    assert not found[Verdict.WORSE] + found[Verdict.BETTER] + found[Verdict.UNKNOWN]


def test_what_got_dearer_beyond_the_noise_is_said_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(files(tmp_path, FIGURES, spending(FIGURES, 1.25, "gateway"))) == 1
    said = capsys.readouterr().out
    worse = said.split("Slower or dearer:\n")[1].split("\n\n")[0]
    assert worse == "  CPU per life, gateway: 9.5 ms before, 11.88 ms now, which is +25 %; chance does 10 %."


def test_what_got_cheaper_is_said_and_does_not_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(files(tmp_path, FIGURES, spending(FIGURES, 0.7, "postgres"))) == 0
    said = capsys.readouterr().out
    assert "Slower" not in said
    assert "Faster or cheaper:\n  CPU per life, postgres: 7 ms before, 4.9 ms now, which is -30 %" in said


@pytest.mark.parametrize(
    ("rounds", "verdict"), [((39.5, 40.0, 40.5), Verdict.WORSE), ((36.0, 40.0, 42.0), Verdict.SAME)]
)
def test_rounds_that_lie_further_apart_make_more_of_it_noise(rounds: tuple[float, ...], verdict: Verdict) -> None:
    old = replace(FIGURES, rounds=rounds)
    assert "lives per second" in verdicts(old, replace(FIGURES, lifecycles_per_second=36.0))[verdict]


def test_twice_the_lives_on_twice_the_machine_are_no_gain_and_as_many_are_a_loss() -> None:
    doubled = on_a_machine(FIGURES, 2, cores=4, machine="x86_64, a processor")
    assert not verdicts(FIGURES, doubled)[Verdict.BETTER] + verdicts(FIGURES, doubled)[Verdict.WORSE]
    assert (
        "4 now, so lives per second are compared by pgbench's (2.00 times as many now)"
        in compare(FIGURES, doubled)[0][0]
    )
    stayed = replace(doubled, lifecycles_per_second=40.0)
    assert verdicts(FIGURES, stayed)[Verdict.WORSE] == ["lives per second"]


@pytest.mark.parametrize("machine", ["aarch64, another", ""])
def test_another_processor_or_one_that_nobody_knows_is_compared_by_the_limits(machine: str) -> None:
    other = on_a_machine(FIGURES, 0.6, cores=2, machine=machine)
    assert not verdicts(FIGURES, other)[Verdict.WORSE]
    assert verdicts(FIGURES, spending(other, 1.25, "intake"))[Verdict.WORSE] == ["CPU per life, intake"]


def test_a_slow_day_of_the_same_machine_is_no_loss() -> None:
    slow = on_a_machine(FIGURES, 0.8, cores=2, machine=FIGURES.machine)
    assert not verdicts(FIGURES, slow)[Verdict.WORSE]
    assert "it was itself slower now" in compare(FIGURES, slow)[0][0]


def test_times_of_a_day_on_which_messages_took_longer_are_judged_more_mildly() -> None:
    slower = replace(FIGURES, latency_ms={"submit": StepLatency(14.0, 30.0, 900)})
    assert verdicts(FIGURES, slower)[Verdict.WORSE] == ["submit, p50"]
    limits = replace(FIGURES.limits, kafka_round_trip_ms=Percentiles(6.0, 9.0))
    assert "submit, p50" in verdicts(FIGURES, replace(slower, limits=limits))[Verdict.SAME]


def test_statements_that_got_dearer_are_not_taken_for_a_slower_machine() -> None:
    limits = replace(FIGURES.limits, pgbench_lifecycles_per_second=100.0, pgbench_cpu_ms_per_lifecycle=8.4)
    dearer = spending(replace(FIGURES, limits=limits), 1.4, "postgres")
    assert {"CPU per life, the database alone", "CPU per life, postgres"} <= {*verdicts(FIGURES, dearer)[Verdict.WORSE]}


def test_a_life_of_fewer_statements_is_not_taken_for_a_faster_machine() -> None:
    limits = replace(FIGURES.limits, pgbench_lifecycles_per_second=280.0, pgbench_statements=105)
    fewer = replace(FIGURES, limits=replace(limits, pgbench_cpu_ms_per_lifecycle=3.0), machine="another")
    assert "lives per second" in verdicts(FIGURES, fewer)[Verdict.SAME]


def test_a_figure_that_only_one_file_has_is_not_compared() -> None:
    steps = {**FIGURES.latency_ms, "confirm": StepLatency(5.0, 9.0, 900)}
    found = verdicts(FIGURES, replace(FIGURES, latency_ms=steps))
    assert found[Verdict.UNKNOWN] == ["confirm, p50", "confirm, p99"]
    assert not found[Verdict.WORSE]


def test_another_number_of_stored_petitions_is_said() -> None:
    notes, _ = compare(FIGURES, replace(FIGURES, stored=1_000_000))
    assert notes[1].startswith("0 petitions were stored before and 1,000,000 now")


def test_a_file_that_lacks_a_figure_is_named_with_the_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = files(tmp_path, FIGURES, FIGURES)
    kept = json.loads(Path(new).read_text())
    del kept["limits"]["kafka_round_trip_ms"]
    Path(new).write_text(json.dumps(kept))
    assert main([old, new]) == 2
    [sentence] = capsys.readouterr().err.splitlines()
    missing = "Object missing required field `kafka_round_trip_ms` - at `$.limits`"
    assert sentence == f"{new} lacks a figure or has one too many: {missing}."


@pytest.mark.parametrize(
    ("text", "why"), [("{", "is no file of figures"), ("[]", "lacks a figure"), (None, "cannot be read: No such file")]
)
def test_a_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, why: str
) -> None:
    old, new = files(tmp_path, FIGURES, FIGURES)
    Path(old).unlink()
    if text is not None:
        Path(old).write_text(text)
    assert main([old, new]) == 2
    [sentence] = capsys.readouterr().err.splitlines()
    assert sentence.startswith(f"{old} {why}")
