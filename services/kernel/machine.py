"""State machines as tables: the one thing that code, tests, documentation and error messages read."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from services.kernel.errors import InvalidState

S = TypeVar("S", bound=StrEnum)
A = TypeVar("A", bound=StrEnum)


def allowed(transitions: Mapping[tuple[S, A], S], state: S) -> list[A]:
    """Return the acts that are possible in a state, in the table's order."""
    return [act for (origin, act) in transitions if origin is state]


def move(transitions: Mapping[tuple[S, A], S], state: S, act: A) -> S:
    """Return the state that an act leads to.

    :raises InvalidState: the table has no such row.
    """
    try:
        return transitions[state, act]
    except KeyError:
        raise InvalidState(act.value, state.value, [a.value for a in allowed(transitions, state)]) from None
