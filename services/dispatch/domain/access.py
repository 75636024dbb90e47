"""Who may do what at dispatch (state-machine.md, Dispatch; domain.md, "Who may do and see what")."""

from dataclasses import replace
from typing import Final

from services.contracts.vocabulary import Role
from services.dispatch.domain.work_order import Petition, WorkOrder
from services.kernel.access import READERS, Actor, Rule, may, owns

ASSIGN: Final = may(
    Role.STREET_COMMITTEE, Role.DISTRICT_SUPERVISOR, says="assign: the petition's street committee, the supervisor"
)
HANDLE: Final = may(
    Role.DEPARTMENT,
    Role.DEPARTMENT_HEAD,
    says="acknowledge, decline, start, ask, reply: the department that is responsible",
)
RULE: Final = may(Role.DISTRICT_SUPERVISOR, says="rule on who is responsible: the district supervisor")
SEND_BACK: Final = may(Role.STREET_COMMITTEE, says="send a reply back: the petition's street committee")
PRESS: Final = may(
    Role.DISTRICT_SUPERVISOR, says="press with an instruction that must be answered: the district supervisor"
)
ANSWER: Final = may(
    Role.STREET_COMMITTEE,
    Role.DEPARTMENT,
    Role.DEPARTMENT_HEAD,
    says="answer the supervisor's instruction: the department that leads now, the petition's street committee",
)
READ: Final = Rule(READERS, "read a petition's handling: every role, its own ones")
DESK: Final = may(
    Role.STREET_COMMITTEE,
    Role.DEPARTMENT,
    Role.DEPARTMENT_HEAD,
    Role.DISTRICT_SUPERVISOR,
    Role.INTEGRATOR,
    says="lists at dispatch: those who assign, handle and supervise, and integrators, their own",
)
ASSIGNERS_DESK: Final = may(
    Role.STREET_COMMITTEE, Role.DISTRICT_SUPERVISOR, says="what waits for assignment: those who assign"
)
INSTRUCTIONS: Final = may(
    Role.STREET_COMMITTEE,
    Role.DEPARTMENT,
    Role.DEPARTMENT_HEAD,
    Role.DISTRICT_SUPERVISOR,
    says="instructions that must be answered: those who must, their own, and the supervisor",
)
DUE_SOON: Final = may(
    Role.DEPARTMENT,
    Role.DEPARTMENT_HEAD,
    Role.DISTRICT_SUPERVISOR,
    says="what is due soon: a department its own, the supervisor any department's",
)
INTERNAL: Final = may(
    Role.STREET_COMMITTEE,
    Role.DEPARTMENT,
    Role.DEPARTMENT_HEAD,
    Role.DISTRICT_SUPERVISOR,
    says="why an order was declined or a reply returned, and the supervisor's instructions",
)
WORDS: Final = Rule(
    READERS - {Role.INTEGRATOR}, "question and reply: everybody whose petition it is, but no integrator"
)
WORKINGS: Final = Rule(
    READERS - {Role.RESIDENT}, "what routing suggested, rulings, possible acts: everybody but the resident"
)
ROUTING: Final = may(
    Role.STREET_COMMITTEE,
    Role.DISTRICT_SUPERVISOR,
    Role.DEPARTMENT,
    Role.DEPARTMENT_HEAD,
    Role.REPRESENTATIVE,
    Role.STATION_STAFF,
    says="ask what routing suggests: those who screen, assign and handle",
)
EVERYBODY: Final = Rule(frozenset(Role) - {Role.SYSTEM}, "public reference data")

_DEPARTMENTS: Final = frozenset({Role.DEPARTMENT, Role.DEPARTMENT_HEAD, Role.INTEGRATOR})


def leads(actor: Actor, petition: Petition, rule: Rule) -> bool:
    """Tell whether a petition is the actor's own to answer for: a co-handler answers for its part alone."""
    return owns(actor, replace(petition.head.scope, cohandlers=()), rule.roles)


def owns_order(actor: Actor, petition: Petition, order: WorkOrder, rule: Rule) -> bool:
    """Tell whether an order is the actor's own: the petition is, or their department handled it in an earlier cycle."""
    if owns(actor, petition.head.scope, rule.roles):
        return True
    handled = actor.department is not None and actor.department == order.department
    return handled and bool(actor.roles & rule.roles & _DEPARTMENTS)
