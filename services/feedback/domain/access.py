"""Who may do what at feedback (state-machine.md, Feedback; domain.md, "Who may do and see what")."""

from typing import Final

from services.contracts.vocabulary import Role
from services.feedback.domain.case import Case
from services.kernel.access import READERS, Actor, Rule, may

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

_DEPARTMENTS: Final = frozenset({Role.DEPARTMENT, Role.DEPARTMENT_HEAD})


def replied(actor: Actor, case: Case, rule: Rule) -> bool:
    """Tell whether a case is about a reply of the actor's department, whoever handles the petition now."""
    theirs = actor.department is not None and actor.department == case.department
    return theirs and bool(actor.roles & rule.roles & _DEPARTMENTS)
