"""What the other services' events make of a petition here. Old and repeated ones change nothing: None."""

from dataclasses import replace
from datetime import datetime

from services.contracts.dispatch import Suggestion, WorkOrderCancelled
from services.contracts.event import SYSTEM, Event
from services.dispatch.domain import assignment, handling
from services.dispatch.domain.work_order import OPEN, Act, Petition, WorkOrder, move
from services.kernel.head import Decision, decided
from services.kernel.terms import Terms


def _cancelled(petition: Petition, terms: Terms, *, now: datetime) -> Decision[Petition]:
    events: list[Event] = []
    orders: list[WorkOrder] = []
    for order in petition.orders:
        if order.state in OPEN:
            events.append(WorkOrderCancelled(by=SYSTEM, work_order_id=order.id))
            orders.append(replace(move(petition, order, Act.CANCEL), asked=False))
        else:
            orders.append(order)
    ticking = petition.head.ticking(terms, SYSTEM, now).stop_all()
    after = replace(petition, head=petition.head.after(ticking), orders=tuple(orders))
    return decided(after, *events, clocks=ticking)


def withdraw(petition: Petition, terms: Terms, *, now: datetime) -> Decision[Petition] | None:
    """End every order that has no reply: the resident took the petition back. Nothing can be done here any more."""
    if petition.withdrawn:
        return None
    return _cancelled(replace(petition, withdrawn=True), terms, now=now)


def close(petition: Petition, cycle: int, terms: Terms, *, now: datetime) -> Decision[Petition] | None:
    """End an order that is still open though its case was closed: the reply was sent back too late."""
    if cycle != petition.head.cycle or (petition.visit_known and not petition.open_orders):
        return None
    return _cancelled(replace(petition, visit_known=True), terms, now=now)


def leave_cycle(petition: Petition, new_cycle: int, terms: Terms, *, now: datetime) -> Decision[Petition] | None:
    """End an order that is still open though its cycle is over: the reply was sent back while the visit was made."""
    if new_cycle <= petition.head.cycle or not petition.open_orders:
        return None
    return _cancelled(petition, terms, now=now)


def reopen(
    petition: Petition, new_cycle: int, suggestion: Suggestion, terms: Terms, *, now: datetime
) -> Decision[Petition] | None:
    """Go round again: a new order for the same request, with all earlier ones beside it.

    A withdrawn petition only counts its cycle. Who was responsible stays so until the new order is assigned.
    """
    if new_cycle <= petition.head.cycle:
        return None
    last = petition.orders[-1]
    again = replace(petition, head=replace(petition.head, cycle=new_cycle), visit_known=False)
    if petition.withdrawn:
        return Decision(again, ())
    return assignment.opened(again, last.request, last.deadline_class, suggestion, terms, now=now)


def add_information(petition: Petition, seen: int, terms: Terms, *, now: datetime) -> Decision[Petition] | None:
    """Go on handling where the resident had been asked.

    :param seen: dispatch's last event that intake knew of; what was sent before the question does not answer it.
    """
    asked = next((o for o in petition.orders if o.asked and (o.asked_sequence or 0) <= seen), None)
    return None if asked is None else handling.resume(petition, asked, expired=False, terms=terms, now=now)


def learn_visit(petition: Petition, cycle: int, *, known: bool) -> Decision[Petition] | None:
    """Remember whether a return visit of the present cycle stands."""
    if cycle != petition.head.cycle or petition.visit_known is known:
        return None
    return Decision(replace(petition, visit_known=known), ())
