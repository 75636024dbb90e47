"""Who may do and see what at dispatch (state-machine.md, Dispatch; domain.md, "Who may do and see what").

First the rules, as sentences; then the table of doors, which says where each of them stands. Commands check them again.
"""

from dataclasses import replace
from typing import Final

from services.contracts.vocabulary import Role
from services.dispatch.domain.work_order import Petition, WorkOrder
from services.kernel.access import READERS, Actor, Rule, may, owns
from services.kernel.doors import EVERYBODY, Bounds, anything, own, own_list, reference, shown_to, within

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
QUEUE: Final = may(
    Role.DEPARTMENT,
    Role.DEPARTMENT_HEAD,
    Role.INTEGRATOR,
    Role.DISTRICT_SUPERVISOR,
    says="follow a department's queue, read its feed: the department, integrators with its grant, the supervisor any",
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
RECORD_REFERENCE: Final = may(
    Role.OPERATOR, says="departments and routing rules, many at once: the operator, by the command line"
)

DOORS: Final = (
    anything("Query", EVERYBODY, "departments department"),
    anything("Query", ROUTING, "suggestDepartment"),
    own("Query", READ, "workOrder"),
    own_list("Query", DESK, "workOrders departmentWorkOrders"),
    own_list("Query", ASSIGNERS_DESK, "workOrdersToAssign"),
    own_list("Query", RULE, "workOrdersToRule"),
    own_list("Query", DUE_SOON, "workOrdersDueSoon"),
    own_list("Query", INSTRUCTIONS, "instructionsToAnswer"),
    own("Mutation", ASSIGN, "assignWorkOrder"),
    own(
        "Mutation",
        HANDLE,
        "acknowledgeWorkOrder declineWorkOrder startWorkOrder askResident replyToWorkOrder",
    ),
    own("Mutation", RULE, "ruleOnWorkOrder"),
    own("Mutation", SEND_BACK, "sendBackReply"),
    own("Mutation", PRESS, "pressPetition"),
    own("Mutation", ANSWER, "answerInstruction"),
    own("Subscription", QUEUE, "departmentQueue"),
    reference("Petition", READ),
    reference("WorkOrder", READ),
    reference("Department", EVERYBODY, Bounds.NONE),
    within("Petition", "id handling"),
    within("Handling", "asOf cycle workOrders deadlines"),
    shown_to("Handling", INTERNAL, "instructions"),
    within(
        "WorkOrder",
        "id petition state stateLabel cycle title category request deadlineClass department openedAt assignedAt "
        "acknowledgedAt startedAt questionOpen deadlines",
    ),
    shown_to("WorkOrder", WORKINGS, "allowedActs ruled suggestion"),
    shown_to("WorkOrder", WORDS, "question reply"),
    shown_to("WorkOrder", INTERNAL, "declines returnedReplies"),
    within("WorkOrderDecline", "ground reason at department proposed"),
    within("WorkOrderReply", "words measures at department"),
    within("ReturnedReply", "ground reason at reply"),
    within("WorkOrderGround", "id name"),
    within("WorkOrderConnection", "edges pageInfo"),
    within("WorkOrderEdge", "node cursor"),
    within("WorkOrderPayload", "workOrder position"),
    within("Instruction", "id words pressedAt pressedByRole answer lapsedAt department deadlines petition"),
    within("InstructionAnswer", "words at byRole"),
    within("InstructionConnection", "edges pageInfo"),
    within("InstructionEdge", "node cursor"),
    within("InstructionPayload", "instruction position"),
    within("QueueUpdate", "cursor event"),
    within("QueueEvent", "id type label at cycle byRole clock level workOrder petition"),
    within("Suggestion", "rule explanation department"),
    within("Department", "id street name generated"),
    shown_to("Department", QUEUE, "feed"),
    within("DepartmentFeed", "edges pageInfo"),
    within("DepartmentFeedEdge", "node cursor"),
    within("DepartmentFeedEvent", "id source type subject time recordedTime sequence cycle dataschema data"),
    within("DepartmentConnection", "edges pageInfo"),
    within("DepartmentEdge", "node cursor"),
)

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
