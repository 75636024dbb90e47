"""The local run's logs, readably: `make logs SERVICE=intake`. Each JSON line becomes a line for people; others stay."""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO, cast

from rich.console import Console
from rich.text import Text

from deploy.local.speech import Piped, harmless

_POLL_SECONDS: Final = 0.2
_TAIL_BYTES: Final = 64 * 1024
_FIRST: Final = 20
"""How many lines of each log are shown before what comes."""

_STYLES: Final = {"debug": "dim", "info": "", "warning": "yellow", "error": "bold red", "critical": "bold red"}
_APART: Final = frozenset({"time", "timestamp", "level", "event", "service", "trace_id", "span_id"})
_TRACE_SIGNS: Final = 8
"""As much of a trace's id as tells two of a minute apart."""


@dataclass
class Log:
    """One log file, read from where it was left; it may be rotated away meanwhile."""

    path: Path
    _file: TextIO | None = None
    _rest: str = ""

    @property
    def name(self) -> str:
        """Whose it is."""
        return self.path.stem

    def new(self) -> Iterator[str]:
        """Yield whole lines that were written since the last time; at first those of the file's end."""
        if self._file is None:
            yield from self._open(_TAIL_BYTES)
        elif self._replaced():
            yield from (*self._whole(), self._rest)  # how the last run ended
            self._file.close()
            yield from self._open(None)
        else:
            yield from self._whole()

    def _open(self, tail: int | None) -> Iterator[str]:
        self._file, self._rest = None, ""
        try:
            self._file = self.path.open(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        if tail is not None and (size := os.fstat(self._file.fileno()).st_size) > tail:
            self._file.seek(size - tail)
            self._file.readline()  # the half of a line
        yield from self._whole()

    def _whole(self) -> list[str]:
        assert self._file is not None
        *whole, self._rest = (self._rest + self._file.read()).split("\n")
        return whole

    def _replaced(self) -> bool:
        assert self._file is not None
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return True
        return there.st_ino != os.fstat(self._file.fileno()).st_ino


def shown(service: str, line: str) -> Text:
    """Return a line for people: when, whose, what, and the rest as `name=value`."""
    try:
        said: object = json.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return Text.assemble((f"{service:9} ", "cyan"), harmless(line))
    record = cast(dict[str, Any], said)
    at = _clock(record.get("timestamp") or record.get("time"))
    level = str(record.get("level", "info"))
    trace = str(record.get("trace_id", ""))
    rest = " ".join(f"{name}={_value(value)}" for name, value in record.items() if name not in _APART)
    return Text.assemble(
        (f"{at} ", "dim"),
        (f"{service:9} ", "cyan"),
        (f"{harmless(level):8}", _STYLES.get(level, "")),
        (harmless(str(record.get("event", ""))), "bold"),
        f" {harmless(rest)}" if rest else "",
        (f" ⋯{harmless(trace[:_TRACE_SIGNS])}" if trace else "", "dim"),
    )


def _clock(instant: object) -> str:
    try:
        return datetime.fromisoformat(str(instant)).astimezone().strftime("%H:%M:%S.%f")[:-3]
    except ValueError:
        return "            "


def _value(value: object) -> str:
    return value if isinstance(value, str) and " " not in value else json.dumps(value, ensure_ascii=False)


def follow(logs: Sequence[Log], console: Console, *, lasting: bool) -> None:
    """Print the last lines of each log, and (`lasting`) what comes, until interrupted."""
    first = True
    while True:
        for log in logs:
            lines = [line for line in log.new() if line.strip()]
            for line in lines[-_FIRST:] if first else lines:
                console.print(shown(log.name, line))
        if not lasting:
            return
        first = False
        time.sleep(_POLL_SECONDS)


def main() -> None:
    """Print logs: `python -m deploy.local.logs FOLDER [NAME]`; at a terminal, go on until Ctrl-C.

    :raises SystemExit: there are no logs, or none of this name.
    """
    folder, name = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    there = sorted(path for path in folder.glob("*.log") if path.is_file())
    chosen = [path for path in there if name in ("", path.stem)]
    if not there:
        sys.exit(f"There are no logs in {folder} yet: `make run` writes them.")
    if not chosen:
        sys.exit(f"There is no log of {name!r}; SERVICE can be {', '.join(path.stem for path in there)}.")
    console = Piped()
    try:
        follow([Log(path) for path in chosen], console, lasting=console.is_terminal)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
