"""`make bench-check`: what got slower or dearer between two files of figures, beyond what chance does.

What chance does is three times the standard error of the figures' difference, and never less than the floors below:

- Lives per second and CPU are medians of rounds. The error of a median is 1.253 s / sqrt(n). The s of a file's rounds
  comes from their median distance to their median: of four rounds, one that was disturbed moves neither much, while it
  alone would double their range or their standard deviation.
- CPU at half of the peak is one stretch, twice as long as a round; its error is about that of the median of four.
- Of a step only p50, p99 and the number of lives are kept. Its durations are taken to lie as those of a lognormal
  distribution, so their spread is ln(p99 / p50) / 2.326; the errors of p50 and p99 are then 1.253 and 3.733 of it,
  over sqrt(n). With 350 lives this is some 15 % for one step's p50 and 50 % for its p99; so all steps are compared
  together, too, where what befell one by chance is evened out.
- For times it is also what a message's way through Kafka has become longer or shorter by, at p50.

On the same kind of machine, figures are compared as they are. On others (other cores or processors, or one processor
that was slower by itself in one of the runs) they are compared by yardsticks that were taken in the same runs: lives
per second and CPU by what pgbench did, times by a message's way through Kafka. There is none for another interpreter,
which is said.
"""

import math
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import geometric_mean, median
from typing import Final

from bench.report import EVENT_TO_VIEW, LATEST, TOTAL, Report, ReportError, StepLatency, parse, read

# Measured with one program on three installations, one after the other, while other work went on beside it: the medians
# of their rounds lay 2 % apart, all processes' CPU 1 %, one process's 9 %, memory 3 %, pages' ratios 7 %.
# Where that work disturbed two runs, steps' p50 and p99 lay 20 % and 36 % apart: such wide floors would hide losses.
SPEED_FLOOR: Final = 0.05
"""Of lives per second, and of all processes' CPU together."""

PROCESS_FLOOR: Final = 0.10
"""Of one process's CPU."""

MEMORY_FLOOR: Final = 0.10
P50_FLOOR: Final = 0.15
P99_FLOOR: Final = 0.25
RATIO_FLOOR: Final = 0.10
MACHINE_FLOOR: Final = 0.10
"""By so much both yardsticks must have moved the same way before a machine of the same kind counts as another."""

_ERRORS: Final = 3.0
"""So many standard errors are chance: of some sixty figures, two or three would be beyond two of them each time."""

_OF_MEDIAN: Final = 1.253
"""The standard error of a median, of the standard deviation over sqrt(n): sqrt(pi / 2)."""

_OF_P99: Final = 3.733
"""That of a p99: sqrt(0.99 * 0.01) over the normal distribution's density there."""

_P99: Final = 2.326
"""Where the normal distribution has its p99."""

_TO_DEVIATION: Final = 1.4826
"""The normal distribution's standard deviation, of its median distance from the median."""

_FEW: Final = 1.2
"""How many times larger it is than three or four rounds show, which lie nearer to their own median than to the true
one: found by drawing them. Drawn so, one comparison of thirty is beyond three errors of four rounds each."""

_LEAST_CPU_MS: Final = 0.3
_LEAST_MS: Final = 1.0
_LEAST_MB: Final = 10.0
_ONLY_RATIOS: Final = "absolute figures are not comparable, ratios to what the same machine can do are"
_ROOT: Final = Path(__file__).parent.parent
_COMMITTED: Final = LATEST.relative_to(_ROOT).as_posix()


class Verdict(StrEnum):
    """What became of a figure; the value is what heads the sentences."""

    WORSE = "Slower or dearer"
    BETTER = "Faster or cheaper"
    SAME = "Within the noise"
    UNKNOWN = "Not compared"


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure's verdict, as a sentence."""

    verdict: Verdict
    sentence: str


@dataclass(frozen=True, slots=True)
class _Yardsticks:
    """How the new run's machine compares: what a figure must be divided by to be as of the old one's; 1 means the same.

    `speed` is for what happens in a second, `cpu` for what is spent, `time` for how long something takes.
    """

    speed: float = 1.0
    cpu: float = 1.0
    time: float = 1.0


@dataclass(frozen=True, slots=True)
class _Figure:
    """A figure of both files: its bound is a share (of the smaller one), `least` what it must differ by at all, in its
    own unit."""

    name: str
    old: float | None
    new: float | None
    bound: float
    unit: str = ""
    least: float = 0.0
    divided_by: float = 1.0
    more_is_better: bool = False

    def finding(self) -> Finding:
        """Judge it."""
        if self.old is None or self.new is None or self.old <= 0 or self.new <= 0:
            which = "old" if self.old is None or self.old <= 0 else "new"
            return Finding(Verdict.UNKNOWN, f"{self.name}: the {which} file has no such figure.")
        new = self.new / self.divided_by
        worse = self.old / new if self.more_is_better else new / self.old
        verdict = Verdict.SAME
        if abs(new - self.old) >= self.least:
            verdict = Verdict.WORSE if worse > 1 + self.bound else verdict
            verdict = Verdict.BETTER if worse < 1 / (1 + self.bound) else verdict
        percent = (new / self.old - 1) * 100
        least = (1 / (1 + self.bound) - 1) * 100
        scaled = f" ({new:.4g} on the old one's machine)" if self.divided_by != 1 else ""
        unit = f" {self.unit}" if self.unit else ""
        return Finding(
            verdict,
            f"{self.name}: {self.old:.4g}{unit} before, {self.new:.4g}{unit} now{scaled}, which is {percent:+.0f} %;"
            f" chance does {least:.0f} to +{self.bound * 100:.0f} %.",
        )


def compare(old: Report, new: Report) -> tuple[list[str], list[Finding]]:
    """Return what is compared with what, and a verdict on each figure."""
    yardsticks, basis = _yardsticks(old, new)
    notes = [basis]
    if old.interpreter != new.interpreter:
        notes.append(
            f"{old.interpreter or 'An interpreter that is not known'} before and "
            f"{new.interpreter or 'one that is not known'} now: what the services and the generator spend may be the "
            "interpreter's doing. Absolute figures of two interpreters are not comparable, ratios within one file are."
        )
    if old.stored != new.stored:
        notes.append(
            f"{old.stored:,} petitions were stored before and {new.stored:,} now, which alone may be what differs."
        )
    return notes, [figure.finding() for figure in _figures(old, new, yardsticks)]


def _yardsticks(old: Report, new: Report) -> tuple[_Yardsticks, str]:
    speed = new.limits.pgbench_lifecycles_per_second / old.limits.pgbench_lifecycles_per_second * _work(old, new)
    time = new.limits.kafka_round_trip_ms.p50 / old.limits.kafka_round_trip_ms.p50
    spent = (old.limits.pgbench_cpu_ms_per_lifecycle, new.limits.pgbench_cpu_ms_per_lifecycle)
    cpu = spent[1] / spent[0] / _work(old, new) if spent[0] and spent[1] else new.cores / old.cores / speed
    measured = _Yardsticks(speed, cpu, time)
    by = (
        f"lives per second are compared by pgbench's ({speed:.2f} times as many now), CPU by what the same statements"
        f" cost in it ({cpu:.2f} times as much), times by a message's way through Kafka ({time:.2f} times as long)."
    )
    if old.cores != new.cores:
        return measured, f"{old.cores} cores before and {new.cores} now: {_ONLY_RATIOS}, so {by}"
    if old.machine != new.machine or not new.machine:
        kinds = f"{old.machine or 'an unknown processor'} before and {new.machine or 'an unknown one'} now"
        return measured, f"{kinds}: {_ONLY_RATIOS}, so {by}"
    slower, faster = 1 + MACHINE_FLOOR, 1 / (1 + MACHINE_FLOOR)
    if (speed < faster and time > slower) or (speed > slower and time < faster):
        return (
            measured,
            f"The same kind of machine, but it was itself {'slower' if time > 1 else 'faster'} now, so {by}",
        )
    return _Yardsticks(), f"The same kind of machine ({new.cores} cores), so figures are compared as they are."


def _work(old: Report, new: Report) -> float:
    """Return how many times the old life's statements the new one's are: pgbench does the life as it is."""
    before, now = old.limits.pgbench_statements, new.limits.pgbench_statements
    return now / before if before and now else 1.0


def _figures(old: Report, new: Report, of: _Yardsticks) -> Iterator[_Figure]:
    bound = max(SPEED_FLOOR, _chance(old.rounds, new.rounds))
    yield _Figure(
        *("lives per second", old.lifecycles_per_second, new.lifecycles_per_second, bound),
        divided_by=of.speed,
        more_is_better=True,
    )
    yield from _spent(old, new, of)
    yield from _limits(old, new, of)
    trips = old.limits.kafka_round_trip_ms.p50, new.limits.kafka_round_trip_ms.p50
    moved = _moved(*trips) if of == _Yardsticks() else 0.0
    yield from _steps(old.latency_ms, new.latency_ms, max(P50_FLOOR, moved), max(P99_FLOOR, moved), of.time)
    for name in _names(old.memory_mb, new.memory_mb):
        memory = old.memory_mb.get(name), new.memory_mb.get(name)
        yield _Figure(f"memory of {name}", *memory, MEMORY_FLOOR, "MB", _LEAST_MB)


def _spent(old: Report, new: Report, of: _Yardsticks) -> Iterator[_Figure]:
    measured = _chance(old.cpu_ms_rounds, new.cpu_ms_rounds)
    for name in _names(old.cpu_ms_per_lifecycle, new.cpu_ms_per_lifecycle):
        floor = SPEED_FLOOR if name == TOTAL else PROCESS_FLOOR
        spent = old.cpu_ms_per_lifecycle.get(name), new.cpu_ms_per_lifecycle.get(name)
        yield _Figure(f"CPU per life, {name}", *spent, max(floor, measured), "ms", _LEAST_CPU_MS, of.cpu)
    half = old.half_of_peak.cpu_ms_per_lifecycle.get(TOTAL), new.half_of_peak.cpu_ms_per_lifecycle.get(TOTAL)
    name = f"CPU per life at half of the peak, {TOTAL}"
    yield _Figure(name, *half, max(SPEED_FLOOR, measured), "ms", _LEAST_CPU_MS, of.cpu)


def _limits(old: Report, new: Report, of: _Yardsticks) -> Iterator[_Figure]:
    if of == _Yardsticks():  # else it is what the others are compared by
        spent = old.limits.pgbench_cpu_ms_per_lifecycle, new.limits.pgbench_cpu_ms_per_lifecycle
        yield _Figure("CPU per life, the database alone", *spent, PROCESS_FLOOR, "ms", _LEAST_CPU_MS)
    pages = old.limits.page_of_20_ms, new.limits.page_of_20_ms
    for name in _names(*pages):
        before, now = (page.get(name) for page in pages)
        ratios = before.ratio if before else None, now.ratio if now else None
        yield _Figure(f"page of 20 from {name}, gateway to direct", *ratios, RATIO_FLOOR)


def _steps(
    old: Mapping[str, StepLatency], new: Mapping[str, StepLatency], p50_floor: float, p99_floor: float, machine: float
) -> Iterator[_Figure]:
    names = [name for name in _names(old, new) if name != EVENT_TO_VIEW]  # a step's, which is here already
    for name in names:
        pair = [each for each in (old.get(name), new.get(name)) if each is not None]
        yield from _times(name, old.get(name), new.get(name), _error(pair), (p50_floor, p99_floor), machine)
    if len(both := [name for name in names if name in old and name in new]) > 1:
        before, now = _together([old[name] for name in both]), _together([new[name] for name in both])
        error = math.hypot(*(_error([old[name], new[name]]) for name in both)) / len(both)
        yield from _times("all steps (geometric mean)", before, now, error, (p50_floor, p99_floor), machine)


def _times(
    name: str,
    before: StepLatency | None,
    now: StepLatency | None,
    error: float,
    floors: tuple[float, float],
    machine: float,
) -> Iterator[_Figure]:
    p50 = before.p50 if before else None, now.p50 if now else None
    p99 = before.p99 if before else None, now.p99 if now else None
    bounds = [
        max(floor, math.expm1(_ERRORS * of * error)) for floor, of in zip(floors, (_OF_MEDIAN, _OF_P99), strict=True)
    ]
    yield _Figure(f"{name}, p50", *p50, bounds[0], "ms", _LEAST_MS, machine)
    yield _Figure(f"{name}, p99", *p99, bounds[1], "ms", _LEAST_MS, machine)


def _error(latencies: Sequence[StepLatency]) -> float:
    """Return how far the logarithms of a step's times spread, over sqrt(n): of all files together."""
    return math.hypot(
        *(math.log(max(1.0, each.p99 / each.p50)) / _P99 / math.sqrt(each.n) for each in latencies if each.p50 > 0)
    )


def _together(steps: Sequence[StepLatency]) -> StepLatency:
    return StepLatency(
        geometric_mean(step.p50 for step in steps),
        geometric_mean(step.p99 for step in steps),
        sum(step.n for step in steps),
    )


def _moved(before: float, now: float) -> float:
    """Return by which share a figure that no change of ours can have moved has moved, whichever way."""
    return max(before / now, now / before) - 1


def _names(old: Iterable[str], new: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))


def _chance(old: Sequence[float], new: Sequence[float]) -> float:
    """Return by which share the medians of two files' rounds may differ by chance; 0 if neither has two rounds.

    A file without rounds is taken to be as uncertain as the other.
    """
    errors = [_error_of_median(rounds) for rounds in (old, new) if len(rounds) > 1]
    return _ERRORS * math.hypot(*errors) * math.sqrt(2 / len(errors)) if errors else 0.0


def _error_of_median(rounds: Sequence[float]) -> float:
    """Return the standard error of rounds' median, as a share of it."""
    middle = median(rounds)
    deviation = _TO_DEVIATION * _FEW * median(abs(each / middle - 1) for each in rounds)
    return _OF_MEDIAN * deviation / math.sqrt(len(rounds))


def committed() -> Report:
    """Return the figures of the last commit.

    :raises ReportError: there are none, or this is no checkout.
    """
    name = f"{_COMMITTED} of the last commit"
    try:
        shown = subprocess.run(  # noqa: S603 - nothing of it is anybody's input
            ["git", "show", f"HEAD:{_COMMITTED}"],  # noqa: S607 - whichever the user's is
            cwd=_ROOT,
            capture_output=True,
            check=True,
        )
    except FileNotFoundError:
        raise ReportError(f"{name} cannot be read without git: name a file, as in OLD=before.json.") from None
    except subprocess.CalledProcessError:
        raise ReportError(f"There is no {name}: name a file to compare with, as in OLD=before.json.") from None
    return parse(shown.stdout, name)


def main(arguments: Sequence[str]) -> int:
    """Compare two files (none named: the last commit's figures with those kept now); say what differs.

    :return: 1 if something got slower or dearer, 2 if a file cannot be read or both have the same figures, else 0.
    """
    old, new = [*arguments, "", ""][:2]
    try:
        before, now = read(Path(old)) if old else committed(), read(Path(new) if new else LATEST)
    except ReportError as error:
        print(error, file=sys.stderr)
        return 2
    if before == now:
        names = f"{old or 'The last commit'} and {new or _COMMITTED}"
        print(f"{names} have the same figures, of one measurement: `make bench` takes new ones.", file=sys.stderr)
        return 2
    notes, findings = compare(before, now)
    print("\n".join(notes))
    for verdict in Verdict:
        sentences = [finding.sentence for finding in findings if finding.verdict is verdict]
        if sentences:
            print(f"\n{verdict.value}:")
            print("\n".join(f"  {sentence}" for sentence in sentences))
    return 1 if any(finding.verdict is Verdict.WORSE for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
