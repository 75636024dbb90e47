"""Who may do and see what at feedback (state-machine.md, Feedback; domain.md, "Who may do and see what").

First the rules, as sentences; then the table of doors, which says where each of them stands. Commands check them again.
"""

from typing import Final

from services.contracts.vocabulary import Role
from services.feedback.domain.case import Case
from services.kernel.access import READERS, Actor, Rule, may
from services.kernel.doors import own, own_list, reference, shown_to, within

ATTEMPT: Final = may(Role.REPRESENTATIVE, says="record a failed attempt: a representative whose petition it is")
VISIT: Final = may(
    Role.REPRESENTATIVE,
    Role.RESIDENT,
    says="record the return visit: a representative other than the handler, or the resident with the petition's token",
)
DECIDE: Final = may(Role.STREET_COMMITTEE, says="close, reopen, decide on the ledger: the petition's street committee")
READ: Final = Rule(READERS, "read stage, timeline and evaluation: every role, its own petitions")
DESK: Final = may(
    Role.REPRESENTATIVE,
    Role.STATION_STAFF,
    Role.STREET_COMMITTEE,
    Role.COMMUNITY,
    Role.DEPARTMENT,
    Role.DEPARTMENT_HEAD,
    Role.DISTRICT_SUPERVISOR,
    Role.INTEGRATOR,
    says="lists at feedback: every role but residents, its own petitions",
)
WORDS: Final = Rule(
    READERS - {Role.INTEGRATOR},
    "why it is on the ledger or reopened: everybody whose petition it is, but no integrator",
)
COMMENTS: Final = may(
    Role.RESIDENT,
    Role.REPRESENTATIVE,
    Role.STREET_COMMITTEE,
    Role.DISTRICT_SUPERVISOR,
    says="what visitors noted: not the departments that were judged",
)
RATES: Final = may(
    Role.STREET_COMMITTEE,
    Role.DEPARTMENT,
    Role.DEPARTMENT_HEAD,
    Role.DISTRICT_SUPERVISOR,
    Role.DISTRICT_LEADER,
    Role.INTEGRATOR,
    says="the three rates: a street's, a department's, or the district's",
)

BOARD: Final = may(
    Role.STREET_COMMITTEE,
    Role.DEPARTMENT,
    Role.DEPARTMENT_HEAD,
    Role.DISTRICT_SUPERVISOR,
    Role.DISTRICT_LEADER,
    says="what is late: the supervisor all of it, street committees and departments their own, leaders level 3",
)

DOORS: Final = (
    own_list("Query", DESK, "returnVisitsDue casesToClose ledger cases petitionsByStage"),
    own_list("Query", BOARD, "lateClocks lateFigures"),
    own_list("Query", RATES, "rates"),
    own("Mutation", ATTEMPT, "recordVisitAttempt"),
    own("Mutation", VISIT, "recordVisit"),
    own("Mutation", DECIDE, "closePetition reopenPetition approveLedger refuseLedger"),
    own("Subscription", READ, "petitionTimeline"),
    reference("Petition", READ),
    within("Petition", "id stage stageLabel timeline evaluation"),
    within(
        "Evaluation",
        "asOf state stateLabel allowedActs cycle reopened supervised visits attempts cases deadlines ledger reopening",
    ),
    within("EvaluationPayload", "petition position"),
    within(
        "Case",
        "id petition title cycle state stateLabel openedAt department ledgerProposed visits attempts deadlines ledger "
        "reopening",
    ),
    within("CaseConnection", "edges pageInfo"),
    within("CaseEdge", "node cursor"),
    within(
        "Visit",
        "at means byRole representative reached responded solved satisfied ledgerProposed stands",
    ),
    shown_to("Visit", COMMENTS, "comment"),
    within("Attempt", "at means representative"),
    shown_to("Attempt", COMMENTS, "comment"),
    within("LedgerEntry", "ground reviewOn approvedAt department groundLabel"),
    shown_to("LedgerEntry", WORDS, "reason"),
    within("Reopening", "cause at causeLabel"),
    shown_to("Reopening", WORDS, "reason"),
    within(
        "TimelineEntry",
        "id service sequence type label stage stageLabel at recordedAt cycle byRole department clock level",
    ),
    within("TimelineConnection", "edges pageInfo"),
    within("TimelineEdge", "node cursor"),
    within("TimelineUpdate", "entry cursor petition"),
    within("StagedPetition", "petition trackingCode title stage movedAt"),
    within("StagedPetitionConnection", "edges pageInfo"),
    within("StagedPetitionEdge", "node cursor"),
    within(
        "LateClock",
        "id petition service kind cycle state level tells responsible department street dueAt lateForWorkingDays "
        "lateForHours label responsibleLabel tellsLabels",
    ),
    within("LateClockConnection", "edges pageInfo"),
    within("LateClockEdge", "node cursor"),
    within(
        "LateFigure",
        "street responsible department level count oldestDueAt oldestLateForWorkingDays responsibleLabel",
    ),
    within("Rates", "responded solved satisfied"),
    within("Rate", "numerator denominator notReached"),
    within("Street", "id"),
    within("Department", "id"),
    within("Representative", "id"),
)

_DEPARTMENTS: Final = frozenset({Role.DEPARTMENT, Role.DEPARTMENT_HEAD})


def replied(actor: Actor, case: Case, rule: Rule) -> bool:
    """Tell whether a case is about a reply of the actor's department, whoever handles the petition now."""
    theirs = actor.department is not None and actor.department == case.department
    return theirs and bool(actor.roles & rule.roles & _DEPARTMENTS)
