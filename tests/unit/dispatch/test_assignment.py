"""Assigning, declining and ruling: one decline is the department's right, the second is the supervisor's business."""

from datetime import UTC, datetime

import pytest

from services.contracts.dispatch import (
    WorkOrderAssigned,
    WorkOrderDeclined,
    WorkOrderOpened,
    WorkOrderReferredForRuling,
)
from services.contracts.vocabulary import ClockKind, DeadlineClass, WorkOrderState
from services.dispatch.domain import assignment
from services.dispatch.domain.work_order import Act, Petition, allowed
from services.kernel.errors import InvalidState
from tests.support.terms import TERMS
from tests.support.work_orders import NOW, SUGGESTED, after, do, handed_over, in_state, order_of, pending

S = WorkOrderState


def declined_once() -> Petition:
    return do(in_state(S.ASSIGNED), Act.DECLINE_FIRST, proposed="water").state


def declined_twice() -> Petition:
    again = do(declined_once(), Act.ASSIGN, department="water").state
    return do(again, Act.DECLINE_SECOND).state


def test_the_clocks_of_an_assignment_are_those_of_its_class() -> None:
    petition = do(pending(), Act.ASSIGN, deadline_class=DeadlineClass.URGENT).state
    due = {clock.kind: clock.due_at for clock in petition.head.clocks if clock.is_open}
    assert due == {
        ClockKind.ACKNOWLEDGEMENT: datetime(2026, 11, 25, 2, tzinfo=UTC),
        ClockKind.HANDLING: datetime(2026, 11, 25, 2, tzinfo=UTC),
    }
    assert order_of(petition).deadline_class is DeadlineClass.URGENT


def test_the_event_tells_whether_routing_suggested_it() -> None:
    for department, suggested in (("housing", True), ("water", False)):
        decision = do(pending(), Act.ASSIGN, department=department)
        event = decision.facts[0].event
        assert isinstance(event, WorkOrderAssigned)
        assert event.suggested is suggested
        assert decision.state.head.scope.lead == department


def test_after_the_first_decline_nobody_is_responsible() -> None:
    decision = do(in_state(S.ASSIGNED), Act.DECLINE_FIRST, proposed="water")
    event = decision.facts[0].event
    assert isinstance(event, WorkOrderDeclined)
    assert (event.department, event.proposed, event.nth) == ("housing", "water", 1)
    assert decision.facts[0].remark == "非本单位职责"
    assert decision.state.head.scope.lead is None
    assert order_of(decision.state).department is None


def test_the_second_decline_is_referred_and_the_first_receiver_stays_responsible() -> None:
    again = do(declined_once(), Act.ASSIGN, department="water").state
    assert Act.DECLINE_SECOND in allowed(again, order_of(again))
    assert Act.DECLINE_FIRST not in allowed(again, order_of(again))
    decision = do(again, Act.DECLINE_SECOND)
    declined, referred = (fact.event for fact in decision.facts[:2])
    assert isinstance(declined, WorkOrderDeclined)
    assert isinstance(referred, WorkOrderReferredForRuling)
    assert (declined.department, declined.nth, referred.responsible) == ("water", 2, "housing")
    assert decision.state.head.scope.lead == "housing"
    assert order_of(decision.state).department == "housing"
    assert [d.department for d in order_of(decision.state).declines] == ["housing", "water"]


def test_the_same_departments_second_decline_is_the_second_too() -> None:
    petition = after(declined_once(), Act.ASSIGN, Act.DECLINE_SECOND)
    assert order_of(petition).state is S.UNDER_RULING


@pytest.mark.parametrize("department", ["housing", "water", "transport"])
def test_a_ruling_makes_anybody_responsible_and_cannot_be_declined(department: str) -> None:
    ruled = do(declined_twice(), Act.RULE, department=department).state
    assert (order_of(ruled).state, ruled.head.scope.lead) == (S.ASSIGNED, department)
    assert allowed(ruled, order_of(ruled)) == [Act.ACKNOWLEDGE]
    for decline in (Act.DECLINE_FIRST, Act.DECLINE_SECOND):
        with pytest.raises(InvalidState, match="a ruling cannot be declined"):
            do(ruled, decline)


def test_a_cycle_is_opened_once_and_only_upwards() -> None:
    petition = pending()
    scope = petition.head.scope
    for cycle in (0, 1):
        assert assignment.open_order(petition, handed_over(cycle, scope=scope), SUGGESTED, TERMS, now=NOW) is None
    again = assignment.open_order(petition, handed_over(2, scope=scope, title="又堵"), SUGGESTED, TERMS, now=NOW)
    assert again is not None
    assert isinstance(again.facts[0].event, WorkOrderOpened)
    assert (again.state.title, again.state.head.cycle, order_of(again.state).cycle) == ("又堵", 2, 2)
    withdrawn = do(petition, Act.CANCEL).state
    assert assignment.open_order(withdrawn, handed_over(2, scope=scope), SUGGESTED, TERMS, now=NOW) is None
