"""Dispatch's events, topic `petition.dispatch.v1` (state-machine.md, Dispatch)."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from services.contracts.event import Data, Event
from services.contracts.vocabulary import DeadlineClass, Source, Urgency


class DispatchEvent(Event, frozen=True, kw_only=True):
    """An event of dispatch's."""

    SOURCE: ClassVar[Source] = Source.DISPATCH


class WorkOrderEvent(DispatchEvent, frozen=True, kw_only=True):
    """A fact about one work order."""

    work_order_id: UUID


class Suggestion(Data, frozen=True, kw_only=True):
    """Which department the routing table suggests, by which rule, and the explanation that a person reads."""

    department: str | None = None
    rule: str | None = None
    explanation: str


class Matter(Data, frozen=True, kw_only=True):
    """What a work order is about, in the words of those who screened it: all that a department needs to begin."""

    tracking_code: str
    title: str
    category: str
    urgency: Urgency
    request: str


class WorkOrderOpened(WorkOrderEvent, frozen=True, kw_only=True):
    """A work order waits for assignment."""

    TYPE: ClassVar[str] = "work_order.opened"
    deadline_class: DeadlineClass
    suggestion: Suggestion


class WorkOrderAssigned(WorkOrderEvent, frozen=True, kw_only=True):
    """A department was made responsible; `suggested` tells whether it is the one that routing suggested."""

    TYPE: ClassVar[str] = "work_order.assigned"
    department: str
    deadline_class: DeadlineClass
    suggested: bool
    matter: Matter


class WorkOrderAcknowledged(WorkOrderEvent, frozen=True, kw_only=True):
    """The department took the order; from here it cannot decline."""

    TYPE: ClassVar[str] = "work_order.acknowledged"
    department: str


class WorkOrderDeclined(WorkOrderEvent, frozen=True, kw_only=True):
    """The department says that the matter is not its own; `nth` counts declines of the petition in this cycle."""

    TYPE: ClassVar[str] = "work_order.declined"
    department: str
    ground: str
    proposed: str | None = None
    nth: int


class WorkOrderReferredForRuling(WorkOrderEvent, frozen=True, kw_only=True):
    """The second decline: the district supervisor decides; the first receiver stays responsible until then."""

    TYPE: ClassVar[str] = "work_order.referred_for_ruling"
    responsible: str


class WorkOrderRuled(WorkOrderEvent, frozen=True, kw_only=True):
    """The supervisor decided who is responsible; it cannot be declined. `relieved` is the department that was until
    then, if another is now.
    """

    TYPE: ClassVar[str] = "work_order.ruled"
    department: str
    relieved: str | None = None
    deadline_class: DeadlineClass
    matter: Matter


class WorkOrderStarted(WorkOrderEvent, frozen=True, kw_only=True):
    """Work began."""

    TYPE: ClassVar[str] = "work_order.started"


class WorkOrderInformationRequested(WorkOrderEvent, frozen=True, kw_only=True):
    """The department asks the resident something; handling pauses."""

    TYPE: ClassVar[str] = "work_order.information_requested"


class WorkOrderResumed(WorkOrderEvent, frozen=True, kw_only=True):
    """Handling goes on: the resident answered, or the time for an answer ran out (`expired`)."""

    TYPE: ClassVar[str] = "work_order.resumed"
    expired: bool
    handling_due_at: datetime


class WorkOrderReplied(WorkOrderEvent, frozen=True, kw_only=True):
    """The department answered; its words stay with dispatch."""

    TYPE: ClassVar[str] = "work_order.replied"
    department: str


class PetitionReplied(DispatchEvent, frozen=True, kw_only=True):
    """The petition's reply is there: the lead's, after the co-handlers' parts. Feedback's return visit follows."""

    TYPE: ClassVar[str] = "petition.replied"
    work_order_id: UUID
    department: str
    category: str
    title: str
    handler: str


class WorkOrderReplyReturned(WorkOrderEvent, frozen=True, kw_only=True):
    """The street committee sent the reply back to the department."""

    TYPE: ClassVar[str] = "work_order.reply_returned"
    department: str


class PetitionPressed(DispatchEvent, frozen=True, kw_only=True):
    """The district supervisor pressed with an instruction that must be answered: by the department that leads then, or
    (absent) by the street committee. Its words stay with dispatch.
    """

    TYPE: ClassVar[str] = "petition.pressed"
    instruction_id: UUID
    department: str | None = None


class PetitionInstructionAnswered(DispatchEvent, frozen=True, kw_only=True):
    """An instruction was answered; the answer stays with dispatch."""

    TYPE: ClassVar[str] = "petition.instruction_answered"
    instruction_id: UUID


class WorkOrderCancelled(WorkOrderEvent, frozen=True, kw_only=True):
    """Final: the petition was withdrawn. `department` is whose order it was, if it was assigned."""

    TYPE: ClassVar[str] = "work_order.cancelled"
    department: str | None = None
