"""What each process costs: CPU and memory, its children's included."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from bench.installation import Installation

GENERATOR = "generator"


@dataclass(frozen=True, slots=True)
class Usage:
    """At one moment: CPU time spent since its start (seconds), and memory (bytes; of what is shared, its share)."""

    cpu: float
    memory: int


def _usage(pid: int) -> Usage:
    parent = psutil.Process(pid)
    cpu, memory = 0.0, 0
    for process in [parent, *parent.children(recursive=True)]:
        try:
            times = process.cpu_times()
            # What children have spent that have ended: PostgreSQL's backends come and go.
            cpu += times.user + times.system + times.children_user + times.children_system
            memory += process.memory_full_info().pss
        except psutil.Error:
            continue
    return Usage(cpu, memory)


def taken(running: Installation) -> Mapping[str, Usage]:
    """Return what every part has used, this process as the generator included."""
    of = {name: _usage(process.pid) for name, process in running.processes.items()}
    own = psutil.Process().cpu_times()
    return {**of, GENERATOR: Usage(own.user + own.system, psutil.Process(os.getpid()).memory_info().rss)}
