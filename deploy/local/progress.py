"""How far a long step has come: a line that is rewritten on a terminal, and a line now and then elsewhere."""

import shutil
import sys
import time
from typing import Final, TextIO

_PAUSE: Final = 10.0  # a log of a first run stays readable


class Progress:
    """One line of progress on a stream."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to the stream, by default to stderr: stdout belongs to what was asked for."""
        self._stream = stream or sys.stderr
        self._rewritten = self._stream.isatty()
        self._next = time.monotonic() + (0.0 if self._rewritten else _PAUSE)
        self._shown = ""

    def show(self, line: str) -> None:
        """Say how far it is; elsewhere than on a terminal at most every ten seconds."""
        if self._rewritten:
            line = line[: shutil.get_terminal_size().columns - 1]
            if line != self._shown:
                self._stream.write(f"\r\x1b[K{line}")
                self._stream.flush()
                self._shown = line
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + _PAUSE
            print(line, file=self._stream, flush=True)

    def end(self, line: str = "") -> None:
        """Say how it ended, if there is anything to say, and leave the cursor on a line of its own."""
        if self._rewritten and self._shown:
            self._stream.write("\r\x1b[K")
            self._shown = ""
        if line:
            print(line, file=self._stream, flush=True)
