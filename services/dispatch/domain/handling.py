"""Acknowledging, working, asking the resident, replying (办理): handle within the limit, the third loop."""

from dataclasses import replace
from datetime import datetime

from services.contracts.dispatch import (
    PetitionReplied,
    WorkOrderAcknowledged,
    WorkOrderInformationRequested,
    WorkOrderReplied,
    WorkOrderReplyReturned,
    WorkOrderResumed,
    WorkOrderStarted,
)
from services.contracts.event import SYSTEM, Who
from services.contracts.vocabulary import ClockKind
from services.dispatch.domain.work_order import (
    Act,
    Petition,
    Reply,
    Returned,
    WorkOrder,
    having,
    move,
    responsible,
)
from services.kernel.clocks import Clock
from services.kernel.head import Decision, Fact, decided
from services.kernel.ids import WorkOrderId
from services.kernel.terms import Terms


def acknowledge(petition: Petition, order: WorkOrder, *, terms: Terms, by: Who, now: datetime) -> Decision[Petition]:
    """Take an order (签收); from here it cannot be declined.

    :raises InvalidState: it is not ASSIGNED.
    """
    moved = replace(move(petition, order, Act.ACKNOWLEDGE), acknowledged_at=now)
    ticking = petition.head.ticking(terms, by, now).stop(ClockKind.ACKNOWLEDGEMENT, order.id)
    department = responsible(order)
    event = WorkOrderAcknowledged(by=by, work_order_id=order.id, department=department)
    return decided(having(petition, moved, ticking, lead=department), event, clocks=ticking)


def start(petition: Petition, order: WorkOrder, *, terms: Terms, by: Who, now: datetime) -> Decision[Petition]:
    """Begin to work.

    :raises InvalidState: it is not ACKNOWLEDGED.
    """
    moved = replace(move(petition, order, Act.START), started_at=now)
    ticking = petition.head.ticking(terms, by, now)
    event = WorkOrderStarted(by=by, work_order_id=order.id)
    return decided(having(petition, moved, ticking, lead=responsible(order)), event)


def ask(
    petition: Petition, order: WorkOrder, *, question: str, terms: Terms, by: Who, now: datetime
) -> Decision[Petition]:
    """Ask the resident something: handling pauses until the answer, or until the time for one is over.

    :raises InvalidState: it is not IN_PROGRESS, or a question is open.
    """
    moved = replace(
        move(petition, order, Act.ASK_RESIDENT),
        question=question,
        asked=True,
        asked_at=now,
        asked_sequence=petition.head.sequence + 1,
    )
    ticking = (
        petition.head.ticking(terms, by, now).pause(ClockKind.HANDLING, order.id).start(ClockKind.INFORMATION, order.id)
    )
    event = WorkOrderInformationRequested(by=by, work_order_id=order.id)
    after = having(petition, moved, ticking, lead=responsible(order))
    return decided(after, Fact(event, question), clocks=ticking)


def resume(petition: Petition, order: WorkOrder, *, expired: bool, terms: Terms, now: datetime) -> Decision[Petition]:
    """Go on handling: the resident answered, or the time for an answer is over (`expired`).

    :raises InvalidState: no question is open.
    """
    moved = replace(move(petition, order, Act.RESUME), asked=False)
    ticking = (
        petition.head.ticking(terms, SYSTEM, now)
        .stop(ClockKind.INFORMATION, order.id)
        .resume(ClockKind.HANDLING, order.id)
    )
    handling = ticking.open(ClockKind.HANDLING, order.id)
    assert handling is not None, "an order in progress has a handling clock"
    event = WorkOrderResumed(by=SYSTEM, work_order_id=order.id, expired=expired, handling_due_at=handling.due_at)
    return decided(having(petition, moved, ticking, lead=responsible(order)), event, clocks=ticking)


def reply(
    petition: Petition, order: WorkOrder, *, words: str, measures: str, terms: Terms, by: Who, now: datetime
) -> Decision[Petition]:
    """Answer the petition. An open question to the resident is thereby settled: its pause counts to this moment.

    :raises InvalidState: the order is not IN_PROGRESS.
    """
    moved = move(petition, order, Act.REPLY)
    department = responsible(moved)
    moved = replace(moved, asked=False, reply=Reply(words, measures, department, by.subject, now))
    ticking = (
        petition.head.ticking(terms, by, now)
        .stop(ClockKind.INFORMATION, order.id)
        .resume(ClockKind.HANDLING, order.id)
        .stop(ClockKind.HANDLING, order.id)
    )
    replied = WorkOrderReplied(by=by, work_order_id=order.id, department=department)
    answered = PetitionReplied(
        by=by,
        work_order_id=order.id,
        department=department,
        category=petition.category,
        title=petition.title,
        handler=by.subject,
    )
    after = having(petition, moved, ticking, lead=department)
    return decided(after, Fact(replied, words), answered, clocks=ticking)


def send_back(
    petition: Petition, order: WorkOrder, *, ground: str, reason: str, terms: Terms, by: Who, now: datetime
) -> Decision[Petition]:
    """Send a reply back to its department: handling runs on, with the policy's least time left.

    :raises InvalidState: the order is not REPLIED, a return visit is known, or the petition was withdrawn or reopened.
    """
    moved = move(petition, order, Act.SEND_BACK)
    assert order.reply is not None, "a replied order has a reply"
    returned = Returned(ground, reason, now, order.reply)
    moved = replace(moved, reply=None, returns=(*order.returns, returned))
    clock = _last_handling(petition, order.id)
    least = terms.version(clock.policy_version).returned_reply_working_days
    ticking = petition.head.ticking(terms, by, now).revive(clock, least)
    department = responsible(order)
    event = WorkOrderReplyReturned(by=by, work_order_id=order.id, department=department)
    return decided(having(petition, moved, ticking, lead=department), Fact(event, reason), clocks=ticking)


def _last_handling(petition: Petition, order_id: WorkOrderId) -> Clock:
    """Return the clock that the reply stopped: after a decline an order has had more than one."""
    clocks = [c for c in petition.head.clocks if c.kind is ClockKind.HANDLING and c.about == order_id]
    return max(clocks, key=lambda c: (c.started_at, c.id))
