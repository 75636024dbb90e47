"""The tables of doors against domain.md and state-machine.md, whose columns are written down here a second time."""

from typing import Final

import pytest

from gateway.access import PAGE, ROLES, TABLES, allows, page
from services.contracts.vocabulary import Role
from services.kernel.access import READERS
from services.kernel.doors import Bounds

_HANDLE: Final = "acknowledgeWorkOrder declineWorkOrder startWorkOrder askResident replyToWorkOrder answerInstruction"
_LISTS_OF_FEEDBACK: Final = "returnVisitsDue casesToClose ledger cases petitionsByStage"
_DESKS_OF_INTAKE: Final = "petitions petitionsToAccept petitionsToScreen"
_ONE: Final = "petition workOrder"

MAY_DO: Final[dict[Role, str]] = {
    Role.ANYONE: "submitPetition openPetition",
    Role.RESIDENT: "addInformation withdrawPetition recordVisit lookUpContact",
    Role.REPRESENTATIVE: "listenToPetition lookAtPetition deliberateOnPetition followPetition recordVisitAttempt "
    "recordVisit lookUpContact",
    Role.STATION_STAFF: "listenToPetition lookAtPetition deliberateOnPetition lookUpContact",
    Role.COMMUNITY: "lookAtPetition deliberateOnPetition",
    Role.STREET_COMMITTEE: "acceptPetition rejectPetition declinePetition skipScreeningStep handOverPetition "
    "resolvePetitionOnSpot nominatePetition listenToPetition lookAtPetition deliberateOnPetition assignWorkOrder "
    "sendBackReply answerInstruction closePetition reopenPetition approveLedger refuseLedger lookUpContact",
    Role.DEPARTMENT: f"{_HANDLE} lookUpContact",
    Role.DEPARTMENT_HEAD: f"{_HANDLE} lookUpContact",
    Role.EXPERT: "",
    Role.DISTRICT_SUPERVISOR: "assignWorkOrder ruleOnWorkOrder pressPetition",
    Role.DISTRICT_LEADER: "",
    Role.INTEGRATOR: "",
    Role.OPERATOR: "recordDeadlinePolicy recordCalendarDays erasePersonalData replayIntakeParked discardIntakeParked "
    "replayDispatchParked discardDispatchParked replayFeedbackParked discardFeedbackParked",
}
"""Beyond what anyone may do."""

MAY_ASK: Final[dict[Role, str]] = {
    Role.ANYONE: "me streets communities estates stations rooms venues representatives coverage categories channels "
    "grounds referrals "
    "deadlinePolicies workingCalendar departments department",
    Role.RESIDENT: f"{_ONE} contactLooks",
    Role.REPRESENTATIVE: f"{_ONE} {_DESKS_OF_INTAKE} {_LISTS_OF_FEEDBACK} suggestDepartment",
    Role.STATION_STAFF: f"{_ONE} {_DESKS_OF_INTAKE} {_LISTS_OF_FEEDBACK} suggestDepartment",
    Role.COMMUNITY: f"{_ONE} {_DESKS_OF_INTAKE} {_LISTS_OF_FEEDBACK}",
    Role.STREET_COMMITTEE: f"{_ONE} {_DESKS_OF_INTAKE} {_LISTS_OF_FEEDBACK} suggestDepartment workOrders "
    "departmentWorkOrders workOrdersToAssign instructionsToAnswer lateClocks lateFigures rates",
    Role.DEPARTMENT: f"{_ONE} {_LISTS_OF_FEEDBACK} suggestDepartment workOrders departmentWorkOrders "
    "workOrdersDueSoon instructionsToAnswer lateClocks lateFigures rates",
    Role.DEPARTMENT_HEAD: f"{_ONE} {_LISTS_OF_FEEDBACK} suggestDepartment workOrders departmentWorkOrders "
    "workOrdersDueSoon instructionsToAnswer lateClocks lateFigures rates",
    Role.EXPERT: "",
    Role.DISTRICT_SUPERVISOR: f"{_ONE} {_DESKS_OF_INTAKE} {_LISTS_OF_FEEDBACK} suggestDepartment workOrders "
    "departmentWorkOrders workOrdersToAssign workOrdersToRule workOrdersDueSoon instructionsToAnswer lateClocks "
    "lateFigures rates contactLooks",
    Role.DISTRICT_LEADER: "lateClocks lateFigures rates",
    Role.INTEGRATOR: f"{_ONE} {_DESKS_OF_INTAKE} {_LISTS_OF_FEEDBACK} workOrders departmentWorkOrders rates",
    Role.OPERATOR: "intakeParked intakeDiscarded dispatchParked dispatchDiscarded feedbackParked feedbackDiscarded",
}

MAY_FOLLOW: Final[dict[Role, str]] = {
    **dict.fromkeys(ROLES, ""),
    **dict.fromkeys(READERS, "petitionTimeline"),
    **dict.fromkeys(
        (Role.DEPARTMENT, Role.DEPARTMENT_HEAD, Role.DISTRICT_SUPERVISOR, Role.INTEGRATOR),
        "petitionTimeline departmentQueue",
    ),
}

NO_WORDS: Final = {Role.INTEGRATOR, Role.OPERATOR, Role.DISTRICT_LEADER, Role.EXPERT, Role.ANYONE}
"""Who must not read what people wrote, or names and numbers of residents."""


def _granted(root: str, role: Role) -> set[str]:
    return {
        name
        for table in TABLES.values()
        for (type_name, name), door in table.fields.items()
        if type_name == root and not name.startswith("_") and door.rule and allows(door.rule, role)
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_the_trade_says_and_nothing_else(role: Role) -> None:
    assert _granted("Mutation", role) == {*MAY_DO[Role.ANYONE].split(), *MAY_DO[role].split()}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_ask_what_the_trade_says_and_nothing_else(role: Role) -> None:
    assert _granted("Query", role) == {*MAY_ASK[Role.ANYONE].split(), *MAY_ASK[role].split()}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_follow_what_it_may_read_and_nothing_else(role: Role) -> None:
    assert _granted("Subscription", role) == set(MAY_FOLLOW[role].split())


def test_words_and_contact_data_are_not_for_roles_that_must_not_read_them() -> None:
    words = {"workingText", "remarks", "measures", "reason", "question", "reply", "comment", "declines", "subject"}
    rules = {
        (type_name, name): door.rule
        for table in TABLES.values()
        for (type_name, name), door in table.fields.items()
        if door.rule is not None and type_name not in {"Query", "Mutation", "Subscription"} and name in words
    }
    assert {name for _, name in rules} == words
    for where, rule in rules.items():
        assert not rule.roles & NO_WORDS, where


def test_whatever_is_about_petitions_is_bounded_by_what_is_ones_own() -> None:
    free = {
        name
        for table in TABLES.values()
        for (type_name, name), door in table.fields.items()
        if type_name in {"Query", "Mutation", "Subscription"}
        and door.bounds is Bounds.NONE
        and not name.startswith("_")
    }
    expected = {*MAY_ASK[Role.ANYONE].split(), *MAY_DO[Role.ANYONE].split(), "suggestDepartment"}
    expected |= {*MAY_DO[Role.OPERATOR].split(), *MAY_ASK[Role.OPERATOR].split()}
    assert free == expected


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m gateway.access write`"
