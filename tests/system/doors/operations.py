"""What each root field is asked with so that nothing but its door can be in the way, and what its answer must show."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, Final
from uuid import uuid4

from graphql import GraphQLNamedType, get_named_type

from services.contracts.vocabulary import Source
from services.dispatch.schema import schema as dispatch
from services.feedback.schema import schema as feedback
from services.intake.schema import schema as intake
from tests.support.following import QUEUE, TIMELINE
from tests.system.doors.standing import Standing

SCHEMAS: Final[Mapping[Source, Any]] = {Source.INTAKE: intake, Source.DISPATCH: dispatch, Source.FEEDBACK: feedback}


@dataclass(frozen=True)
class Operation:
    """A mutation: which petition it is about, by which id, and the rest of an input that is right."""

    of: str | None = None
    about: str = "petitionId"
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    of_role: Mapping[str, str] = field(default_factory=dict[str, str])
    """Other petitions for some roles, who need contact data at other times."""
    any_own: bool = True
    """Whether each way of calling a petition one's own suffices: contact data is shown to who recorded it alone."""

    def input(self, world: Standing, *, of: str | None = None, unknown: bool = False) -> dict[str, Any]:
        """Return the input about the operation's petition, or about one that does not exist."""
        given = {name: value(world) if callable(value) else value for name, value in self.given.items()}
        if self.of is None:
            return given
        name = of or self.of
        ids = {
            "petitionId": lambda: world.petitions[name].id,
            "workOrderId": lambda: world.orders[name],
            "instructionId": lambda: world.instructions[name],
        }
        return {self.about: str(uuid4()) if unknown else ids[self.about](), **given}


def _day(world: Standing, days: int) -> str:
    return (world.district.time.now + timedelta(days=days)).date().isoformat()


def _operator(source: Source) -> dict[str, Operation]:
    name = source.value
    other = "DISPATCH" if source is Source.INTAKE else "INTAKE"
    about: dict[str, Any] = {"petitionId": lambda world: world.parked[name], "because": "试门"}
    return {
        f"replay{name.capitalize()}Parked": Operation(given=about),
        f"discard{name.capitalize()}Parked": Operation(given={**about, "source": other, "sequence": 1}),
    }


_each: Final = count()
_NOT_OURS: Final = {"ground": "NOT_OURS", "reason": "非本单位"}
_LEDGER: Final = {"department": "housing", "ground": "NO_FUNDS", "reason": "缺资金"}
MUTATIONS: Final[Mapping[str, Operation]] = {
    "submitPetition": Operation(given={"words": "路灯不亮", "channel": "online", "community": "community-73"}),
    "openPetition": Operation(
        given={
            "trackingCode": lambda world: world.petitions["submitted"].code,
            "secret": lambda world: world.petitions["submitted"].secret,
        }
    ),
    "withdrawPetition": Operation("fodder of intake"),
    "addInformation": Operation("fodder of intake", given={"words": "补充"}),
    "followPetition": Operation("fodder of intake"),
    "lookUpContact": Operation(
        "submitted",
        given={"purpose": "核实地址"},
        of_role={"department": "in progress", "department_head": "in progress"},
        any_own=False,
    ),
    "acceptPetition": Operation("fodder of intake", given={"title": "堵塞", "category": "drainage"}),
    "rejectPetition": Operation("fodder of intake", given={"ground": "DUPLICATE", "reason": "重复"}),
    "declinePetition": Operation("fodder of intake", given={"ground": "NO_BASIS", "reason": "无依据"}),
    "listenToPetition": Operation("fodder of intake", given={"said": "听"}),
    "lookAtPetition": Operation("fodder of intake", given={"findings": "看"}),
    "deliberateOnPetition": Operation("fodder of intake", given={"outcome": "议", "participants": 3}),
    "skipScreeningStep": Operation(
        "fodder of intake", given={"step": "LOOK", "ground": "SELF_EVIDENT", "reason": "清楚"}
    ),
    "handOverPetition": Operation("fodder of intake", given={"request": "疏通"}),
    "resolvePetitionOnSpot": Operation("fodder of intake", given={"measures": "疏通"}),
    "nominatePetition": Operation("fodder of intake"),
    "recordDeadlinePolicy": Operation(
        given={
            "effectiveFrom": lambda world: (world.district.time.now + timedelta(days=400)).isoformat(),
            "reminderPercent": lambda _world: 50 + next(_each) % 49,
        }
    ),
    "recordCalendarDays": Operation(given={"days": lambda world: [{"day": _day(world, 500), "working": True}]}),
    "erasePersonalData": Operation(
        given={"petitionId": lambda world: world.petitions["fodder of intake"].id, "because": "当事人要求删除"}
    ),
    "assignWorkOrder": Operation("fodder", "workOrderId", {"department": "housing"}),
    "acknowledgeWorkOrder": Operation("fodder", "workOrderId"),
    "declineWorkOrder": Operation("fodder", "workOrderId", _NOT_OURS),
    "startWorkOrder": Operation("fodder", "workOrderId"),
    "askResident": Operation("fodder", "workOrderId", {"question": "几号？"}),
    "replyToWorkOrder": Operation("fodder", "workOrderId", {"words": "好", "measures": "通"}),
    "ruleOnWorkOrder": Operation("fodder", "workOrderId", {"department": "housing", "reason": "主管"}),
    "sendBackReply": Operation("fodder", "workOrderId", {"ground": "INCOMPLETE", "reason": "不全"}),
    "pressPetition": Operation("fodder", given={"instruction": "三日内到现场"}),
    "answerInstruction": Operation("fodder", "instructionId", {"words": "已到现场"}),
    "recordVisitAttempt": Operation("fodder", given={"means": "PHONE"}),
    "recordVisit": Operation(
        "fodder", given={"means": "PHONE", "reached": True, "responded": True, "solved": True, "satisfied": True}
    ),
    "closePetition": Operation("fodder"),
    "reopenPetition": Operation("fodder", given={"ground": "PARTLY_DONE", "reason": "未完"}),
    "approveLedger": Operation("fodder", given={**_LEDGER, "reviewOn": lambda world: _day(world, 60)}),
    "refuseLedger": Operation("fodder", given={"reason": "能办"}),
    **_operator(Source.INTAKE),
    **_operator(Source.DISPATCH),
    **_operator(Source.FEEDBACK),
}


@dataclass(frozen=True)
class Reading:
    """A query: its arguments and selection, and for one's own what must be found in the answer."""

    arguments: str = ""
    select: str = ""
    of: str | None = None
    found: Callable[[Standing, Any, str], bool] = lambda _world, answer, _role: answer is not None
    nothing: Callable[[Any], bool] = lambda answer: not answer["edges"]

    def document(self, name: str, world: Standing, *, unknown: bool = False) -> str:
        """Return the document about the reading's petition, or about one that does not exist."""
        ids = (
            {} if self.of is None else {"petition": world.petitions[self.of].id, "order": world.orders.get(self.of, "")}
        )
        text = self.arguments
        for what, known in ids.items():
            text = text.replace(f"${what}", f'"{uuid4() if unknown else known}"')
        return f"{{ {name}{f'({text})' if text else ''} {self.select} }}"


def _ids(answer: Any) -> set[str]:
    nodes = [edge["node"] for edge in answer["edges"]]
    return {(node.get("petition") or node).get("id", "") for node in nodes}


def _petition(name: str) -> Callable[[Standing, Any, str], bool]:
    return lambda world, answer, _role: world.petitions[name].id in _ids(answer)


def _board(world: Standing, answer: Any, role: str) -> bool:
    if role == "district_leader":
        return bool(answer["edges"]) and all(edge["node"]["petition"] is None for edge in answer["edges"])
    return world.petitions["late order"].id in _ids(answer)


_NODE: Final = "{ edges { node { id } } }"
_PETITION: Final = "{ edges { node { petition { id } } } }"
_PARKED: Final = "{ nodes { petitionId } }"
_CODES: Final = "{ id name }"


def _listed(of: str, arguments: str = "first: 100", select: str = _PETITION) -> Reading:
    return Reading(arguments, select, of, _petition(of))


QUERIES: Final[Mapping[str, Reading]] = {
    "me": Reading(select="{ subject roles }"),
    **dict.fromkeys(("streets", "categories", "channels", "grounds", "referrals"), Reading(select=_CODES)),
    **dict.fromkeys(
        ("communities", "estates", "stations", "rooms", "venues", "representatives", "departments"),
        Reading("first: 100", _NODE),
    ),
    "coverage": Reading(select="{ representatives }"),
    "deadlinePolicies": Reading(select="{ version }"),
    "workingCalendar": Reading('first: "2026-11-24", last: "2026-11-30"', "{ day working }"),
    "department": Reading('id: "housing"', _CODES),
    "suggestDepartment": Reading('category: "drainage", community: "community-73"', "{ explanation }"),
    "petition": Reading("id: $petition", "{ id }", "replied"),
    "workOrder": Reading("id: $order", "{ id }", "replied"),
    "petitions": _listed("submitted", select=_NODE),
    "petitionsToAccept": _listed("submitted", select=_NODE),
    "petitionsToScreen": _listed("accepted", select=_NODE),
    "workOrders": _listed("in progress"),
    "departmentWorkOrders": _listed("in progress", 'department: "housing", first: 100'),
    "workOrdersToAssign": _listed("ready"),
    "workOrdersToRule": _listed("under ruling"),
    "workOrdersDueSoon": _listed("in progress", 'department: "housing", workingDays: 30, first: 100'),
    "instructionsToAnswer": _listed("in progress"),
    "returnVisitsDue": _listed("replied"),
    "casesToClose": _listed("visited"),
    "ledger": _listed("ledgered"),
    "cases": _listed("replied"),
    "petitionsByStage": _listed("in progress", "stage: HANDLE, first: 100"),
    "lateClocks": Reading("first: 100", _PETITION, "late order", _board),
    "lateFigures": Reading(
        "", "{ count }", "late order", lambda _world, answer, _role: bool(answer), lambda answer: answer == []
    ),
    "rates": Reading(
        'from: "2026-11-24", to: "2027-02-28"',
        "{ solved { denominator } }",
        "visited",
        lambda _world, answer, _role: answer["solved"]["denominator"] > 0,
        lambda answer: answer["solved"]["denominator"] == 0,
    ),
    "contactLooks": Reading(
        "first: 10",
        "{ edges { node { petitionId purpose } } }",
        "submitted",
        found=lambda world, answer, _role: (
            world.petitions["submitted"].id in {edge["node"]["petitionId"] for edge in answer["edges"]}
        ),
    ),
    **{f"{source.value}Parked": Reading(select=_PARKED) for source in Source},
    **{f"{source.value}Discarded": Reading(select=_PARKED) for source in Source},
}


@dataclass(frozen=True)
class Referred:
    """A reference that another service makes: to what, and what is asked of it."""

    of: str | None = None
    key: str = "petition"
    code: str = ""

    def representation(self, type_name: str, world: Standing, *, unknown: bool = False) -> dict[str, str]:
        """Return the reference, or one to what does not exist."""
        if self.of is None:
            return {"__typename": type_name, "id": self.code}
        known = world.petitions[self.of].id if self.key == "petition" else world.orders[self.of]
        return {"__typename": type_name, "id": str(uuid4()) if unknown else known}


REFERENCES: Final[Mapping[tuple[Source, str], Referred]] = {
    **{(source, "Petition"): Referred("replied") for source in Source},
    (Source.DISPATCH, "WorkOrder"): Referred("replied", "order"),
    (Source.DISPATCH, "Department"): Referred(code="housing"),
    (Source.INTAKE, "Street"): Referred(code="huangtupo"),
    (Source.INTAKE, "Community"): Referred(code="community-73"),
    (Source.INTAKE, "Representative"): Referred(code="rep-hui-bi"),
}

HIDDEN: Final[Mapping[tuple[Source, str, str], tuple[str, str]]] = {
    (Source.INTAKE, "Petition", "measures"): ("on the spot", "measures"),
    (Source.INTAKE, "Petition", "workingText"): ("full of words", "workingText"),
    (Source.INTAKE, "Petition", "remarks"): ("full of words", "remarks { text }"),
    (Source.INTAKE, "ContactLook", "subject"): ("submitted", "{ contactLooks { edges { node { subject } } } }"),
    (Source.INTAKE, "Rejection", "reason"): ("rejected", "rejection { reason }"),
    (Source.DISPATCH, "Handling", "instructions"): ("full of words", "handling { instructions { words } }"),
    (Source.DISPATCH, "WorkOrder", "allowedActs"): ("full of words", "handling { workOrders { allowedActs } }"),
    (Source.DISPATCH, "WorkOrder", "ruled"): ("full of words", "handling { workOrders { ruled } }"),
    (Source.DISPATCH, "WorkOrder", "suggestion"): (
        "full of words",
        "handling { workOrders { suggestion { explanation } } }",
    ),
    (Source.DISPATCH, "WorkOrder", "question"): ("full of words", "handling { workOrders { question } }"),
    (Source.DISPATCH, "WorkOrder", "reply"): ("full of words", "handling { workOrders { reply { words } } }"),
    (Source.DISPATCH, "WorkOrder", "declines"): ("full of words", "handling { workOrders { declines { reason } } }"),
    (Source.DISPATCH, "WorkOrder", "returnedReplies"): (
        "full of words",
        "handling { workOrders { returnedReplies { reason } } }",
    ),
    (Source.DISPATCH, "Department", "feed"): (
        "full of words",
        "handling { workOrders { department { feed { edges { cursor } } } } }",
    ),
    (Source.FEEDBACK, "Visit", "comment"): ("visited", "evaluation { visits { comment } }"),
    (Source.FEEDBACK, "Attempt", "comment"): ("attempted", "evaluation { attempts { comment } }"),
    (Source.FEEDBACK, "LedgerEntry", "reason"): ("ledgered", "evaluation { ledger { reason } }"),
    (Source.FEEDBACK, "Reopening", "reason"): ("reopened", "evaluation { cases { reopening { reason } } }"),
}
"""For each field that some readers may not see: a petition that has it, and the way to it: from it, or from a list."""


def input_type(source: Source, mutation: str) -> GraphQLNamedType:
    """Return the type of a mutation's input."""
    return get_named_type(SCHEMAS[source]._schema.mutation_type.fields[mutation].args["input"].type)


def mutation(source: Source, name: str) -> str:
    """Return a mutation's document."""
    return f"mutation($input: {input_type(source, name).name}!) {{ {name}(input: $input) {{ __typename }} }}"


SUBSCRIPTIONS: Final[Mapping[str, str]] = {"petitionTimeline": TIMELINE, "departmentQueue": QUEUE}
"""Documents of what can be followed; they take `id`, or `of`."""
