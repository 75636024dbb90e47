"""Every list that can be asked for, as each role asks for it: the first page, one far along, and the worst filters."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from bench.large import world as w
from bench.large.world import World
from bench.life import WHOLE
from services.contracts.vocabulary import Stage
from services.kernel.graphql.types import cursor

Variables = Mapping[str, Any]
Drawn = Callable[[World], Variables]
Token = Callable[[World], str]


@dataclass(frozen=True, slots=True)
class Asked:
    """One way to ask for a list: by whom, how, and what is drawn by chance for each request."""

    field: str
    by: str
    how: str
    document: str
    draw: Callable[[World], tuple[str, Variables]]
    """Returns a token and the variables."""


_PETITION: Final = "id trackingCode state stateLabel title category { id name } community { id name } submittedAt"
_ORDER: Final = "id state stateLabel title category request department { id name } openedAt deadlines { kind dueAt }"
_CASE: Final = "cycle state stateLabel title openedAt department { id name } deadlines { kind dueAt }"
_LATE: Final = "id service kind level state dueAt lateForWorkingDays department { id name } street { id name }"
_NAMED: Final = "id name"

_LISTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "petitions": (
            "$states: [PetitionState!], $street: ID, $community: ID, $category: ID, $dueBefore: DateTime",
            _PETITION,
        ),
        "petitionsToAccept": ("$street: ID, $dueBefore: DateTime", _PETITION),
        "petitionsToScreen": ("$street: ID, $dueBefore: DateTime", _PETITION),
        "contactLooks": (
            "$petitionId: ID, $street: ID, $subject: String, $since: DateTime, $before: DateTime",
            "id petitionId street at role subject purpose",
        ),
        "workOrders": (
            "$states: [WorkOrderState!], $street: ID, $department: ID, $category: ID, $dueBefore: DateTime",
            _ORDER,
        ),
        "workOrdersToAssign": ("$street: ID, $category: ID, $dueBefore: DateTime", _ORDER),
        "workOrdersToRule": ("$street: ID, $dueBefore: DateTime", _ORDER),
        "departmentWorkOrders": ("$department: ID, $states: [WorkOrderState!], $dueBefore: DateTime", _ORDER),
        "workOrdersDueSoon": ("$department: ID, $workingDays: Int!", _ORDER),
        "instructionsToAnswer": ("", "id words pressedAt department { id name } deadlines { kind dueAt }"),
        "returnVisitsDue": ("$street: ID, $dueBefore: DateTime", _CASE),
        "casesToClose": ("$street: ID, $dueBefore: DateTime", _CASE),
        "ledger": ("$street: ID, $department: ID, $reviewBefore: Date", _CASE),
        "cases": ("$states: [CaseState!], $street: ID, $department: ID, $dueBefore: DateTime", _CASE),
        "petitionsByStage": ("$stage: Stage!, $street: ID", "trackingCode title stage movedAt"),
        "lateClocks": ("$levels: [Int!], $street: ID, $department: ID, $kind: ClockKind", _LATE),
        "departments": ("$street: ID", _NAMED),
        "communities": ("$street: ID", _NAMED),
        "estates": ("$street: ID, $community: ID", _NAMED),
        "stations": ("$street: ID", _NAMED),
        "rooms": ("$street: ID, $community: ID", _NAMED),
        "venues": ("$street: ID, $community: ID, $kind: VenueKind", _NAMED),
        "representatives": ("$street: ID, $community: ID", _NAMED),
    }
)
"""Lists by pages: which arguments they take, and what is shown of each entry."""

_PARKED: Final = ("intakeParked", "dispatchParked", "feedbackParked")
_DISCARDED: Final = ("intakeDiscarded", "dispatchDiscarded", "feedbackDiscarded")
_WHOLE_LISTS: Final = ("streets", "categories", "channels", "grounds", "referrals", "deadlinePolicies", "coverage")
SINGLE: Final = frozenset({"me", "workOrder", "petition", "department", "suggestDepartment", "workingCalendar"})
"""What is no list: one thing, or as much as is asked for. (A petition and a department's feed are asked for below.)"""

_FEDERATED: Final = """query ($first: Int!, $after: String) { petitions(first: $first, after: $after) {
  edges { cursor node { id trackingCode title state stage handling { workOrders { state department { name } } }
                        evaluation { state } } }
  pageInfo { hasNextPage endCursor } } }"""
_FEED: Final = """query ($id: ID!, $first: Int!, $after: String) {
  department(id: $id) { feed(first: $first, after: $after) { edges { cursor node { id type time data } } } } }"""
_RATES: Final = """query ($from: Date!, $to: Date!, $street: ID, $department: ID) {
  rates(from: $from, to: $to, street: $street, department: $department) { satisfied { numerator denominator } } }"""
_FIGURES: Final = """query ($levels: [Int!], $street: ID, $department: ID) {
  lateFigures(levels: $levels, street: $street, department: $department) { street { id } level count oldestDueAt } }"""
_BY_CODE: Final = "query ($code: String!) { petition(trackingCode: $code) { id state title } }"

_ROLES: Final[Mapping[str, Token]] = MappingProxyType(
    {
        "district supervisor": w.supervisor,
        "district leader": w.leader,
        "operator": w.operator,
        "street committee": w.committee,
        "community": w.worker,
        "representative": w.representative,
        "station": w.station,
        "department": w.department,
        "department's head": w.department_head,
        "street's system": w.integrator,
        "department's system": w.department_system,
        "nobody": w.nobody,
    }
)
_SUPERVISOR: Final = "district supervisor"


def _document(field: str) -> str:
    declared, shown = _LISTS[field]
    names = [part.strip().removeprefix("$").partition(":")[0] for part in declared.split("$") if part.strip(" ,")]
    given = "".join(f"{name}: ${name}, " for name in names)
    variables = f"{declared}{', ' if declared else ''}$first: Int!, $after: String"
    return (
        f"query ({variables}) {{ {field}({given}first: $first, after: $after) "
        f"{{ edges {{ cursor node {{ {shown} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    )


def _asked(field: str, by: str, how: str, draw: Drawn, *, document: str = "", first: int = 20) -> Asked:
    token = _ROLES[by]
    return Asked(field, by, how, document or _document(field), lambda of: (token(of), {"first": first, **draw(of)}))


def _nothing(_: World) -> Variables:
    return {}


def _far(of: World) -> Variables:
    return {"after": of.far()}


def _soon(_: World) -> str:
    return (datetime.now(UTC) + timedelta(days=2)).isoformat()


_LONG_AGO: Final = "2016-01-01T00:00:00Z"
"""Nothing open is due before this, so a page that asks for it finds nothing."""

_FILTERS: Final[Mapping[str, Mapping[str, Drawn]]] = MappingProxyType(
    {
        "petitions": {
            "of a street": lambda of: {"street": of.street()},
            "of a street, far along": lambda of: {"street": of.street(), **_far(of)},
            "of a community, far along": lambda of: {"community": of.community().id, **_far(of)},
            "of a category, far along": lambda of: {"category": of.category(), **_far(of)},
            "of a category and a street": lambda of: {"category": of.category(), "street": of.street()},
            "of a community and a category": lambda of: {"community": of.community().id, "category": of.category()},
            "rejected, far along": lambda of: {"states": ["REJECTED"], **_far(of)},
            "due soon": lambda of: {"dueBefore": _soon(of)},
            "due long ago": lambda _: {"dueBefore": _LONG_AGO},
            "of a street, due long ago": lambda of: {"street": of.street(), "dueBefore": _LONG_AGO},
        },
        "petitionsToAccept": {"due long ago": lambda _: {"dueBefore": _LONG_AGO}},
        "petitionsToScreen": {"due long ago": lambda _: {"dueBefore": _LONG_AGO}},
        "contactLooks": {
            "of a street": lambda of: {"street": of.street()},
            "by a person": lambda of: {"subject": f"bench-{of.department()}"},
            "by a person, of a street": lambda of: {"subject": f"bench-{of.department()}", "street": of.street()},
            "of a petition": lambda of: {"petitionId": of.petition()[0]},
            "of a day": lambda of: {"since": (at := of.instant()).isoformat(), "before": _day_after(at)},
        },
        "workOrders": {
            "of a street, far along": lambda of: {"street": of.street(), **_far(of)},
            "of a department, far along": lambda of: {"department": of.department(), **_far(of)},
            "of a category, far along": lambda of: {"category": of.category(), **_far(of)},
            "of a department and a street": lambda of: {"department": of.department(), "street": of.street()},
            "of a department and a category": lambda of: {"department": of.department(), "category": of.category()},
            "of a category and a street": lambda of: {"category": of.category(), "street": of.street()},
            "replied, far along": lambda of: {"states": ["REPLIED"], **_far(of)},
            "due soon": lambda of: {"dueBefore": _soon(of)},
            "due long ago": lambda _: {"dueBefore": _LONG_AGO},
        },
        "workOrdersToAssign": {
            "of a category and a street": lambda of: {"category": of.category(), "street": of.street()},
            "due long ago": lambda _: {"dueBefore": _LONG_AGO},
        },
        "workOrdersToRule": {"due long ago": lambda _: {"dueBefore": _LONG_AGO}},
        "departmentWorkOrders": {
            "of a department": lambda of: {"department": of.department()},
            "replied, of a department, far along": lambda of: {
                "department": of.department(),
                "states": ["REPLIED"],
                **_far(of),
            },
            "due long ago, of a department": lambda of: {"department": of.department(), "dueBefore": _LONG_AGO},
        },
        "returnVisitsDue": {
            "of a street": lambda of: {"street": of.street()},
            "due long ago": lambda _: {"dueBefore": _LONG_AGO},
        },
        "casesToClose": {"due long ago": lambda _: {"dueBefore": _LONG_AGO}},
        "ledger": {
            "of a department": lambda of: {"department": of.department()},
            "to be looked at long ago": lambda _: {"reviewBefore": _LONG_AGO[:10]},
        },
        "cases": {
            "of a street, far along": lambda of: {"street": of.street(), **_far(of)},
            "of a department, far along": lambda of: {"department": of.department(), **_far(of)},
            "of a department and a street": lambda of: {"department": of.department(), "street": of.street()},
            "closed, far along": lambda of: {"states": ["CLOSED"], **_far(of)},
            "due long ago": lambda _: {"dueBefore": _LONG_AGO},
        },
        "lateClocks": {
            "level 1": lambda _: {"levels": [1]},
            "of a street, far along": lambda of: {"street": of.street(), **_far_on_the_board(of)},
            "of a department": lambda of: {"department": of.department()},
            "of a kind": lambda of: {"kind": of.random.choice(("HANDLING", "ASSIGNMENT", "SCREENING"))},
            "of a kind that is never late": lambda _: {"kind": "LEDGER_APPROVAL"},
        },
    }
)
"""What the supervisor asks for beside the first page and one far along: whatever narrows a list."""

_ASKED_BY: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "petitions": (
            _SUPERVISOR,
            *("street committee", "community", "representative", "station", "street's system", "department's system"),
        ),
        "petitionsToAccept": (_SUPERVISOR, "street committee", "representative"),
        "petitionsToScreen": (_SUPERVISOR, "street committee", "representative", "community"),
        "workOrders": (
            _SUPERVISOR,
            *("street committee", "department", "department's head", "street's system", "department's system"),
        ),
        "workOrdersToAssign": (_SUPERVISOR, "street committee"),
        "workOrdersToRule": (_SUPERVISOR,),
        "departmentWorkOrders": ("department", "department's head"),
        "instructionsToAnswer": (_SUPERVISOR, "street committee", "department"),
        "returnVisitsDue": (_SUPERVISOR, "street committee", "community", "representative"),
        "casesToClose": (_SUPERVISOR, "street committee", "representative"),
        "ledger": (_SUPERVISOR, "street committee", "department"),
        "cases": (
            _SUPERVISOR,
            *("street committee", "community", "representative", "station", "department", "street's system"),
        ),
    }
)
"""Who asks for the lists that are ordered by ids."""


def _day_after(at: datetime) -> str:
    return (at + timedelta(days=1)).isoformat()


def _far_on_the_board(of: World) -> Variables:
    return {"after": cursor("1", (datetime.now(UTC) - timedelta(days=1)).isoformat(), of.petition()[0])}


def every_list() -> Iterator[Asked]:
    """Yield every way to ask for a list."""
    yield from _by_ids()
    yield from _by_other_orders()
    yield from _counted()
    yield from _kept_in_memory()
    yield from _one_petition()


def _by_ids() -> Iterator[Asked]:
    for field, roles in _ASKED_BY.items():
        for by in roles:
            yield _asked(field, by, "first page", _nothing)
            yield _asked(field, by, "far along", _far)
        for how, draw in _FILTERS.get(field, {}).items():
            yield _asked(field, _SUPERVISOR, how, draw)
    yield _asked("petitions", _SUPERVISOR, "a page of 100, far along", _far, first=100)
    for by in (_SUPERVISOR, "street committee", "representative"):
        yield _asked("petitions", by, "across all services, far along", _far, document=_FEDERATED)
        for stage in Stage:
            draw: Drawn = lambda of, stage=stage: {"stage": stage.value, **_far(of)}  # noqa: E731
            yield _asked("petitionsByStage", by, f"{stage.value}, far along", draw)
    yield _asked(
        "petitionsByStage",
        _SUPERVISOR,
        "EVALUATE, of a street",
        lambda of: {"stage": "EVALUATE", "street": of.street()},
    )


def _by_other_orders() -> Iterator[Asked]:
    for by in ("department", "department's head"):
        yield _asked("workOrdersDueSoon", by, "first page", lambda _: {"workingDays": 2})
    yield _asked(
        "workOrdersDueSoon",
        _SUPERVISOR,
        "of a department, in 30 days",
        lambda of: {"department": of.department(), "workingDays": 30},
    )
    for by in (_SUPERVISOR, "district leader", "street committee", "department"):
        yield _asked("lateClocks", by, "first page", _nothing)
        yield _asked("lateClocks", by, "far along", _far_on_the_board)
    for field in ("lateClocks", "contactLooks"):
        for how, draw in _FILTERS[field].items():
            yield _asked(field, _SUPERVISOR, how, draw)
    yield _asked("contactLooks", _SUPERVISOR, "first page", _nothing)
    yield _asked(
        "contactLooks",
        _SUPERVISOR,
        "far along",
        lambda of: {"after": cursor(of.instant().isoformat(), of.petition()[0])},
    )
    for by in ("department", "department's system"):
        yield Asked("department.feed", by, "far along", _FEED, lambda of, by=by: _of_feed(of, by))


def _of_feed(of: World, by: str) -> tuple[str, Variables]:
    code = of.department()
    role = "integrator" if by == "department's system" else "department"
    claims = {"street": None} if role == "integrator" else {}
    token = of.token(role, code, department=code, **claims)
    return token, {"id": code, "first": 20, "after": of.feed_far(code)}


def _counted() -> Iterator[Asked]:
    for by in (_SUPERVISOR, "district leader", "street committee", "department"):
        yield _asked("lateFigures", by, "all", _nothing, document=_FIGURES)
        yield _asked("rates", by, "of a year", _of_a_year, document=_RATES)
    yield _asked(
        "rates",
        _SUPERVISOR,
        "of a year and a street",
        lambda of: {"street": of.street(), **_of_a_year(of)},
        document=_RATES,
    )


def _of_a_year(of: World) -> Variables:
    last = of.instant()
    return {"from": f"{last - w.YEAR:%Y-%m-%d}", "to": f"{last:%Y-%m-%d}"}


def _kept_in_memory() -> Iterator[Asked]:
    for field in ("departments", "communities", "stations", "rooms", "venues", "representatives", "estates"):
        yield _asked(field, "nobody", "of a street", lambda of: {"street": of.street()})
    for field in _WHOLE_LISTS:
        shown = {"deadlinePolicies": "version", "coverage": "street { id }"}.get(field, "id")
        yield Asked(field, "nobody", "all", f"{{ {field} {{ {shown} }} }}", lambda _: ("", {}))
    for field in (*_PARKED, *_DISCARDED):
        document = f"{{ {field} {{ pageInfo {{ hasNextPage }} }} }}"
        yield Asked(field, "operator", "first page", document, lambda of: (w.operator(of), {}))


def _one_petition() -> Iterator[Asked]:
    yield Asked(
        "petition", _SUPERVISOR, "by tracking code", _BY_CODE, lambda of: (w.supervisor(of), {"code": of.petition()[1]})
    )
    yield Asked(
        "petition",
        _SUPERVISOR,
        "by id, across all services",
        WHOLE,
        lambda of: (w.supervisor(of), {"id": of.petition()[0]}),
    )
