"""The figures that the first run announces are those of what is really fetched, within 15 %."""

import json
from pathlib import Path

import pytest

from deploy.local import downloads, jars
from deploy.local.downloads import GATEWAY, KAFKA, PYTHON, ROOT
from deploy.local.node import fitting
from deploy.local.settings import LocalSettings
from deploy.local.wheels import locked

WITHIN = 0.15


def test_the_counts_are_those_of_the_locks() -> None:
    ours = [package for package in locked(ROOT / "requirements" / "dev.txt") if "win32" not in package.text]
    assert pytest.approx(len(ours), rel=WITHIN) == PYTHON.count
    assert len(jars._locked()) == KAFKA.count
    packages = json.loads((ROOT / "gateway" / "package-lock.json").read_text())["packages"]
    assert pytest.approx(len(fitting(packages)), rel=WITHIN) == GATEWAY.count


def _has_all_of_the_gateway(cache: Path) -> bool:
    """Tell whether all of its packages are in npm's cache here, and not only those that it shares with others."""
    packages = json.loads((ROOT / "gateway" / "package-lock.json").read_text())["packages"]
    sums = (packages[place]["integrity"] for place in fitting(packages))
    return all(downloads._content(cache / "npm", integrity).is_file() for integrity in sums)


@pytest.mark.parametrize("part", [PYTHON, KAFKA, GATEWAY], ids=lambda part: part.name)
def test_the_sizes_are_those_of_what_was_fetched(part: downloads.Part) -> None:
    cache = LocalSettings().cache_folder
    wire, disk = downloads.measured(cache)[part.name]
    if part is GATEWAY and not _has_all_of_the_gateway(cache):
        wire = 0
    if not wire:
        pytest.skip(f"{cache} was cleared, or filled by other means than `make`")
    assert wire / 1e6 == pytest.approx(part.megabytes, rel=WITHIN)
    assert disk / 1e6 == pytest.approx(part.on_disk, rel=WITHIN)
