"""`python -m bench [NAME]`: measure, print a table, and keep the figures. Without a name, whole lives are measured."""

import asyncio
import errno
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

import msgspec

from bench import lifecycles, limits, parking, rebuild, soak
from bench.gateway import trial as gateway
from bench.gateway.turns import TrialError
from bench.life import RefusedError
from bench.pgbench import LimitError
from bench.recording import RecordingError
from bench.replicas import trial as replicas
from bench.scripts import ScriptError
from deploy.local.errors import LocalRunError

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

_KNOWN: Final = (LimitError, LocalRunError, RecordingError, RefusedError, ScriptError, TrialError)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def main(arguments: Sequence[str]) -> None:
    """Measure what is named, or whole lives.

    :raises SystemExit: there is no measurement of a name, and none was begun; or one could not be taken.
    """
    names = [name for name in arguments if name] or ["lifecycles"]
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        sys.exit(f"There is no measurement {unknown[0]!r}; there are {', '.join(MEASUREMENTS)}.")
    for name in names:
        try:
            _measure(name)
        except Exception as error:
            if (why := known(error)) is None:
                raise
            sys.exit(f"{name} could not be measured: {why}")


def _measure(name: str) -> None:
    figures = asyncio.run(MEASUREMENTS[name]())
    if figures is not None:
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"{name}.json"
        file.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")


def known(error: Exception) -> str | None:
    """Return what a user can be told instead of a traceback; None for what only we could have made wrong.

    :param error: of a group, all must be known; then the first is told, since the others are of the same cause.
    """
    if isinstance(error, ExceptionGroup):
        each: list[str | None] = [known(one) for one in cast(ExceptionGroup[Exception], error).exceptions]
        return None if None in each else each[0]
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"the disk is full ({error.filename or 'where we write'}): make room there and measure again."
    return str(error) if isinstance(error, _KNOWN) else None


if __name__ == "__main__":
    main(sys.argv[1:])
