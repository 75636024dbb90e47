"""`python -m bench [NAME]`: measure, print a table, and keep the figures. Without a name, whole lives are measured."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from bench import lifecycles, limits, parking, rebuild, soak
from bench.gateway import trial as gateway
from bench.replicas import trial as replicas

RESULTS: Final = Path(__file__).with_name("results")
MEASUREMENTS: Final[Mapping[str, Callable[[], Coroutine[Any, Any, Mapping[str, Any] | None]]]] = MappingProxyType(
    {
        "gateway": gateway.measure,
        "lifecycles": lifecycles.measure,
        "limits": limits.measure,
        "parking": parking.measure,
        "rebuild": rebuild.measure,
        "replicas": replicas.measure,
        "soak": soak.measure,
    }
)
"""By name; what returns no figures has kept them itself."""


def main() -> None:
    """Measure what is named, or whole lives.

    :raises SystemExit: there is no such measurement.
    """
    names = [name for name in sys.argv[1:] if name] or ["lifecycles"]
    for name in names:
        if name not in MEASUREMENTS:
            sys.exit(f"There is no measurement {name!r}; there are {', '.join(MEASUREMENTS)}.")
        figures = asyncio.run(MEASUREMENTS[name]())
        if figures is not None:
            RESULTS.mkdir(exist_ok=True)
            file = RESULTS / f"{name}.json"
            file.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")


if __name__ == "__main__":
    main()
