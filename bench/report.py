"""What a measurement of whole lives found: the figures as they are kept in a file, and as a table for the terminal."""

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from rich.console import Console
from rich.table import Table

LATEST: Final = Path(__file__).with_name("results") / "latest.json"

AIM_LIFECYCLES_PER_SECOND: Final = 40.0
"""On two cores, with everything on them."""

AIM_EVENT_TO_VIEW_MS: Final = 250.0
"""At p99, at half of peak."""

AIM_GATEWAY_TO_DIRECT: Final = 2.0
"""At p50, for a page of 20 from one service."""

EVENT_TO_VIEW: Final = "event to view"
"""The row of `latency_ms` from the answer to dispatch's reply to an answer of feedback's that has seen it: it is the
wait for feedback, under the name that its aim has."""

TOTAL: Final = "total"
"""The row of `cpu_ms_per_lifecycle` and `memory_mb` that sums up the others."""


class ReportError(Exception):
    """A file of figures cannot be read: which, and what is wrong with it."""


class Percentiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long something took, in milliseconds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Self:
        """Return those of durations in seconds: of the nearest rank, so each is one that was measured.

        :raises ValueError: there are none.
        """
        if not seconds:
            raise ValueError("there are no durations to sum up")
        ordered = sorted(seconds)
        last = len(ordered) - 1
        return cls(ordered[round(0.50 * last)] * 1000, ordered[round(0.99 * last)] * 1000)


class StepLatency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a step of a life took, in milliseconds, in `n` lives."""

    p50: float
    p99: float
    n: int


class HalfOfPeak(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was done, and spent, while half as many lives began as the system can bear."""

    lifecycles_per_second: float
    """Lives that ended, by the time from the first one's beginning to the last one's end: where the system keeps up, a
    little less than half of the peak."""
    cpu_ms_per_lifecycle: Mapping[str, float]


class PageOf20(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same page from one service, asked in turns directly and through the gateway."""

    direct: Percentiles
    gateway: Percentiles

    @property
    def ratio(self) -> float:
        """How many times the direct call's p50 the gateway's is."""
        return self.gateway.p50 / self.direct.p50


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What parts of the system can do by themselves, taken in the same run."""

    pgbench_lifecycles_per_second: float
    kafka_round_trip_ms: Percentiles
    page_of_20_ms: Mapping[str, PageOf20]
    pgbench_cpu_ms_per_lifecycle: float | None = None
    """PostgreSQL's alone, without pgbench's own."""
    pgbench_statements: int | None = None
    """In one life, in all three databases, BEGIN and COMMIT among them."""
    pgbench_commits: int | None = None
    """In one life, in all three databases."""


class Ratios(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the system does beside its limits."""

    of_pgbench: float
    """Lives per second, as a share of those whose statements pgbench did."""
    event_to_view_to_kafka: float
    """p50 of an event's way into the view, as a multiple of a message's way through Kafka."""
    gateway_to_direct: float
    """p50 of a page of 20 through the gateway, as a multiple of the direct call's."""


class Lives(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What whole lives came to on one installation."""

    stored: int
    """Petitions that were stored before the first life began."""
    lifecycles_per_second: float
    rounds: tuple[float, ...]
    """Lives per second in each round at the peak."""
    mutations_per_second: float
    cpu_ms_per_lifecycle: Mapping[str, float]
    """By process, the machine's at the peak; `total` is their sum."""
    memory_mb: Mapping[str, float]
    half_of_peak: HalfOfPeak
    latency_ms: Mapping[str, StepLatency]
    """By step, in a life's order, at half of peak."""
    cpu_ms_rounds: tuple[float, ...] = ()
    """All processes' CPU-ms per life in each round at the peak: how far chance alone moves them."""


class Report(Lives, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One measurement."""

    cores: int
    limits: Limits
    ratios: Ratios
    machine: str = ""
    """The kind of processor, or nothing where that is unknown: figures of other processors are not compared as such."""
    interpreter: str = ""
    """The services' and the generator's, as in `CPython 3.11.2`; nothing where that is unknown."""


def interpreter() -> str:
    """Return which Python runs this, and with it the services: its kind and version."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def processor() -> str:
    """Return the kind of this machine's processor, as far as the system tells it."""
    try:
        told = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        told = []
    models = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    return ", ".join(dict.fromkeys([platform.machine(), *models]))


def read(file: Path) -> Report:
    """Read a file of figures.

    :raises ReportError: there is no such file, or it is not one of figures.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise ReportError(f"{file} cannot be read: {error.strerror or error}.") from error
    return parse(text, str(file))


def parse(text: bytes, name: str) -> Report:
    """Read the text of a file of figures.

    :param name: what the file is called in the error.
    :raises ReportError: it is not one of figures.
    """
    try:
        return msgspec.json.decode(text, type=Report)
    except msgspec.ValidationError as error:
        raise ReportError(f"{name} lacks a figure or has one too many: {error}.") from error
    except msgspec.DecodeError as error:
        raise ReportError(f"{name} is no file of figures: {error}.") from error


def write(report: Lives, file: Path = LATEST) -> None:
    """Keep what was measured, its figures to three decimals."""
    file.parent.mkdir(parents=True, exist_ok=True)
    figures = rounded(msgspec.to_builtins(report))
    file.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")


def print_table(report: Report, console: Console | None = None) -> None:
    """Print what was measured, beside what was aimed at."""
    console = console or Console()
    for table in (_summary(report), _processes(report), _steps(report), _pages(report)):
        console.print(table, "")


def rounded(value: Any) -> Any:
    """Return figures, however deep they lie, to three decimals."""
    match value:
        case float():
            return round(value, 3)
        case dict():
            return {name: rounded(each) for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case list() | tuple():
            return [rounded(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def titled_table(title: str, first: str, *columns: str) -> Table:
    """Return an empty table that fits 80 columns where it can: no edges, and figures to the right."""
    table = Table(first, title=title, title_justify="left", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _summary(report: Report) -> Table:
    limits, ratios = report.limits, report.ratios
    taken = [f"{report.cores} cores", report.interpreter, f"{report.stored:,} petitions stored"]
    table = titled_table(", ".join(filter(None, taken)), "figure", "measured", "limit", "ratio", "aim")
    table.add_row(
        "lives per second",
        f"{report.lifecycles_per_second:.1f}",
        f"pgbench {limits.pgbench_lifecycles_per_second:.1f}",
        f"{ratios.of_pgbench:.2f}",
        f"≥ {AIM_LIFECYCLES_PER_SECOND:.0f}",
    )
    if report.rounds:
        table.add_row("in rounds", f"{min(report.rounds):.1f} to {max(report.rounds):.1f}")
    table.add_row("mutations per second", f"{report.mutations_per_second:.0f}")
    spent, alone = report.cpu_ms_per_lifecycle, limits.pgbench_cpu_ms_per_lifecycle
    table.add_row("CPU-ms per life", _figure(spent.get(TOTAL), 1))
    if alone is not None and (ours := spent.get("postgres")) is not None:
        table.add_row("of it PostgreSQL's", f"{ours:.1f}", f"pgbench {alone:.1f}", f"{ours / alone:.2f}")
    if (seen := report.latency_ms.get(EVENT_TO_VIEW)) is not None:
        trip = limits.kafka_round_trip_ms
        table.add_row(
            "event to view, ms",
            f"{seen.p50:.1f} / {seen.p99:.1f}",
            f"Kafka {trip.p50:.1f} / {trip.p99:.1f}",
            f"{ratios.event_to_view_to_kafka:.1f}",
            f"p99 < {AIM_EVENT_TO_VIEW_MS:.0f}",
        )
    table.add_row(
        "page of 20, gateway",
        "",
        "direct",
        f"{ratios.gateway_to_direct:.2f}",
        f"≤ {AIM_GATEWAY_TO_DIRECT:.1f}",
    )
    return table


def _processes(report: Report) -> Table:
    half = report.half_of_peak
    table = titled_table("By process", "process", "CPU-ms per life", "at half of peak", "memory, MB")
    for name, spent in report.cpu_ms_per_lifecycle.items():
        table.add_row(
            name, f"{spent:.2f}", _figure(half.cpu_ms_per_lifecycle.get(name), 2), _figure(report.memory_mb.get(name))
        )
    return table


def _steps(report: Report) -> Table:
    half = report.half_of_peak.lifecycles_per_second
    table = titled_table(f"By step, at {half:.1f} lives per second", "step", "p50 ms", "p99 ms", "n")
    for name, step in report.latency_ms.items():
        table.add_row(name, f"{step.p50:.1f}", f"{step.p99:.1f}", f"{step.n:,}")
    return table


def _pages(report: Report) -> Table:
    table = titled_table(
        "A page of 20, asked in turns", "query", "direct p50 / p99 ms", "gateway p50 / p99 ms", "ratio"
    )
    for name, page in report.limits.page_of_20_ms.items():
        direct, gateway = page.direct, page.gateway
        table.add_row(
            name,
            f"{direct.p50:.1f} / {direct.p99:.1f}",
            f"{gateway.p50:.1f} / {gateway.p99:.1f}",
            f"{page.ratio:.2f}",
        )
    return table


def _figure(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:.{digits}f}"
