"""Opening, assigning and declining work orders (交办、退办): assign promptly, the second loop."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.contracts.dispatch import (
    Suggestion,
    WorkOrderAssigned,
    WorkOrderDeclined,
    WorkOrderOpened,
    WorkOrderReferredForRuling,
)
from services.contracts.event import SYSTEM, Event, Who
from services.contracts.vocabulary import ClockKind, DeadlineClass, Urgency, WorkOrderState
from services.dispatch.domain.work_order import (
    Act,
    Decline,
    Petition,
    WorkOrder,
    having,
    matter,
    move,
    passed_on,
    relieved,
    responsible,
)
from services.kernel.access import Scope
from services.kernel.head import Decision, Fact, Head, decided
from services.kernel.ids import PetitionId, TrackingCode, WorkOrderId, new_uuid
from services.kernel.terms import Terms


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What screening asked for in a cycle."""

    scope: Scope
    cycle: int
    tracking_code: TrackingCode
    title: str
    category: str
    urgency: Urgency
    request: str
    deadline_class: DeadlineClass


def open_order(
    known: Petition | None, asked: HandedOver, suggestion: Suggestion, terms: Terms, *, now: datetime
) -> Decision[Petition] | None:
    """Open the work order that a screened petition asks for; None when its cycle has been dealt with already."""
    if known is not None and (known.withdrawn or asked.cycle <= known.head.cycle):
        return None
    if known is None:
        head = Head(PetitionId(asked.scope.petition), asked.cycle, _unassigned(asked))
        petition = Petition(head, asked.tracking_code, asked.title, asked.category, asked.urgency)
    else:
        # One that was pressed before it was handed over may have other followers by now.
        scope = known.head.scope if known.orders else _unassigned(asked)
        petition = replace(
            known,
            head=replace(known.head, cycle=asked.cycle, scope=scope),
            title=asked.title,
            category=asked.category,
            urgency=asked.urgency,
            visit_known=False,
        )
    return opened(petition, asked.request, asked.deadline_class, suggestion, terms, now=now)


def _unassigned(asked: HandedOver) -> Scope:
    return replace(asked.scope, lead=None, cohandlers=())


def opened(
    petition: Petition,
    request: str,
    deadline_class: DeadlineClass,
    suggestion: Suggestion,
    terms: Terms,
    *,
    now: datetime,
) -> Decision[Petition]:
    """Put a new order of the present cycle before those who assign."""
    order = WorkOrder(
        id=WorkOrderId(new_uuid()),
        cycle=petition.head.cycle,
        state=WorkOrderState.PENDING,
        request=request,
        deadline_class=deadline_class,
        suggestion=suggestion,
        opened_at=now,
    )
    ticking = petition.head.ticking(terms, SYSTEM, now).start(ClockKind.ASSIGNMENT, order.id)
    after = replace(petition, head=petition.head.after(ticking), orders=(*petition.orders, order))
    event = WorkOrderOpened(by=SYSTEM, work_order_id=order.id, deadline_class=deadline_class, suggestion=suggestion)
    return decided(after, event, clocks=ticking)


def assign(
    petition: Petition,
    order: WorkOrder,
    *,
    department: str,
    deadline_class: DeadlineClass,
    reason: str,
    terms: Terms,
    by: Who,
    now: datetime,
) -> Decision[Petition]:
    """Make a department responsible; its acknowledgement and handling clocks start.

    :raises InvalidState: the order is not PENDING.
    """
    moved = move(petition, order, Act.ASSIGN)
    ticking = (
        petition.head.ticking(terms, by, now)
        .stop(ClockKind.ASSIGNMENT, order.id)
        .start(ClockKind.ACKNOWLEDGEMENT, order.id)
        .start(ClockKind.HANDLING, order.id, deadline_class)
    )
    moved = replace(moved, department=department, deadline_class=deadline_class, assigned_at=now)
    event = WorkOrderAssigned(
        by=by,
        work_order_id=order.id,
        department=department,
        relieved=relieved(petition, department),
        deadline_class=deadline_class,
        suggested=department == order.suggestion.department,
        matter=matter(petition, order),
        instructions=passed_on(petition),
    )
    return decided(having(petition, moved, ticking, lead=department), Fact(event, reason), clocks=ticking)


def decline(
    petition: Petition,
    order: WorkOrder,
    *,
    ground: str,
    reason: str,
    proposed: str | None,
    terms: Terms,
    by: Who,
    now: datetime,
) -> Decision[Petition]:
    """Hand an order back as not one's own; the second time in a cycle the district supervisor has to rule.

    After the first nobody is responsible until it is assigned again; while a ruling is open the first receiver is
    (首接负责).

    :raises InvalidState: the order is not ASSIGNED, or the supervisor has ruled.
    """
    earlier = petition.declines
    moved = move(petition, order, Act.DECLINE_SECOND if earlier else Act.DECLINE_FIRST)
    department = responsible(order)
    said = Decline(department, ground, reason, proposed, now)
    first_receiver = earlier[0].department if earlier else None
    ticking = (
        petition.head.ticking(terms, by, now)
        .stop(ClockKind.ACKNOWLEDGEMENT, order.id, of=department)
        .stop(ClockKind.HANDLING, order.id, of=department)
        .start(ClockKind.RULING if earlier else ClockKind.ASSIGNMENT, order.id)
    )
    moved = replace(moved, department=first_receiver, declines=(*order.declines, said), assigned_at=None)
    declined = WorkOrderDeclined(
        by=by,
        work_order_id=order.id,
        department=department,
        ground=ground,
        proposed=proposed,
        nth=len(earlier) + 1,
    )
    facts: list[Fact | Event] = [Fact(declined, reason)]
    if first_receiver is not None:
        facts.append(
            WorkOrderReferredForRuling(
                by=by, work_order_id=order.id, responsible=first_receiver, instructions=passed_on(petition)
            )
        )
    return decided(having(petition, moved, ticking, lead=first_receiver), *facts, clocks=ticking)
