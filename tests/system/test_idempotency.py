"""An idempotency key, for every mutation that takes one: again, at once, with another input, by somebody else.

What happens when a service dies between its commit and its answer: tests/faults/test_killed_at_the_point.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.support import people as p
from tests.support.district import Answer, District
from tests.support.people import Filed, People
from tests.system.doors.operations import MUTATIONS, SCHEMAS, input_type

Asked = tuple[str | None, dict[str, Any]]
"""Who acts (a role, or a resident's token), and the input."""

_NOT_OURS: Final = {"ground": "NOT_OURS", "reason": "非本单位职责"}
_SAID: Final = {
    "acceptPetition": {"title": "二中批发巷下水道堵塞", "category": "drainage"},
    "rejectPetition": {"ground": "DUPLICATE", "reason": "重复反映"},
    "listenToPetition": {"said": "商户反映管道堵了三天"},
    "lookAtPetition": {"findings": "主管淤塞约十米"},
    "deliberateOnPetition": {"outcome": "由住建局疏通", "participants": 6},
    "skipScreeningStep": {"step": "LOOK", "ground": "SELF_EVIDENT", "reason": "情况清楚"},
    "handOverPetition": {"request": "请疏通主排水管"},
    "resolvePetitionOnSpot": {"measures": "网格员当场疏通"},
    "declinePetition": {"ground": "NO_BASIS", "reason": "无依据"},
    "assignWorkOrder": {"department": "housing"},
    "declineWorkOrder": _NOT_OURS,
    "askResident": {"question": "在几号铺面？"},
    "replyToWorkOrder": {"words": "管道已疏通。", "measures": "高压疏通十米"},
    "sendBackReply": {"ground": "INCOMPLETE", "reason": "未答复赔偿"},
    "followPetition": {},
}


async def _filed(people: People) -> Filed:
    return await people.file("representative")


async def _followed_by_nobody(people: People) -> Filed:
    return await people.file()


async def _accepted(people: People) -> Filed:
    filed = await people.file("representative")
    (await people.accept(filed)).ok()
    return filed


async def _listened(people: People) -> Filed:
    filed = await _accepted(people)
    (await people.do(p.LISTEN, "representative", petitionId=filed.id, said="听")).ok()
    return filed


async def _looked(people: People) -> Filed:
    filed = await _listened(people)
    (await people.do(p.LOOK, "community", petitionId=filed.id, findings="看")).ok()
    return filed


async def _screened(people: People) -> Filed:
    filed = await people.file("representative")
    await people.screen(filed)
    return filed


def _with(made: Callable[[People], Awaitable[Filed]], role: str, name: str) -> Callable[[People], Awaitable[Asked]]:
    async def asked(people: People) -> Asked:
        return role, {"petitionId": (await made(people)).id, **_SAID[name]}

    return asked


def _order(role: str, name: str, *before: str) -> Callable[[People], Awaitable[Asked]]:
    """Return what makes a work order and brings it through the acts before."""
    acts = {"assign": p.ASSIGN, "acknowledge": p.ACKNOWLEDGE, "start": p.START, "reply": p.REPLY}
    said: dict[str, dict[str, Any]] = {"assign": {"department": "housing"}, "reply": _SAID["replyToWorkOrder"]}

    async def asked(people: People) -> Asked:
        filed, handed = await people.handed_over()
        order = await people.order(filed, handed)
        for act in before:
            by = "street_committee" if act == "assign" else "department"
            (await people.do(acts[act], by, workOrderId=order, **said.get(act, {}))).ok()
        return role, {"workOrderId": order, **_SAID.get(name, {})}

    return asked


async def _under_ruling(people: People) -> Asked:
    _, given = await _order("department", "declineWorkOrder", "assign")(people)
    (await people.do(p.DECLINE_ORDER, "department", **given)).ok()
    (await people.do(p.ASSIGN, "street_committee", workOrderId=given["workOrderId"], department="water")).ok()
    water = people.district.token("department", department="water")
    (await people.do(p.DECLINE_ORDER, token=water, **given)).ok()
    return "district_supervisor", {"workOrderId": given["workOrderId"], "department": "housing", "reason": "主管单位"}


async def _replied(people: People) -> Filed:
    filed, _, position = await people.replied()
    query = "query($id: ID!) { petition(id: $id) { evaluation { state } } }"
    (await people.district.ask(query, role="street_committee", after=position, id=filed.id)).ok()
    return filed


async def _pressed(people: People) -> Asked:
    filed, handed = await people.handed_over()
    await people.assigned(filed, after=handed)
    done = (await people.do(p.PRESS, "district_supervisor", petitionId=filed.id, instruction="说明情况")).ok()
    return "department", {"instructionId": done["pressPetition"]["instruction"]["id"], "words": "已到现场"}


def _visited(mutation_input: Mapping[str, Any], role: str, **answers: Any) -> Callable[[People], Awaitable[Asked]]:
    async def asked(people: People) -> Asked:
        filed = await _replied(people)
        if answers:
            (await people.visit(filed, **answers)).ok()
        given = {k: v(people) if callable(v) else v for k, v in mutation_input.items()}
        return role, {"petitionId": filed.id, **given}

    return asked


def _resident(mutation_input: dict[str, Any]) -> Callable[[People], Awaitable[Asked]]:
    async def asked(people: People) -> Asked:
        filed = await people.file()
        return await people.resident(filed), {"petitionId": filed.id, **mutation_input}

    return asked


def _in_days(days: int) -> Callable[[People], str]:
    return lambda people: (people.district.time.now + timedelta(days=days)).date().isoformat()


async def _submission(_: People) -> Asked:
    return None, {"words": "路灯不亮", "channel": "online", "community": "community-73"}


async def _policy(people: People) -> Asked:
    begins = (people.district.time.now + timedelta(days=400)).isoformat()
    return "operator", {"effectiveFrom": begins, "reminderPercent": 75}


async def _days(people: People) -> Asked:
    return "operator", {"days": [{"day": _in_days(500)(people), "working": True}]}


async def _erasure(people: People) -> Asked:
    return "operator", {"petitionId": (await people.file()).id, "because": "当事人要求删除"}


_LEDGER: Final = {"department": "housing", "ground": "NO_FUNDS", "reason": "缺资金", "reviewOn": _in_days(60)}
_ANSWERS: Final = {"means": "PHONE", "reached": True, "responded": True, "solved": True, "satisfied": True}
_PROPOSED: Final = {"solved": False, "satisfied": False, "ledgerProposed": True}
_COMMITTEE: Final = "street_committee"

READY: Final[dict[str, Callable[[People], Awaitable[Asked]]]] = {
    "submitPetition": _submission,
    "withdrawPetition": _resident({}),
    "addInformation": _resident({"words": "还有气味"}),
    "acceptPetition": _with(_filed, _COMMITTEE, "acceptPetition"),
    "rejectPetition": _with(_filed, _COMMITTEE, "rejectPetition"),
    "listenToPetition": _with(_accepted, "representative", "listenToPetition"),
    "lookAtPetition": _with(_listened, "community", "lookAtPetition"),
    "deliberateOnPetition": _with(_looked, _COMMITTEE, "deliberateOnPetition"),
    "skipScreeningStep": _with(_listened, _COMMITTEE, "skipScreeningStep"),
    "handOverPetition": _with(_screened, _COMMITTEE, "handOverPetition"),
    "resolvePetitionOnSpot": _with(_screened, _COMMITTEE, "resolvePetitionOnSpot"),
    "declinePetition": _with(_screened, _COMMITTEE, "declinePetition"),
    "followPetition": _with(_followed_by_nobody, "representative", "followPetition"),
    "recordDeadlinePolicy": _policy,
    "recordCalendarDays": _days,
    "erasePersonalData": _erasure,
    "assignWorkOrder": _order(_COMMITTEE, "assignWorkOrder"),
    "acknowledgeWorkOrder": _order("department", "acknowledgeWorkOrder", "assign"),
    "declineWorkOrder": _order("department", "declineWorkOrder", "assign"),
    "startWorkOrder": _order("department", "startWorkOrder", "assign", "acknowledge"),
    "askResident": _order("department", "askResident", "assign", "acknowledge", "start"),
    "replyToWorkOrder": _order("department", "replyToWorkOrder", "assign", "acknowledge", "start"),
    "sendBackReply": _order(_COMMITTEE, "sendBackReply", "assign", "acknowledge", "start", "reply"),
    "ruleOnWorkOrder": _under_ruling,
    "pressPetition": _visited({"instruction": "三日内到现场"}, "district_supervisor"),
    "answerInstruction": _pressed,
    "recordVisitAttempt": _visited({"means": "PHONE"}, "representative"),
    "recordVisit": _visited(_ANSWERS, "representative"),
    "closePetition": _visited({}, _COMMITTEE, solved=True, satisfied=True),
    "reopenPetition": _visited(
        {"ground": "PARTLY_DONE", "reason": "井盖未换"}, _COMMITTEE, solved=True, satisfied=False
    ),
    "approveLedger": _visited(_LEDGER, _COMMITTEE, **_PROPOSED),
    "refuseLedger": _visited({"reason": "能办"}, _COMMITTEE, **_PROPOSED),
}

KEYLESS: Final = {
    "openPetition": "an answer that is a token is never kept",
    "lookUpContact": "every look counts, and contact data is kept sealed or not at all",
    "nominatePetition": "not offered yet: every try is refused",
    **{
        f"{act}{service}Parked": "repeating it changes nothing"
        for act in ("replay", "discard")
        for service in ("Intake", "Dispatch", "Feedback")
    },
}
OF_ITSELF: Final = {"erasePersonalData", "followPetition"}
"""What answers every repetition alike, whoever repeats it."""


@pytest.fixture
def people(through_train: District) -> People:
    return People(through_train)


def test_every_mutation_is_here() -> None:
    assert {*READY, *KEYLESS} == {*MUTATIONS}
    assert not {*READY} & {*KEYLESS}


SOURCE: Final = {name: source for source, schema in SCHEMAS.items() for name in schema._schema.mutation_type.fields}


def _document(name: str) -> str:
    """Return a document whose answer shows what a second doing would change."""
    about = {
        "submitPetition": "petitionId trackingCode position",
        "recordDeadlinePolicy": "policy { version }",
        "recordCalendarDays": "changed",
        "erasePersonalData": "receipt { id } position",
    }
    return p.act(name, str(input_type(SOURCE[name], name)), about.get(name, "position"))


async def _do(people: People, name: str, who: str | None, given: dict[str, Any], key: str) -> Answer:
    signed = {"token": who} if who and "." in who else {"role": who}
    return await people.do(_document(name), **signed, **given, idempotencyKey=key)


async def _events(people: People) -> int:
    rows = await asyncio.gather(
        *(service.fetch("SELECT count(*) AS n FROM own.event") for service in people.district.services.values())
    )
    return sum(found[0]["n"] for found in rows)


@pytest.mark.parametrize("name", READY)
async def test_a_key_makes_one_act_of_many(people: People, name: str) -> None:
    who, given = await READY[name](people)
    key = str(uuid4())
    at_once = await asyncio.gather(*(_do(people, name, who, given, key) for _ in range(4)))
    answers = [answer.ok() for answer in at_once]
    assert len({str(answer) for answer in answers}) == 1, name
    service = people.district.services[SOURCE[name].value]
    kept = await service.fetch("SELECT subject, mutation FROM own.idempotency WHERE key = $1", key)
    assert [row["mutation"] for row in kept] == [name]

    assert (await _do(people, name, who, given, key)).ok() == answers[0]
    again = await _do(people, name, who, _otherwise(name, given), key)
    again.refused("CONFLICT")
    another = await _do(people, name, await _somebody_else(people, name, who), given, key)
    told = not another.errors and another.data == answers[0]
    assert told is (name in OF_ITSELF), "the first one's answer was told to somebody else"


_WORDS: Final = ("reason", "words", "said", "findings", "outcome", "request", "measures", "because")


def _otherwise(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return another input that is as right as the first."""
    if name == "recordCalendarDays":
        return {"days": [{**given["days"][0], "working": False}]}
    if name == "recordDeadlinePolicy":
        return {**given, "reminderPercent": given["reminderPercent"] + 1}
    field = next((field for field in _WORDS if field in given), None)
    if field is not None:
        return {**given, field: f"{given[field]}（另）"}
    return {**given, next(k for k in given if k.endswith("Id")): str(uuid4())}


async def _somebody_else(people: People, name: str, who: str | None) -> str | None:
    """Return another person who may do the same."""
    if who is None:
        return "representative"
    if "." in who:
        return await people.resident(await people.file())
    return people.district.token(who, sub="somebody-else")


async def test_who_has_another_street_since_is_not_shown_the_first_answer(people: People) -> None:
    who, given = await READY["acceptPetition"](people)
    key = str(uuid4())
    (await _do(people, "acceptPetition", who, given, key)).ok()
    moved = people.district.token("street_committee", street="fenghuang")
    (await _do(people, "acceptPetition", moved, given, key)).refused("CONFLICT")


@pytest.mark.parametrize("key", ["", "short", "x" * 129])
async def test_a_key_that_is_none_is_refused_and_nothing_is_done(people: People, key: str) -> None:
    who, given = await READY["acceptPetition"](people)
    before = await _events(people)
    assert (await _do(people, "acceptPetition", who, given, key)).refused("INVALID_INPUT")["field"] == "idempotencyKey"
    assert await _events(people) == before


async def test_a_refusal_is_not_kept(people: People) -> None:
    """What was refused may be right later: the key is free again."""
    filed = await people.file("representative")
    key = str(uuid4())
    given = {"petitionId": filed.id, **_SAID["listenToPetition"]}
    (await _do(people, "listenToPetition", "representative", given, key)).refused("INVALID_STATE")
    (await people.accept(filed)).ok()
    (await _do(people, "listenToPetition", "representative", given, key)).ok()


async def test_the_same_submission_at_once_is_one_petition(people: People) -> None:
    key = str(uuid4())
    filed = await asyncio.gather(*(people.file("representative", idempotencyKey=key) for _ in range(6)))
    assert len(set(filed)) == 1
