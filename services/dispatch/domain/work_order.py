"""The work order, the petition as dispatch knows it, and the table of acts (state-machine.md, Dispatch)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.contracts.dispatch import Matter, OpenInstruction, Suggestion
from services.contracts.vocabulary import ClockKind, DeadlineClass, Urgency, WorkOrderState
from services.dispatch.domain.instruction import Instruction, InstructionState
from services.kernel import machine
from services.kernel.clocks import Ticking
from services.kernel.errors import InvalidState
from services.kernel.head import Head
from services.kernel.ids import InstructionId, TrackingCode, WorkOrderId

S = WorkOrderState


class Act(StrEnum):
    """What can be done with a work order; RESUME and CANCEL are the product's own, when the petition moves."""

    ASSIGN = "ASSIGN"
    ACKNOWLEDGE = "ACKNOWLEDGE"
    DECLINE_FIRST = "DECLINE_FIRST"
    DECLINE_SECOND = "DECLINE_SECOND"
    RULE = "RULE"
    START = "START"
    ASK_RESIDENT = "ASK_RESIDENT"
    RESUME = "RESUME"
    REPLY = "REPLY"
    SEND_BACK = "SEND_BACK"
    CANCEL = "CANCEL"


TRANSITIONS: Final[Mapping[tuple[WorkOrderState, Act], WorkOrderState]] = MappingProxyType(
    {
        (S.PENDING, Act.ASSIGN): S.ASSIGNED,
        (S.PENDING, Act.CANCEL): S.CANCELLED,
        (S.ASSIGNED, Act.ACKNOWLEDGE): S.ACKNOWLEDGED,
        (S.ASSIGNED, Act.DECLINE_FIRST): S.PENDING,
        (S.ASSIGNED, Act.DECLINE_SECOND): S.UNDER_RULING,
        (S.ASSIGNED, Act.CANCEL): S.CANCELLED,
        (S.UNDER_RULING, Act.RULE): S.ASSIGNED,
        (S.UNDER_RULING, Act.CANCEL): S.CANCELLED,
        (S.ACKNOWLEDGED, Act.START): S.IN_PROGRESS,
        (S.ACKNOWLEDGED, Act.CANCEL): S.CANCELLED,
        (S.IN_PROGRESS, Act.ASK_RESIDENT): S.IN_PROGRESS,
        (S.IN_PROGRESS, Act.RESUME): S.IN_PROGRESS,
        (S.IN_PROGRESS, Act.REPLY): S.REPLIED,
        (S.IN_PROGRESS, Act.CANCEL): S.CANCELLED,
        (S.REPLIED, Act.SEND_BACK): S.IN_PROGRESS,
    }
)
"""Every legal act. Which decline it is, and what else an act needs, `_objection` says."""

AUTOMATIC: Final = frozenset({Act.RESUME, Act.CANCEL})

OPEN: Final = frozenset({S.PENDING, S.ASSIGNED, S.UNDER_RULING, S.ACKNOWLEDGED, S.IN_PROGRESS})
"""States of an order that somebody still has to do something about."""


@dataclass(frozen=True, slots=True)
class Decline:
    """A department said that the matter is not its own; the reason stays here."""

    department: str
    ground: str
    reason: str
    proposed: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """A department's answer: plain words for the resident, and what was done. Both stay here."""

    words: str
    measures: str
    department: str
    handler: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Returned:
    """A reply that the street committee sent back, and why."""

    ground: str
    reason: str
    at: datetime
    reply: Reply


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """What is asked of a department in one cycle.

    `asked`: its question to the resident is open; `asked_sequence`: the number of the event that asked it last.
    """

    id: WorkOrderId
    cycle: int
    state: WorkOrderState
    request: str
    deadline_class: DeadlineClass
    suggestion: Suggestion
    opened_at: datetime
    department: str | None = None
    assigned_at: datetime | None = None
    acknowledged_at: datetime | None = None
    started_at: datetime | None = None
    ruled: bool = False
    question: str | None = None
    asked: bool = False
    asked_at: datetime | None = None
    asked_sequence: int | None = None
    reply: Reply | None = None
    declines: tuple[Decline, ...] = ()
    returns: tuple[Returned, ...] = ()


@dataclass(frozen=True, slots=True)
class Petition:
    """A petition as dispatch knows it: its work orders of all cycles and the supervisor's instructions, oldest first.

    Each cycle has one order for now, the lead's; co-handlers' orders will stand beside it in the same tuple. One that
    was pressed before it was handed over has no order yet, and cycle 0.
    `visit_known`: a return visit of this cycle has been made, so its reply can no longer be sent back.
    """

    head: Head
    tracking_code: TrackingCode
    title: str
    category: str
    urgency: Urgency
    withdrawn: bool = False
    visit_known: bool = False
    orders: tuple[WorkOrder, ...] = ()
    instructions: tuple[Instruction, ...] = ()

    def order(self, order_id: WorkOrderId) -> WorkOrder:
        """Return one of the petition's orders.

        :raises LookupError: it is not one of them.
        """
        for order in self.orders:
            if order.id == order_id:
                return order
        raise LookupError(f"petition {self.head.id} has no work order {order_id}")

    def instruction(self, instruction_id: InstructionId) -> Instruction:
        """Return one of the instructions.

        :raises LookupError: it is not one of them.
        """
        for instruction in self.instructions:
            if instruction.id == instruction_id:
                return instruction
        raise LookupError(f"petition {self.head.id} has no instruction {instruction_id}")

    @property
    def declines(self) -> tuple[Decline, ...]:
        """The declines of this cycle, oldest first."""
        return tuple(d for order in self.orders if order.cycle == self.head.cycle for d in order.declines)

    @property
    def open_orders(self) -> tuple[WorkOrder, ...]:
        """The orders that somebody still has to do something about."""
        return tuple(order for order in self.orders if order.state in OPEN)

    @property
    def open_instructions(self) -> tuple[Instruction, ...]:
        """The instructions that must still be answered."""
        return tuple(i for i in self.instructions if i.state is InstructionState.OPEN)


def responsible(order: WorkOrder) -> str:
    """Return the department of an order that has one."""
    assert order.department is not None, "from assignment on, an order has a department"
    return order.department


def _objection(petition: Petition, order: WorkOrder, act: Act) -> str | None:
    """Return why an act that the table allows is not possible, or no more."""
    match act:
        case Act.DECLINE_FIRST | Act.DECLINE_SECOND if order.ruled:
            return "the district supervisor has ruled, and a ruling cannot be declined"
        case Act.DECLINE_FIRST if petition.declines:
            return "it was declined before in this cycle, so the next decline is the second"
        case Act.DECLINE_SECOND if not petition.declines:
            return "nobody has declined it in this cycle"
        case Act.ASK_RESIDENT if order.asked:
            return "a question to the resident is open"
        case Act.RESUME if not order.asked:
            return "no question to the resident is open"
        case Act.SEND_BACK if petition.withdrawn:
            return "the petition was withdrawn"
        case Act.SEND_BACK if order.cycle != petition.head.cycle:
            return "the petition was reopened"
        case Act.SEND_BACK if petition.visit_known:
            return "the return visit has been made"
        case _:
            return None


def allowed(petition: Petition, order: WorkOrder) -> list[Act]:
    """Return what people can do with an order now."""
    acts = machine.allowed(TRANSITIONS, order.state)
    return [act for act in acts if act not in AUTOMATIC and _objection(petition, order, act) is None]


def move(petition: Petition, order: WorkOrder, act: Act) -> WorkOrder:
    """Return the order in the state that an act leads to.

    :raises InvalidState: the act is not possible; the error lists what is.
    """
    possible = [a.value for a in allowed(petition, order)]
    if (order.state, act) not in TRANSITIONS:
        raise InvalidState(act.value, order.state.value, possible)
    if (why := _objection(petition, order, act)) is not None:
        raise InvalidState(act.value, order.state.value, possible, why)
    return replace(order, state=TRANSITIONS[order.state, act])


def having(petition: Petition, order: WorkOrder, ticking: Ticking, *, lead: str | None) -> Petition:
    """Return the petition with an order and the clocks as an act left them, and `lead` responsible."""
    head = petition.head.after(ticking)
    head = replace(head, scope=replace(head.scope, lead=lead))
    orders = tuple(order if o.id == order.id else o for o in petition.orders)
    return replace(petition, head=head, orders=orders)


def matter(petition: Petition, order: WorkOrder) -> Matter:
    """Return what an order is about, as events tell it."""
    return Matter(
        tracking_code=petition.tracking_code,
        title=petition.title,
        category=petition.category,
        urgency=petition.urgency,
        request=order.request,
    )


def passed_on(petition: Petition) -> tuple[OpenInstruction, ...]:
    """Return the instructions that whoever becomes responsible has to answer, as events tell them."""
    clocks = {c.about: c for c in petition.head.clocks if c.kind is ClockKind.INSTRUCTION and c.is_open}
    return tuple(
        OpenInstruction(instruction_id=i.id, clock_id=clocks[i.id].id, due_at=clocks[i.id].due_at)
        for i in petition.open_instructions
    )


def relieved(petition: Petition, department: str) -> str | None:
    """Return which department is not responsible any more once this one is, if there is one."""
    lead = petition.head.scope.lead
    return lead if lead != department else None
