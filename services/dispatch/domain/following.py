"""What the other services' events make of a petition here. Old and repeated ones change nothing: None."""

from dataclasses import replace
from datetime import datetime

from services.contracts.dispatch import Suggestion, WorkOrderCancelled
from services.contracts.event import SYSTEM, Event
from services.dispatch.domain import assignment, handling, supervision
from services.dispatch.domain.work_order import OPEN, Act, Petition, move
from services.kernel.head import Decision, decided
from services.kernel.terms import Terms


def _cancelled(petition: Petition) -> tuple[Petition, list[Event]]:
    events = [
        WorkOrderCancelled(by=SYSTEM, work_order_id=order.id, department=order.department)
        for order in petition.open_orders
    ]
    orders = tuple(
        replace(move(petition, order, Act.CANCEL), asked=False) if order.state in OPEN else order
        for order in petition.orders
    )
    return replace(petition, orders=orders), [*events]


def _ended(petition: Petition, terms: Terms, *, now: datetime) -> Decision[Petition]:
    """Cancel every open order, let open instructions lapse, stop every clock: the petition is over."""
    cancelled, events = _cancelled(petition)
    ticking = petition.head.ticking(terms, SYSTEM, now).stop_all()
    after = replace(supervision.lapsed(cancelled, now=now), head=petition.head.after(ticking))
    return decided(after, *events, clocks=ticking)


def withdraw(petition: Petition, terms: Terms, *, now: datetime) -> Decision[Petition] | None:
    """End every order that has no reply: the resident took the petition back. Nothing can be done here any more."""
    if petition.withdrawn:
        return None
    return _ended(replace(petition, withdrawn=True), terms, now=now)


def reject(petition: Petition, terms: Terms, *, now: datetime) -> Decision[Petition] | None:
    """Let what the supervisor demanded lapse: intake rejected the petition before it was handed over."""
    return _ended(petition, terms, now=now) if petition.open_instructions else None


def close(petition: Petition, cycle: int, terms: Terms, *, now: datetime) -> Decision[Petition] | None:
    """End an order that is still open though its case was closed (its reply was sent back too late), and instructions.

    What was never handed over is in no cycle here, whichever it was closed in.
    """
    if cycle < petition.head.cycle:
        return None
    known = petition.visit_known or not petition.orders
    if known and not petition.open_orders and not petition.open_instructions:
        return None
    return _ended(replace(petition, visit_known=True), terms, now=now)


def leave_cycle(petition: Petition, new_cycle: int, terms: Terms, *, now: datetime) -> Decision[Petition] | None:
    """End an order that is still open though its cycle is over: the reply was sent back while the visit was made."""
    if new_cycle <= petition.head.cycle or not petition.open_orders:
        return None
    cancelled, events = _cancelled(petition)
    ticking = petition.head.ticking(terms, SYSTEM, now)
    for order in petition.open_orders:
        ticking = ticking.stop_about(order.id)  # what the supervisor demands is no order's, and lives on
    return decided(replace(cancelled, head=petition.head.after(ticking)), *events, clocks=ticking)


def reopen(
    petition: Petition, new_cycle: int, suggestion: Suggestion, terms: Terms, *, now: datetime
) -> Decision[Petition] | None:
    """Go round again: a new order for the same request, with all earlier ones beside it.

    A withdrawn petition only counts its cycle. Who was responsible stays so until the new order is assigned. One that
    was never handed over is intake's to screen again.
    """
    if new_cycle <= petition.head.cycle or not petition.orders:
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


def learn_followers(petition: Petition, followers: tuple[str, ...]) -> Decision[Petition] | None:
    """Remember who follows it, so that dispatch's own events are theirs too. Intake alone says who does."""
    if petition.head.scope.followers == followers:
        return None
    scope = replace(petition.head.scope, followers=followers)
    return Decision(replace(petition, head=replace(petition.head, scope=scope)), ())


def learn_visit(petition: Petition, cycle: int, *, known: bool) -> Decision[Petition] | None:
    """Remember whether a return visit of the present cycle stands."""
    if cycle != petition.head.cycle or petition.visit_known is known:
        return None
    return Decision(replace(petition, visit_known=known), ())
