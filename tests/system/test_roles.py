"""Each role with an own and a foreign petition, for every mutation, through the gateway.

The table is state-machine.md's column "who", written down here once more: the code must agree with it.
"""

from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.support import people as p
from tests.support.district import District
from tests.support.people import Filed, People

OWN: Final[dict[str, dict[str, Any]]] = {
    "representative": {},
    "station_staff": {},
    "community": {},
    "street_committee": {},
    "department": {},
    "department_head": {},
    "expert": {},
    "district_supervisor": {},
    "district_leader": {},
    "integrator": {},
    "operator": {},
}
FOREIGN: Final[dict[str, dict[str, Any]]] = {
    "representative": {"representative": "rep-huang-meiping", "placements": ["maan"], "sub": "another-representative"},
    "station_staff": {"placements": ["maan"]},
    "community": {"community": "maan"},
    "street_committee": {"street": "fenghuang"},
    "department": {"department": "transport"},
    "department_head": {"department": "transport"},
}
REFUSALS: Final = {"FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED"}
STREET, DEPARTMENTS = ["street_committee"], ["department", "department_head"]


@dataclass(frozen=True)
class Operation:
    """A mutation, an input that is otherwise right, what it is about, and the roles that may do it."""

    document: str
    about: str
    given: dict[str, Any]
    roles: list[str]


SCREENERS = ["representative", "station_staff", "street_committee"]
OPERATIONS: Final = {
    "accept": Operation(p.ACCEPT, "petitionId", {"title": "堵塞", "category": "drainage"}, STREET),
    "reject": Operation(p.REJECT, "petitionId", {"ground": "DUPLICATE", "reason": "重复"}, STREET),
    "listen": Operation(p.LISTEN, "petitionId", {"said": "听"}, SCREENERS),
    "look": Operation(p.LOOK, "petitionId", {"findings": "看"}, [*SCREENERS, "community"]),
    "deliberate": Operation(
        p.DELIBERATE, "petitionId", {"outcome": "议", "participants": 3}, [*SCREENERS, "community"]
    ),
    "skip": Operation(p.SKIP, "petitionId", {"step": "LOOK", "ground": "SELF_EVIDENT", "reason": "清楚"}, STREET),
    "hand over": Operation(p.HAND_OVER, "petitionId", {"request": "疏通"}, STREET),
    "on the spot": Operation(p.ON_SPOT, "petitionId", {"measures": "疏通"}, STREET),
    "decline": Operation(p.DECLINE, "petitionId", {"ground": "NO_BASIS", "reason": "无依据"}, STREET),
    "withdraw": Operation(p.WITHDRAW, "petitionId", {}, ["resident"]),
    "add information": Operation(p.ADD, "petitionId", {"words": "补充"}, ["resident"]),
    "assign": Operation(
        p.ASSIGN, "workOrderId", {"department": "housing"}, ["street_committee", "district_supervisor"]
    ),
    "acknowledge": Operation(p.ACKNOWLEDGE, "workOrderId", {}, DEPARTMENTS),
    "decline order": Operation(
        p.DECLINE_ORDER, "workOrderId", {"ground": "NOT_OURS", "reason": "非本单位"}, DEPARTMENTS
    ),
    "rule": Operation(p.RULE, "workOrderId", {"department": "housing", "reason": "主管"}, ["district_supervisor"]),
    "start": Operation(p.START, "workOrderId", {}, DEPARTMENTS),
    "ask": Operation(p.ASK, "workOrderId", {"question": "几号？"}, DEPARTMENTS),
    "reply": Operation(p.REPLY, "workOrderId", {"words": "好", "measures": "通"}, DEPARTMENTS),
    "send back": Operation(p.SEND_BACK, "workOrderId", {"ground": "INCOMPLETE", "reason": "不全"}, STREET),
    "press": Operation(p.PRESS, "petitionId", {"instruction": "三日内到现场"}, ["district_supervisor"]),
    "answer": Operation(p.ANSWER, "instructionId", {"words": "已到现场"}, ["street_committee", *DEPARTMENTS]),
    "attempt": Operation(p.ATTEMPT, "petitionId", {"means": "PHONE"}, ["representative"]),
    "visit": Operation(
        p.VISIT,
        "petitionId",
        {"means": "PHONE", "reached": True, "responded": True, "solved": True, "satisfied": True},
        ["representative", "resident"],
    ),
    "close": Operation(p.CLOSE, "petitionId", {}, STREET),
    "reopen": Operation(p.REOPEN, "petitionId", {"ground": "PARTLY_DONE", "reason": "未完"}, STREET),
    "approve ledger": Operation(
        p.APPROVE_LEDGER,
        "petitionId",
        {"department": "housing", "ground": "NO_FUNDS", "reason": "缺资金", "reviewOn": "2027-06-01"},
        STREET,
    ),
    "refuse ledger": Operation(p.REFUSE_LEDGER, "petitionId", {"reason": "能办"}, STREET),
}


@pytest.fixture
def people(through_train: District) -> People:
    return People(through_train)


Known = tuple[Filed, dict[str, str]]
"""A petition that every service knows, and the ids of what mutations are about."""


async def _known(people: People) -> Known:
    filed, order, position = await people.replied()
    query = "query($id: ID!) { petition(id: $id) { evaluation { state } } }"
    (await people.district.ask(query, role="street_committee", after=position, id=filed.id)).ok()
    given = {"petitionId": filed.id, "instruction": "说明情况"}
    pressed = (await people.do(p.PRESS, "district_supervisor", **given)).ok()["pressPetition"]
    return filed, {
        "petitionId": filed.id,
        "workOrderId": order,
        "instructionId": pressed["instruction"]["id"],
    }


@pytest.fixture(scope="module")
async def replied(through_train: District) -> Known:
    return await _known(People(through_train))


async def _footprint(people: People) -> list[int]:
    found: list[int] = []
    for service in people.district.services.values():
        rows = await service.fetch(
            "SELECT (SELECT count(*) FROM own.event) + (SELECT count(*) FROM own.idempotency) AS n"
        )
        found.append(rows[0]["n"])
    return found


@pytest.mark.parametrize("name", OPERATIONS)
async def test_who_may_not_is_refused_and_leaves_nothing(people: People, replied: Known, name: str) -> None:
    operation, (_, ids) = OPERATIONS[name], replied
    about = {operation.about: ids[operation.about]}
    before = await _footprint(people)
    for role, claims in OWN.items():
        if role not in operation.roles:
            answer = await people.do(
                operation.document, token=people.district.token(role, **claims), **about, **operation.given
            )
            assert answer.codes == ["FORBIDDEN"], (name, role, answer)
    assert (await people.do(operation.document, **about, **operation.given)).codes == ["UNAUTHENTICATED"]
    for role, claims in FOREIGN.items():
        if role in operation.roles:
            answer = await people.do(
                operation.document, token=people.district.token(role, **claims), **about, **operation.given
            )
            assert answer.codes == ["NOT_FOUND"], (name, role, answer)
    assert await _footprint(people) == before


@pytest.mark.parametrize("name", OPERATIONS)
async def test_who_may_gets_past_the_door(people: People, name: str) -> None:
    operation = OPERATIONS[name]
    filed, ids = await _known(people)
    about = {operation.about: ids[operation.about]}
    for role in operation.roles:
        token = await people.resident(filed) if role == "resident" else people.district.token(role)
        answer = await people.do(operation.document, token=token, **about, **operation.given)
        assert not REFUSALS & set(answer.codes), (name, role, answer)


@pytest.mark.parametrize("name", [name for name, o in OPERATIONS.items() if "resident" in o.roles])
async def test_a_residents_token_opens_one_petition_only(people: People, replied: Known, name: str) -> None:
    operation, (filed, _) = OPERATIONS[name], replied
    other = await people.resident(await people.file())
    before = await _footprint(people)
    answer = await people.do(operation.document, token=other, petitionId=filed.id, **operation.given)
    assert answer.codes == ["NOT_FOUND"]
    assert await _footprint(people) == before


READ: Final = """query($id: ID!) { petition(id: $id) {
  id state handling { cycle } evaluation { state } timeline(first: 5) { edges { node { type } } } } }"""
MAY_READ = {*FOREIGN, "district_supervisor", "integrator"}


async def test_reading_is_for_those_whose_petition_it_is(people: People, replied: Known) -> None:
    filed, _ = replied
    for role in OWN:
        answer = await people.district.ask(READ, role=role, id=filed.id)
        if role in MAY_READ:
            assert answer.ok()["petition"]["id"] == filed.id, role
        else:
            assert "FORBIDDEN" in answer.codes, (role, answer)
            assert answer.data is None or answer.data["petition"] is None
    for role, claims in FOREIGN.items():
        answer = await people.district.ask(READ, token=people.district.token(role, **claims), id=filed.id)
        assert "NOT_FOUND" in answer.codes, role
        assert answer.data is None or answer.data["petition"] is None


async def test_subgraphs_deny_by_themselves_what_the_gateway_would(people: People, replied: Known) -> None:
    filed, _ = replied
    entities = """query($r: [_Any!]!) { _entities(representations: $r) { ... on Petition { id %s } } }"""
    fields = {
        "intake": "title",
        "dispatch": "handling { cycle }",
        "feedback": "timeline(first: 1) { edges { node { type } } }",
    }
    for name, service in people.district.services.items():
        for token in (None, *(people.district.token(role, **claims) for role, claims in FOREIGN.items())):
            representations = [{"__typename": "Petition", "id": filed.id}]
            answer = await people.district.ask(entities % fields[name], url=service.url, token=token, r=representations)
            assert answer.errors, (name, token)
            assert not answer.data or answer.data["_entities"] == [None]
