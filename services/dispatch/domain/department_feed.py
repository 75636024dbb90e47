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
    def given(it: Numbered, event: dispatch.WorkOrderAssigned | dispatch.WorkOrderRuled) -> DepartmentEvent:
        return told(
            by_role=event.by.role,
            work_order_id=event.work_order_id,
            deadline_class=event.deadline_class,
            street=it.street,
            community=it.community,
            matter=event.matter,
        )

    return given


def _ruled(it: Numbered, event: dispatch.WorkOrderRuled) -> DepartmentEvent:
    told = _given(departments.OrderRuled) if it.department == event.department else _as(departments.OrderRelieved)
    return told(it, event)


_TOLD: Final[Mapping[type[Event], Telling]] = MappingProxyType(
    {
        dispatch.WorkOrderAssigned: _given(departments.OrderAssigned),
        dispatch.WorkOrderAcknowledged: _as(departments.OrderAcknowledged),
        dispatch.WorkOrderDeclined: _as(departments.OrderDeclined),
        dispatch.WorkOrderReferredForRuling: _as(departments.OrderReferredForRuling),
        dispatch.WorkOrderRuled: _ruled,
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
