"""Desks: what a page is narrowed to, and which index reads it."""

import pytest

from services.contracts.vocabulary import WorkOrderState
from services.dispatch.queries.work_orders import PAGES, Wanted, index_for, within
from services.kernel.access import Reach


def reach(*, streets: tuple[str, ...] = (), departments: tuple[str, ...] = (), everything: bool = False) -> Reach:
    return Reach(everything, streets, (), None, departments)


def test_without_a_place_or_a_department_there_is_nothing_to_ask_for() -> None:
    assert within(reach(), Wanted()) == []


def test_everything_is_asked_for_as_it_is_wanted() -> None:
    wanted = Wanted(street="dewu", department="housing")
    assert within(reach(everything=True), wanted) == [wanted]


def test_a_desk_is_narrowed_to_ones_own_and_another_is_empty() -> None:
    assert within(reach(streets=("dewu",)), Wanted(department="housing")) == [
        Wanted(street="dewu", department="housing")
    ]
    assert within(reach(streets=("dewu",)), Wanted(street="hongyan")) == []
    assert within(reach(departments=("housing",)), Wanted(department="water")) == []


def test_an_integrators_street_and_department_are_two_pages() -> None:
    both = within(reach(streets=("dewu",), departments=("housing",)), Wanted())
    assert both == [Wanted(street="dewu"), Wanted(department="housing")]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted(), "by_state"),
        (Wanted(states=[WorkOrderState.PENDING], street="dewu"), "by_street"),
        (Wanted(street="dewu", category="drainage"), "by_category"),
        (Wanted(street="dewu", category="drainage", department="housing"), "by_department"),
    ],
)
def test_the_narrowest_index_is_taken(wanted: Wanted, index: str) -> None:
    assert index_for(wanted) == index
    assert index in PAGES
