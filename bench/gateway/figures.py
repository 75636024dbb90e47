"""What a trial of the gateway found, as it is kept in a file and printed."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Self

import msgspec
from rich.console import Console
from rich.table import Table


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The middle of several rounds, and the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, rounds: Sequence[float]) -> Self:
        """Return the spread of what rounds found.

        :raises statistics.StatisticsError: there were none.
        """
        return cls(round(statistics.median(rounds), 3), round(min(rounds), 3), round(max(rounds), 3))


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the services are asked for one question: requests, and bytes of all their bodies."""

    requests: int
    bytes: int


class Planner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One planner: CPU-ms per request, CPU-ms for a document that is new, memory in MB, and its plans."""

    cpu_ms: Spread
    cpu_ms_off_main_thread: float
    cpu_ms_per_life: float
    cpu_ms_by_question: Mapping[str, Spread]
    cpu_ms_new_document: Spread
    memory_started_mb: float
    memory_before_mb: float
    memory_after_mb: float
    plans: Mapping[str, Plan]


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One trial."""

    node: str
    machine: str
    requests: int
    """That were asked between `memory_before_mb` and `memory_after_mb`."""
    planners: Mapping[str, Planner]
    whole_us: Mapping[str, Spread]
    """What a request costs inside the process, without its sockets."""
    limits_us: Mapping[str, Mapping[str, Spread]]
    """How much of it is each limit's, by question."""


def print_tables(found: Figures, console: Console) -> None:
    """Print what was found."""
    table = Table("planner", "CPU-ms per request", "of it V8's threads", "a life", "new document", "memory, MB")
    for name, one in found.planners.items():
        memory = f"{one.memory_started_mb:.0f} → {one.memory_before_mb:.0f} → {one.memory_after_mb:.0f}"
        spread = f"{one.cpu_ms.median:.2f} ({one.cpu_ms.least:.2f} to {one.cpu_ms.most:.2f})"
        off = f"{one.cpu_ms_off_main_thread:.2f}"
        table.add_row(name, spread, off, f"{one.cpu_ms_per_life:.1f}", f"{one.cpu_ms_new_document.median:.1f}", memory)
    console.print(table)
    questions = list(found.whole_us)
    table = Table("a limit's part", *(f"{name}, µs" for name in questions))
    for name, of in found.limits_us.items():
        table.add_row(name, *(f"{of[one].median:.1f} ({of[one].least:.1f} to {of[one].most:.1f})" for one in questions))
    table.add_row("all of these", *(f"{_sum(found, one):.1f}" for one in questions))
    table.add_row("the whole request", *(f"{found.whole_us[name].least:.0f}" for name in questions))
    console.print(table)


def _sum(found: Figures, question: str) -> float:
    return sum(of[question].median for of in found.limits_us.values())
