"""Feedback's state machine: every row of the table, and every act that is not in it."""

from itertools import product

import pytest

from services.contracts.feedback import PetitionReopened
from services.contracts.vocabulary import CaseState
from services.feedback.domain.case import OF_THE_PRODUCT, TRANSITIONS, Act, Petition, allowed, move
from services.kernel.errors import InvalidState
from tests.support.cases import PROPOSED, UNSATISFIED, case_of, clocks, do, in_state, types, visited

S = CaseState

EVENTS = {
    Act.ATTEMPT: ["visit.attempted"],
    Act.RECORD: ["visit.recorded", "clock.stopped", "clock.started"],
    Act.REOPEN_UNSOLVED: ["visit.recorded", "petition.reopened", "clock.stopped"],
    Act.CLOSE: ["petition.closed", "clock.stopped"],
    Act.REOPEN_UNSATISFIED: ["petition.reopened", "clock.stopped"],
    Act.APPROVE_LEDGER: ["petition.ledgered", "clock.stopped", "clock.started"],
    Act.REFUSE_LEDGER: ["petition.reopened", "clock.stopped"],
    Act.REVIEW: ["visit.scheduled", "clock.stopped", "clock.started"],
    Act.RECALL: ["case.recalled", "clock.stopped"],
    Act.RESUME: ["visit.scheduled", "clock.started"],
    Act.CANCEL: ["case.cancelled", "clock.stopped"],
}
CLOCKS = {
    S.AWAITING_VISIT: {"RETURN_VISIT"},
    S.VISITED: {"CLOSING"},
    S.LEDGERED: {"LEDGER_REVIEW"},
}


def ready_for(state: CaseState, act: Act) -> Petition:
    """Return a petition in a state, visited with the answers that the act needs."""
    if act in {Act.APPROVE_LEDGER, Act.REFUSE_LEDGER} and state is S.VISITED:
        return visited(PROPOSED)
    if act is Act.REOPEN_UNSATISFIED and state is S.VISITED:
        return visited(UNSATISFIED)
    return in_state(state)


@pytest.mark.parametrize(("row", "target"), TRANSITIONS.items(), ids=lambda v: str(v))
def test_every_legal_act_leads_where_the_table_says(row: tuple[CaseState, Act], target: CaseState) -> None:
    state, act = row
    before = ready_for(state, act)
    decision = do(before, act)
    assert case_of(decision.state).state is target
    expected = [t for t in EVENTS[act] if state is not S.RECALLED or t != "clock.stopped"]
    assert types(decision) == expected
    assert clocks(decision.state) == CLOCKS.get(target, set())


ILLEGAL = [(s, a) for s, a in product(S, Act) if (s, a) not in TRANSITIONS and a not in OF_THE_PRODUCT]
OVERTAKEN = [(s, a) for s, a in product(S, (Act.RECALL, Act.RESUME, Act.CANCEL)) if (s, a) not in TRANSITIONS]


@pytest.mark.parametrize(("state", "act"), ILLEGAL, ids=lambda v: str(v))
def test_every_other_act_is_refused_with_what_is_allowed(state: CaseState, act: Act) -> None:
    petition = in_state(state)
    with pytest.raises(InvalidState) as refused:
        do(petition, act)
    assert refused.value.extensions["state"] == state.value
    assert refused.value.extensions["allowed"] == [a.value for a in allowed(case_of(petition))]


@pytest.mark.parametrize(("state", "act"), OVERTAKEN, ids=lambda v: str(v))
def test_what_another_service_says_too_late_changes_nothing(state: CaseState, act: Act) -> None:
    before = in_state(state)
    decision = do(before, act)
    assert decision.facts == ()
    assert decision.state.cases == before.cases


@pytest.mark.parametrize("state", [S.CLOSED, S.REOPENED, S.CANCELLED])
def test_an_end_has_no_clock_and_no_act(state: CaseState) -> None:
    petition = in_state(state)
    assert allowed(case_of(petition)) == []
    assert clocks(petition) == set()
    assert case_of(petition).ended_at is not None


def test_what_a_visit_answered_decides_what_the_committee_can_do() -> None:
    assert allowed(case_of(visited())) == [Act.CLOSE]
    assert allowed(case_of(visited(UNSATISFIED))) == [Act.CLOSE, Act.REOPEN_UNSATISFIED]
    assert allowed(case_of(visited(PROPOSED))) == [Act.APPROVE_LEDGER, Act.REFUSE_LEDGER]


@pytest.mark.parametrize("act", [Act.CLOSE, Act.REOPEN_UNSATISFIED])
def test_a_proposed_ledger_is_answered_first(act: Act) -> None:
    with pytest.raises(InvalidState, match="approved or refused first"):
        do(visited(PROPOSED), act)


@pytest.mark.parametrize("act", [Act.APPROVE_LEDGER, Act.REFUSE_LEDGER])
def test_nobody_decides_on_a_ledger_that_was_not_proposed(act: Act) -> None:
    with pytest.raises(InvalidState, match="did not propose the ledger"):
        do(visited(), act)


def test_what_satisfies_is_not_reopened() -> None:
    with pytest.raises(InvalidState, match="to no satisfaction"):
        do(visited(), Act.REOPEN_UNSATISFIED)


@pytest.mark.parametrize("act", [Act.REOPEN_UNSATISFIED, Act.REFUSE_LEDGER])
def test_a_reopening_keeps_its_cause(act: Act) -> None:
    decision = do(ready_for(S.VISITED, act), act)
    why = case_of(decision.state).reopening
    [event] = [f.event for f in decision.facts if isinstance(f.event, PetitionReopened)]
    assert why is not None
    assert (event.cause, event.new_cycle) == (why.cause, 2)


def test_the_products_own_acts_are_offered_to_nobody() -> None:
    for state in S:
        assert not set(allowed(case_of(in_state(state)))) & OF_THE_PRODUCT
    with pytest.raises(InvalidState):
        move(case_of(in_state(S.CLOSED)), Act.RECALL)
