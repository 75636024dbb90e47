"""The metrics as others read them: docs/metrics.md for people, gateway/metrics.json for the gateway."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.kernel.metrics import GATEWAY, SERVICES, Metric, Over

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "metrics.md"
DEFINITIONS: Final = ROOT / "gateway" / "metrics.json"

_HEAD: Final = """# Metrics

Generated from `services/kernel/metrics.py` by `python -m deploy.observe write`; `make lint` finds it stale.

Each service tells its own at `/metrics` of its port, the gateway at `/metrics` of a port of its own \
(`GATEWAY_METRICS_PORT`, on `GATEWAY_METRICS_HOST`, which is 127.0.0.1 unless set). Labels have few values, all of \
them named in code: no ids, nothing that a client sent, no personal data. `service` is `intake`, `dispatch` or \
`feedback`.

**Several replicas.** What a process counts itself is put together by `sum()`. Figures of a database are told by every \
replica that has the scheduler's role, all the same: `max()` of them, or they count as often as there are replicas.

A histogram `x` has the series `x_bucket`, `x_count` and `x_sum`; its count is the number of what it measures.
"""


def files() -> dict[Path, str]:
    """Return the generated files and what belongs in them."""
    return {PAGE: _page(), DEFINITIONS: _definitions()}


def _page() -> str:
    services = "\n".join(["", "## Services", "", *_table(SERVICES)])
    gateway = "\n".join(["", "## Gateway", "", *_table(GATEWAY)])
    return f"{_HEAD}{services}\n{gateway}\n"


def _table(metrics: Sequence[Metric]) -> list[str]:
    head = ["| name | what it tells | labels | unit | replicas |", "|---|---|---|---|---|"]
    return [*head, *(_row(metric) for metric in sorted(metrics, key=lambda metric: metric.name))]


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels if label != "service")
    replicas = "`max()`" if metric.over is Over.MAX else "`sum()`"
    kind = f"{metric.unit} ({metric.kind.value})"
    return f"| `{metric.name}` | {metric.meaning} | {labels} | {kind} | {replicas} |"


def _definitions() -> str:
    described = [
        {
            "name": metric.name,
            "kind": metric.kind.value,
            "help": metric.meaning,
            "labels": list(metric.labels),
            **({"buckets": list(metric.buckets)} if metric.buckets else {}),
        }
        for metric in GATEWAY
    ]
    return json.dumps(described, ensure_ascii=False, indent=2) + "\n"
