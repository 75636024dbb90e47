"""The five-people method: every event of the catalogue has its stage, and a petition is in one."""

import re
from importlib.resources import files

import pytest

from services.contracts import catalogue
from services.contracts.clocks import CLOCK_EVENTS
from services.contracts.labels import EVENT_LABELS, LABELS
from services.contracts.vocabulary import ClockKind, Source, Stage
from services.feedback.domain.stage import LEADS_TO, OF_CLOCK, OF_EVENT, overall
from services.feedback.domain.timeline import HIDDEN_FROM_RESIDENTS

KNOWN = {event for events in catalogue.EVENTS.values() for event in events.values()}


def test_every_event_of_the_catalogue_has_a_stage() -> None:
    assert OF_EVENT.keys() == KNOWN - set(CLOCK_EVENTS)
    assert OF_CLOCK.keys() == set(ClockKind)


def test_every_event_and_stage_has_a_label() -> None:
    assert {event.TYPE for event in KNOWN} <= EVENT_LABELS.keys()
    assert all((Stage, stage.value) in LABELS for stage in Stage)


def test_only_other_services_events_lead_a_petition_on() -> None:
    assert all(event in catalogue.EVENTS[event.SOURCE].values() for event in LEADS_TO)
    assert {event.SOURCE for event in LEADS_TO} == {Source.INTAKE, Source.DISPATCH}


def test_what_residents_are_not_told_exists() -> None:
    assert set(HIDDEN_FROM_RESIDENTS) <= {event.TYPE for event in KNOWN}


@pytest.mark.parametrize(
    ("intake", "dispatch", "withdrawn", "stage"),
    [
        (None, None, False, Stage.RAISE),
        (Stage.RAISE, None, False, Stage.RAISE),
        (Stage.DELIBERATE, None, False, Stage.DELIBERATE),
        (Stage.DECIDE, None, False, Stage.DECIDE),
        (Stage.EVALUATE, None, False, Stage.EVALUATE),
        (Stage.DECIDE, Stage.HANDLE, False, Stage.HANDLE),
        (Stage.DECIDE, Stage.EVALUATE, False, Stage.EVALUATE),
        (None, Stage.HANDLE, False, Stage.HANDLE),
        (Stage.DECIDE, Stage.EVALUATE, True, Stage.RAISE),
        (Stage.DELIBERATE, None, True, Stage.RAISE),
    ],
)
def test_dispatch_tells_from_its_first_order_on(
    intake: Stage | None, dispatch: Stage | None, withdrawn: bool, stage: Stage
) -> None:
    assert overall(intake, dispatch, withdrawn=withdrawn) is stage


def test_the_views_column_is_the_same_function() -> None:
    sql = files("services.feedback").joinpath("migrations/view/0001_petition.sql").read_text("utf-8")
    [column] = re.findall(r"stage\s+text GENERATED ALWAYS AS \((.*?)\) STORED", sql, re.DOTALL)
    back = overall(None, None, withdrawn=True).value
    expected = f"CASE WHEN withdrawn THEN '{back}' ELSE COALESCE(dispatch_stage, intake_stage, 'RAISE') END"
    assert " ".join(column.split()) == expected
