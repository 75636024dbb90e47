"""What the first run downloads, and how much: the figures in one place, which a test holds against the real ones.

Sizes are in megabytes (10⁶ bytes) on 64-bit Linux, where PostgreSQL, Java and Node are largest. `python -m
deploy.local.downloads` measures them anew in a checkout that has everything.
"""

import base64
import json
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from deploy.local.progress import Progress

ROOT: Final = Path(__file__).resolve().parents[2]
WHEELS: Final = ROOT / ".cache" / "wheels"
_TO_RUN: Final = 300  # databases, topics, logs and what Java remembers of its classes, after a first demo


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of thing to fetch: how many from where, what comes over the wire, and what it takes on disk."""

    name: str
    source: str
    count: int
    what: str
    megabytes: int
    on_disk: int


PYTHON: Final = Part("Python packages", "PyPI", 129, "packages, with PostgreSQL, Java and Node among them", 218, 990)
KAFKA: Final = Part("Kafka", "Maven Central", 45, "jars", 45, 45)
GATEWAY: Final = Part("the gateway", "the npm registry", 199, "packages", 21, 160)


def missing() -> list[Part]:
    """Return what a checkout without an environment still has to fetch, jars and npm's packages too."""
    parts = [less(PYTHON, size_of_wheels())]
    cache = Path(os.environ.get("THROUGH_TRAIN_CACHE_FOLDER", ROOT / ".cache"))
    if not any((cache / "jars").glob("*/*.jar")):
        parts.append(KAFKA)
    if not (ROOT / "gateway" / "node_modules" / ".made-from").exists():
        parts.append(less(GATEWAY, size_on_the_wire(cache / "npm")))
    return parts


def announced(parts: Sequence[Part]) -> str:
    """Return what is to be downloaded as a table that fits a narrow terminal."""
    total, on_disk = sum(part.megabytes for part in parts), sum(part.on_disk for part in parts)
    lines = [f"To download, once: {total} MB, which take {on_disk} MB on disk."]
    lines += [f"  {part.name:<16} {_size(part)} from {part.source}: {part.count} {part.what}" for part in parts]
    return "\n".join(lines)


def _size(part: Part) -> str:
    return f"{part.megabytes:>4} MB" if part.megabytes else "here already,"


def less(part: Part, size: int) -> Part:
    """Return what is left to download when `size` bytes of it are here already."""
    megabytes = size // 10**6
    left = max(0, part.megabytes - megabytes)
    nearly = left < part.megabytes // 20  # the figure is no more exact than this
    return replace(part, megabytes=0 if nearly else left, on_disk=max(0, part.on_disk - megabytes))


def room_for(parts: Sequence[Part]) -> int:
    """Return how many megabytes must be free for the parts and for running on them."""
    return sum(part.on_disk for part in parts) + _TO_RUN


def size_on_disk(folder: Path) -> int:
    """Return the bytes that a folder takes, without what Python compiles of its own accord."""
    size = 0
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        size += sum((Path(place) / name).lstat().st_blocks * 512 for name in files)
    return size


def size_of_wheels() -> int:
    """Return the bytes of the wheels that are here."""
    return sum(wheel.stat().st_size for wheel in WHEELS.glob("*.whl"))


def size_on_the_wire(npm_cache: Path) -> int:
    """Return about how many bytes of the gateway's packages are in npm's cache, which others' packages share: archives
    as they are, descriptions as they travel, compressed.
    """
    return sum(wire for wire, _ in _of_the_gateway(npm_cache))


def _content(npm_cache: Path, integrity: str) -> Path:
    """Return where npm's cache keeps what has this checksum."""
    way, _, digest = integrity.partition("-")
    code = base64.b64decode(digest).hex()
    return npm_cache / "_cacache" / "content-v2" / way / code[:2] / code[2:4] / code[4:]


def _of_the_gateway(npm_cache: Path) -> Iterator[tuple[int, int]]:
    """Yield the bytes of each of the gateway's answers in npm's cache: as it travelled, and as it lies there."""
    lock = json.loads((ROOT / "gateway" / "package-lock.json").read_text(encoding="utf-8"))
    names = {place.rpartition("node_modules/")[2] for place in lock["packages"]} - {""}
    for file in (npm_cache / "_cacache" / "index-v5").glob("*/*/*"):
        for line in filter(None, file.read_text(encoding="utf-8").splitlines()):
            entry: dict[str, Any] = json.loads(line.partition("\t")[2])
            key, integrity = str(entry["key"]), str(entry["integrity"] or "")
            asked = unquote(urlsplit(key.partition("request-cache:")[2]).path).partition("/-/")[0].split("/")
            name = "/".join(asked[-2:] if asked[-2:][0].startswith("@") else asked[-1:])
            if name not in names or not integrity:
                continue
            content = _content(npm_cache, integrity)
            if content.is_file():
                held = content.read_bytes()
                yield len(zlib.compress(held) if held.startswith(b"{") else held), len(held)


def measured(cache: Path) -> dict[str, tuple[int, int]]:
    """Return what each part really takes here, by its name: the bytes over the wire, and those on disk.

    What is not here (a wheelhouse that was cleared, say) measures nothing.
    """
    jars = size_on_disk(cache / "jars")
    return {
        PYTHON.name: (size_of_wheels(), size_on_disk(ROOT / ".venv") + size_on_disk(WHEELS)),
        KAFKA.name: (jars, jars),
        GATEWAY.name: (
            size_on_the_wire(cache / "npm"),
            size_on_disk(ROOT / "gateway" / "node_modules") + sum(held for _, held in _of_the_gateway(cache / "npm")),
        ),
    }


if __name__ == "__main__":
    for stated in (PYTHON, KAFKA, GATEWAY):
        wire, disk = measured(ROOT / ".cache")[stated.name]
        Progress(sys.stdout).end(
            f"{stated.name:<16} download {wire / 1e6:6.0f} MB (stated {stated.megabytes}), "
            f"disk {disk / 1e6:6.0f} MB (stated {stated.on_disk})"
        )
