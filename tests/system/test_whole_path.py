"""The whole path through the gateway: from a resident's words to an evaluated result, and every turn it can take."""

from typing import Any

import pytest

from tests.support import people as p
from tests.support.district import District, eventually
from tests.support.people import Filed, People

WHOLE = """query Whole($id: ID!) { petition(id: $id) {
  state cycle stage stageLabel(locale: "en")
  handling { cycle workOrders { id state cycle department { id name(locale: "en") } } deadlines { kind dueAt } }
  evaluation { state cycle visits { reached solved satisfied } deadlines { kind } }
  timeline(first: 100) { edges { node { service type sequence stage label } } pageInfo { hasNextPage } }
} }"""


@pytest.fixture
def people(through_train: District) -> People:
    return People(through_train)


async def whole(
    people: People, filed: Filed, *, after: str | None = None, role: str = "street_committee"
) -> dict[str, Any]:
    return (await people.district.ask(WHOLE, role=role, after=after, id=filed.id)).ok()["petition"]


def acts(shown: dict[str, Any]) -> list[str]:
    types = [edge["node"]["type"] for edge in shown["timeline"]["edges"]]
    return [name for name in types if not name.startswith("clock.")]


async def test_from_words_to_an_evaluated_result(people: People) -> None:
    filed, _order, replied = await people.replied()
    visited = (await people.visit(filed, after=replied, solved=True, satisfied=True)).ok()["recordVisit"]["position"]
    shown = await whole(people, filed, after=visited)
    assert shown["evaluation"]["state"] == "VISITED"
    assert [d["kind"] for d in shown["evaluation"]["deadlines"]] == ["CLOSING"]
    closed = (await people.do(p.CLOSE, "street_committee", petitionId=filed.id)).ok()["closePetition"]["position"]
    shown = await whole(people, filed, after=closed)
    assert (shown["state"], shown["evaluation"]["state"]) == ("READY", "CLOSED")
    assert [o["state"] for o in shown["handling"]["workOrders"]] == ["REPLIED"]
    assert acts(shown) == [
        "petition.submitted",
        "petition.accepted",
        "petition.listened",
        "petition.looked",
        "petition.deliberated",
        "petition.readied",
        "work_order.opened",
        "work_order.assigned",
        "work_order.acknowledged",
        "work_order.started",
        "work_order.replied",
        "petition.replied",
        "visit.scheduled",
        "visit.recorded",
        "petition.closed",
    ]
    assert shown["stage"] == "EVALUATE"
    assert shown["handling"]["deadlines"] == []


async def test_the_resident_follows_the_same_story(people: People) -> None:
    filed, _, replied = await people.replied()
    token = await people.resident(filed)
    answer = await people.district.ask(WHOLE, token=token, after=replied, id=filed.id)
    assert acts(answer.ok()["petition"])[-2:] == ["petition.replied", "visit.scheduled"]
    voted = await people.visit(filed, token=token, means="FORM", solved=True, satisfied=True)
    assert voted.ok()["recordVisit"]["petition"]["evaluation"]["state"] == "VISITED"


async def test_a_visited_case_closes_by_itself(people: People) -> None:
    filed, _, replied = await people.replied()
    (await people.visit(filed, after=replied, solved=True, satisfied=True)).ok()
    people.district.time.advance(days=5)

    async def closed() -> bool:
        return (await whole(people, filed))["evaluation"]["state"] == "CLOSED"

    await eventually(closed)


async def test_not_solved_reopens_by_itself_and_the_second_time_under_supervision(people: People) -> None:
    filed, _, replied = await people.replied()
    for cycle in (1, 2):
        visited = await people.visit(filed, after=replied, solved=False, satisfied=False)
        position = visited.ok()["recordVisit"]["position"]
        shown = await whole(people, filed, after=position)
        assert shown["handling"]["cycle"] == cycle + 1
        assert shown["handling"]["workOrders"][-1]["state"] == "PENDING"
        assert shown["cycle"] == cycle + 1
        [reopened] = await people.district.feedback.fetch(
            "SELECT data ->> 'supervised' AS supervised FROM own.event "
            "WHERE aggregate_id = $1 AND type = 'petition.reopened' AND data ->> 'newCycle' = $2",
            filed.id,
            str(cycle + 1),
        )
        assert reopened["supervised"] == ("true" if cycle == 2 else "false")
        replied = await people.reply(await people.in_progress(filed, after=position))
    (await people.visit(filed, after=replied, solved=True, satisfied=True)).ok()


async def test_solved_but_unsatisfied_reopens_only_with_a_cause(people: People) -> None:
    filed, _, replied = await people.replied()
    (await people.visit(filed, after=replied, solved=True, satisfied=False)).ok()
    given = {"petitionId": filed.id, "reason": "井盖高出路面"}
    (await people.do(p.REOPEN, "street_committee", ground="NO_FUNDS", **given)).refused("INVALID_INPUT")
    position = (await people.do(p.REOPEN, "street_committee", ground="POOR_QUALITY", **given)).ok()["reopenPetition"][
        "position"
    ]
    assert (await whole(people, filed, after=position))["handling"]["workOrders"][-1]["state"] == "PENDING"


async def test_the_second_decline_is_ruled_upon_and_the_ruling_stands(people: People) -> None:
    filed, handed = await people.handed_over()
    order = await people.assigned(filed, after=handed)
    other = people.district.token("department", department="water")
    declined = {"workOrderId": order, "ground": "NOT_OURS", "reason": "属供排水公司管网"}
    first = await people.do(p.DECLINE_ORDER, "department", proposed="water", **declined)
    assert first.ok()["declineWorkOrder"]["workOrder"]["state"] == "PENDING"
    (await people.do(p.ASSIGN, "street_committee", workOrderId=order, department="water")).ok()
    second = await people.do(p.DECLINE_ORDER, token=other, **declined)
    assert second.ok()["declineWorkOrder"]["workOrder"]["state"] == "UNDER_RULING"
    (await people.do(p.RULE, "street_committee", workOrderId=order, department="housing", reason="x")).refused(
        "FORBIDDEN"
    )
    ruled = await people.do(p.RULE, "district_supervisor", workOrderId=order, department="housing", reason="主管属市政")
    assert ruled.ok()["ruleOnWorkOrder"]["workOrder"]["state"] == "ASSIGNED"
    (await people.do(p.DECLINE_ORDER, "department", **declined)).refused("INVALID_STATE")
    (await people.do(p.ACKNOWLEDGE, "department", workOrderId=order)).ok()
    (await people.do(p.DECLINE_ORDER, "department", **declined)).refused("INVALID_STATE")


async def test_what_cannot_be_done_now_is_ledgered_and_visited_again(people: People) -> None:
    filed, _, replied = await people.replied()
    (await people.visit(filed, after=replied, solved=False, satisfied=False, ledgerProposed=True)).ok()
    review = (people.district.time.now.date()).replace(year=people.district.time.now.year + 1)
    given = {
        "petitionId": filed.id,
        "department": "housing",
        "ground": "NO_FUNDS",
        "reason": "需列入明年预算",
        "reviewOn": review.isoformat(),
    }
    approved = await people.do(p.APPROVE_LEDGER, "street_committee", **given)
    assert approved.ok()["approveLedger"]["petition"]["evaluation"]["state"] == "LEDGERED"
    desk = """{ ledger(first: 50) { edges { node { petition { id } } } } }"""
    listed = (await people.district.ask(desk, role="street_committee")).ok()["ledger"]["edges"]
    assert filed.id in [edge["node"]["petition"]["id"] for edge in listed]
    people.district.time.advance(days=366)

    async def awaited() -> bool:
        return (await whole(people, filed))["evaluation"]["state"] == "AWAITING_VISIT"

    await eventually(awaited)
    (await people.visit(filed, solved=True, satisfied=True)).ok()


async def test_a_ledger_that_nobody_approves_reopens(people: People) -> None:
    filed, _, replied = await people.replied()
    (await people.visit(filed, after=replied, solved=False, satisfied=False, ledgerProposed=True)).ok()
    people.district.time.advance(days=5)

    async def reopened() -> bool:
        return (await whole(people, filed))["handling"]["cycle"] == 2

    await eventually(reopened)


async def test_three_failed_attempts_on_different_days_are_not_reached(people: People) -> None:
    filed, _, replied = await people.replied()
    given = {"petitionId": filed.id, "means": "PHONE"}
    await whole(people, filed, after=replied)
    for day in range(3):
        (await people.do(p.ATTEMPT, "representative", **given)).ok()
        assert (await people.do(p.ATTEMPT, "representative", **given)).codes in (["INVALID_STATE"], ["INVALID_INPUT"])
        if day < 2:
            early = await people.visit(filed, reached=False, responded=None)
            assert early.codes in (["INVALID_STATE"], ["INVALID_INPUT"])
            people.district.time.advance(days=1)
    recorded = await people.visit(filed, reached=False, responded=None)
    assert recorded.ok()["recordVisit"]["petition"]["evaluation"]["state"] == "VISITED"


async def test_a_withdrawal_ends_it_everywhere(people: People) -> None:
    filed, handed = await people.handed_over()
    order = await people.in_progress(filed, after=handed)
    token = await people.resident(filed)
    gone = (await people.do(p.WITHDRAW, token=token, petitionId=filed.id)).ok()["withdrawPetition"]["position"]
    shown = await whole(people, filed, after=gone)
    assert shown["state"] == "WITHDRAWN"
    assert [o["state"] for o in shown["handling"]["workOrders"]] == ["CANCELLED"]
    assert shown["handling"]["deadlines"] == []
    (await people.do(p.REPLY, "department", workOrderId=order, words="x", measures="x")).refused("INVALID_STATE")


async def test_erasing_personal_data_is_told_and_stops_nothing(people: People) -> None:
    filed, handed = await people.handed_over()
    order = await people.in_progress(filed, after=handed)
    contact = p.act("lookUpContact", "LookUpContactInput", "phone")

    async def needed() -> bool:
        """Intake has heard that it is the department's."""
        return not (await people.do(contact, "department", petitionId=filed.id, purpose="约上门时间")).errors

    await eventually(needed)
    erased = await people.do(p.ERASE, "operator", petitionId=filed.id, because="本人申请")
    shown = await whole(people, filed, after=erased.ok()["erasePersonalData"]["position"], role="department")
    assert acts(shown)[-1] == "petition.personal_data_erased"  # the department, which may have copied it, is told
    (await people.do(contact, "department", petitionId=filed.id, purpose="约上门时间")).refused("NOT_FOUND")
    replied = await people.reply(order)
    token = await people.resident(filed)
    answer = await people.district.ask(WHOLE, token=token, after=replied, id=filed.id)
    told = [edge["node"] for edge in answer.ok()["petition"]["timeline"]["edges"]]
    assert {"type": "petition.personal_data_erased", "label": "个人信息已删除"}.items() <= next(
        entry.items() for entry in told if entry["type"] == "petition.personal_data_erased"
    )
    visited = await people.visit(filed, token=token, means="FORM", solved=True, satisfied=True)
    await whole(people, filed, after=visited.ok()["recordVisit"]["position"])
    closed = await people.do(p.CLOSE, "street_committee", petitionId=filed.id)
    assert closed.ok()["closePetition"]["petition"]["evaluation"]["state"] == "CLOSED"


async def test_a_reply_is_sent_back_and_comes_again(people: People) -> None:
    filed, order, replied = await people.replied()
    await whole(people, filed, after=replied)
    given = {"workOrderId": order, "ground": "INCOMPLETE", "reason": "未说明淤塞原因"}
    back = (await people.do(p.SEND_BACK, "street_committee", **given)).ok()["sendBackReply"]["position"]
    shown = await whole(people, filed, after=back)
    assert shown["evaluation"]["state"] == "RECALLED"
    assert [d["kind"] for d in shown["handling"]["deadlines"]] == ["HANDLING"]
    again = await people.reply(order)
    assert (await whole(people, filed, after=again))["evaluation"]["state"] == "AWAITING_VISIT"
    visited = (await people.visit(filed, solved=True, satisfied=True)).ok()["recordVisit"]["position"]
    await whole(people, filed, after=visited)
    (await people.do(p.SEND_BACK, "street_committee", **given)).refused("INVALID_STATE")


async def test_asking_the_resident_pauses_the_clock_until_the_answer(people: People) -> None:
    filed, handed = await people.handed_over()
    order = await people.in_progress(filed, after=handed)
    asked = await people.do(p.ASK, "department", workOrderId=order, question="堵塞位置在几号铺面？")
    position = asked.ok()["askResident"]["position"]
    states = "query($id: ID!) { petition(id: $id) { handling { deadlines { kind state dueAt } } } }"

    async def clocks(after: str | None = None) -> dict[str, tuple[str, str]]:
        answer = await people.district.ask(states, role="street_committee", after=after, id=filed.id)
        return {d["kind"]: (d["state"], d["dueAt"]) for d in answer.ok()["petition"]["handling"]["deadlines"]}

    before = await clocks(position)
    assert {kind: state for kind, (state, _) in before.items()} == {"HANDLING": "PAUSED", "INFORMATION": "RUNNING"}
    people.district.time.advance(days=1)
    token = await people.resident(filed)
    added = await people.do(p.ADD, token=token, petitionId=filed.id, words="在七号铺面门口")
    after = await clocks(added.ok()["addInformation"]["position"])
    assert {kind: state for kind, (state, _) in after.items()} == {"HANDLING": "RUNNING"}
    assert after["HANDLING"][1] > before["HANDLING"][1]


async def test_an_unanswered_question_lets_the_clock_run_on(people: People) -> None:
    filed, handed = await people.handed_over()
    order = await people.in_progress(filed, after=handed)
    (await people.do(p.ASK, "department", workOrderId=order, question="在几号铺面？")).ok()
    people.district.time.advance(days=9)

    async def resumed() -> bool:
        return "work_order.resumed" in await people.district.dispatch.events(filed.id)

    await eventually(resumed)


async def test_a_matter_solved_on_the_spot_is_visited_and_screened_again_if_it_was_not(people: People) -> None:
    filed = await people.file("representative")
    await people.screen(filed)
    solved = await people.do(p.ON_SPOT, "street_committee", petitionId=filed.id, measures="当场疏通")
    position = solved.ok()["resolvePetitionOnSpot"]["position"]
    visited = await people.visit(filed, after=position, solved=False, satisfied=False)
    shown = await whole(people, filed, after=visited.ok()["recordVisit"]["position"])
    assert (shown["state"], shown["cycle"], shown["handling"]) == ("SCREENING", 2, None)
    (await people.do(p.LOOK, "community", petitionId=filed.id, findings="又堵")).ok()
    (await people.do(p.DELIBERATE, "community", petitionId=filed.id, outcome="转办", participants=3)).ok()
    handed = (await people.hand_over(filed)).ok()["handOverPetition"]["position"]
    shown = await whole(people, filed, after=handed)
    assert [o["cycle"] for o in shown["handling"]["workOrders"]] == [2]


async def test_a_representative_follows_it_to_the_end_wherever_they_are_placed_later(people: People) -> None:
    filed = await people.file()
    await people.screen(filed)
    handed = (await people.hand_over(filed)).ok()["handOverPetition"]["position"]
    named = {"sub": "peng-xuan", "representative": "rep-peng-xuan", "community": None}
    placed = people.district.token("representative", **named, placements=["community-73"])
    moved = people.district.token("representative", **named, placements=["renmin-west"])
    (await people.district.ask(WHOLE, token=moved, after=handed, id=filed.id)).refused("NOT_FOUND")
    followed = (await people.do(p.FOLLOW, token=placed, petitionId=filed.id)).ok()["followPetition"]["position"]
    order = await people.in_progress(filed, after=followed)
    visited = await people.visit(filed, after=await people.reply(order), solved=False, satisfied=False)
    reopened = visited.ok()["recordVisit"]["position"]
    again = await people.in_progress(filed, after=reopened)
    replied = await people.reply(again)

    shown = (await people.district.ask(WHOLE, token=moved, after=replied, id=filed.id)).ok()["petition"]
    assert (shown["state"], shown["handling"]["cycle"], shown["evaluation"]["cycle"]) == ("READY", 2, 2)
    assert "petition.followed" in acts(shown)[: acts(shown).index("work_order.assigned")]
    desks = """{ petitions(first: 100) { edges { node { id followedBy { name } } } }
        cases(states: [REOPENED, AWAITING_VISIT], first: 100) { edges { node { cycle petition { id } } } }
        petitionsByStage(stage: EVALUATE, first: 100) { edges { node { petition { id } } } } }"""
    lists = (await people.district.ask(desks, token=moved)).ok()
    assert {"id": filed.id, "followedBy": [{"name": "彭煊"}]} in [e["node"] for e in lists["petitions"]["edges"]]
    cases = [e["node"] for e in lists["cases"]["edges"] if e["node"]["petition"]["id"] == filed.id]
    assert [case["cycle"] for case in cases] == [1, 2]
    assert filed.id in {e["node"]["petition"]["id"] for e in lists["petitionsByStage"]["edges"]}

    for service in (people.district.dispatch, people.district.feedback):
        rows = await service.fetch(
            "SELECT followers FROM own.event WHERE aggregate_id = $1 ORDER BY sequence", filed.id
        )
        carried = [row["followers"] == ["rep-peng-xuan"] for row in rows]
        assert carried[-1]
        assert carried == sorted(carried)
    token = await people.resident(filed)
    told = (await people.district.ask(WHOLE, token=token, after=replied, id=filed.id)).ok()["petition"]
    [entry] = [e["node"] for e in told["timeline"]["edges"] if e["node"]["type"] == "petition.followed"]
    assert (entry["service"], entry["stage"], entry["label"]) == ("INTAKE", "RAISE", "代表跟踪")


async def test_who_follows_it_late_has_the_cases_of_earlier_rounds_too(people: People) -> None:
    filed, _, replied = await people.replied()
    visited = await people.visit(filed, after=replied, solved=False, satisfied=False)
    named = {"sub": "peng-xuan", "representative": "rep-peng-xuan", "community": None}
    placed = people.district.token("representative", **named, placements=["community-73"])
    moved = people.district.token("representative", **named, placements=["renmin-west"])
    again = await people.in_progress(filed, after=visited.ok()["recordVisit"]["position"])
    shown = await whole(people, filed, after=await people.reply(again))
    assert shown["evaluation"]["cycle"] == 2
    followed = (await people.do(p.FOLLOW, token=placed, petitionId=filed.id)).ok()["followPetition"]["position"]
    query = "{ cases(states: [REOPENED], first: 100) { edges { node { cycle petition { id } } } } }"
    lists = (await people.district.ask(query, token=moved, after=followed)).ok()
    assert {"cycle": 1, "petition": {"id": filed.id}} in [e["node"] for e in lists["cases"]["edges"]]
