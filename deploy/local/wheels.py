"""The locked Python packages as wheels in `.cache/wheels`: fetched once, each whole or not at all.

pip knows how a machine reaches its index (mirrors, proxies, certificates, passwords), so pip fetches. It hands over
nothing before it has everything, so what has arrived is taken from its temporary folder while it works: a run that is
cut short leaves it in the house, and the next fetches the rest. A wheel counts by its locked sum, never by its name or
place, so half a file is never taken for a whole one; should a pip keep its files elsewhere, it starts over, and that
is all.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.errors import DiskFull, DownloadFailed, LocalRunError, WrongChecksum
from deploy.local.progress import Progress

_LEASH: Final = Path(__file__).with_name("leash.py")
_AT_ONCE: Final = 4
_PAUSE: Final = 0.3
_SUM: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_ELSEWHERE: Final = re.compile(r"Looking in indexes: (\S+?),?\s")
_LACKING: Final = re.compile(r"\(from versions: none\)\s+ERROR: No matching distribution found for (\S+)")
_FULL: Final = ("No space left on device", "Disk quota exceeded")
_OUT_OF_REACH: Final = (
    "NewConnectionError",
    "ConnectionError",
    "Failed to establish a new connection",
    "Connection refused",
    "Temporary failure in name resolution",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "Connection broken",
    "SSLError",
    "CERTIFICATE_VERIFY_FAILED",
)


@dataclass(frozen=True, slots=True)
class Locked:
    """A locked package: its lines in the requirements, and the sums of all its files."""

    text: str
    sums: frozenset[str]

    @property
    def name(self) -> str:
        """Return its name and version, as in `anyio==4.0`."""
        return self.text.split(maxsplit=1)[0]


def locked(requirements: Path) -> list[Locked]:
    """Return the packages that a requirements file locks."""
    blocks: list[str] = []
    for line in requirements.read_text(encoding="utf-8").splitlines(keepends=True):
        if line[0].isalnum():
            blocks.append(line)
        elif blocks and line[0].isspace() and line.strip():
            blocks[-1] += line
    return [Locked(block, frozenset(_SUM.findall(block))) for block in blocks]


def fetch(python: Path, requirements: Path, house: Path, progress: Progress, *, count: int, size: int) -> None:
    """Download the wheels that are not in the house yet, and remove those that are locked no longer.

    `count` and `size` (in bytes) are what there will be in all, for the progress alone.

    :raises DownloadFailed: the index could not be reached, or has no fitting wheel.
    :raises WrongChecksum: it offers other files than the locked ones.
    :raises DiskFull: there is no room.
    """
    house.mkdir(parents=True, exist_ok=True)
    packages = locked(requirements)
    wanted = frozenset[str]().union(*(package.sums for package in packages))
    for left in house.glob(".incoming-*"):  # by a run that was killed
        _Harvest(left, house, wanted).gather()
        shutil.rmtree(left, ignore_errors=True)
    present = _sums_in(house)
    for digest, wheel in present.items():
        if digest not in wanted:
            wheel.unlink()
    missing = [package for package in packages if package.sums.isdisjoint(present)]
    if not missing:
        return
    incoming = Path(tempfile.mkdtemp(dir=house, prefix=".incoming-"))
    harvest = _Harvest(incoming, house, wanted)
    pips = [_Pip(python, incoming / str(number), missing[number::_AT_ONCE]) for number in range(_AT_ONCE)]
    try:
        while any(pip.runs() for pip in pips):
            time.sleep(_PAUSE)
            harvest.gather()
            if failed := next((pip for pip in pips if pip.failed()), None):
                raise _failure(failed, house)
            progress.show(
                f"Python packages: {len(list(house.glob('*.whl')))} of {count}, "
                f"{_arriving(house) / 1e6:.0f} of {size / 1e6:.0f} MB"
            )
        harvest.gather()
        if failed := next((pip for pip in pips if pip.failed()), None):
            raise _failure(failed, house)
    finally:
        for pip in pips:
            pip.end()
        harvest.gather()
        shutil.rmtree(incoming, ignore_errors=True)


class _Pip:
    """A pip at work on some of the packages, in a folder of its own."""

    def __init__(self, python: Path, folder: Path, packages: Sequence[Locked]) -> None:
        (folder / "tmp").mkdir(parents=True)
        requirements, self._said = folder / "requirements.txt", folder / "said"
        requirements.write_text("".join(package.text for package in packages), encoding="utf-8")
        command: list[str | Path] = [
            *(python, "-m", "pip", "download", "--no-input", "--disable-pip-version-check"),
            # Wheels only: building a source package would run code, and fetch build tools, that no sum covers.
            *("--progress-bar", "off", "--no-deps", "--only-binary", ":all:", "--require-hashes"),
            *("--dest", folder / "out", "--requirement", requirements),
        ]
        # On a leash: it would go on downloading for nobody when we are killed.
        leash = [sys.executable, "-I", "-S", _LEASH, str(int(signal.SIGKILL)), str(os.getpid()), "-"]
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(  # noqa: S603
                [*leash, *command],
                env={**os.environ, "TMPDIR": str(folder / "tmp")},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        return self._said.read_text(encoding="utf-8", errors="replace")

    def runs(self) -> bool:
        return self._process.poll() is None

    def failed(self) -> bool:
        return (self._process.poll() or 0) != 0

    def end(self) -> None:
        # At once, since in good order it would remove what has just arrived.
        self._process.kill()
        self._process.wait()


@dataclass
class _Harvest:
    """Takes what has arrived whole out of the pips' folders."""

    incoming: Path
    house: Path
    wanted: frozenset[str]
    _looked_at: dict[Path, int] = field(default_factory=dict[Path, int])

    def gather(self) -> None:
        for wheel in _wheels_below(self.incoming):
            try:
                size = wheel.stat().st_size
                if self._looked_at.get(wheel) == size or (self.house / wheel.name).exists():
                    continue
                self._looked_at[wheel] = size
                if _sum(wheel) in self.wanted:
                    self._take(wheel)
            except FileNotFoundError:  # pip has just moved it
                continue

    def _take(self, wheel: Path) -> None:
        # A copy that is renamed: pip still needs its own, and not every disk has hard links.
        whole = self.incoming / "whole"
        shutil.copyfile(wheel, whole)
        if _sum(whole) in self.wanted:
            whole.replace(self.house / wheel.name)


def _failure(pip: _Pip, house: Path) -> LocalRunError:
    """Return what pip's words mean to the user."""
    said = pip.said
    index = found[1] if (found := _ELSEWHERE.search(said)) else "Python's package index"
    if any(word in said for word in _FULL):
        return DiskFull(f"The disk of {house} is full: make room there, and `make` goes on from where it was.")
    if "DO NOT MATCH THE HASHES" in said:
        return WrongChecksum(
            f"{index} offers another file than the locked one: ask who keeps that index, or use another with "
            f"PIP_INDEX_URL.\n{_end_of(said)}"
        )
    away = any(word in said for word in _OUT_OF_REACH)
    lacking = _LACKING.search(said)
    if away or lacking:
        # A pip that is told not to try again says the same of an index that is away and of one without a fitting wheel.
        this = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
        but = f", or has no {lacking[1]} for {this}" if lacking and not away else ""
        return DownloadFailed(
            f"{index} could not be reached{but}: check the connection (PIP_INDEX_URL names a mirror, "
            "HTTPS_PROXY a proxy), and `make` goes on from there."
        )
    return DownloadFailed(f"{index} does not have all packages for this Python:\n{_end_of(said)}")


def _end_of(said: str) -> str:
    return "\n".join(said.strip().splitlines()[-8:])


def _sums_in(house: Path) -> dict[str, Path]:
    return {_sum(wheel): wheel for wheel in house.glob("*.whl")}


def _sum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _wheels_below(folder: Path) -> Iterator[Path]:
    """Yield the wheels below a folder while others make and remove folders there (`rglob` minds that)."""
    for place, _, files in os.walk(folder):
        for name in files:
            if name.endswith(".whl"):
                yield Path(place) / name


def _arriving(house: Path) -> int:
    """Return the bytes of the wheels that are here or on their way, while others write and remove there."""
    sizes: dict[str, int] = {}
    for wheel in _wheels_below(house):
        try:
            sizes[wheel.name] = max(sizes.get(wheel.name, 0), wheel.stat().st_size)
        except FileNotFoundError:
            continue
    return sum(sizes.values())


def install(python: Path, requirements: Path, house: Path, progress: Progress) -> None:
    """Install the wheels of the house, and ask nobody for anything.

    :raises DownloadFailed: pip refused.
    :raises DiskFull: there is no room.
    """
    command: list[str | Path] = [
        *(python, "-m", "pip", "--isolated", "install", "--quiet", "--no-input", "--disable-pip-version-check"),
        *("--no-index", "--find-links", house, "--only-binary", ":all:"),
        *("--no-deps", "--require-hashes", "--requirement", requirements),
    ]
    packages = next((python.parents[1] / "lib").glob("python3.*")) / "site-packages"
    total = len(list(house.glob("*.whl")))
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        pip = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603
        try:
            while pip.poll() is None:
                progress.show(f"Installing: {min(total, len(list(packages.glob('*.dist-info'))))} of {total}")
                time.sleep(_PAUSE)
        finally:
            pip.terminate()
            pip.wait()
        output.seek(0)
        said = output.read()
    if any(word in said for word in _FULL):
        raise DiskFull(
            f"The disk is full: make room on the disk of {python.parents[1]}, and `make` goes on from there."
        )
    if pip.returncode != 0:
        raise DownloadFailed(f"The packages could not be installed; `make` tries again:\n{said.strip()}")
