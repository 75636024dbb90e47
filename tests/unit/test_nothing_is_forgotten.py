"""Tables that nothing else asks for by name: an event, a mutation or an act that is missing there is passed over."""

from typing import Final

from deploy.audit import rules
from gateway.access import TABLES
from services.contracts import catalogue
from services.contracts.clocks import CLOCK_EVENTS
from services.dispatch.domain import work_order as dispatch
from services.feedback.domain import case as feedback
from services.intake.domain import petition as intake
from tests.faults.crowd import WEIGHTS
from tests.system.fuzz.known import FITTING

ABOUT_NO_PETITION: Final = {"recordDeadlinePolicy", "recordCalendarDays"}
RECORD_NOTHING: Final = {"openPetition", "lookUpContact", "nominatePetition"}
BY_ITSELF: Final = {
    intake.Act.RESUME_SCREENING,
    dispatch.Act.RESUME,
    dispatch.Act.CANCEL,
    *feedback.OF_THE_PRODUCT,
}
"""Acts that nobody asks for."""


def _mutations() -> set[str]:
    """Return what people do with petitions; replaying and passing over parked events is about the inbox."""
    named = {name for table in TABLES.values() for (of, name) in table.fields if of == "Mutation"}
    return {name for name in named if not name.endswith("Parked")} - ABOUT_NO_PETITION


def test_the_independent_check_has_a_row_for_every_event() -> None:
    rows = {act.split()[0] for table in rules.TABLES.values() for act in table} | rules.BESIDE
    known = {event.TYPE for events in catalogue.EVENTS.values() for event in events.values()}
    assert rows == known - {event.TYPE for event in CLOCK_EVENTS}


def test_the_independent_check_knows_what_every_mutation_records() -> None:
    assert _mutations() - RECORD_NOTHING == rules.MUTATIONS.keys()


def test_the_crowd_of_the_fault_campaign_does_every_act() -> None:
    acts = {act for service in (intake, dispatch, feedback) for act in service.Act if act not in BY_ITSELF}
    assert {act.value for act in acts} <= WEIGHTS.keys()


def test_requests_by_chance_find_petitions_that_every_mutation_fits() -> None:
    assert _mutations() - {"submitPetition", "lookUpContact", "erasePersonalData"} <= FITTING.keys()
