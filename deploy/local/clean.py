"""Remove what was installed and downloaded, but no data: `make clean`.

Run by path with the machine's own Python, whose libraries alone it uses: what it removes may be broken. A system that
still runs from there is not pulled away from under its feet.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_INSTALLED = (".venv", ".cache", "gateway/node_modules", "build", "dist")


def main(root: Path = _ROOT) -> None:
    """Remove it, or end with whom that would hit."""
    for process, command in _running():
        if any(f"{root / part}{os.sep}" in command for part in _INSTALLED):
            sys.exit(f"Process {process} runs from here ({command[:60]} …): stop it first.")
    for part in _INSTALLED:
        shutil.rmtree(root / part, ignore_errors=True)


def _running() -> Iterator["tuple[int, str]"]:
    listing = ["ps", "-axww", "-o", "pid=,command="]
    told = subprocess.run(listing, capture_output=True, text=True, check=False).stdout  # noqa: S603
    for line in told.splitlines():
        process, _, command = line.strip().partition(" ")
        if process.isdigit() and int(process) != os.getpid():
            yield int(process), command


if __name__ == "__main__":
    main()
