"""The return visit: attempts on different days, three answers, and who may ask them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.contracts.feedback import PetitionReopened, VisitAttempted, VisitRecorded
from services.contracts.vocabulary import CaseState, Role, VisitMeans
from services.feedback.domain import visits
from services.feedback.domain.case import Outcome, Petition
from services.feedback.domain.visits import Answers
from services.kernel.access import Actor
from services.kernel.errors import Forbidden, InvalidInput, InvalidState
from tests.support.cases import (
    NOW,
    PROPOSED,
    RESIDENT,
    SOLVED,
    UNSOLVED,
    attempt,
    awaiting,
    case_of,
    clocks,
    reply,
    types,
    visit,
    visited,
)

DAY = timedelta(days=1)
NOT_REACHED = Answers(reached=False)


def attempted(times: int, petition: Petition | None = None) -> Petition:
    """Return a petition with failed attempts on as many days."""
    petition = petition or awaiting()
    for day in range(times):
        petition = attempt(petition, NOW + day * DAY).state
    return petition


def test_attempts_count_one_a_day() -> None:
    petition = attempted(2)
    decision = attempt(petition, NOW + 2 * DAY)
    [event] = [f.event for f in decision.facts if isinstance(f.event, VisitAttempted)]
    assert event.attempt == 3
    assert clocks(decision.state) == {"RETURN_VISIT"}


def test_a_second_attempt_on_a_day_in_shanghai_is_refused() -> None:
    late = datetime(2026, 11, 24, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    petition = attempt(awaiting(), late).state
    with pytest.raises(InvalidState, match="counts tomorrow"):
        attempt(petition, late)
    assert len(case_of(attempt(petition, late + timedelta(minutes=1)).state).attempts) == 2


@pytest.mark.parametrize("times", [0, 1, 2])
def test_not_reached_needs_three_attempts(times: int) -> None:
    with pytest.raises(InvalidInput, match=f"{times} are recorded") as refused:
        visit(attempted(times), NOT_REACHED)
    assert refused.value.extensions["field"] == "reached"


def test_not_reached_is_neither_yes_nor_no_and_goes_to_closing() -> None:
    decision = visit(attempted(3), NOT_REACHED, NOW + 3 * DAY)
    [event] = [f.event for f in decision.facts if isinstance(f.event, VisitRecorded)]
    assert (event.reached, event.responded, event.solved, event.satisfied) == (False, None, None, None)
    case = case_of(decision.state)
    assert case.state is CaseState.VISITED
    assert case.visit is not None
    assert case.visit.outcome is Outcome.NOT_REACHED
    assert clocks(decision.state) == {"CLOSING"}


@pytest.mark.parametrize("field", ["responded", "solved", "satisfied"])
def test_all_three_questions_are_answered_or_none(field: str) -> None:
    with pytest.raises(InvalidInput) as missing:
        visit(awaiting(), replace(SOLVED, **{field: None}))
    assert missing.value.extensions["field"] == field
    with pytest.raises(InvalidInput) as surplus:
        visit(attempted(3), replace(NOT_REACHED, **{field: True}))
    assert surplus.value.extensions["field"] == field


def test_the_ledger_is_proposed_only_for_what_is_not_solved() -> None:
    with pytest.raises(InvalidInput) as refused:
        visit(awaiting(), replace(SOLVED, ledger_proposed=True))
    assert refused.value.extensions["field"] == "ledgerProposed"
    with pytest.raises(InvalidInput):
        visit(attempted(3), replace(NOT_REACHED, ledger_proposed=True))


def test_a_proposed_ledger_waits_for_approval_and_not_for_closing() -> None:
    assert clocks(visited(PROPOSED)) == {"LEDGER_APPROVAL"}
    assert case_of(visited(PROPOSED)).ledger_proposed


def test_not_solved_reopens_in_the_visits_own_decision() -> None:
    decision = visit(awaiting(), UNSOLVED)
    assert types(decision) == ["visit.recorded", "petition.reopened", "clock.stopped"]
    assert case_of(decision.state).state is CaseState.REOPENED
    assert clocks(decision.state) == set()


def test_the_second_reopening_is_supervised() -> None:
    petition, supervised = awaiting(), list[bool]()
    for cycle in (1, 2, 3):
        if cycle > 1:
            petition = reply(petition, cycle).state
        decision = visit(petition, UNSOLVED)
        [event] = [f.event for f in decision.facts if isinstance(f.event, PetitionReopened)]
        assert event.new_cycle == cycle + 1
        supervised.append(event.supervised)
        petition = decision.state
    assert supervised == [False, True, True]
    assert [case.cycle for case in petition.cases] == [1, 2, 3]
    assert petition.reopened == 3


def test_a_residents_own_answer_is_a_form() -> None:
    decision = visit(awaiting(), SOLVED, by=RESIDENT, means=VisitMeans.FORM)
    assert case_of(decision.state).state is CaseState.VISITED
    for answers, means, field in (
        (SOLVED, VisitMeans.PHONE, "means"),
        (PROPOSED, VisitMeans.FORM, "ledgerProposed"),
        (NOT_REACHED, VisitMeans.FORM, "reached"),
    ):
        with pytest.raises(InvalidInput) as refused:
            visit(awaiting(), answers, by=RESIDENT, means=means)
        assert refused.value.extensions["field"] == field


def test_who_handled_the_matter_or_is_of_its_department_does_not_ask() -> None:
    petition = awaiting()
    case, scope = case_of(petition), petition.head.scope
    roles = frozenset({Role.REPRESENTATIVE, Role.DEPARTMENT})
    visits.check_visitor(Actor("someone", roles, department="water"), case, scope)
    with pytest.raises(Forbidden, match="handled the matter"):
        visits.check_visitor(Actor("the-handler", roles), case, scope)
    with pytest.raises(Forbidden, match="department"):
        visits.check_visitor(Actor("someone", roles, department="housing"), case, scope)


def test_attempts_begin_anew_when_a_visit_is_scheduled_again() -> None:
    petition = attempted(3)
    recalled = replace(petition, cases=(replace(case_of(petition), state=CaseState.RECALLED),))
    recalled = replace(recalled, head=replace(recalled.head, clocks=()))
    again = reply(recalled).state
    assert case_of(again).attempts == ()
    with pytest.raises(InvalidInput):
        visit(again, NOT_REACHED)
