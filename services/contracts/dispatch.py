"""Dispatch's events, topic `petition.dispatch.v1` (state-machine.md, Dispatch)."""

from typing import Annotated, ClassVar

from msgspec import Meta

from services.contracts.event import Data, Event
from services.contracts.fields import (
    CategoryCode,
    ClockId,
    DepartmentCode,
    DueAt,
    GroundCode,
    Instant,
    InstructionId,
    RequestText,
    Title,
    TrackingCode,
    WorkOrderId,
)
from services.contracts.vocabulary import DeadlineClass, Source, Urgency


class DispatchEvent(Event, frozen=True, kw_only=True):
    """An event of dispatch's."""

    SOURCE: ClassVar[Source] = Source.DISPATCH


class WorkOrderEvent(DispatchEvent, frozen=True, kw_only=True):
    """A fact about one work order."""

    work_order_id: WorkOrderId


class Suggestion(Data, frozen=True, kw_only=True):
    """Which department the routing table suggests, by which rule, and the explanation that a person reads."""

    department: Annotated[
        str | None, Meta(description="The id of a reference entry `department`; absent when no rule fits.")
    ] = None
    rule: Annotated[str | None, Meta(description="The id of the reference entry `routing_rule` that applied.")] = None
    explanation: Annotated[str, Meta(description="Why, for a person to read.")]


class Matter(Data, frozen=True, kw_only=True):
    """What a work order is about, in the words of those who screened it: all that a department needs to begin."""

    tracking_code: TrackingCode
    title: Title
    category: CategoryCode
    urgency: Annotated[Urgency, Meta(description="How soon harm would follow.")]
    request: RequestText


class OpenInstruction(Data, frozen=True, kw_only=True):
    """An instruction about the petition that must still be answered: whoever is responsible answers it."""

    instruction_id: InstructionId
    clock_id: ClockId
    due_at: DueAt


Relieved = Annotated[
    str | None, Meta(description="Who was responsible until then, if another is now: the id of a `department`.")
]
Instructions = Annotated[
    tuple[OpenInstruction, ...],
    Meta(description="The supervisor's instructions that pass on to the department that is responsible now."),
]


class WorkOrderOpened(WorkOrderEvent, frozen=True, kw_only=True):
    """A work order waits for assignment."""

    TYPE: ClassVar[str] = "work_order.opened"
    deadline_class: Annotated[DeadlineClass, Meta(description="How long handling may take.")]
    suggestion: Annotated[Suggestion, Meta(description="Whom the routing table suggests.")]


class WorkOrderAssigned(WorkOrderEvent, frozen=True, kw_only=True):
    """A department was made responsible; `suggested` tells whether it is the one that routing suggested. `relieved` is
    the department that was until then, in the cycle before, if another is now.
    """

    TYPE: ClassVar[str] = "work_order.assigned"
    department: DepartmentCode
    relieved: Relieved = None
    deadline_class: Annotated[DeadlineClass, Meta(description="How long handling may take.")]
    suggested: Annotated[bool, Meta(description="Whether routing had suggested this department.")]
    matter: Annotated[Matter, Meta(description="What is asked of the department.")]
    instructions: Instructions = ()


class WorkOrderAcknowledged(WorkOrderEvent, frozen=True, kw_only=True):
    """The department took the order; from here it cannot decline."""

    TYPE: ClassVar[str] = "work_order.acknowledged"
    department: DepartmentCode


class WorkOrderDeclined(WorkOrderEvent, frozen=True, kw_only=True):
    """The department says that the matter is not its own; `nth` counts declines of the petition in this cycle."""

    TYPE: ClassVar[str] = "work_order.declined"
    department: DepartmentCode
    ground: GroundCode
    proposed: Annotated[
        str | None, Meta(description="The department that it names instead: the id of a reference entry `department`.")
    ] = None
    nth: Annotated[int, Meta(description="Which decline of the petition in this cycle.")]


class WorkOrderReferredForRuling(WorkOrderEvent, frozen=True, kw_only=True):
    """The second decline: the district supervisor decides; the first receiver stays responsible until then."""

    TYPE: ClassVar[str] = "work_order.referred_for_ruling"
    responsible: Annotated[
        str,
        Meta(
            description="The first receiver, who stays responsible meanwhile: the id of a reference entry `department`."
        ),
    ]
    instructions: Instructions = ()


class WorkOrderRuled(WorkOrderEvent, frozen=True, kw_only=True):
    """The supervisor decided who is responsible; it cannot be declined. `relieved` is the department that was until
    then, if another is now.
    """

    TYPE: ClassVar[str] = "work_order.ruled"
    department: DepartmentCode
    relieved: Relieved = None
    deadline_class: Annotated[DeadlineClass, Meta(description="How long handling may take.")]
    matter: Annotated[Matter, Meta(description="What is asked of the department.")]
    instructions: Instructions = ()


class WorkOrderStarted(WorkOrderEvent, frozen=True, kw_only=True):
    """Work began."""

    TYPE: ClassVar[str] = "work_order.started"


class WorkOrderInformationRequested(WorkOrderEvent, frozen=True, kw_only=True):
    """The department asks the resident something; handling pauses."""

    TYPE: ClassVar[str] = "work_order.information_requested"


class WorkOrderResumed(WorkOrderEvent, frozen=True, kw_only=True):
    """Handling goes on: the resident answered, or the time for an answer ran out (`expired`)."""

    TYPE: ClassVar[str] = "work_order.resumed"
    expired: Annotated[bool, Meta(description="Whether the time for an answer ran out.")]
    handling_due_at: Annotated[Instant, Meta(description="When handling is due after the pause.")]


class WorkOrderReplied(WorkOrderEvent, frozen=True, kw_only=True):
    """The department answered; its words stay with dispatch."""

    TYPE: ClassVar[str] = "work_order.replied"
    department: DepartmentCode


class PetitionReplied(DispatchEvent, frozen=True, kw_only=True):
    """The petition's reply is there: the lead's, after the co-handlers' parts. Feedback's return visit follows."""

    TYPE: ClassVar[str] = "petition.replied"
    work_order_id: WorkOrderId
    department: DepartmentCode
    category: CategoryCode
    title: Title
    handler: Annotated[str, Meta(description="The subject of who replied; they may not make the return visit.")]


class WorkOrderReplyReturned(WorkOrderEvent, frozen=True, kw_only=True):
    """The street committee sent the reply back to the department."""

    TYPE: ClassVar[str] = "work_order.reply_returned"
    department: DepartmentCode


class PetitionPressed(DispatchEvent, frozen=True, kw_only=True):
    """The district supervisor pressed with an instruction that must be answered: by the department that leads then, or
    (absent) by the street committee. Its words stay with dispatch.
    """

    TYPE: ClassVar[str] = "petition.pressed"
    instruction_id: InstructionId
    department: Annotated[
        str | None, Meta(description="Who has to answer: the leading department; absent, the street committee.")
    ] = None


class PetitionInstructionAnswered(DispatchEvent, frozen=True, kw_only=True):
    """An instruction was answered; the answer stays with dispatch."""

    TYPE: ClassVar[str] = "petition.instruction_answered"
    instruction_id: InstructionId


class WorkOrderCancelled(WorkOrderEvent, frozen=True, kw_only=True):
    """Final: the petition was withdrawn. `department` is whose order it was, if it was assigned."""

    TYPE: ClassVar[str] = "work_order.cancelled"
    department: Annotated[
        str | None,
        Meta(description="Whose order it was, if it was assigned: the id of a reference entry `department`."),
    ] = None
