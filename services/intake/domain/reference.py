"""The reference data that intake records: which kinds, what their entries name, and why it takes no others."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from services.contracts.reference import GROUND_USES, Entry, Ground
from services.contracts.vocabulary import ReferenceKind
from services.kernel.entries import Link, Owned

_DISPATCHS: Final = "dispatch owns this kind: record it there (python -m services.dispatch reference)"

OWNED: Final = Owned(
    links=MappingProxyType(
        {
            ReferenceKind.STREET: (),
            ReferenceKind.COMMUNITY: (Link("street", ReferenceKind.STREET),),
            ReferenceKind.ESTATE: (Link("community", ReferenceKind.COMMUNITY),),
            ReferenceKind.STATION: (Link("street", ReferenceKind.STREET),),
            ReferenceKind.ROOM: (
                Link("station", ReferenceKind.STATION),
                Link("communities", ReferenceKind.COMMUNITY),
            ),
            ReferenceKind.VENUE: (Link("community", ReferenceKind.COMMUNITY), Link("room", ReferenceKind.ROOM)),
            ReferenceKind.REPRESENTATIVE: (
                Link("street", ReferenceKind.STREET),
                Link("rooms", ReferenceKind.ROOM),
                Link("station", ReferenceKind.STATION),
                Link("communities", ReferenceKind.COMMUNITY),
                Link("residence", ReferenceKind.COMMUNITY),
            ),
            ReferenceKind.CATEGORY: (Link("parent", ReferenceKind.CATEGORY),),
            ReferenceKind.CHANNEL: (),
            ReferenceKind.GROUND: (),
            ReferenceKind.REFERRAL: (),
        }
    ),
    others=MappingProxyType(
        {
            ReferenceKind.POLICY: "policies are recorded by the mutation recordDeadlinePolicy alone, which lets them "
            "take effect in the future only",
            ReferenceKind.HOLIDAY: "days are recorded by the mutation recordCalendarDays alone, which moves open "
            "clocks for days to come only",
            ReferenceKind.DEPARTMENT: _DISPATCHS,
            ReferenceKind.ROUTING_RULE: _DISPATCHS,
        }
    ),
)


def _citable(ground: Ground) -> Iterable[str]:
    """Say why a ground could not be cited."""
    if not ground.uses or set(ground.uses) - GROUND_USES:
        yield f"its uses must be some of {', '.join(sorted(GROUND_USES))}"


MORE: Final[Mapping[type[Entry], Any]] = MappingProxyType({Ground: _citable})
"""What else must hold of entries of a type."""
