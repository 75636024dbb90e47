"""What a department is told of dispatch's events: the same fact in the words of its feed (contracts/departments.py)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from services.contracts import clocks, departments, dispatch
from services.contracts.departments import DepartmentEvent
from services.contracts.event import Event
from services.contracts.vocabulary import ClockKind
from services.kernel.ids import PetitionId


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event as it concerns a department: its number in the department's feed, and what was recorded of it."""

    department: str
    number: int
    petition: PetitionId
    id: UUID
    cycle: int
    at: datetime
    recorded_at: datetime
    street: str
    community: str
    event: Event


Telling = Callable[[Numbered, Any], DepartmentEvent]


def tell(it: Numbered) -> DepartmentEvent:
    """Return what the department is told.

    :raises KeyError: departments are not told of such events; store/department_feed.py does not number them.
    """
    return _TOLD[type(it.event)](it, it.event)


def _as(told: type[DepartmentEvent]) -> Telling:
    """Tell an event by the fields that both have."""
    names = [name for name in told.__struct_fields__ if name != "by_role"]

    def same(_: Numbered, event: Event) -> DepartmentEvent:
        return told(by_role=event.by.role, **{name: getattr(event, name) for name in names})

    return same


def _given(told: type[departments.OrderGiven]) -> Telling:
    """Tell a department that an order is its own now, or the one that was responsible that it no longer is."""
    relieved = _as(departments.OrderRelieved)

    def given(it: Numbered, event: dispatch.WorkOrderAssigned | dispatch.WorkOrderRuled) -> DepartmentEvent:
        if it.department != event.department:
            return relieved(it, event)
        return told(
            by_role=event.by.role,
            work_order_id=event.work_order_id,
            deadline_class=event.deadline_class,
            street=it.street,
            community=it.community,
            matter=event.matter,
            instructions=event.instructions,
        )

    return given


_TOLD: Final[Mapping[type[Event], Telling]] = MappingProxyType(
    {
        dispatch.WorkOrderAssigned: _given(departments.OrderAssigned),
        dispatch.WorkOrderAcknowledged: _as(departments.OrderAcknowledged),
        dispatch.WorkOrderDeclined: _as(departments.OrderDeclined),
        dispatch.WorkOrderReferredForRuling: _as(departments.OrderReferredForRuling),
        dispatch.WorkOrderRuled: _given(departments.OrderRuled),
        dispatch.WorkOrderStarted: _as(departments.OrderStarted),
        dispatch.WorkOrderInformationRequested: _as(departments.OrderInformationRequested),
        dispatch.WorkOrderResumed: _as(departments.OrderResumed),
        dispatch.WorkOrderReplied: _as(departments.OrderReplied),
        dispatch.WorkOrderReplyReturned: _as(departments.OrderReplyReturned),
        dispatch.WorkOrderCancelled: _as(departments.OrderCancelled),
        dispatch.PetitionPressed: _as(departments.Pressed),
        dispatch.PetitionInstructionAnswered: _as(departments.InstructionAnswered),
        clocks.ClockStarted: _as(departments.ClockStarted),
        clocks.ClockReminded: _as(departments.ClockReminded),
        clocks.ClockEscalated: _as(departments.ClockEscalated),
        clocks.ClockPaused: _as(departments.ClockPaused),
        clocks.ClockResumed: _as(departments.ClockResumed),
        clocks.ClockMoved: _as(departments.ClockMoved),
        clocks.ClockStopped: _as(departments.ClockStopped),
    }
)

TOLD: Final = frozenset(event.TYPE for event in _TOLD)
"""The types that departments are told of."""

UNTOLD: Final = frozenset({dispatch.WorkOrderOpened.TYPE, dispatch.PetitionReplied.TYPE})
"""Those that say nothing new to a department: before it is assigned, and what it said itself."""

NAMING: Final = frozenset(
    event.TYPE
    for event in (
        dispatch.WorkOrderAssigned,
        dispatch.WorkOrderAcknowledged,
        dispatch.WorkOrderDeclined,
        dispatch.WorkOrderRuled,
        dispatch.WorkOrderReplied,
        dispatch.WorkOrderReplyReturned,
        dispatch.WorkOrderCancelled,
        dispatch.PetitionPressed,
    )
)
"""Those that concern the departments that they name, and these alone, whoever leads after them."""

CLOCKS: Final = frozenset({ClockKind.ACKNOWLEDGEMENT, ClockKind.HANDLING, ClockKind.INFORMATION, ClockKind.INSTRUCTION})
"""The clocks that measure a department's work, or stop it; the others are the committee's and the supervisor's."""
