"""Replies, send-backs and withdrawals: one end in whatever order they come, and with whatever visits between."""

from dataclasses import replace
from typing import Final
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.vocabulary import CaseState
from services.feedback.domain import following, rates
from services.feedback.domain.case import Act, Petition, can
from services.feedback.domain.rates import Count
from services.kernel.errors import Refusal
from services.kernel.ids import CaseId
from tests.support.cases import (
    NOW,
    PROPOSED,
    SOLVED,
    UNSATISFIED,
    UNSOLVED,
    attempt,
    awaiting,
    case_of,
    clocks,
    do,
    ledgered,
    reply,
    result,
    types,
    unheard,
    visit,
    visited,
)
from tests.support.terms import TERMS

S = CaseState
OPEN: Final = {S.AWAITING_VISIT, S.VISITED, S.LEDGERED, S.RECALLED}


def test_a_reply_after_a_withdrawal_opens_a_cancelled_case() -> None:
    heard = following.withdraw(unheard(), TERMS, now=NOW)
    assert heard.facts == ()
    assert heard.state.withdrawn
    decision = reply(heard.state)
    assert types(decision) == ["case.cancelled"]
    assert case_of(decision.state).state is S.CANCELLED
    assert clocks(decision.state) == set()


def test_a_reply_of_an_earlier_cycle_was_overtaken() -> None:
    second = reply(visited(UNSOLVED), 2).state
    late = reply(second, 1)
    assert (late.state, late.facts) == (second, ())


def test_a_reply_to_a_case_that_is_over_changes_nothing() -> None:
    closed = do(visited(), Act.CLOSE).state
    late = reply(closed, 1)
    assert (late.state, late.facts) == (closed, ())


def test_a_co_handlers_part_that_goes_back_recalls_nothing() -> None:
    decision = following.recall(awaiting(), 1, "water", TERMS, now=NOW)
    assert decision.facts == ()


def test_a_send_back_of_another_cycle_recalls_nothing() -> None:
    assert following.recall(awaiting(), 2, "housing", TERMS, now=NOW).facts == ()


def test_a_reply_that_knew_of_fewer_followers_takes_none_away() -> None:
    asked = result(cycle=1)
    told = asked.scope.followers
    heard = following.learn_followers(unheard(), (*told, "rep-peng-xuan"))
    assert heard.facts == ()
    assert heard.state.case is None
    petition = following.schedule(heard.state, asked, CaseId(uuid4()), TERMS, now=NOW).state
    assert petition.head.scope.followers == ("rep-hui-bi", "rep-peng-xuan")


def test_solved_on_the_spot_is_a_case_without_a_department() -> None:
    petition = unheard()
    spot = replace(result(petition), department=None)
    case = case_of(following.schedule(petition, spot, CaseId(uuid4()), TERMS, now=NOW).state)
    assert case.department is None
    assert case.state is S.AWAITING_VISIT


@pytest.mark.parametrize("answers", [SOLVED, UNSATISFIED, PROPOSED])
@pytest.mark.parametrize("act", [Act.RECALL, Act.CANCEL])
def test_a_visit_stands_no_longer_when_its_reply_is_gone(answers: object, act: Act) -> None:
    before = visited(answers)  # type: ignore[arg-type]
    after = do(before, act).state
    assert case_of(after).visit is None
    assert len(case_of(after).visits) == 1
    assert [c.reached for c in rates.changes(before, after).values()] == [-1]
    assert rates.changes(unheard(), after) == {}


def test_a_recalled_ledger_entry_takes_its_visit_back() -> None:
    before = ledgered()
    [taken] = rates.changes(before, do(before, Act.RECALL).state).values()
    assert taken == Count(reached=-1, responded=-1)


# What dispatch says, in its order, and what intake says; people act in between.
DISPATCH: Final = ("reply", "return", "reply", "return", "reply")
ACTS: Final = ("attempt", "visit", "unsatisfied", "ledger", "close", "approve")


def _people(petition: Petition, act: str) -> Petition:
    """Do what somebody would do, if the service lets them."""
    if petition.case is None:
        return petition
    try:
        match act:
            case "attempt":
                return attempt(petition).state
            case "visit":
                return visit(petition).state
            case "unsatisfied":
                return visit(petition, UNSATISFIED).state
            case "ledger":
                return visit(petition, PROPOSED).state
            case "close":
                return do(petition, Act.CLOSE).state
            case _:
                return do(petition, Act.APPROVE_LEDGER).state
    except Refusal:
        return petition


def _hear(petition: Petition, what: str) -> Petition:
    match what:
        case "reply":
            return reply(petition).state
        case "return":
            return following.recall(petition, 1, "housing", TERMS, now=NOW).state
        case "withdrawal":
            return following.withdraw(petition, TERMS, now=NOW).state
        case act:
            return _people(petition, act)


@given(st.integers(0, len(DISPATCH)), st.integers(0, len(DISPATCH)))
def test_a_withdrawal_ends_alike_wherever_it_comes_among_replies(told: int, place: int) -> None:
    said = [*DISPATCH[:told]]
    said.insert(min(place, told), "withdrawal")
    petition = unheard()
    for what in said:
        petition = _hear(petition, what)
    assert petition.withdrawn
    assert clocks(petition) == set()
    assert petition.case is None if told == 0 else case_of(petition).state is S.CANCELLED


@given(st.data(), st.integers(1, len(DISPATCH)))
def test_withdrawal_and_visits_in_any_order_leave_nothing_open_and_nothing_counted_twice(
    data: st.DataObject, told: int
) -> None:
    said = [*DISPATCH[:told]]
    said.insert(data.draw(st.integers(0, told)), "withdrawal")
    for _ in range(data.draw(st.integers(0, 6))):
        said.insert(data.draw(st.integers(0, len(said))), data.draw(st.sampled_from(ACTS)))
    petition, total = unheard(), Count()
    for what in said:
        after = _hear(petition, what)
        for count in rates.changes(petition, after).values():
            total = total.plus(count)
        petition = after
    case = case_of(petition)
    # Closed before the withdrawal was heard of: a final state stays. Whatever else: cancelled.
    assert case.state in {S.CLOSED, S.CANCELLED}
    assert clocks(petition) == set()
    assert total.reached == (1 if case.state is S.CLOSED else 0)


@given(st.lists(st.sampled_from((*ACTS, "reply", "return")), max_size=12))
def test_a_case_is_open_exactly_when_a_clock_runs_or_a_reply_was_sent_back(said: list[str]) -> None:
    petition = awaiting()
    for what in said:
        petition = _hear(petition, what)
    case = case_of(petition)
    assert (case.state in OPEN - {S.RECALLED}) == bool(clocks(petition))
    assert can(case, Act.CANCEL) == (case.state in OPEN)


@given(st.lists(st.sampled_from(("reply", "withdrawal", *ACTS)), max_size=10))
def test_hearing_everything_twice_changes_nothing(said: list[str]) -> None:
    petition = awaiting()
    for what in said:
        petition = _hear(petition, what)
        if what in {"reply", "withdrawal"}:
            assert _hear(petition, what) == petition
