"""SPDX licence expressions: other words brought to them, and one weighed against what is allowed."""

from collections.abc import Callable
from typing import Final

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

_NAMES: Final = {
    name.lower(): expression
    for expression, names in {
        "Apache-2.0": (
            "Apache 2",
            "Apache 2.0",
            "Apache License 2.0",
            "Apache License, Version 2.0",
            "The Apache License, Version 2.0",
            "The Apache Software License, Version 2.0",
            "https://www.apache.org/licenses/LICENSE-2.0",
            "https://www.apache.org/licenses/LICENSE-2.0.html",
            "https://www.apache.org/licenses/LICENSE-2.0.txt",
        ),
        "BSD-2-Clause": ("BSD 2-Clause License", "https://opensource.org/licenses/BSD-2-Clause"),
        "CC0-1.0": ("Public Domain, per Creative Commons CC0",),
        "MIT": ("MIT License", "The MIT License", "https://www.opensource.org/licenses/mit-license.php"),
        "MPL-2.0": ("Mozilla Public License 2.0 (MPL 2.0)",),
        "PSF-2.0": ("Python Software Foundation License",),
    }.items()
    for name in names
}
"""Names that mean one licence and no other. "BSD License" and "Apache Software License" do not."""


def expression(words: str) -> str | None:
    """Return the SPDX expression that a package's words stand for, or None when they leave it open."""
    words = " ".join(words.split()).replace("http://", "https://")
    try:
        return canonicalize_license_expression(_NAMES.get(words.lower(), words))
    except InvalidLicenseExpression:
        return None


def holds(expression: str, allowed: Callable[[str], bool]) -> bool:
    """Tell whether the expression can be met with allowed licences alone; AND binds closer than OR.

    :raises ValueError: it is no SPDX expression.
    """
    spaced = canonicalize_license_expression(expression).replace("(", "( ").replace(")", " )")
    tokens = spaced.replace(" WITH ", "\0").split()[::-1]
    return _any(tokens, lambda licence: allowed(licence.replace("\0", " WITH ")))


def _any(tokens: list[str], allowed: Callable[[str], bool]) -> bool:
    found = _all(tokens, allowed)
    while tokens and tokens[-1] == "OR":
        tokens.pop()
        found |= _all(tokens, allowed)  # the right side is always read: its tokens must go
    return found


def _all(tokens: list[str], allowed: Callable[[str], bool]) -> bool:
    found = _one(tokens, allowed)
    while tokens and tokens[-1] == "AND":
        tokens.pop()
        found &= _one(tokens, allowed)
    return found


def _one(tokens: list[str], allowed: Callable[[str], bool]) -> bool:
    word = tokens.pop()
    if word != "(":
        return allowed(word)
    found = _any(tokens, allowed)
    tokens.pop()  # the closing parenthesis, which a canonical expression has
    return found
