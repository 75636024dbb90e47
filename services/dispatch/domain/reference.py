"""The reference data that dispatch records: departments and routing rules.

What these name of intake's (categories, streets, communities) dispatch has only heard of. A rule or an office for a
place that has not arrived is recorded all the same: it fits no petition until the place is there, and a new district's
two files can be recorded in any order. Whoever records is told what is unheard of, since it may be misspelt.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from services.contracts.reference import AnyEntry, Entry, RoutingRule
from services.contracts.vocabulary import ReferenceKind
from services.kernel.entries import Link, Owned

LOWEST_PRIORITY: Final = 999

_INTAKES: Final = "intake owns this kind: record it there (python -m services.intake reference)"
_BY_MUTATION: Final = "intake owns this kind, and records it by recordDeadlinePolicy and recordCalendarDays alone"

OWNED: Final = Owned(
    links=MappingProxyType(
        {
            ReferenceKind.DEPARTMENT: (),
            ReferenceKind.ROUTING_RULE: (Link("department", ReferenceKind.DEPARTMENT),),
        }
    ),
    others=MappingProxyType(
        {
            **dict.fromkeys(set(ReferenceKind) - {ReferenceKind.DEPARTMENT, ReferenceKind.ROUTING_RULE}, _INTAKES),
            **dict.fromkeys((ReferenceKind.POLICY, ReferenceKind.HOLIDAY), _BY_MUTATION),
        }
    ),
)

_HEARD: Final[Mapping[ReferenceKind, Sequence[Link]]] = MappingProxyType(
    {
        ReferenceKind.DEPARTMENT: (Link("street", ReferenceKind.STREET),),
        ReferenceKind.ROUTING_RULE: (
            Link("category", ReferenceKind.CATEGORY),
            Link("street", ReferenceKind.STREET),
            Link("community", ReferenceKind.COMMUNITY),
        ),
    }
)
_NAMES: Final = Owned(_HEARD, {})


def named_of_intakes(entries: Iterable[AnyEntry]) -> set[str]:
    """Return the keys of intake's entries that live entries of dispatch's name."""
    return {key for entry in entries if not entry.retired for _, key in _NAMES.named_by(entry)}


def _in_order(rule: RoutingRule) -> Iterable[str]:
    """Say why a rule could not be ranked."""
    if not 0 <= rule.priority <= LOWEST_PRIORITY:
        yield f"its priority must be from 0 (asked first) to {LOWEST_PRIORITY}"


MORE: Final[Mapping[type[Entry], Any]] = MappingProxyType({RoutingRule: _in_order})
"""What else must hold of entries of a type."""
