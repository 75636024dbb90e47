"""A piece of others' work, whichever way it comes."""

import enum
from dataclasses import dataclass


class Way(enum.StrEnum):
    """How a piece comes to us; the value begins a sentence about it."""

    PYTHON = "Python package"
    NPM = "npm package"
    JAR = "jar"
    INSIDE = "component"


class Use(enum.StrEnum):
    """What a piece is needed for, in the order of the page."""

    SERVICES = "the services"
    GATEWAY = "the gateway"
    WORKSHOP = "the local run, tests and development"


@dataclass(frozen=True, order=True)
class Component:
    """One piece; `licence` is an SPDX expression, or None when nobody knows it."""

    way: Way
    name: str
    version: str
    use: Use
    licence: str | None
    seen: str
    """Where the licence is stated; without a licence, why it is open and what to do: the end of a sentence."""
    within: str = ""
    """The package that brings it along, when it comes inside another."""

    def __str__(self) -> str:
        """Name it as a sentence does."""
        name = f"{self.way} {self.name} {self.version}".rstrip()
        return f"{name} inside {self.within}" if self.within else name


def unstated(says: str, file: str) -> str:
    """Return the end of the sentence about a piece whose own words leave its licence open."""
    words = f"it says {says!r}" if says else "it says nothing"
    return f"{words}: look into its source, and enter the licence and the place in {file}."
