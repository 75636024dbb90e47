"""Dispatch alone, on real servers: what intake and feedback say is published by the test."""

from typing import Any
from uuid import uuid4

import pytest

from services.contracts.event import SYSTEM
from services.contracts.feedback import CaseRecalled, PetitionReopened, VisitRecorded, VisitScheduled
from services.contracts.intake import PetitionFollowed, PetitionInformationAdded, PetitionSubmitted, PetitionWithdrawn
from services.contracts.vocabulary import PetitionKind, Source, VisitMeans
from tests.support import people as p
from tests.support.desk import ENTITY, Desk, desk_of, readied
from tests.support.district import District, eventually


@pytest.fixture
def desk(dispatch_alone: District) -> Desk:
    return desk_of(dispatch_alone)


@pytest.mark.parametrize(
    ("category", "proposed", "department", "rule"),
    [
        ("drainage", None, "housing", "r-drainage"),
        ("municipal", None, "housing", "r-municipal"),
        ("other", None, "office-huangtupo", "r-office-huangtupo"),
        ("drainage", "water", "water", None),
    ],
)
async def test_a_handed_over_petition_waits_for_assignment_with_a_suggestion(
    desk: Desk, category: str, proposed: str | None, department: str, rule: str | None
) -> None:
    petition, _ = await desk.readied(category=category, department=proposed)
    handling = await desk.handling(petition)
    assert handling
    [order] = handling["workOrders"]
    assert order["suggestion"]["department"]["id"] == department
    assert order["suggestion"]["rule"] == rule or (proposed and order["suggestion"]["explanation"])
    assert order["suggestion"]["explanation"]
    [deadline] = handling["deadlines"]
    assert (deadline["kind"], deadline["state"]) == ("ASSIGNMENT", "RUNNING")
    assert await desk.district.dispatch.events(petition) == ["work_order.opened", "clock.started"]


async def test_who_follows_it_after_it_was_handed_over_has_its_orders_and_events(desk: Desk) -> None:
    petition, order = await desk.readied()
    claims: dict[str, Any] = {"sub": "late", "representative": "rep-late", "placements": [], "community": None}
    token = desk.district.token("representative", **claims)
    followed = PetitionFollowed(by=SYSTEM, representative="rep-late")
    await desk.intake.say(petition, followed, followers=("rep-late",))
    query = "query($id: ID!) { workOrder(id: $id) { state } }"

    async def read() -> bool:
        return not (await desk.district.ask(query, token=token, url=desk.url, id=order)).errors

    await eventually(read)
    (await desk.do(p.ASSIGN, "street_committee", order, department="housing")).ok()
    [told] = await desk.district.dispatch.fetch(
        "SELECT followers FROM own.event WHERE aggregate_id = $1 AND type = 'work_order.assigned'", petition
    )
    assert told["followers"] == ["rep-late"]


async def test_a_later_event_that_comes_first_waits(desk: Desk) -> None:
    petition = str(uuid4())
    await desk.feedback.say(petition, VisitScheduled(by=SYSTEM, case_id=uuid4()), seen={Source.INTAKE: 1})

    async def parked() -> bool:
        rows = await desk.district.dispatch.fetch("SELECT reason FROM own.parked WHERE aggregate_id = $1", petition)
        return [row["reason"] for row in rows] == ["WAITING"]

    await eventually(parked)
    await desk.intake.say(petition, readied())
    await desk.state(petition, "PENDING")

    async def released() -> bool:
        return not await desk.district.dispatch.fetch("SELECT 1 FROM own.parked WHERE aggregate_id = $1", petition)

    await eventually(released)


async def test_a_withdrawal_cancels_what_is_open_and_keeps_a_reply(desk: Desk) -> None:
    petition, order = await desk.readied()
    await desk.intake.say(petition, PetitionWithdrawn(by=SYSTEM))
    await desk.state(petition, "CANCELLED")
    (await desk.do(p.ASSIGN, "street_committee", order, department="housing")).refused("INVALID_STATE")
    replied, order = await desk.replied()
    await desk.intake.say(replied, PetitionWithdrawn(by=SYSTEM))

    async def withdrawn() -> bool:
        answer = await desk.do(p.SEND_BACK, "street_committee", order, ground="INCOMPLETE", reason="不全")
        return answer.codes == ["INVALID_STATE"]

    assert await desk.state(replied, "REPLIED")
    rows = "SELECT withdrawn FROM own.petition WHERE petition_id = $1"

    async def known() -> bool:
        return (await desk.district.dispatch.fetch(rows, replied))[0]["withdrawn"]

    await eventually(known)
    assert await withdrawn()


async def test_a_reopening_opens_a_new_order_with_the_history(desk: Desk) -> None:
    petition, first = await desk.replied()
    await desk.feedback.say(
        petition, PetitionReopened(by=SYSTEM, case_id=uuid4(), new_cycle=2, cause="NOT_SOLVED", supervised=False)
    )
    second = await desk.state(petition, "PENDING")
    handling = await desk.handling(petition)
    assert handling
    assert handling["cycle"] == 2
    assert [o["id"] for o in handling["workOrders"]] == [first, second]


async def test_residents_read_their_order_without_the_offices_workings(desk: Desk) -> None:
    petition, order = await desk.replied()
    query = "query($id: ID!) { workOrder(id: $id) { reply { words } suggestion { rule } ruled allowedActs } }"
    tokens = {
        "resident": desk.district.residents_token(petition),
        "department": desk.district.token("department"),
    }
    shown = {
        role: (await desk.district.ask(query, token=token, url=desk.url, id=order)).ok()["workOrder"]
        for role, token in tokens.items()
    }
    reply = {"words": "已疏通"}
    assert shown["resident"] == {"reply": reply, "suggestion": None, "ruled": None, "allowedActs": None}
    assert shown["department"] == {
        "reply": reply,
        "suggestion": {"rule": "r-drainage"},
        "ruled": False,
        "allowedActs": ["SEND_BACK"],
    }


HISTORY = """query($id: ID!) {
  workOrder(id: $id) { id reply { words } petition { id handling { workOrders { id } deadlines { kind } } } }
  departmentWorkOrders(states: [REPLIED], first: 100) { edges { node { id petition { id } } } } }"""


async def test_a_former_department_keeps_its_own_order_and_sees_nothing_of_the_next_cycle(desk: Desk) -> None:
    petition, first = await desk.replied()

    async def seen() -> tuple[dict[str, Any], list[dict[str, Any]]]:
        data = (await desk.district.ask(HISTORY, role="department", url=desk.url, id=first)).ok()
        nodes = [edge["node"] for edge in data["departmentWorkOrders"]["edges"]]
        return data["workOrder"], [node["petition"] for node in nodes if node["id"] == first]

    order, listed = await seen()
    assert order["petition"]["handling"]["workOrders"] == [{"id": first}]
    assert listed == [{"id": petition}]
    await desk.feedback.say(
        petition, PetitionReopened(by=SYSTEM, case_id=uuid4(), new_cycle=2, cause="NOT_SOLVED", supervised=False)
    )
    second = await desk.state(petition, "PENDING")
    (await desk.do(p.ASSIGN, "street_committee", second, department="water")).ok()
    order, listed = await seen()
    assert order == {"id": first, "reply": {"words": "已疏通"}, "petition": None}
    assert listed == [None]
    water = desk.district.token("department", department="water")
    theirs = (await desk.district.ask(HISTORY, token=water, url=desk.url, id=second)).ok()["workOrder"]
    assert theirs["petition"]["handling"]["workOrders"] == [{"id": first}, {"id": second}]


async def test_a_visit_shuts_the_door_to_sending_back_and_a_recall_opens_it(desk: Desk) -> None:
    petition, order = await desk.replied()
    visited = VisitRecorded(
        by=SYSTEM, case_id=uuid4(), means=VisitMeans.PHONE, reached=True, responded=True, solved=True, satisfied=True
    )
    await desk.feedback.say(petition, visited)

    async def acts(expected: list[str]) -> bool:
        handling = await desk.handling(petition)
        return bool(handling) and handling["workOrders"][0]["allowedActs"] == expected

    await eventually(lambda: acts([]))
    given = {"ground": "INCOMPLETE", "reason": "不全"}
    (await desk.do(p.SEND_BACK, "street_committee", order, **given)).refused("INVALID_STATE")
    await desk.feedback.say(petition, CaseRecalled(by=SYSTEM, case_id=uuid4()))
    await eventually(lambda: acts(["SEND_BACK"]))
    (await desk.do(p.SEND_BACK, "street_committee", order, **given)).ok()


async def test_information_that_was_not_asked_for_moves_no_clock(desk: Desk) -> None:
    petition, order = await desk.readied()
    (await desk.do(p.ASSIGN, "street_committee", order, department="housing")).ok()
    before = await desk.district.dispatch.events(petition)
    await desk.intake.say(petition, PetitionInformationAdded(by=SYSTEM))
    later, _ = await desk.readied()
    assert later
    assert await desk.district.dispatch.events(petition) == before


async def test_information_that_was_sent_before_the_question_does_not_end_the_pause(desk: Desk) -> None:
    petition, order = await desk.readied()
    (await desk.do(p.ASSIGN, "street_committee", order, department="housing")).ok()
    (await desk.do(p.ACKNOWLEDGE, "department", order)).ok()
    (await desk.do(p.START, "department", order)).ok()
    known = len(await desk.district.dispatch.events(petition))
    (await desk.do(p.ASK, "department", order, question="几号铺面？")).ok()
    asked = await desk.district.dispatch.events(petition)
    assert asked[known] == "work_order.information_requested"
    applied = "SELECT applied FROM own.progress WHERE source = 'intake' AND aggregate_id = $1"

    async def say(seen: int) -> list[str]:
        sequence = await desk.intake.say(petition, PetitionInformationAdded(by=SYSTEM), seen={Source.DISPATCH: seen})

        async def there() -> bool:
            return (await desk.district.dispatch.fetch(applied, petition))[0]["applied"] == sequence

        await eventually(there)
        return await desk.district.dispatch.events(petition)

    assert await say(known) == asked
    assert (await say(known + 1))[len(asked)] == "work_order.resumed"


BAD: list[tuple[str, str, dict[str, Any], str]] = [
    (p.ASSIGN, "street_committee", {"department": "ministry-of-magic"}, "department"),
    (p.DECLINE_ORDER, "department", {"ground": "NO_FUNDS", "reason": "无"}, "ground"),
    (p.DECLINE_ORDER, "department", {"ground": "NOT_OURS", "reason": ""}, "reason"),
    (p.DECLINE_ORDER, "department", {"ground": "NOT_OURS", "reason": "非", "proposed": "moon"}, "proposed"),
    (p.DECLINE_ORDER, "department", {"ground": "NOT_OURS", "reason": "非", "proposed": "housing"}, "proposed"),
    (p.RULE, "district_supervisor", {"department": "moon", "reason": "是"}, "department"),
    (p.RULE, "district_supervisor", {"department": "housing", "reason": " "}, "reason"),
    (p.ASK, "department", {"question": ""}, "question"),
    (p.REPLY, "department", {"words": "", "measures": "通"}, "words"),
    (p.REPLY, "department", {"words": "长" * 4001, "measures": "通"}, "words"),
    (p.REPLY, "department", {"words": "好", "measures": "a\0b"}, "measures"),
    (p.SEND_BACK, "street_committee", {"ground": "NOT_OURS", "reason": "不全"}, "ground"),
    (p.SEND_BACK, "street_committee", {"ground": "INCOMPLETE", "reason": ""}, "reason"),
]


@pytest.mark.parametrize(("document", "role", "given", "field"), BAD)
async def test_bad_input_is_named_and_leaves_nothing(
    desk: Desk, document: str, role: str, given: dict[str, Any], field: str
) -> None:
    petition, order = await desk.readied()
    (await desk.do(p.ASSIGN, "street_committee", order, department="housing")).ok()
    before = await desk.district.dispatch.events(petition)
    assert (await desk.do(document, role, order, **given)).refused("INVALID_INPUT")["field"] == field
    assert await desk.district.dispatch.events(petition) == before


ACTS: list[tuple[str, str, dict[str, Any]]] = [
    (p.ASSIGN, "district_supervisor", {"department": "housing"}),
    (p.ACKNOWLEDGE, "department", {}),
    (p.DECLINE_ORDER, "department", {"ground": "NOT_OURS", "reason": "非"}),
    (p.RULE, "district_supervisor", {"department": "housing", "reason": "是"}),
    (p.START, "department", {}),
    (p.ASK, "department", {"question": "几号？"}),
    (p.REPLY, "department", {"words": "好", "measures": "通"}),
    (p.SEND_BACK, "street_committee", {"ground": "INCOMPLETE", "reason": "不全"}),
]


@pytest.mark.parametrize(("document", "role", "given"), ACTS)
async def test_unknown_orders_and_wrong_states_are_refused(
    desk: Desk, document: str, role: str, given: dict[str, Any]
) -> None:
    (await desk.do(document, role, str(uuid4()), **given)).refused("NOT_FOUND")
    assert (await desk.do(document, role, "17", **given)).refused("INVALID_INPUT")["field"] == "workOrderId"
    if document == p.SEND_BACK:
        _, order = await desk.readied()
        refusal = (await desk.do(document, role, order, **given)).refused("INVALID_STATE")
        assert (refusal["state"], refusal["allowed"]) == ("PENDING", ["ASSIGN"])
    else:
        petition, order = await desk.replied()
        refusal = (await desk.do(document, role, order, **given)).refused("INVALID_STATE")
        assert (refusal["state"], refusal["allowed"]) == ("REPLIED", ["SEND_BACK"])
        assert await desk.state(petition, "REPLIED")


async def test_a_petition_that_is_unknown_here_is_null_with_an_error(desk: Desk) -> None:
    representations = [{"__typename": "Petition", "id": str(uuid4())}]
    answer = await desk.district.ask(ENTITY, role="district_supervisor", url=desk.url, r=representations)
    assert answer.data["_entities"] == [None]
    assert answer.codes == ["NOT_FOUND"]


async def test_a_petition_that_is_not_handed_over_yet_has_no_handling_and_no_error(desk: Desk) -> None:
    petition = str(uuid4())
    submitted = PetitionSubmitted(by=SYSTEM, tracking_code="7K3M9QX2CD", kind=PetitionKind.DEMAND, channel="visit")
    await desk.intake.say(petition, submitted)
    representations = [{"__typename": "Petition", "id": petition}]

    async def known() -> bool:
        answer = await desk.district.ask(ENTITY, role="district_supervisor", url=desk.url, r=representations)
        return answer.data["_entities"] == [{"id": petition, "handling": None}] and not answer.errors

    await eventually(known)
