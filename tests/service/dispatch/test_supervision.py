"""Pressing by hand, answering, and what is due soon: dispatch alone, on real servers."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.contracts.event import SYSTEM
from services.contracts.feedback import PetitionClosed
from services.contracts.intake import PetitionListened, PetitionRejected, PetitionSubmitted, PetitionWithdrawn
from services.contracts.vocabulary import PetitionKind, Phase
from tests.support import people as p
from tests.support.desk import Desk, desk_of, readied
from tests.support.district import Answer, District, eventually

SUBMITTED = PetitionSubmitted(by=SYSTEM, tracking_code="7K3M9QX2CD", kind=PetitionKind.DEMAND, channel="visit")
WORDS = "三日内到现场，并说明为何未办"
HANDLING = """query($r: [_Any!]!) { _entities(representations: $r) { ... on Petition { handling {
  cycle workOrders { id } deadlines { kind } instructions {
    id words pressedByRole department { id } answer { words byRole } lapsedAt deadlines { kind level } petition { id } }
} } } }"""
DESK = """query($first: Int!, $behind: String) { instructionsToAnswer(first: $first, after: $behind) {
  edges { node { id words petition { id } } } pageInfo { hasNextPage endCursor } } }"""


@pytest.fixture
def desk(dispatch_alone: District) -> Desk:
    return desk_of(dispatch_alone)


async def press(desk: Desk, petition: str, role: str = "district_supervisor", **other: Any) -> Answer:
    given = {"petitionId": petition, "instruction": WORDS, **other}
    return await desk.district.ask(p.PRESS, role=role, url=desk.url, input=given)


async def pressed(desk: Desk, petition: str) -> str:
    return (await press(desk, petition)).ok()["pressPetition"]["instruction"]["id"]


async def answer(desk: Desk, instruction: str, role: str = "department", **claims: Any) -> Answer:
    given = {"instructionId": instruction, "words": "已到现场，明日疏通"}
    return await desk.district.ask(p.ANSWER, token=desk.district.token(role, **claims), url=desk.url, input=given)


async def handling(desk: Desk, petition: str, *, token: str | None = None) -> dict[str, Any] | None:
    token = token or desk.district.token("district_supervisor")
    representations = [{"__typename": "Petition", "id": petition}]
    answer = await desk.district.ask(HANDLING, token=token, url=desk.url, r=representations)
    return answer.ok()["_entities"][0]["handling"]


async def to_answer(desk: Desk, role: str, **claims: Any) -> list[str]:
    """Return the ids of the instructions on somebody's desk, read page by page."""
    token, found, behind = desk.district.token(role, **claims), list[str](), None
    while True:
        page = (await desk.district.ask(DESK, token=token, url=desk.url, first=2, behind=behind)).ok()
        connection = page["instructionsToAnswer"]
        found += [edge["node"]["id"] for edge in connection["edges"]]
        if not connection["pageInfo"]["hasNextPage"]:
            return found
        behind = connection["pageInfo"]["endCursor"]


async def submitted(desk: Desk) -> str:
    petition = str(uuid4())
    await desk.intake.say(petition, SUBMITTED)
    await applied(desk, petition, "intake", 1)
    return petition


async def applied(desk: Desk, petition: str, source: str, sequence: int) -> None:
    rows = "SELECT applied FROM own.progress WHERE aggregate_id = $1 AND source = $2"

    async def there() -> bool:
        found = await desk.district.dispatch.fetch(rows, petition, source)
        return bool(found) and found[0]["applied"] == sequence

    await eventually(there)


async def test_an_instruction_goes_to_whoever_leads_and_is_answered(desk: Desk) -> None:
    petition, order = await desk.readied()
    (await desk.do(p.ASSIGN, "street_committee", order, department="housing")).ok()
    instruction = await pressed(desk, petition)
    shown = await handling(desk, petition)
    assert shown
    assert shown["instructions"] == [
        {
            "id": instruction,
            "words": WORDS,
            "pressedByRole": "district_supervisor",
            "department": {"id": "housing"},
            "answer": None,
            "lapsedAt": None,
            "deadlines": [{"kind": "INSTRUCTION", "level": 0}],
            "petition": {"id": petition},
        }
    ]
    (await answer(desk, instruction)).ok()
    shown = await handling(desk, petition, token=desk.district.token("department"))
    assert shown
    [done] = shown["instructions"]
    assert (done["answer"], done["deadlines"]) == ({"words": "已到现场，明日疏通", "byRole": "department"}, [])
    assert (await answer(desk, instruction)).refused("INVALID_STATE")["state"] == "ANSWERED"
    assert (await desk.district.dispatch.events(petition))[-4:] == [
        "petition.pressed",
        "clock.started",
        "petition.instruction_answered",
        "clock.stopped",
    ]


async def test_its_words_do_not_travel(desk: Desk) -> None:
    petition, _ = await desk.readied()
    await pressed(desk, petition)
    [row] = await desk.district.dispatch.fetch(
        "SELECT data::text, remark FROM own.event WHERE aggregate_id = $1 AND type = 'petition.pressed'", petition
    )
    assert WORDS not in row["data"]
    assert row["remark"] == WORDS


async def test_residents_and_integrators_see_nothing_of_it(desk: Desk) -> None:
    petition, _ = await desk.readied()
    early = await submitted(desk)
    for one in (petition, early):
        await pressed(desk, one)
    for token in (desk.district.residents_token(petition), desk.district.token("integrator")):
        shown = await handling(desk, petition, token=token)
        assert shown
        assert shown["instructions"] is None
        assert [deadline["kind"] for deadline in shown["deadlines"]] == ["ASSIGNMENT"]
    assert await handling(desk, early, token=desk.district.residents_token(early)) is None


async def test_each_desk_has_its_own_and_follows_whoever_leads_now(desk: Desk) -> None:
    petition, order = await desk.readied()
    (await desk.do(p.ASSIGN, "street_committee", order, department="housing")).ok()
    mine = [await pressed(desk, petition) for _ in range(3)]
    assert set(mine) <= set(await to_answer(desk, "department"))
    assert set(mine) <= set(await to_answer(desk, "department_head"))
    assert set(mine) <= set(await to_answer(desk, "street_committee"))
    assert set(mine) <= set(everything := await to_answer(desk, "district_supervisor"))
    assert everything == sorted(set(everything))
    assert await to_answer(desk, "street_committee", street="dewu") == []
    assert not set(mine) & set(await to_answer(desk, "department", department="water"))
    (await answer(desk, mine[0], department="water")).refused("NOT_FOUND")
    (await answer(desk, mine[0], "street_committee", street="dewu")).refused("NOT_FOUND")
    (await desk.do(p.DECLINE_ORDER, "department", order, ground="NOT_OURS", reason="属供排水公司")).ok()
    assert not set(mine) & set(await to_answer(desk, "department"))
    (await answer(desk, mine[0])).refused("NOT_FOUND")
    (await desk.do(p.ASSIGN, "street_committee", order, department="water")).ok()
    assert set(mine) <= set(await to_answer(desk, "department", department="water"))
    (await answer(desk, mine[0], "department_head", department="water")).ok()
    (await answer(desk, mine[1], "street_committee")).ok()
    assert set(await to_answer(desk, "department", department="water")) & set(mine) == {mine[2]}
    shown = await handling(desk, petition)
    assert shown
    assert [one["department"]["id"] for one in shown["instructions"]] == ["housing"] * 3
    assert [(one["answer"] or {}).get("byRole") for one in shown["instructions"]] == [
        "department_head",
        "street_committee",
        None,
    ]


async def test_a_petition_is_pressed_before_it_is_handed_over_and_lapses_when_it_is_rejected(desk: Desk) -> None:
    petition = await submitted(desk)
    instruction = await pressed(desk, petition)
    shown = await handling(desk, petition, token=desk.district.token("street_committee"))
    assert shown
    assert (shown["cycle"], shown["workOrders"]) == (0, [])
    assert shown["instructions"][0]["department"] is None
    assert instruction in await to_answer(desk, "street_committee")
    [row] = await desk.district.dispatch.fetch(
        "SELECT seen, cycle FROM own.event WHERE aggregate_id = $1 LIMIT 1", petition
    )
    assert (row["seen"], row["cycle"]) == ("intake:1", 0)
    await desk.intake.say(petition, PetitionRejected(by=SYSTEM, phase=Phase.ACCEPTANCE, ground="DUPLICATE"))
    await applied(desk, petition, "intake", 2)
    shown = await handling(desk, petition)
    assert shown
    assert shown["instructions"][0]["lapsedAt"]
    assert shown["deadlines"] == []
    assert instruction not in await to_answer(desk, "street_committee")
    assert (await answer(desk, instruction, "street_committee")).refused("INVALID_STATE")["state"] == "LAPSED"
    refusal = (await press(desk, petition)).refused("INVALID_STATE")
    assert (refusal["state"], refusal["allowed"]) == ("REJECTED", [])


async def test_who_follows_a_petition_after_it_was_pressed_still_reads_it(desk: Desk) -> None:
    petition = await submitted(desk)
    await pressed(desk, petition)
    claims: dict[str, Any] = {"representative": "rep-late", "placements": [], "sub": "late"}
    representative = desk.district.token("representative", **claims)
    await desk.intake.say(petition, PetitionListened(by=SYSTEM), followers=("rep-late",))
    await applied(desk, petition, "intake", 2)
    assert await handling(desk, petition, token=representative) is None


async def test_it_lapses_with_a_withdrawal_and_with_the_closing(desk: Desk) -> None:
    withdrawn, _ = await desk.readied()
    closed, _ = await desk.replied()
    for petition in (withdrawn, closed):
        await pressed(desk, petition)
    await desk.intake.say(withdrawn, PetitionWithdrawn(by=SYSTEM))
    await desk.feedback.say(closed, PetitionClosed(by=SYSTEM, case_id=uuid4()))
    await applied(desk, withdrawn, "intake", 4)
    await applied(desk, closed, "feedback", 1)
    for petition, state in ((withdrawn, "WITHDRAWN"), (closed, "CLOSED")):
        shown = await handling(desk, petition)
        assert shown
        assert shown["instructions"][0]["lapsedAt"]
        assert shown["deadlines"] == []
        assert (await press(desk, petition)).refused("INVALID_STATE")["state"] == state


async def test_pressed_and_handed_over_at_once_it_has_one_row_one_order_and_every_instruction(desk: Desk) -> None:
    petitions = [str(uuid4()) for _ in range(24)]
    await asyncio.gather(*(desk.intake.say(petition, SUBMITTED) for petition in petitions))
    for petition in petitions:
        await applied(desk, petition, "intake", 1)

    async def at_once(petition: str) -> list[Answer]:
        pressing = asyncio.gather(*(press(desk, petition) for _ in range(3)))
        await desk.intake.say(petition, readied())
        return await pressing

    answers = await asyncio.gather(*(at_once(petition) for petition in petitions))
    for petition, given in zip(petitions, answers, strict=True):
        ids = {one.ok()["pressPetition"]["instruction"]["id"] for one in given}
        await applied(desk, petition, "intake", 2)
        shown = await handling(desk, petition)
        assert shown
        assert (shown["cycle"], len(shown["workOrders"])) == (1, 1)
        assert {one["id"] for one in shown["instructions"]} == ids
        assert len(ids) == 3
        events = await desk.district.dispatch.events(petition)
        assert sorted(events) == sorted(["work_order.opened", *["petition.pressed"] * 3, *["clock.started"] * 4])
        [row] = await desk.district.dispatch.fetch(
            "SELECT title, sequence FROM own.petition WHERE petition_id = $1", petition
        )
        assert (row["title"], row["sequence"]) == ("堵塞", 8)


async def test_without_a_row_it_waits_for_the_batch_that_may_create_one(desk: Desk) -> None:
    petition = await submitted(desk)
    url = desk.district.dispatch.settings.database_url.get_secret_value()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%progress.hold%'"
    batch = await asyncpg.connect(url)
    try:
        async with batch.transaction():
            await batch.execute("SELECT 1 FROM own.progress WHERE aggregate_id = $1 FOR NO KEY UPDATE", petition)
            pressing = asyncio.create_task(press(desk, petition))

            async def waits() -> bool:
                return (await desk.district.dispatch.fetch(waiting))[0]["count"] == 1

            await eventually(waits)
    finally:
        await batch.close()
    (await pressing).ok()


async def test_repeated_with_its_key_it_presses_once(desk: Desk) -> None:
    petition, _ = await desk.readied()
    key = str(uuid4())
    first, second = [(await press(desk, petition, idempotencyKey=key)).ok() for _ in range(2)]
    assert first == second
    assert (await desk.district.dispatch.acts(petition)).count("petition.pressed") == 1


BAD: list[tuple[str, dict[str, Any], str]] = [
    (p.PRESS, {"instruction": "  "}, "instruction"),
    (p.PRESS, {"instruction": "长" * 1001}, "instruction"),
    (p.PRESS, {"instruction": "请联系13800138000"}, "instruction"),
    (p.PRESS, {"instruction": "好", "petitionId": "17"}, "petitionId"),
    (p.ANSWER, {"words": ""}, "words"),
    (p.ANSWER, {"words": "长" * 4001}, "words"),
    (p.ANSWER, {"words": "身份证520201199001011234"}, "words"),
    (p.ANSWER, {"words": "好", "instructionId": "17"}, "instructionId"),
]


@pytest.mark.parametrize(("document", "given", "field"), BAD)
async def test_bad_input_is_named_and_leaves_nothing(
    desk: Desk, document: str, given: dict[str, Any], field: str
) -> None:
    petition, _ = await desk.readied()
    instruction = await pressed(desk, petition)
    before = await desk.district.dispatch.events(petition)
    about = {"petitionId": petition} if document == p.PRESS else {"instructionId": instruction}
    role = "district_supervisor" if document == p.PRESS else "street_committee"
    answer = await desk.district.ask(document, role=role, url=desk.url, input={**about, **given})
    assert answer.refused("INVALID_INPUT")["field"] == field
    assert await desk.district.dispatch.events(petition) == before


async def test_what_is_unknown_is_refused_and_no_row_begins(desk: Desk) -> None:
    petition = str(uuid4())
    (await press(desk, petition)).refused("NOT_FOUND")
    (await answer(desk, str(uuid4()), "street_committee")).refused("NOT_FOUND")
    for role in ("street_committee", "department", "district_leader", "operator"):
        (await press(desk, await submitted(desk), role)).refused("FORBIDDEN")
    (await answer(desk, str(uuid4()), "district_supervisor")).refused("FORBIDDEN")
    assert not await desk.district.dispatch.fetch("SELECT 1 FROM own.petition WHERE petition_id = $1", petition)


async def test_of_a_petition_that_the_view_lacks_nobody_can_say_whether_it_is_open(desk: Desk) -> None:
    petition, _ = await desk.readied()
    await desk.district.dispatch.execute("DELETE FROM view.petition WHERE petition_id = $1", petition)
    (await press(desk, petition)).refused("UNAVAILABLE")


@pytest.mark.parametrize(("led", "told"), [(True, "DEPARTMENT_HEAD"), (False, "STREET_COMMITTEE")])
async def test_an_unanswered_instruction_is_late_itself(desk: Desk, *, led: bool, told: str) -> None:
    petition, order = await desk.readied()
    if led:
        (await desk.do(p.ASSIGN, "street_committee", order, department="housing")).ok()
    instruction = await pressed(desk, petition)
    desk.district.time.advance(days=4)
    levels = """SELECT data ->> 'level' AS level, data ->> 'tells' AS tells FROM own.event
        WHERE aggregate_id = $1 AND type = 'clock.escalated' AND data ->> 'about' = $2 ORDER BY sequence"""

    async def late() -> list[dict[str, Any]]:
        return await desk.district.dispatch.fetch(levels, petition, instruction)

    [first] = await eventually(late)
    assert (first["level"], first["tells"]) == ("1", f'["{told}"]')


SOON = """query($department: ID, $days: Int! = 2, $first: Int! = 100, $behind: String) {
  workOrdersDueSoon(department: $department, workingDays: $days, first: $first, after: $behind) {
    edges { node { id state deadlines { kind dueAt } } } pageInfo { hasNextPage endCursor } } }"""


async def test_what_is_due_soon_the_overdue_first(desk: Desk) -> None:
    """ACKNOWLEDGEMENT is due after one working day, then HANDLING (SIMPLE) after five."""

    async def assigned() -> str:
        _, order = await desk.readied()
        (await desk.do(p.ASSIGN, "street_committee", order, department="environment")).ok()
        return order

    async def soon(days: int = 2, role: str = "department", first: int = 100, **given: Any) -> list[str]:
        token, found, behind = desk.district.token(role, department="environment"), list[str](), None
        while True:
            variables: dict[str, Any] = {"days": days, "first": first, "behind": behind, **given}
            page = (await desk.district.ask(SOON, token=token, url=desk.url, **variables)).ok()["workOrdersDueSoon"]
            found += [edge["node"]["id"] for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            behind = page["pageInfo"]["endCursor"]

    taken = await assigned()
    environment = desk.district.token("department", department="environment")

    async def do(document: str, order: str, **given: Any) -> None:
        given = {"workOrderId": order, **given}
        (await desk.district.ask(document, token=environment, url=desk.url, input=given)).ok()

    await do(p.ACKNOWLEDGE, taken)
    desk.district.time.advance(hours=1)
    fresh = [await assigned() for _ in range(3)]
    assert await soon(2) == fresh
    assert await soon(0) == []
    assert await soon(30) == [*fresh, taken]
    assert await soon(30, first=1) == [*fresh, taken]
    desk.district.time.advance(days=14)
    assert await soon(0) == [*fresh, taken]
    await do(p.DECLINE_ORDER, fresh[0], ground="NOT_OURS", reason="非本单位")
    await do(p.START, taken)
    await do(p.REPLY, taken, words="好", measures="通")
    assert await soon(0) == fresh[1:]
    assert await soon(0, "district_supervisor", department="environment") == fresh[1:]
    assert await soon(0, "department_head", department="water") == []


async def test_due_soon_says_what_it_cannot_do(desk: Desk) -> None:
    ask = desk.district.ask
    supervisor = await ask(SOON, role="district_supervisor", url=desk.url)
    assert supervisor.refused("INVALID_INPUT")["field"] == "department"
    for days in (-1, 31):
        assert (await ask(SOON, role="department", url=desk.url, days=days)).refused("INVALID_INPUT")[
            "field"
        ] == "workingDays"
    for behind in ("nonsense", "MjAyNi0xMS0yNFQwMjowMDowMHwx"):
        assert (await ask(SOON, role="department", url=desk.url, behind=behind)).refused("INVALID_INPUT")[
            "field"
        ] == "after"
    (await ask(SOON, role="street_committee", url=desk.url)).refused("FORBIDDEN")
