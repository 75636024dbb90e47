"""Dispatch's state machine: every row of the table, and every act that is not in it."""

from itertools import product

import pytest

from services.contracts.vocabulary import ClockKind, WorkOrderState
from services.dispatch.domain.work_order import AUTOMATIC, OPEN, TRANSITIONS, Act, Petition, allowed, move
from services.kernel.errors import InvalidState
from tests.support.work_orders import after, do, in_state, order_of, pending, running

S, C = WorkOrderState, ClockKind

EVENTS = {
    Act.ASSIGN: ["work_order.assigned", "clock.stopped", "clock.started", "clock.started"],
    Act.ACKNOWLEDGE: ["work_order.acknowledged", "clock.stopped"],
    Act.DECLINE_FIRST: ["work_order.declined", "clock.stopped", "clock.stopped", "clock.started"],
    Act.DECLINE_SECOND: [
        "work_order.declined",
        "work_order.referred_for_ruling",
        "clock.stopped",
        "clock.stopped",
        "clock.started",
    ],
    Act.RULE: ["work_order.ruled", "clock.stopped", "clock.started", "clock.started"],
    Act.START: ["work_order.started"],
    Act.ASK_RESIDENT: ["work_order.information_requested", "clock.paused", "clock.started"],
    Act.RESUME: ["work_order.resumed", "clock.stopped", "clock.resumed"],
    Act.REPLY: ["work_order.replied", "petition.replied", "clock.stopped"],
    Act.SEND_BACK: ["work_order.reply_returned", "clock.resumed"],
}
CLOCKS = {
    S.PENDING: {C.ASSIGNMENT},
    S.ASSIGNED: {C.ACKNOWLEDGEMENT, C.HANDLING},
    S.UNDER_RULING: {C.RULING},
    S.ACKNOWLEDGED: {C.HANDLING},
    S.IN_PROGRESS: {C.HANDLING},
    S.REPLIED: set(),
    S.CANCELLED: set(),
}


def ready_for(state: WorkOrderState, act: Act) -> Petition:
    """Return a petition with an order in a state, and with what else the act needs."""
    if act is Act.DECLINE_SECOND:
        return after(pending(), Act.ASSIGN, Act.DECLINE_FIRST, Act.ASSIGN)
    if act is Act.RESUME:
        return after(in_state(S.IN_PROGRESS), Act.ASK_RESIDENT)
    return in_state(state)


def test_opening_is_an_event_and_starts_the_assignment_clock() -> None:
    petition = pending()
    assert order_of(petition).state is S.PENDING
    assert running(petition) == {C.ASSIGNMENT}
    assert petition.head.scope.lead is None
    assert petition.head.scope.followers == ("rep-hui-bi",)


@pytest.mark.parametrize(("row", "target"), TRANSITIONS.items(), ids=lambda v: str(v))
def test_every_legal_act_leads_where_the_table_says(row: tuple[WorkOrderState, Act], target: WorkOrderState) -> None:
    state, act = row
    before = ready_for(state, act)
    assert order_of(before).state is state
    decision = do(before, act)
    petition = decision.state
    assert order_of(petition).state is target
    types = [fact.event.TYPE for fact in decision.facts]
    assert types == EVENTS.get(act, ["work_order.cancelled", *["clock.stopped"] * len(running(before))])
    information: set[ClockKind] = {C.INFORMATION} if act is Act.ASK_RESIDENT else set()
    assert running(petition) == CLOCKS[target] | information


ILLEGAL = [(state, act) for state, act in product(S, Act) if (state, act) not in TRANSITIONS and act not in AUTOMATIC]


@pytest.mark.parametrize(("state", "act"), ILLEGAL, ids=lambda v: str(v))
def test_every_other_act_is_refused_with_what_is_allowed(state: WorkOrderState, act: Act) -> None:
    petition = in_state(state)
    with pytest.raises(InvalidState) as refused:
        do(petition, act)
    assert refused.value.extensions["state"] == state.value
    assert refused.value.extensions["allowed"] == [a.value for a in allowed(petition, order_of(petition))]


@pytest.mark.parametrize("state", [s for s in S if (s, Act.RESUME) not in TRANSITIONS])
def test_nothing_resumes_that_is_not_being_worked_on(state: WorkOrderState) -> None:
    with pytest.raises(InvalidState):
        do(in_state(state), Act.RESUME)


@pytest.mark.parametrize("state", S)
def test_what_is_allowed_is_what_can_be_done(state: WorkOrderState) -> None:
    petition = in_state(state)
    possible = allowed(petition, order_of(petition))
    for act in set(Act) - AUTOMATIC:
        if act in possible:
            assert move(petition, order_of(petition), act)
        else:
            with pytest.raises(InvalidState):
                move(petition, order_of(petition), act)


def test_every_order_that_is_not_over_has_a_running_clock() -> None:
    assert {state for state, clocks in CLOCKS.items() if clocks} == OPEN
