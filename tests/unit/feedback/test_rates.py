"""The three rates: what is counted, where, and who may see it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.contracts.vocabulary import Role
from services.feedback.domain import rates
from services.feedback.domain.rates import Count, Place
from services.feedback.domain.visits import Answers
from services.kernel.access import Actor
from services.kernel.errors import InvalidInput, NotFound
from tests.support.cases import NOW, SOLVED, UNSATISFIED, UNSOLVED, attempt, awaiting, visit

HOUSING = Place(date(2026, 11, 24), "huangtupo", "housing")


@pytest.mark.parametrize(
    ("answers", "count"),
    [
        (SOLVED, Count(reached=1, responded=1, solved=1, satisfied=1)),
        (UNSATISFIED, Count(reached=1, responded=1, solved=1)),
        (UNSOLVED, Count(reached=1, responded=1)),
        (replace(SOLVED, responded=False), Count(reached=1, solved=1, satisfied=1)),
    ],
)
def test_a_visit_counts_where_and_when_it_was_made(answers: Answers, count: Count) -> None:
    before = awaiting()
    assert rates.changes(before, visit(before, answers).state) == {HOUSING: count}


def test_an_attempt_counts_nothing_and_three_count_as_not_reached() -> None:
    petition = awaiting()
    for day in range(3):
        after = attempt(petition, NOW + timedelta(days=day)).state
        assert rates.changes(petition, after) == {}
        petition = after
    visited = visit(petition, Answers(reached=False), NOW).state
    assert rates.changes(petition, visited) == {HOUSING: Count(not_reached=1)}


def test_the_day_is_shanghais() -> None:
    before = awaiting()
    late = NOW.replace(hour=16)
    [place] = rates.changes(before, visit(before, SOLVED, late).state)
    assert place.day == date(2026, 11, 25)


def test_a_period_has_from_one_day_to_a_year() -> None:
    rates.check_period(date(2026, 1, 1), date(2026, 1, 1))
    rates.check_period(date(2028, 1, 1), date(2028, 12, 31))
    for first, last in ((date(2026, 1, 2), date(2026, 1, 1)), (date(2026, 1, 1), date(2027, 1, 2))):
        with pytest.raises(InvalidInput):
            rates.check_period(first, last)


def actor(*roles: Role, street: str | None = None, department: str | None = None) -> Actor:
    return Actor("someone", frozenset(roles), street=street, department=department)


@pytest.mark.parametrize(
    ("who", "street", "department"),
    [
        (actor(Role.STREET_COMMITTEE, street="huangtupo"), "dewu", None),
        (actor(Role.DEPARTMENT, department="housing"), None, "water"),
        (actor(Role.DEPARTMENT_HEAD, department="housing"), None, "water"),
        (actor(Role.INTEGRATOR, street="huangtupo"), "dewu", None),
    ],
)
def test_foreign_figures_are_as_if_unknown(who: Actor, street: str | None, department: str | None) -> None:
    with pytest.raises(NotFound):
        rates.check_own(rates.figures_of(who), street, department)


@pytest.mark.parametrize(
    ("who", "street", "department"),
    [
        (actor(Role.STREET_COMMITTEE, street="huangtupo"), "huangtupo", "housing"),
        (actor(Role.DEPARTMENT, department="housing"), "dewu", "housing"),
        (actor(Role.DISTRICT_LEADER), "dewu", "water"),
        (actor(Role.DISTRICT_SUPERVISOR), None, None),
    ],
)
def test_own_figures_are_shown(who: Actor, street: str | None, department: str | None) -> None:
    rates.check_own(rates.figures_of(who), street, department)


def test_who_has_no_claim_has_no_figures() -> None:
    assert rates.figures_of(actor(Role.STREET_COMMITTEE)) == rates.Figures(False, (), ())
