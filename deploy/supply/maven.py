"""Kafka's jars: `make lock` reads each jar's licence and commits it with the jar's sum, so that lint needs no jar."""

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict, cast
from xml.etree import ElementTree

from deploy.supply import spdx
from deploy.supply.component import Component, Use, Way, unstated

_TABLE: Final = Path("deploy/supply/jars.json")
_SUMS: Final = Path("deploy/local/jars.sha256")
_NAME: Final = re.compile(r"(?P<name>.+?)-(?P<version>\d.*)\.jar")
_APACHE: Final = re.compile(r"\s*Apache License\s+Version 2\.0, January 2004")


@dataclass(frozen=True)
class ByHand:
    """What a person found about a jar that says nothing itself; it holds for this version."""

    version: str
    licence: str
    found: str


BY_HAND: Final = {
    "hash4j": ByHand("0.22.0", "Apache-2.0", "its POM on Maven Central"),
    "metrics-core": ByHand("2.2.0", "Apache-2.0", "the POM of its parent, metrics-parent"),
    "pcollections": ByHand("4.0.2", "MIT", "its POM on Maven Central"),
    "re2j": ByHand("1.8", "BSD-3-Clause", "its POM on Maven Central: Go's licence"),
    "slf4j-api": ByHand("1.7.36", "MIT", "the POM of its parent, slf4j-parent"),
    "slf4j-simple": ByHand("1.7.36", "MIT", "the POM of its parent, slf4j-parent"),
}


class Entry(TypedDict):
    """A jar as it was when somebody locked it."""

    sha256: str
    licence: str | None
    says: str


def components(root: Path) -> list[Component]:
    """Return every locked jar; one that the table knows under another sum, or not at all, has no licence."""
    table = cast("dict[str, Entry]", json.loads((root / _TABLE).read_text(encoding="utf-8")))
    found: list[Component] = []
    for jar, sha256 in _sums(root).items():
        entry = table.get(jar)
        if entry is None or entry["sha256"] != sha256:
            licence, seen = None, f"it is not the jar that {_TABLE} knows: run `make lock`."
        else:
            licence = entry["licence"]
            seen = entry["says"] if licence else unstated(entry["says"], "deploy/supply/maven.py")
        found.append(Component(Way.JAR, *_named(jar), Use.WORKSHOP, licence, seen))
    return found


def record(root: Path, folder: Path) -> None:
    """Write the table anew from the jars in `folder`, whose sums have been verified."""
    sums = _sums(root)
    table = {jar: Entry(sha256=sums[jar], **_licence(folder / jar)) for jar in sorted(sums)}
    (root / _TABLE).write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


class _Licence(TypedDict):
    licence: str | None
    says: str


def _licence(jar: Path) -> _Licence:
    name, version = _named(jar.name)
    says = _says(jar, name)
    if not says and (by_hand := BY_HAND.get(name)) is not None and by_hand.version == version:
        return _Licence(licence=by_hand.licence, says=f"by hand: {by_hand.found}")
    return _Licence(licence=spdx.expression(says), says=says)


def _says(jar: Path, name: str) -> str:
    """Return what a jar states: in its POM (several licences are a choice), its manifest, or its licence's text."""
    with zipfile.ZipFile(jar) as archive:
        names = archive.namelist()
        for path in names:
            if path.endswith(f"/{name}/pom.xml"):
                stated = _licences_of(archive.read(path))
                if stated:
                    return " OR ".join(spdx.expression(one) or one for one in stated)
        manifest = archive.read("META-INF/MANIFEST.MF").decode().replace("\r\n", "\n").replace("\n ", "")
        if bundle := re.search(r"^Bundle-License: (.+)$", manifest, re.MULTILINE):
            return bundle[1].partition(";")[0].strip('" ')
        texts = [path for path in names if path in ("LICENSE", "META-INF/LICENSE")]
        return "Apache-2.0" if texts and _APACHE.match(archive.read(texts[0]).decode()) else ""


def _licences_of(pom: bytes) -> list[str]:
    # Read from jars whose sums are locked, and only when they are locked anew.
    project = ElementTree.fromstring(pom)  # noqa: S314
    return [name.text or "" for name in project.iterfind("{*}licenses/{*}license/{*}name")]


def _named(jar: str) -> tuple[str, str]:
    matched = _NAME.fullmatch(jar)
    if matched is None:
        raise ValueError(f"{jar} does not end in a version")
    return matched["name"], matched["version"]


def _sums(root: Path) -> dict[str, str]:
    lines = (root / _SUMS).read_text(encoding="utf-8").splitlines()
    return {place.rpartition("/")[2]: digest for digest, place in (line.split(maxsplit=1) for line in lines)}
