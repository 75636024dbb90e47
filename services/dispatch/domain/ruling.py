"""Ruling (裁定): after the second decline the district supervisor says who is responsible."""

from dataclasses import replace
from datetime import datetime

from services.contracts.dispatch import WorkOrderRuled
from services.contracts.event import Who
from services.contracts.vocabulary import ClockKind
from services.dispatch.domain.work_order import Act, Petition, WorkOrder, having, matter, move, passed_on, relieved
from services.kernel.head import Decision, Fact, decided
from services.kernel.terms import Terms


def rule(
    petition: Petition, order: WorkOrder, *, department: str, reason: str, terms: Terms, by: Who, now: datetime
) -> Decision[Petition]:
    """Decide who is responsible; this cannot be declined.

    :raises InvalidState: the order is not UNDER_RULING.
    """
    moved = move(petition, order, Act.RULE)
    ticking = (
        petition.head.ticking(terms, by, now)
        .stop(ClockKind.RULING, order.id)
        .start(ClockKind.ACKNOWLEDGEMENT, order.id)
        .start(ClockKind.HANDLING, order.id, order.deadline_class)
    )
    moved = replace(moved, department=department, ruled=True, assigned_at=now)
    event = WorkOrderRuled(
        by=by,
        work_order_id=order.id,
        department=department,
        relieved=relieved(petition, department),
        deadline_class=order.deadline_class,
        matter=matter(petition, order),
        instructions=passed_on(petition),
    )
    return decided(having(petition, moved, ticking, lead=department), Fact(event, reason), clocks=ticking)
