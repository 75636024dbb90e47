"""Two files of figures are compared: what got slower beyond chance is said and fails, and chance alone does not."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.check import Verdict, compare, main
from bench.report import TOTAL, HalfOfPeak, Percentiles, Report, StepLatency, write
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
    assert worse == "  CPU per life, gateway: 9.5 ms before, 11.88 ms now, which is +25 %; chance does -9 to +10 %."


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


def noisy(report: Report) -> Report:
    """Return figures with rounds as a real run had them, of which one lies apart, and 350 lives at half of the peak."""
    return replace(
        report,
        rounds=(49.2, 40.8, 38.2, 39.3),
        cpu_ms_rounds=(34.8, 41.1, 43.1, 42.7),
        latency_ms={name: StepLatency(step.p50, step.p99, 350) for name, step in report.latency_ms.items()},
    )


def slower(report: Report, p50: float, p99: float) -> Report:
    """Return figures in which every step takes so many times as long."""
    steps = report.latency_ms.items()
    return replace(report, latency_ms={name: StepLatency(of.p50 * p50, of.p99 * p99, of.n) for name, of in steps})


def test_a_round_that_lies_apart_hides_no_loss() -> None:
    old = noisy(FIGURES)
    spent = {name: each * 1.19 for name, each in FIGURES.cpu_ms_per_lifecycle.items()}
    lost = replace(slower(old, 1.25, 1.45), lifecycles_per_second=32.0, cpu_ms_per_lifecycle=spent)
    found = {*verdicts(old, lost)[Verdict.WORSE]}
    assert {"lives per second", "CPU per life, total", "submit, p50", "read, p50"} <= found
    assert {f"all steps (geometric mean), {which}" for which in ("p50", "p99")} <= found


def test_a_few_per_cent_are_noise_where_rounds_lie_apart() -> None:
    old = noisy(FIGURES)
    found = verdicts(old, replace(slower(old, 1.05, 1.1), lifecycles_per_second=37.0))
    assert not found[Verdict.WORSE]


@pytest.mark.parametrize(("lives", "verdict"), [(100, Verdict.SAME), (10_000, Verdict.WORSE)])
def test_the_more_lives_the_smaller_a_loss_that_is_found(lives: int, verdict: Verdict) -> None:
    old = replace(FIGURES, latency_ms={"submit": StepLatency(10.0, 30.0, lives)})
    found = verdicts(old, slower(old, 1.2, 1.45))
    assert {"submit, p50", "submit, p99"} <= {*found[verdict]}


def test_p99_of_as_many_lives_is_less_certain_than_p50() -> None:
    old = replace(FIGURES, latency_ms={"submit": StepLatency(10.0, 30.0, 350)})
    found = verdicts(old, slower(old, 1.3, 1.3))
    assert found[Verdict.WORSE] == ["submit, p50"]
    assert "submit, p99" in found[Verdict.SAME]


def test_a_file_from_before_rounds_of_cpu_is_as_uncertain_as_the_other() -> None:
    old = replace(FIGURES, cpu_ms_rounds=())
    assert verdicts(old, spending(FIGURES, 1.25, "gateway"))[Verdict.WORSE] == ["CPU per life, gateway"]
    assert "CPU per life, gateway" in verdicts(old, noisy(spending(FIGURES, 1.1, "gateway")))[Verdict.SAME]


def test_what_got_dearer_at_half_of_the_peak_alone_is_found() -> None:
    half = {**FIGURES.half_of_peak.cpu_ms_per_lifecycle, TOTAL: 50.0}
    dearer = replace(FIGURES, half_of_peak=HalfOfPeak(20.0, half))
    assert verdicts(FIGURES, dearer)[Verdict.WORSE] == ["CPU per life at half of the peak, total"]


def test_figures_are_not_compared_with_themselves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = files(tmp_path, FIGURES, FIGURES)
    assert main([old, new]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    [sentence] = shown.err.splitlines()
    assert sentence == f"{old} and {new} have the same figures, of one measurement: `make bench` takes new ones."


@pytest.mark.parametrize("before", ["CPython 3.13.1", ""])
def test_another_interpreter_or_one_that_nobody_knows_is_said(before: str) -> None:
    notes, _ = compare(replace(FIGURES, interpreter=before), FIGURES)
    assert notes[1].startswith(f"{before or 'An interpreter that is not known'} before and CPython 3.11.2 now: ")
    assert notes[1].endswith("Absolute figures of two interpreters are not comparable, ratios within one file are.")


def test_twice_the_lives_on_twice_the_machine_are_no_gain_and_as_many_are_a_loss() -> None:
    doubled = on_a_machine(FIGURES, 2, cores=4, machine="x86_64, a processor")
    assert not verdicts(FIGURES, doubled)[Verdict.BETTER] + verdicts(FIGURES, doubled)[Verdict.WORSE]
    assert (
        "4 now: absolute figures are not comparable, ratios to what the same machine can do are, so lives per second"
        " are compared by pgbench's (2.00 times as many now)" in compare(FIGURES, doubled)[0][0]
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
    late = replace(FIGURES, latency_ms={"submit": StepLatency(14.0, 30.0, 900)})
    assert verdicts(FIGURES, late)[Verdict.WORSE] == ["submit, p50"]
    limits = replace(FIGURES.limits, kafka_round_trip_ms=Percentiles(6.0, 9.0))
    assert "submit, p50" in verdicts(FIGURES, replace(late, limits=limits))[Verdict.SAME]


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
