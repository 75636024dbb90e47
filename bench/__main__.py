"""`python -m bench [NAME]`: measure, print a table, and keep the figures."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from bench import limits, parking, rebuild

RESULTS: Final = Path(__file__).with_name("results")
MEASUREMENTS: Final[Mapping[str, Callable[[], Coroutine[Any, Any, Mapping[str, Any]]]]] = MappingProxyType(
    {"limits": limits.measure, "parking": parking.measure, "rebuild": rebuild.measure}
)


def main() -> None:
    """Measure what is named, or everything.

    :raises SystemExit: there is no such measurement.
    """
    names = [name for name in sys.argv[1:] if name] or list(MEASUREMENTS)
    for name in names:
        if name not in MEASUREMENTS:
            sys.exit(f"There is no measurement {name!r}; there are {', '.join(MEASUREMENTS)}.")
        figures = asyncio.run(MEASUREMENTS[name]())
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"{name}.json"
        file.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")


if __name__ == "__main__":
    main()
