"""The ledger: a responsible department, a reason, and a day on which it is visited again."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.contracts.feedback import PetitionLedgered, PetitionReopened
from services.contracts.vocabulary import CaseState
from services.feedback.domain import ledger
from services.feedback.domain.case import Act
from services.kernel.calendar import SHANGHAI
from services.kernel.errors import InvalidInput
from tests.support.cases import NOW, PROPOSED, REVIEW_ON, case_of, clocks, do, ledgered, visit, visited
from tests.support.terms import TERMS


def test_an_entry_is_due_at_the_beginning_of_its_day() -> None:
    decision = do(visited(PROPOSED), Act.APPROVE_LEDGER)
    [event] = [f.event for f in decision.facts if isinstance(f.event, PetitionLedgered)]
    assert (event.department, event.ground, event.review_on) == ("housing", "NO_FUNDS", REVIEW_ON)
    [clock] = [c for c in decision.state.head.clocks if c.is_open]
    assert clock.due_at.astimezone(SHANGHAI).date() == REVIEW_ON
    assert clock.due_at.astimezone(SHANGHAI).hour == 0


@pytest.mark.parametrize(("answered", "cause"), [(True, "LEDGER_REFUSED"), (False, "LEDGER_UNANSWERED")])
def test_no_and_no_answer_both_reopen(answered: bool, cause: str) -> None:
    petition = visited(PROPOSED)
    given: dict[str, Any] = {"terms": TERMS, "by": case_of(petition).visits[0].by, "now": NOW}
    decision = ledger.refuse(petition, case_of(petition), answered=answered, reason="", **given)
    [event] = [f.event for f in decision.facts if isinstance(f.event, PetitionReopened)]
    assert event.cause == cause
    assert case_of(decision.state).state is CaseState.REOPENED


def test_what_is_on_the_ledger_is_visited_again_and_can_go_on_it_again() -> None:
    again = do(ledgered(), Act.REVIEW, NOW + timedelta(days=200)).state
    assert clocks(again) == {"RETURN_VISIT"}
    assert case_of(again).visit is None
    assert case_of(again).ledger is not None
    once_more = visit(again, PROPOSED).state
    assert case_of(once_more).ledger_proposed
    assert case_of(do(once_more, Act.APPROVE_LEDGER).state).state is CaseState.LEDGERED


@pytest.mark.parametrize(
    "day", [date(2026, 11, 24), date(2026, 1, 1), date(2028, 11, 25), date(2100, 1, 1)], ids=lambda d: str(d)
)
def test_a_review_lies_ahead_and_within_two_years(day: date) -> None:
    with pytest.raises(InvalidInput) as refused:
        ledger.check_review(day, NOW)
    assert refused.value.extensions["field"] == "reviewOn"


@pytest.mark.parametrize("day", [date(2026, 11, 25), date(2028, 11, 24)], ids=lambda d: str(d))
def test_tomorrow_and_two_years_from_now_are_possible(day: date) -> None:
    ledger.check_review(day, NOW)


def test_today_is_shanghais() -> None:
    ledger.check_review(date(2026, 11, 25), datetime(2026, 11, 24, 15, 59, tzinfo=UTC))
    with pytest.raises(InvalidInput):
        ledger.check_review(date(2026, 11, 25), datetime(2026, 11, 24, 16, 0, tzinfo=UTC))


def test_two_years_from_a_leap_day_are_the_last_of_february() -> None:
    assert ledger.latest_review(date(2028, 2, 29)) == date(2030, 2, 28)
