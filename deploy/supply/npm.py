"""npm packages: every lock file in the tree states the licences itself, installed or not."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypedDict, cast

from deploy.supply import spdx
from deploy.supply.component import Component, Use, Way, unstated

_SKIPPED: Final = frozenset({".cache", ".data", ".git", ".venv", "node_modules"})


class _Package(TypedDict, total=False):
    version: str
    license: str
    dev: bool
    link: bool


def components(root: Path) -> list[Component]:
    """Return every package of every lock file; what only tests need is told apart."""
    found: dict[tuple[str, str], Component] = {}
    for file in lock_files(root):
        serves = file.relative_to(root).parts[0] == "gateway"
        packages = cast("dict[str, _Package]", json.loads(file.read_text(encoding="utf-8"))["packages"])
        for path, package in packages.items():
            if not path or package.get("link"):  # the lock's own folder
                continue
            name, says = path.rpartition("node_modules/")[2], package.get("license", "")
            use = Use.GATEWAY if serves and not package.get("dev") else Use.WORKSHOP
            licence = spdx.expression(says)
            seen = "its lock file" if licence else unstated(says, "deploy/supply/npm.py")
            one = Component(Way.NPM, name, package.get("version", ""), use, licence, seen)
            known = found.get((name, one.version))
            if known is None or one.use is Use.GATEWAY:
                found[name, one.version] = one
    return list(found.values())


def lock_files(root: Path) -> Iterator[Path]:
    """Yield the tree's lock files, in order; not those that packages bring along."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - _SKIPPED)
        if "package-lock.json" in files:
            yield Path(folder) / "package-lock.json"
