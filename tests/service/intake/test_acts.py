"""Intake alone, on real servers: the acts by HTTP, what they leave behind, and every kind of bad input."""

from typing import Any
from uuid import uuid4

import pytest

from services.contracts.dispatch import PetitionReplied, WorkOrderAssigned, WorkOrderReplyReturned
from services.contracts.event import Who
from services.contracts.feedback import PetitionClosed, PetitionReopened
from services.contracts.vocabulary import DeadlineClass, Role, Source
from tests.support import people as p
from tests.support.district import District, eventually
from tests.support.matter import MATTER
from tests.support.people import Filed, People
from tests.support.publish import Voice

STATE = (
    "query($id: ID!) { petition(id: $id) { state cycle steps workingText remarks { type text } deadlines { kind } } }"
)


@pytest.fixture
def people(intake_alone: District) -> People:
    return People(intake_alone, intake_alone.intake.url)


async def seen(people: People, filed: Filed, role: str = "street_committee") -> dict[str, Any]:
    return (await people.district.ask(STATE, role=role, url=people.url, id=filed.id)).ok()["petition"]


async def footprint(people: People) -> tuple[int, int, int]:
    """Return how many petitions, events and idempotency keys there are."""
    query = """SELECT (SELECT count(*) FROM own.petition) AS p, (SELECT count(*) FROM own.event) AS e,
                      (SELECT count(*) FROM own.idempotency) AS i"""
    [row] = await people.district.intake.fetch(query)
    return row["p"], row["e"], row["i"]


async def test_screening_goes_its_way_and_every_act_is_recorded(people: People) -> None:
    filed = await people.ready()
    shown = await seen(people, filed)
    assert shown["state"] == "READY"
    assert shown["steps"] == ["LISTEN", "LOOK", "DELIBERATE"]
    assert shown["deadlines"] == []
    assert [r["text"] for r in shown["remarks"]] == ["商户反映管道堵了三天", "主管淤塞约十米", "由住建局疏通"]
    assert await people.district.intake.events(filed.id) == [
        "petition.submitted",
        "clock.started",
        "petition.accepted",
        "clock.stopped",
        "clock.started",
        "petition.listened",
        "petition.looked",
        "petition.deliberated",
        "petition.readied",
        "clock.stopped",
    ]
    rows = await people.district.intake.fetch(
        "SELECT data -> 'by' AS by, followers, seen FROM own.event WHERE aggregate_id = $1", filed.id
    )
    assert all(row["by"] for row in rows)
    assert {tuple(row["followers"]) for row in rows} == {("rep-hui-bi",)}


async def test_what_a_resident_wrote_is_sealed_and_masked(people: People) -> None:
    filed = await people.file()
    shown = await seen(people, filed)
    assert shown["workingText"] == "二中批发巷下水道堵了，污水漫到门口。我叫[姓名 name]，电话[电话 phone]。"
    tables = ("own.petition", "own.event", "own.original", "own.contact", "own.outbox", "own.idempotency")
    for table in tables:
        text = str(await people.district.intake.fetch(f"SELECT t::text FROM {table} AS t"))
        assert "13800138000" not in text
        assert "王小明" not in text


async def test_the_secret_opens_the_petition_and_nothing_else(people: People) -> None:
    filed, other = await people.file(), await people.file()
    token = await people.resident(filed)
    assert (await people.district.ask(STATE, token=token, url=people.url, id=filed.id)).ok()["petition"][
        "state"
    ] == "SUBMITTED"
    (await people.district.ask(STATE, token=token, url=people.url, id=other.id)).refused("NOT_FOUND")
    assert (await people.do(p.WITHDRAW, token=token, petitionId=filed.id)).ok()["withdrawPetition"]["petition"][
        "state"
    ] == "WITHDRAWN"


async def test_wrong_secrets_shut_the_door_for_a_while(people: People) -> None:
    filed = await people.file()
    for _ in range(6):
        (await people.do(p.OPEN, trackingCode=filed.code, secret="WRONGSECRET00000")).refused("NOT_FOUND")
    refusal = (await people.do(p.OPEN, trackingCode=filed.code, secret=filed.secret)).refused("RATE_LIMITED")
    assert 0 < refusal["retryAfterSeconds"] <= 120
    await people.district.intake.execute("UPDATE own.opening SET locked_until = now()")
    assert await people.resident(filed)


async def test_a_typing_error_is_told_apart_from_an_unknown_code(people: People) -> None:
    filed = await people.file()
    wrong = filed.code[:-1] + ("0" if filed.code[-1] != "0" else "1")
    refusal = (await people.do(p.OPEN, trackingCode=wrong, secret="x")).refused("INVALID_INPUT")
    assert refusal["field"] == "trackingCode"


async def test_a_fast_track_skips_with_ground_and_reason(people: People) -> None:
    filed = await people.file("representative")
    (await people.accept(filed)).ok()
    (await people.do(p.LISTEN, "representative", petitionId=filed.id, said="听到了")).ok()
    for step in ("LOOK", "DELIBERATE"):
        skipped = {"petitionId": filed.id, "step": step, "ground": "SELF_EVIDENT", "reason": "一目了然"}
        (await people.do(p.SKIP, "street_committee", **skipped)).ok()
    (await people.hand_over(filed)).ok()
    assert (await seen(people, filed))["state"] == "READY"


async def test_a_rejection_says_why_and_where_to_go(people: People) -> None:
    filed = await people.file()
    given = {"petitionId": filed.id, "ground": "IN_LITIGATION", "reason": "已进入诉讼程序"}
    assert (await people.do(p.REJECT, "street_committee", **given)).refused("INVALID_INPUT")["field"] == "referral"
    (await people.do(p.REJECT, "street_committee", **given, referral="COURT")).ok()
    token = await people.resident(filed)
    query = "query($id: ID!) { petition(id: $id) { state rejection { reason ground { id } referral { name } } } }"
    shown = (await people.district.ask(query, token=token, url=people.url, id=filed.id)).ok()["petition"]
    assert shown["rejection"] == {
        "reason": "已进入诉讼程序",
        "ground": {"id": "IN_LITIGATION"},
        "referral": {"name": "人民法院"},
    }


async def test_integrators_read_no_words_that_people_wrote(people: People) -> None:
    solved, rejected = await people.solved_on_spot(), await people.file()
    given = {"petitionId": rejected.id, "ground": "DUPLICATE", "reason": "已由邻居反映"}
    (await people.do(p.REJECT, "street_committee", **given)).ok()
    query = "query($id: ID!) { petition(id: $id) { state measures rejection { reason ground { id } } } }"

    async def read(filed: Filed, **claims: Any) -> dict[str, Any]:
        token = people.district.token("integrator", **claims)
        return (await people.district.ask(query, token=token, url=people.url, id=filed.id)).ok()["petition"]

    both = ["integrator", "street_committee"]
    assert await read(solved) == {"state": "RESOLVED_ON_SPOT", "measures": None, "rejection": None}
    assert (await read(solved, roles=both))["measures"] == "网格员当场疏通"
    assert (await read(rejected))["rejection"] == {"reason": None, "ground": {"id": "DUPLICATE"}}
    assert (await read(rejected, roles=both))["rejection"]["reason"] == "已由邻居反映"


LONG = "长" * 6000
BAD: list[tuple[str, str, dict[str, Any], str]] = [
    (p.SUBMIT, "representative", {"words": "", "channel": "visit", "community": "community-73"}, "words"),
    (p.SUBMIT, "representative", {"words": LONG, "channel": "visit", "community": "community-73"}, "words"),
    (p.SUBMIT, "representative", {"words": "a\0b", "channel": "visit", "community": "community-73"}, "words"),
    (p.SUBMIT, "representative", {"words": "水", "channel": "pigeon", "community": "community-73"}, "channel"),
    (p.SUBMIT, "representative", {"words": "水", "channel": "visit", "community": "atlantis"}, "community"),
    (
        p.SUBMIT,
        "representative",
        {"words": "水", "channel": "visit", "community": "maan", "estate": "erzhong-lane"},
        "estate",
    ),
    (p.ACCEPT, "street_committee", {"title": "", "category": "drainage"}, "title"),
    (p.ACCEPT, "street_committee", {"title": "长" * 121, "category": "drainage"}, "title"),
    (p.ACCEPT, "street_committee", {"title": "请打13800138000", "category": "drainage"}, "title"),
    (p.ACCEPT, "street_committee", {"title": "堵塞", "category": "dragons"}, "category"),
    (p.REJECT, "street_committee", {"ground": "NO_SUCH", "reason": "无"}, "ground"),
    (p.REJECT, "street_committee", {"ground": "NO_BASIS", "reason": "无"}, "ground"),
    (p.REJECT, "street_committee", {"ground": "DUPLICATE", "reason": ""}, "reason"),
    (p.REJECT, "street_committee", {"ground": "EMERGENCY", "reason": "急", "referral": "MOON"}, "referral"),
    (p.LISTEN, "representative", {"said": " "}, "said"),
    (p.LOOK, "community", {"findings": LONG}, "findings"),
    (p.DELIBERATE, "community", {"outcome": "议", "participants": 0}, "participants"),
    (p.DELIBERATE, "community", {"outcome": "", "participants": 3}, "outcome"),
    (p.SKIP, "street_committee", {"step": "HANDLE", "ground": "SELF_EVIDENT", "reason": "x"}, "step"),
    (p.SKIP, "street_committee", {"step": "LOOK", "ground": "NO_FUNDS", "reason": "x"}, "ground"),
    (p.HAND_OVER, "street_committee", {"request": ""}, "request"),
    (p.HAND_OVER, "street_committee", {"request": "字" * 1366}, "request"),
    (p.HAND_OVER, "street_committee", {"request": "联系520202199001011234"}, "request"),
    (p.HAND_OVER, "street_committee", {"request": "疏通", "department": "ministry-of-magic"}, "department"),
    (p.ON_SPOT, "street_committee", {"measures": ""}, "measures"),
]


@pytest.mark.parametrize(
    ("document", "role", "given", "field"), BAD, ids=lambda v: v if isinstance(v, str) and len(v) < 20 else ""
)
async def test_bad_input_is_named_and_leaves_nothing(
    people: People, document: str, role: str, given: dict[str, Any], field: str
) -> None:
    filed = await people.file()
    before = await footprint(people)
    about = {} if document == p.SUBMIT else {"petitionId": filed.id}
    answer = await people.do(document, role, **about, **given)
    refusal = answer.refused("INVALID_INPUT")
    assert refusal["field"] == field
    assert await footprint(people) == before


ACTS: list[tuple[str, dict[str, Any]]] = [
    (p.ACCEPT, {"title": "堵塞", "category": "drainage"}),
    (p.REJECT, {"ground": "DUPLICATE", "reason": "重复"}),
    (p.LISTEN, {"said": "听"}),
    (p.LOOK, {"findings": "看"}),
    (p.DELIBERATE, {"outcome": "议", "participants": 3}),
    (p.SKIP, {"step": "LOOK", "ground": "SELF_EVIDENT", "reason": "清楚"}),
    (p.HAND_OVER, {"request": "疏通"}),
    (p.ON_SPOT, {"measures": "疏通"}),
    (p.DECLINE, {"ground": "NO_BASIS", "reason": "无依据"}),
]


@pytest.mark.parametrize(("document", "given"), ACTS, ids=[d.split("{ ")[1].split("(")[0] for d, _ in ACTS])
async def test_unknown_malformed_and_foreign_ids_are_refused(
    people: People, document: str, given: dict[str, Any]
) -> None:
    filed = await people.file()
    before = await footprint(people)
    (await people.do(document, "street_committee", petitionId=str(uuid4()), **given)).refused("NOT_FOUND")
    malformed = (await people.do(document, "street_committee", petitionId="17", **given)).refused("INVALID_INPUT")
    assert malformed["field"] == "petitionId"
    foreign = people.district.token("street_committee", street="fenghuang")
    (await people.do(document, token=foreign, petitionId=filed.id, **given)).refused("NOT_FOUND")
    (await people.do(document, "district_leader", petitionId=filed.id, **given)).refused("FORBIDDEN")
    (await people.do(document, petitionId=filed.id, **given)).refused("UNAUTHENTICATED")
    assert await footprint(people) == before


@pytest.mark.parametrize(("document", "given"), ACTS, ids=[d.split("{ ")[1].split("(")[0] for d, _ in ACTS])
async def test_a_wrong_state_says_what_is_allowed(people: People, document: str, given: dict[str, Any]) -> None:
    filed = await people.file()
    token = await people.resident(filed)
    (await people.do(p.WITHDRAW, token=token, petitionId=filed.id)).ok()
    before = await footprint(people)
    refusal = (await people.do(document, "street_committee", petitionId=filed.id, **given)).refused("INVALID_STATE")
    assert (refusal["state"], refusal["allowed"]) == ("WITHDRAWN", [])
    assert await footprint(people) == before


async def test_candidates_for_the_annual_projects_are_not_taken_yet(people: People) -> None:
    filed = await people.file()
    nominate = p.act("nominatePetition", "NominatePetitionInput")
    refusal = (await people.do(nominate, "street_committee", petitionId=filed.id)).refused("INVALID_STATE")
    assert (refusal["state"], refusal["allowed"]) == (
        "SUBMITTED",
        ["ACCEPT", "REJECT", "ADD_INFORMATION", "WITHDRAW", "FOLLOW"],
    )
    (await people.do(nominate, "street_committee", petitionId=str(uuid4()))).refused("NOT_FOUND")


async def test_a_mutation_repeated_with_its_key_is_done_once(people: People) -> None:
    filed = await people.file()
    key = str(uuid4())
    first = (await people.accept(filed, idempotencyKey=key)).ok()
    before = await footprint(people)
    assert (await people.accept(filed, idempotencyKey=key)).ok() == first
    (await people.accept(filed, idempotencyKey=key, title="另一个标题")).refused("CONFLICT")
    assert await footprint(people) == before
    (await people.accept(filed, idempotencyKey="short")).refused("INVALID_INPUT")


async def test_a_submission_repeated_with_its_key_is_one_petition(people: People) -> None:
    key = str(uuid4())
    assert await people.file(idempotencyKey=key) == await people.file(idempotencyKey=key)


async def test_intake_follows_what_the_others_say(people: People) -> None:
    filed = await people.ready()
    order, by = uuid4(), Who(role=Role.DEPARTMENT, subject="someone")
    dispatch, feedback = Voice(people.district, Source.DISPATCH), Voice(people.district, Source.FEEDBACK)
    token = await people.resident(filed)

    async def withdrawable() -> bool:
        query = "query($id: ID!) { petition(id: $id) { allowedActs } }"
        answer = await people.district.ask(query, token=token, url=people.url, id=filed.id)
        return "WITHDRAW" in answer.ok()["petition"]["allowedActs"]

    async def not_withdrawable() -> bool:
        return not await withdrawable()

    assigned = WorkOrderAssigned(
        by=by,
        work_order_id=order,
        department="housing",
        deadline_class=DeadlineClass.ORDINARY,
        suggested=True,
        matter=MATTER,
    )
    replied = PetitionReplied(
        by=by, work_order_id=order, department="housing", category="drainage", title="堵塞", handler="someone"
    )
    await dispatch.say(filed.id, assigned, lead="housing")

    async def led() -> bool:
        [row] = await people.district.intake.fetch("SELECT lead FROM own.petition WHERE petition_id = $1", filed.id)
        return row["lead"] == "housing"

    await eventually(led)
    contact = "mutation($input: LookUpContactInput!) { lookUpContact(input: $input) { name phone } }"
    looked = await people.do(contact, "department", petitionId=filed.id, purpose="约上门时间")
    assert looked.ok()["lookUpContact"] == {"name": "王小明", "phone": "13800138000"}
    [look] = await people.district.intake.fetch(
        "SELECT role, purpose FROM own.contact_look WHERE petition_id = $1", filed.id
    )
    assert look == {"role": "department", "purpose": "约上门时间"}
    stranger = people.district.token("department", department="transport")
    (await people.do(contact, token=stranger, petitionId=filed.id, purpose="好奇")).refused("NOT_FOUND")

    await dispatch.say(
        filed.id, WorkOrderReplyReturned(by=by, work_order_id=order, department="housing"), lead="housing"
    )
    await eventually(withdrawable)
    await dispatch.say(filed.id, replied, lead="housing")
    await eventually(not_withdrawable)
    await feedback.say(
        filed.id,
        PetitionReopened(by=by, case_id=uuid4(), new_cycle=2, cause="NOT_SOLVED", supervised=False),
        seen={Source.DISPATCH: dispatch.sequences[filed.id]},
    )
    await eventually(withdrawable)
    assert (await seen(people, filed))["cycle"] == 2
    await feedback.say(filed.id, PetitionClosed(by=by, case_id=uuid4()), cycle=2)
    await eventually(not_withdrawable)
    (await people.do(p.WITHDRAW, token=token, petitionId=filed.id)).refused("INVALID_STATE")
    (await people.do(contact, "street_committee", petitionId=filed.id, purpose="再看")).refused("NOT_FOUND")


async def test_a_matter_solved_on_the_spot_is_screened_again_when_it_was_not(people: People) -> None:
    filed = await people.solved_on_spot()
    reopened = PetitionReopened(
        by=Who(role=Role.SYSTEM, subject="system"), case_id=uuid4(), new_cycle=2, cause="NOT_SOLVED", supervised=False
    )
    await Voice(people.district, Source.FEEDBACK).say(filed.id, reopened)

    async def screening() -> bool:
        return (await seen(people, filed))["state"] == "SCREENING"

    await eventually(screening)
    shown = await seen(people, filed)
    assert shown["steps"] == ["LISTEN"]
    assert [d["kind"] for d in shown["deadlines"]] == ["SCREENING"]
    assert (await people.district.intake.acts(filed.id))[-1] == "petition.screening_resumed"


async def test_desks_show_a_streets_own_petitions_by_page(people: People) -> None:
    mine = [(await people.file()).id for _ in range(3)]
    query = """query($after: String) { petitionsToAccept(first: 2, after: $after) {
        edges { node { id } } pageInfo { hasNextPage endCursor } } }"""
    found: list[str] = []
    after = None
    while True:
        page = await _desk(people, query, after)
        found += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert [petition for petition in found if petition in mine] == mine
    assert len(found) == len(set(found))
    elsewhere = people.district.token("street_committee", street="dewu")
    assert (await people.district.ask(query, token=elsewhere, url=people.url)).ok()["petitionsToAccept"]["edges"] == []
    (
        await people.district.ask(query.replace("first: 2", "first: 101"), role="street_committee", url=people.url)
    ).refused("INVALID_INPUT")


async def _desk(people: People, query: str, after: str | None) -> dict[str, Any]:
    async with people.district.session.post(
        people.url or "",
        json={"query": query, "variables": {"after": after}},
        headers={"Authorization": f"Bearer {people.district.token('street_committee')}"},
    ) as response:
        return (await response.json())["data"]["petitionsToAccept"]


async def test_a_late_petition_is_reminded_and_escalated_once_a_level(people: People) -> None:
    filed = await people.file()
    levels = """SELECT type, data ->> 'level' AS level FROM own.event
                WHERE aggregate_id = $1 AND type LIKE 'clock.%' ORDER BY sequence"""

    async def pressed() -> list[tuple[str, str | None]]:
        return [(r["type"], r["level"]) for r in await people.district.intake.fetch(levels, filed.id)]

    people.district.time.advance(days=20)
    expected = [
        ("clock.started", None),
        ("clock.reminded", None),
        ("clock.escalated", "1"),
        ("clock.escalated", "2"),
        ("clock.escalated", "3"),
    ]

    async def all_pressed() -> bool:
        return await pressed() == expected

    await eventually(all_pressed)
    firings = await people.district.intake.fetch(
        "SELECT level FROM own.clock_firing WHERE petition_id = $1 ORDER BY level", filed.id
    )
    assert [f["level"] for f in firings] == [1, 2, 3, 4]
