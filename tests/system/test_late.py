"""What is late, through the gateway: the board, pressing, and the answer that must come."""

from datetime import datetime
from typing import Any

import pytest

from tests.support import people as p
from tests.support.district import District, eventually
from tests.support.people import Filed, People

BOARD = """query($levels: [Int!], $kind: ClockKind) {
  lateClocks(levels: $levels, kind: $kind, first: 100) { edges { node {
  kind label level responsible responsibleLabel street { name } department { name } tells lateForWorkingDays
  petition { id title handling { workOrders { state } instructions { words answer { words byRole } } } }
} } } }"""
PRESSED = """query($id: ID!) { petition(id: $id) {
  handling { instructions { id words department { name } answer { words at byRole } deadlines { kind state } } }
  timeline(first: 100) { edges { node { type label } } } } }"""
CLOCK = "SELECT due_at, fires_at, level FROM own.clock WHERE petition_id = $1 AND kind = $2 AND state = 'RUNNING'"
WORDS = "三日内到现场并答复"


@pytest.fixture
def people(through_train: District) -> People:
    return People(through_train)


async def board(people: People, filed: Filed, role: str = "district_supervisor", **given: Any) -> list[dict[str, Any]]:
    """Return what a role sees of a petition on the board."""
    nodes = [
        edge["node"] for edge in (await people.district.ask(BOARD, role=role, **given)).ok()["lateClocks"]["edges"]
    ]
    return [node for node in nodes if node["petition"] and node["petition"]["id"] == filed.id]


async def until_it_fires(people: People, filed: Filed, kind: str) -> None:
    """Let time pass until the clock has reached its next level."""
    [clock] = await people.district.dispatch.fetch(CLOCK, filed.id, kind)
    fires_at: datetime = clock["fires_at"]
    people.district.time.now = max(people.district.time.now, fires_at)

    async def fired() -> bool:
        [again] = await people.district.dispatch.fetch(CLOCK, filed.id, kind)
        return again["level"] == clock["level"] + 1

    await eventually(fired)


async def press(people: People, filed: Filed) -> tuple[str, str]:
    done = (await people.do(p.PRESS, "district_supervisor", petitionId=filed.id, instruction=WORDS)).ok()
    return done["pressPetition"]["instruction"]["id"], done["pressPetition"]["position"]


async def test_what_nobody_assigns_climbs_the_board_until_somebody_does(people: People) -> None:
    filed, handed = await people.handed_over()
    order = await people.order(filed, handed)
    await until_it_fires(people, filed, "ASSIGNMENT")
    assert await board(people, filed) == []
    tells = ["STREET_COMMITTEE"], ["DISTRICT_SUPERVISOR"], ["DISTRICT_SUPERVISOR", "DISTRICT_LEADER"]
    for level, told in enumerate(tells, 1):
        await until_it_fires(people, filed, "ASSIGNMENT")
        [shown] = await eventually(lambda level=level: board(people, filed, levels=[level]))
        assert (shown["level"], shown["tells"]) == (level, told)
        assert (shown["kind"], shown["responsible"]) == ("ASSIGNMENT", "STREET_COMMITTEE")
        assert (shown["label"], shown["responsibleLabel"]) == ("交办时限", "街道人大工委")
        assert (shown["street"], shown["department"]) == ({"name": "黄土坡街道"}, None)
        assert shown["lateForWorkingDays"] == [0, 2, 5][level - 1]
        assert shown["petition"] == {
            "id": filed.id,
            "title": "二中批发巷下水道堵塞",
            "handling": {"workOrders": [{"state": "PENDING"}], "instructions": []},
        }
        assert await board(people, filed, "street_committee") == [shown]
    published = (await people.district.ask(BOARD, role="district_leader")).ok()["lateClocks"]["edges"]
    assert {edge["node"]["level"] for edge in published} == {3}
    assert {edge["node"]["petition"] for edge in published} == {None}
    assert (await people.district.ask(BOARD, role="representative")).codes == ["FORBIDDEN"]
    (await people.do(p.ASSIGN, "street_committee", workOrderId=order, department="housing")).ok()

    async def gone() -> bool:
        return await board(people, filed) == []

    await eventually(gone)


async def test_whoever_is_pressed_answers_and_residents_hear_nothing_of_it(people: People) -> None:
    filed, handed = await people.handed_over()
    await people.assigned(filed, after=handed)
    token = await people.resident(filed)
    instruction, pressed = await press(people, filed)
    desk = "{ instructionsToAnswer(first: 100) { edges { node { id petition { id title } } } } }"
    asked = await people.district.ask(desk, role="department_head", after=pressed)
    listed = asked.ok()["instructionsToAnswer"]["edges"]
    expected = {"id": instruction, "petition": {"id": filed.id, "title": "二中批发巷下水道堵塞"}}
    assert expected in [edge["node"] for edge in listed]
    answered = (await people.do(p.ANSWER, "department", instructionId=instruction, words="已到现场")).ok()
    position = answered["answerInstruction"]["position"]
    shown = (await people.district.ask(PRESSED, role="district_supervisor", after=position, id=filed.id)).ok()[
        "petition"
    ]
    [one] = shown["handling"]["instructions"]
    assert (one["words"], one["department"], one["deadlines"]) == (WORDS, {"name": "区住房和城乡建设局"}, [])
    assert (one["answer"]["words"], one["answer"]["byRole"]) == ("已到现场", "department")
    told = {edge["node"]["type"]: edge["node"]["label"] for edge in shown["timeline"]["edges"]}
    assert told["petition.pressed"] == "督办催办"
    assert told["petition.instruction_answered"] == "督办答复"
    resident = (await people.district.ask(PRESSED, token=token, after=position, id=filed.id)).ok()["petition"]
    assert resident["handling"]["instructions"] is None
    assert not {"petition.pressed", "petition.instruction_answered"} & {
        edge["node"]["type"] for edge in resident["timeline"]["edges"]
    }
    assert pressed != position


async def test_a_late_answer_is_on_the_board_itself(people: People) -> None:
    filed, handed = await people.handed_over()
    await people.assigned(filed, after=handed)
    instruction, _ = await press(people, filed)
    for _ in ("reminder", "level 1"):
        await until_it_fires(people, filed, "INSTRUCTION")
    [shown] = await eventually(lambda: board(people, filed, kind="INSTRUCTION"))
    assert (shown["level"], shown["responsible"], shown["tells"]) == (1, "DEPARTMENT", ["DEPARTMENT_HEAD"])
    assert shown["department"] == {"name": "区住房和城乡建设局"}
    assert shown["petition"]["handling"]["instructions"] == [{"words": WORDS, "answer": None}]
    assert shown in await board(people, filed, "department_head")
    (await people.do(p.ANSWER, "street_committee", instructionId=instruction, words="已催办")).ok()

    async def gone() -> bool:
        return await board(people, filed, kind="INSTRUCTION") == []

    await eventually(gone)


async def test_a_petition_is_pressed_before_anybody_accepts_it_and_afterwards_handed_over(people: People) -> None:
    filed = await people.file("representative")
    query = "query($id: ID!) { petition(id: $id) { handling { cycle instructions { id } workOrders { state } } } }"

    async def pressed() -> str | None:
        answer = await people.do(p.PRESS, "district_supervisor", petitionId=filed.id, instruction=WORDS)
        return answer.data["pressPetition"]["instruction"]["id"] if not answer.errors else None

    instruction = await eventually(pressed)
    shown = (await people.district.ask(query, role="street_committee", id=filed.id)).ok()["petition"]
    assert shown["handling"] == {"cycle": 0, "instructions": [{"id": instruction}], "workOrders": []}
    await people.screen(filed)
    handed = (await people.hand_over(filed)).ok()["handOverPetition"]["position"]
    shown = (await people.district.ask(query, role="street_committee", after=handed, id=filed.id)).ok()["petition"]
    assert shown["handling"] == {
        "cycle": 1,
        "instructions": [{"id": instruction}],
        "workOrders": [{"state": "PENDING"}],
    }


async def test_figures_add_up_through_the_gateway(people: People) -> None:
    query = """{ lateFigures(street: "huangtupo") { street { name } responsibleLabel level count department { name }
      oldestLateForWorkingDays } }"""
    filed, handed = await people.handed_over()
    await people.order(filed, handed)
    for _ in ("reminder", "level 1"):
        await until_it_fires(people, filed, "ASSIGNMENT")
    await eventually(lambda: board(people, filed))
    figures = (await people.district.ask(query, role="district_leader")).ok()["lateFigures"]
    assert {one["street"]["name"] for one in figures} == {"黄土坡街道"}
    assert sum(one["count"] for one in figures if one["department"] is None and one["level"] == 1) >= 1
