"""The board: how much of it each role sees, and how late a clock is."""

from datetime import UTC, datetime, timedelta

import pytest

from services.contracts.vocabulary import Audience, ClockKind, Responsible, Role
from services.feedback.domain.late import LEVELS, Part, board_of, figures_of, lateness, narrowed
from services.feedback.queries.late import index_for
from services.kernel.access import Actor
from services.kernel.clocks import ACTS_WHEN_DUE, Level, responsible, told
from tests.support.terms import TERMS

FRIDAY = datetime(2026, 11, 27, 2, tzinfo=UTC)


def actor(*roles: Role, street: str | None = None, department: str | None = None) -> Actor:
    return Actor("someone", frozenset(roles), street=street, department=department)


def test_the_supervisor_sees_all_of_it() -> None:
    assert board_of(actor(Role.DISTRICT_SUPERVISOR, Role.STREET_COMMITTEE, street="dewu")) == [Part()]


def test_committees_and_departments_see_their_own() -> None:
    assert board_of(actor(Role.STREET_COMMITTEE, street="dewu")) == [Part(street="dewu")]
    assert board_of(actor(Role.DEPARTMENT_HEAD, department="housing")) == [Part(department="housing")]
    assert board_of(actor(Role.DEPARTMENT, Role.STREET_COMMITTEE, department="water", street="dewu")) == [
        Part(street="dewu"),
        Part(department="water"),
    ]


def test_leaders_see_what_is_published_and_the_figures_of_everything() -> None:
    leader = actor(Role.DISTRICT_LEADER)
    assert board_of(leader) == [Part(levels=(3,))]
    assert figures_of(leader) == [Part()]
    assert figures_of(actor(Role.STREET_COMMITTEE, street="dewu")) == [Part(street="dewu")]


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.DISTRICT_SUPERVISOR])
def test_without_a_street_or_department_there_is_no_board_of_ones_own(role: Role) -> None:
    assert board_of(actor(role)) == ([Part(levels=(3,))] if role is Role.DISTRICT_LEADER else [])


def test_what_is_wanted_lies_in_ones_own_part_or_nowhere() -> None:
    everything, street = Part(), Part(street="dewu")
    assert narrowed(everything, street="dewu", department="water", levels=(2,)) == Part("dewu", "water", (2,))
    assert narrowed(street, street=None, department="water", levels=LEVELS) == Part("dewu", "water")
    assert narrowed(street, street="hongyan", department=None, levels=LEVELS) is None
    assert narrowed(Part(department="water"), street="dewu", department="housing", levels=LEVELS) is None
    leaders = narrowed(Part(levels=(3,)), street=None, department=None, levels=(2, 1))
    assert leaders is not None
    assert leaders.levels == ()


def test_the_narrowest_index_is_taken() -> None:
    assert index_for(Part()) == "by_level"
    assert index_for(Part(street="dewu")) == "by_street"
    assert index_for(Part(street="dewu", department="water")) == "by_department"


def test_lateness_counts_working_days_and_all_hours() -> None:
    monday = FRIDAY + timedelta(days=3)
    late = lateness(FRIDAY, None, TERMS, now=monday)
    assert (late.working_days, late.hours) == (1.0, 72.0)


def test_what_is_paused_grows_no_later() -> None:
    paused = lateness(FRIDAY, FRIDAY + timedelta(hours=6), TERMS, now=FRIDAY + timedelta(days=30))
    assert (paused.working_days, paused.hours) == (0.25, 6.0)


def test_what_is_not_due_is_not_late() -> None:
    assert lateness(FRIDAY, None, TERMS, now=FRIDAY - timedelta(days=1)).hours == 0


def test_whom_each_clock_measures() -> None:
    of_departments = {ClockKind.ACKNOWLEDGEMENT, ClockKind.HANDLING, ClockKind.INSTRUCTION}
    for kind in ClockKind:
        whom = Responsible.DISTRICT_SUPERVISOR if kind is ClockKind.RULING else Responsible.STREET_COMMITTEE
        assert responsible(kind, led=False) is whom
        assert responsible(kind, led=True) is (Responsible.DEPARTMENT if kind in of_departments else whom)


def test_somebody_hears_of_every_level_of_every_clock_that_presses() -> None:
    for kind in set(ClockKind) - ACTS_WHEN_DUE:
        for led in (False, True):
            heard = [told(kind, level, led=led) for level in (Level.FIRST, Level.SECOND, Level.THIRD)]
            assert all(heard)
            assert heard[-1] == (Audience.DISTRICT_SUPERVISOR, Audience.DISTRICT_LEADER)
