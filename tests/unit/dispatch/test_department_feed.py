"""What departments are told of: everything that dispatch can record is told, or left out on purpose."""

from services.contracts import catalogue, departments
from services.contracts.vocabulary import Source
from services.dispatch.domain.department_feed import NAMING, TOLD, UNTOLD


def test_every_event_of_dispatch_is_told_or_left_out_on_purpose() -> None:
    assert catalogue.EVENTS[Source.DISPATCH].keys() == TOLD | UNTOLD
    assert not TOLD & UNTOLD


def test_the_feed_has_the_types_that_are_told_and_one_for_who_is_relieved() -> None:
    assert catalogue.DEPARTMENT_EVENTS.keys() == TOLD | {departments.OrderRelieved.TYPE}


def test_events_that_concern_whom_they_name_have_a_place_for_the_name() -> None:
    for name in NAMING:
        assert "department" in catalogue.EVENTS[Source.DISPATCH][name].__struct_fields__, name
