"""What a trial of the gateway found, as it is kept in a file and printed."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Self

import msgspec
from rich.console import Console
from rich.table import Table

from bench.gateway.questions import NOTHING
from bench.report import titled_table


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

    def said(self, digits: int) -> str:
        """Return it as a table has it."""
        return f"{self.median:.{digits}f} ({self.least:.{digits}f} to {self.most:.{digits}f})"


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the services are asked for one question: requests, and bytes of all their bodies."""

    requests: int
    bytes: int


class Planner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One planner: CPU-ms per request, CPU-ms for a document that is new, memory in MB, and its plans."""

    cpu_ms: Spread
    """The mean of all questions."""
    life_cpu_ms: Spread
    """The mean of a life's requests."""
    life_cpu_ms_off_main_thread: Spread
    """What of that V8's and libuv's threads took."""
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
    rounds: int
    """In which each planner was asked each question."""
    life: Sequence[str]
    """The questions that are a life's requests, by name, in order."""
    requests: int
    """A life's, over and over, that were asked between `memory_before_mb` and `memory_after_mb`."""
    planners: Mapping[str, Planner]
    whole_us: Mapping[str, Spread]
    """What a request costs inside the process, without its sockets."""
    limits_us: Mapping[str, Mapping[str, Spread]]
    """How much of the middle round of it is each limit's, by question: the spread is that of its share in profiles."""


def print_tables(found: Figures, console: Console) -> None:
    """Print where each planner stands, and what each limit costs."""
    for table in (_planners(found), _limits(found)):
        console.print(table, "")


def _planners(found: Figures) -> Table:
    planners = found.planners.values()
    table = titled_table(f"Where it stands, medians of {found.rounds} rounds", "CPU-ms per request", *found.planners)
    questions = len(next(iter(planners)).cpu_ms_by_question)
    table.add_row(f"a life's {len(found.life)} requests, mean", *(one.life_cpu_ms.said(2) for one in planners))
    table.add_row("of it, off the main thread", *(one.life_cpu_ms_off_main_thread.said(2) for one in planners))
    table.add_row("{ __typename }", *(one.cpu_ms_by_question[NOTHING].said(2) for one in planners))
    table.add_row(f"all {questions} questions, mean", *(one.cpu_ms.said(2) for one in planners))
    table.add_row("a document that is new", *(one.cpu_ms_new_document.said(1) for one in planners))
    table.add_row("a whole life", *(f"{one.cpu_ms_per_life:.1f}" for one in planners))
    table.add_row("requests to services", *(f"{sum(plan.requests for plan in one.plans.values())}" for one in planners))
    table.add_row("their bytes", *(f"{sum(plan.bytes for plan in one.plans.values()):,}" for one in planners))
    table.add_row("memory at the start, MB", *(f"{one.memory_started_mb:.0f}" for one in planners))
    table.add_row("before the load", *(f"{one.memory_before_mb:.0f}" for one in planners))
    table.add_row(f"after {found.requests:,} requests", *(f"{one.memory_after_mb:.0f}" for one in planners))
    return table


def _limits(found: Figures) -> Table:
    questions = list(found.whole_us)
    table = titled_table("What each limit costs inside a process", "µs of CPU", *questions)
    for name, of in found.limits_us.items():
        table.add_row(name, *(of[one].said(1) for one in questions))
    table.add_row("all of these", *(f"{_sum(found, one):.1f}" for one in questions))
    table.add_row("the whole request", *(found.whole_us[name].said(0) for name in questions))
    return table


def _sum(found: Figures, question: str) -> float:
    return sum(of[question].median for of in found.limits_us.values())
