"""A department's feed, topic `department.<code>.feed.v1`: what it needs for its own work orders, and nothing else.

Each event tells one of dispatch's own under the same id and, but for `work_order.relieved`, the same type. `sequence`
is its number in the feed, without a gap. Who did it is told as the role alone, and what people wrote is asked for by
GraphQL.
"""

from typing import Annotated, ClassVar
from uuid import UUID

from msgspec import Meta

from services.contracts.dispatch import Instructions, Matter
from services.contracts.event import Data
from services.contracts.fields import (
    ClockId,
    CommunityCode,
    DueAt,
    GroundCode,
    Instant,
    InstructionId,
    StreetCode,
    WorkOrderId,
)
from services.contracts.vocabulary import ClockKind, DeadlineClass, Role


class DepartmentEvent(Data, frozen=True, kw_only=True):
    """A past fact about a department's work; `by_role` is in which role it was done."""

    TYPE: ClassVar[str]

    by_role: Annotated[Role, Meta(description="In which role it was done.")]


class OrderEvent(DepartmentEvent, frozen=True, kw_only=True):
    """A fact about one of the department's work orders."""

    work_order_id: WorkOrderId


class OrderGiven(OrderEvent, frozen=True, kw_only=True):
    """The order is the department's from here on: what it is about, and where."""

    deadline_class: Annotated[DeadlineClass, Meta(description="How long handling may take.")]
    street: StreetCode
    community: CommunityCode
    matter: Annotated[Matter, Meta(description="What is asked of the department.")]
    instructions: Instructions = ()


class OrderAssigned(OrderGiven, frozen=True, kw_only=True):
    """A work order was assigned to the department: it has to acknowledge or decline it before the clock runs out."""

    TYPE: ClassVar[str] = "work_order.assigned"


class OrderRuled(OrderGiven, frozen=True, kw_only=True):
    """The district supervisor ruled that the work order is the department's: it cannot be declined any more."""

    TYPE: ClassVar[str] = "work_order.ruled"


class OrderRelieved(OrderEvent, frozen=True, kw_only=True):
    """Another department is responsible from here on: the work order is that one's, and so are open instructions."""

    TYPE: ClassVar[str] = "work_order.relieved"


class OrderAcknowledged(OrderEvent, frozen=True, kw_only=True):
    """The department took the work order."""

    TYPE: ClassVar[str] = "work_order.acknowledged"


class OrderDeclined(OrderEvent, frozen=True, kw_only=True):
    """The department declined the work order: it is not its own any more, nor are its clocks and open instructions."""

    TYPE: ClassVar[str] = "work_order.declined"
    ground: GroundCode


class OrderReferredForRuling(OrderEvent, frozen=True, kw_only=True):
    """Another department declined too: the supervisor rules, and until then this one, the first receiver, answers."""

    TYPE: ClassVar[str] = "work_order.referred_for_ruling"
    instructions: Instructions = ()


class OrderStarted(OrderEvent, frozen=True, kw_only=True):
    """The department began to work."""

    TYPE: ClassVar[str] = "work_order.started"


class OrderInformationRequested(OrderEvent, frozen=True, kw_only=True):
    """The department asked the resident something; handling pauses."""

    TYPE: ClassVar[str] = "work_order.information_requested"


class OrderResumed(OrderEvent, frozen=True, kw_only=True):
    """Handling goes on: the resident answered, or the time for an answer ran out (`expired`)."""

    TYPE: ClassVar[str] = "work_order.resumed"
    expired: Annotated[bool, Meta(description="Whether the time for an answer ran out.")]
    handling_due_at: Annotated[Instant, Meta(description="When handling is due after the pause.")]


class OrderReplied(OrderEvent, frozen=True, kw_only=True):
    """The department's reply is there; the resident is visited next."""

    TYPE: ClassVar[str] = "work_order.replied"


class OrderReplyReturned(OrderEvent, frozen=True, kw_only=True):
    """The street committee sent the reply back: handling goes on, and so does its clock."""

    TYPE: ClassVar[str] = "work_order.reply_returned"


class OrderCancelled(OrderEvent, frozen=True, kw_only=True):
    """Final: the petition was withdrawn, nothing remains to be done."""

    TYPE: ClassVar[str] = "work_order.cancelled"


class Pressed(DepartmentEvent, frozen=True, kw_only=True):
    """The district supervisor gave an instruction that the department has to answer."""

    TYPE: ClassVar[str] = "petition.pressed"
    instruction_id: InstructionId


class InstructionAnswered(DepartmentEvent, frozen=True, kw_only=True):
    """An instruction about the department's petition was answered."""

    TYPE: ClassVar[str] = "petition.instruction_answered"
    instruction_id: InstructionId


class ClockTold(DepartmentEvent, frozen=True, kw_only=True):
    """A fact about a clock of the department's; `about` is the work order or the instruction that it measures."""

    clock_id: ClockId
    kind: Annotated[ClockKind, Meta(description="What the clock measures.")]
    about: Annotated[UUID, Meta(description="The work order or the instruction that it measures.")]
    due_at: DueAt


class ClockStarted(ClockTold, frozen=True, kw_only=True):
    """A clock started."""

    TYPE: ClassVar[str] = "clock.started"


class ClockReminded(ClockTold, frozen=True, kw_only=True):
    """80 % of the clock's time has passed."""

    TYPE: ClassVar[str] = "clock.reminded"


class ClockEscalated(ClockTold, frozen=True, kw_only=True):
    """The clock is overdue; `level` 1 is reached at the due date, 2 and 3 some working days after."""

    TYPE: ClassVar[str] = "clock.escalated"
    level: Annotated[int, Meta(description="1 at the due date, 2 and 3 the policy's working days later.")]


class ClockPaused(ClockTold, frozen=True, kw_only=True):
    """The clock stands still while the resident is asked."""

    TYPE: ClassVar[str] = "clock.paused"


class ClockResumed(ClockTold, frozen=True, kw_only=True):
    """The clock runs again; the due date moved by the time in between."""

    TYPE: ClassVar[str] = "clock.resumed"


class ClockMoved(ClockTold, frozen=True, kw_only=True):
    """The calendar changed, and the due date with it."""

    TYPE: ClassVar[str] = "clock.moved"
    was_due_at: Annotated[Instant, Meta(description="When it was due before.")]


class ClockStopped(ClockTold, frozen=True, kw_only=True):
    """What the clock measured has happened, or cannot happen any more. `overdue`: it happened after the due date."""

    TYPE: ClassVar[str] = "clock.stopped"
    overdue: Annotated[bool, Meta(description="Whether it happened after the due date.")]


DEPARTMENT_EVENTS: tuple[type[DepartmentEvent], ...] = (
    OrderAssigned,
    OrderAcknowledged,
    OrderDeclined,
    OrderReferredForRuling,
    OrderRuled,
    OrderRelieved,
    OrderStarted,
    OrderInformationRequested,
    OrderResumed,
    OrderReplied,
    OrderReplyReturned,
    OrderCancelled,
    Pressed,
    InstructionAnswered,
    ClockStarted,
    ClockReminded,
    ClockEscalated,
    ClockPaused,
    ClockResumed,
    ClockMoved,
    ClockStopped,
)
