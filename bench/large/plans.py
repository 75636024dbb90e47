"""Plans as they were: of every statement that the server ran while a list was asked for, in the server's own words.

The server's auto_explain writes each plan with what was read, for the services' own prepared statements and values;
nothing is planned a second time elsewhere.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

EXPLAINED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "session_preload_libraries": "auto_explain",
        "auto_explain.log_min_duration": "0",
        "auto_explain.log_analyze": "on",
        "auto_explain.log_buffers": "on",
        "auto_explain.log_timing": "off",
        "auto_explain.log_parameter_max_length": "0",
        "auto_explain.log_format": "json",
    }
)
"""Settings of postgresql.conf of a server that writes down its plans."""

_BEGINNING: Final = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \S+ \[\d+\] ")
_PLAN: Final = re.compile(r"LOG:  duration: ([\d.]+) ms  plan:$")
_NAME: Final = re.compile(r"^\s*-- ([a-z_]+\.[a-z_]+):")


class Plan(msgspec.Struct, frozen=True):
    """A statement that was run so often: per run the median of what was read, and how."""

    name: str
    runs: int
    buffers: int
    most_buffers: int
    milliseconds: float
    most_milliseconds: float
    removed: int
    """Rows that were read and thrown away, at most."""
    indexes: Sequence[str]
    scanned: Sequence[str]
    """Tables that were read from end to end."""
    sorted: int
    """Rows that were sorted, at most."""


class Ran(msgspec.Struct, frozen=True):
    """One run of a statement, with its plan's root."""

    name: str
    milliseconds: float
    plan: Mapping[str, Any]

    @property
    def buffers(self) -> int:
        """Pages that were read, from memory or not."""
        return self.plan["Shared Hit Blocks"] + self.plan["Shared Read Blocks"]


class Log:
    """A server's log, read on from where it was."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = file.stat().st_size

    def ran(self) -> list[Ran]:
        """Return what was run since it was read before."""
        with self._file.open("rb") as log:
            log.seek(self._read)
            written = log.read()
        self._read += len(written)
        return list(_runs(written.decode(errors="replace")))


def _runs(log: str) -> Iterator[Ran]:
    milliseconds: str | None = None
    lines: list[str] = []
    for line in [*log.split("\n"), "0000-00-00 00:00:00.000 UTC [0] "]:
        if _BEGINNING.match(line):
            if milliseconds is not None:
                plan = msgspec.json.decode("\n".join(lines))
                if named := _NAME.match(plan["Query Text"]):  # the driver's own questions about types have no name
                    yield Ran(named[1], float(milliseconds), plan["Plan"])
            found = _PLAN.search(line)
            milliseconds, lines = (found[1] if found else None), []
        else:
            lines.append(line)


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def summed_up(runs: Sequence[Ran]) -> list[Plan]:
    """Return what each statement's runs came to, the dearest first."""
    of: dict[str, list[Ran]] = defaultdict(list)
    for ran in runs:
        of[ran.name].append(ran)
    return sorted((_plan(name, ran) for name, ran in of.items()), key=lambda plan: -plan.buffers * plan.runs)


def _plan(name: str, runs: Sequence[Ran]) -> Plan:
    buffers, times = sorted(ran.buffers for ran in runs), sorted(ran.milliseconds for ran in runs)
    nodes = [node for ran in runs for node in _nodes(ran.plan)]
    return Plan(
        name=name,
        runs=len(runs),
        buffers=buffers[len(buffers) // 2],
        most_buffers=buffers[-1],
        milliseconds=times[len(times) // 2],
        most_milliseconds=times[-1],
        removed=max(_removed(ran) for ran in runs),
        indexes=sorted({node["Index Name"] for node in nodes if "Index Name" in node}),
        scanned=sorted({node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}),
        sorted=max((_each(node, "Actual Rows") for node in nodes if node["Node Type"] == "Sort"), default=0),
    )


def _removed(ran: Ran) -> int:
    keys = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    return sum(_each(node, key) for node in _nodes(ran.plan) for key in keys)


def _each(node: Mapping[str, Any], key: str) -> int:
    return round(node.get(key, 0) * node["Actual Loops"])
