"""Feedback's lists and figures, on real servers: whose they are, what they hide, and what they cost at size."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.contracts.dispatch import PetitionReplied, WorkOrderAssigned, WorkOrderReplyReturned
from services.contracts.event import SYSTEM, Who
from services.contracts.intake import PetitionAccepted, PetitionFollowed, PetitionSubmitted
from services.contracts.reference import Department, Name, Street
from services.contracts.vocabulary import DeadlineClass, Extent, PetitionKind, Role, Source, Stage, Urgency
from services.feedback.domain.timeline import HIDDEN_FROM_RESIDENTS
from tests.support import people as p
from tests.support.district import Answer, District, eventually
from tests.support.matter import MATTER
from tests.support.publish import Voice, heard

SOLVED = {"means": "PHONE", "reached": True, "responded": True, "solved": True, "satisfied": True}
ENTITY = """query($r: [_Any!]!, $first: Int!, $behind: String) {
  _entities(representations: $r) { ... on Petition { id stage
  evaluation { state allowedActs supervised visits { comment stands representative { id } }
    cases { cycle state deadlines { kind } } }
  timeline(first: $first, after: $behind) {
    edges { node { type byRole stageLabel(locale: "en") department { id } } } } } } }"""


@pytest.fixture
def world(feedback_alone: District) -> District:
    return feedback_alone


@pytest.fixture
async def counted(world: District) -> None:
    """Streets and departments that only the tests of the rates count in."""
    name = Name(zh="某处", en="Somewhere")
    streets = [Street(id=code, name=name) for code in ("maojiaying", "wumu")]
    departments = [Department(id=code, name=name) for code in ("power", "gas")]
    await heard(world, world.feedback, *streets, *departments)


async def submitted(world: District, **scope: Any) -> str:
    petition = str(uuid4())
    said = PetitionSubmitted(by=SYSTEM, tracking_code="7K3M9QX2CD", kind=PetitionKind.DEMAND, channel="visit")
    accepted = PetitionAccepted(
        by=SYSTEM, title="堵塞", category="drainage", urgency=Urgency.NORMAL, extent=Extent.COMMUNITY
    )
    await Voice(world, Source.INTAKE).say(petition, said, accepted, **scope)
    return petition


async def replied(world: District, **scope: Any) -> tuple[str, Voice]:
    return await reply(world, await submitted(world, **scope), **scope)


async def reply(world: District, petition: str, **scope: Any) -> tuple[str, Voice]:
    dispatch = Voice(world, Source.DISPATCH)
    lead = scope.setdefault("lead", "housing")
    event = PetitionReplied(
        by=Who(role=Role.DEPARTMENT, subject="the-handler"),
        work_order_id=uuid4(),
        department=lead,
        category="drainage",
        title="堵塞",
        handler="the-handler",
    )
    await dispatch.say(petition, event, seen={Source.INTAKE: 2}, **scope)
    await eventually(lambda: state_of(world, petition))
    return petition, dispatch


async def state_of(world: District, petition: str) -> str | None:
    rows = await world.feedback.fetch("SELECT state FROM own.case WHERE petition_id = $1", petition)
    return rows[0]["state"] if rows else None


async def ask(world: District, query: str, role: str, *, token: str | None = None, **variables: Any) -> Answer:
    return await world.ask(query, role=role, token=token, url=world.feedback.url, **variables)


async def entity(world: District, petition_id: str, role: str, **claims: Any) -> Answer:
    token = world.token(role, **claims)
    representations = [{"__typename": "Petition", "id": petition_id}]
    return await ask(world, ENTITY, role, token=token, r=representations, first=100)


async def visit(world: District, petition: str, **other: Any) -> Answer:
    return await ask(world, p.VISIT, "representative", input={"petitionId": petition, **SOLVED, **other})


DESK = """query($behind: String) { returnVisitsDue(first: 2, after: $behind) {
    edges { node { id title petition { id } department { id } } } pageInfo { hasNextPage endCursor } } }"""


async def desk(world: District, role: str, **claims: Any) -> list[str]:
    token, found, after = world.token(role, **claims), list[str](), None
    while True:
        answer = await ask(world, DESK, role, token=token, behind=after)
        connection = answer.ok()["returnVisitsDue"]
        found += [edge["node"]["petition"]["id"] for edge in connection["edges"]]
        if not connection["pageInfo"]["hasNextPage"]:
            return found
        after = connection["pageInfo"]["endCursor"]


async def test_each_role_has_its_own_visits_on_its_desk_page_by_page(world: District) -> None:
    mine = [(await replied(world))[0] for _ in range(5)]
    other = (await replied(world, street="dewu", community="dewu-1", lead="water"))[0]
    followed = (await replied(world, street="dewu", community="dewu-1", lead="water", followers=("rep-hui-bi",)))[0]
    assert set(mine) <= set(await desk(world, "street_committee"))
    assert other not in await desk(world, "street_committee")
    assert {*mine, followed} <= set(await desk(world, "representative"))
    assert other not in await desk(world, "representative")
    assert set(mine) <= set(await desk(world, "community"))
    assert {other, followed} == set(await desk(world, "department", department="water"))
    assert {*mine, other, followed} <= set(await desk(world, "district_supervisor"))
    assert {*mine, other, followed} <= set(await desk(world, "integrator", department="water"))
    assert await desk(world, "integrator", street=None) == []
    everything = await desk(world, "district_supervisor")
    assert len(everything) == len(set(everything))


async def test_a_follower_of_whom_the_reply_did_not_know_has_its_visit_on_the_desk(world: District) -> None:
    place: dict[str, Any] = {"street": "dewu", "community": "dewu-1"}
    petition, intake = await submitted(world, **place), Voice(world, Source.INTAKE)
    intake.sequences[petition] = 2
    late = {"sub": "late", "representative": "rep-late", "placements": [], "community": None}
    followed = PetitionFollowed(by=SYSTEM, representative="rep-late")
    await intake.say(petition, followed, followers=("rep-late",), **place)

    async def heard_of() -> bool:
        return not (await entity(world, petition, "representative", **late)).errors

    await eventually(heard_of)
    [before] = (await entity(world, petition, "representative", **late)).ok()["_entities"]
    assert before["evaluation"] is None
    await reply(world, petition, lead="health", **place)
    assert petition in await desk(world, "representative", **late)
    told = await world.feedback.fetch("SELECT DISTINCT followers FROM own.event WHERE aggregate_id = $1", petition)
    assert told == [{"followers": ["rep-late"]}]


CASES = """{ cases(states: [REOPENED], first: 100) {
    edges { node { id cycle reopening { cause reason }
      petition { id evaluation { state } timeline { edges { node { type } } } } } } } }"""


async def test_a_former_department_keeps_its_own_case_and_sees_nothing_of_the_next_cycle(world: District) -> None:
    petition, dispatch = await replied(world, lead="forestry")
    forestry, water = (world.token("department", department=name) for name in ("forestry", "water"))
    (await visit(world, petition, satisfied=False)).ok()
    reopening = {"petitionId": petition, "ground": "PARTLY_DONE", "reason": "未完"}
    (await ask(world, p.REOPEN, "street_committee", input=reopening)).ok()

    async def cases() -> list[dict[str, Any]]:
        return [edge["node"] for edge in (await ask(world, CASES, "x", token=forestry)).ok()["cases"]["edges"]]

    [before] = await cases()
    assert before["petition"]["id"] == petition
    assert before["petition"]["evaluation"] == {"state": "REOPENED"}
    assigned = WorkOrderAssigned(
        by=SYSTEM,
        work_order_id=uuid4(),
        department="water",
        deadline_class=DeadlineClass.SIMPLE,
        suggested=False,
        matter=MATTER,
    )
    await dispatch.say(petition, assigned, cycle=2, lead="water")

    async def moved() -> bool:
        return not (await entity(world, petition, "department", department="water")).errors

    await eventually(moved)
    why = {"cause": "PARTLY_DONE", "reason": "未完"}
    assert await cases() == [{"id": before["id"], "cycle": 1, "reopening": why, "petition": None}]
    (await entity(world, petition, "department", department="forestry")).refused("NOT_FOUND")
    by_stage = "{ petitionsByStage(stage: EVALUATE, first: 100) { edges { node { petition { id } } } } }"
    for token, found in ((forestry, False), (water, True)):
        edges = (await ask(world, by_stage, "x", token=token)).ok()["petitionsByStage"]["edges"]
        assert (petition in [edge["node"]["petition"]["id"] for edge in edges]) is found


async def test_a_petition_that_the_view_lacks_belongs_to_whom_the_last_reply_named(world: District) -> None:
    petition, _ = await replied(world, street="fenghuang", community="maan", lead="sanitation")
    await world.feedback.execute("DELETE FROM view.petition WHERE petition_id = $1", petition)
    for role, claims in (("department", {"department": "sanitation"}), ("street_committee", {"street": "fenghuang"})):
        [shown] = (await entity(world, petition, role, **claims)).ok()["_entities"]
        assert shown["evaluation"]["state"] == "AWAITING_VISIT"
    (await entity(world, petition, "department", department="housing")).refused("NOT_FOUND")


async def test_desks_filter_by_street_department_and_due_date(world: District) -> None:
    petition = (await replied(world, street="hongyan", community="hongyan-1", lead="transport"))[0]
    query = """query($street: ID, $department: ID, $before: DateTime) {
      cases(states: [AWAITING_VISIT, VISITED], street: $street, department: $department, dueBefore: $before) {
        edges { node { petition { id } deadlines { kind } } } } }"""

    async def found(**filters: Any) -> list[str]:
        connection = (await ask(world, query, "district_supervisor", **filters)).ok()["cases"]
        return [edge["node"]["petition"]["id"] for edge in connection["edges"]]

    assert await found(street="hongyan") == [petition]
    assert await found(department="transport") == [petition]
    assert await found(street="hongyan", department="transport") == [petition]
    assert await found(street="dewu", department="transport") == []
    soon, late = (world.time() + timedelta(days=d) for d in (1, 12))
    assert await found(street="hongyan", before=soon.isoformat()) == []
    assert await found(street="hongyan", before=late.isoformat()) == [petition]


async def test_petitions_are_found_by_the_stage_that_they_are_in(world: District) -> None:
    at_first, evaluated = await submitted(world, street="fenghuang"), (await replied(world, street="fenghuang"))[0]
    query = """query($stage: Stage!) { petitionsByStage(stage: $stage, street: "fenghuang") {
        edges { node { trackingCode title stage petition { id stageLabel evaluation { state } } } } } }"""

    async def found(stage: Stage) -> list[dict[str, Any]]:
        token = world.token("street_committee", street="fenghuang")
        answer = await ask(world, query, "street_committee", token=token, stage=stage.value)
        return [edge["node"] for edge in answer.ok()["petitionsByStage"]["edges"]]

    [deliberated] = await found(Stage.DELIBERATE)
    assert deliberated == {
        "trackingCode": "7K3M9-QX2CD",
        "title": "堵塞",
        "stage": "DELIBERATE",
        "petition": {"id": at_first, "stageLabel": "民议", "evaluation": None},
    }
    [judged] = await found(Stage.EVALUATE)
    assert judged["petition"] == {"id": evaluated, "stageLabel": "民评", "evaluation": {"state": "AWAITING_VISIT"}}
    assert await found(Stage.HANDLE) == []


async def test_known_without_a_reply_is_no_error_and_foreign_is_as_unknown(world: District) -> None:
    petition = await submitted(world)
    await eventually(lambda: known(world, petition))
    [shown] = (await entity(world, petition, "street_committee")).ok()["_entities"]
    assert (shown["stage"], shown["evaluation"]) == ("DELIBERATE", None)
    assert [e["node"]["type"] for e in shown["timeline"]["edges"]] == ["petition.submitted", "petition.accepted"]
    for refused in (
        await entity(world, petition, "street_committee", street="dewu"),
        await entity(world, str(uuid4()), "street_committee"),
    ):
        assert refused.codes == ["NOT_FOUND"]
        assert refused.data == {"_entities": [None]}


async def known(world: District, petition: str) -> bool:
    rows = await world.feedback.fetch(
        "SELECT 1 FROM view.petition WHERE petition_id = $1 AND intake_sequence = 2", petition
    )
    return bool(rows)


async def test_departments_read_the_answers_and_not_the_notes(world: District) -> None:
    petition, _ = await replied(world)
    (await visit(world, petition, comment="商户还在等井盖")).ok()
    for role, comment in (
        ("street_committee", "商户还在等井盖"),
        ("representative", "商户还在等井盖"),
        ("district_supervisor", "商户还在等井盖"),
        ("department", None),
        ("community", None),
    ):
        [shown] = (await entity(world, petition, role)).ok()["_entities"]
        assert shown["evaluation"]["visits"] == [
            {"comment": comment, "stands": True, "representative": {"id": "rep-hui-bi"}}
        ], role
    rows = await world.feedback.fetch("SELECT data::text FROM own.event WHERE aggregate_id = $1", petition)
    assert "商户" not in str(rows)


WORDS = """query($r: [_Any!]!) { _entities(representations: $r) { ... on Petition {
  evaluation { ledger { ground reason } reopening { cause reason } cases { ledger { reason } reopening { reason } } }
} } }"""


async def test_integrators_read_grounds_and_no_reasons(world: District) -> None:
    ledgered, reopened = [(await replied(world))[0] for _ in range(2)]
    proposed = {"solved": False, "satisfied": False, "ledgerProposed": True}
    (await visit(world, ledgered, **proposed)).ok()
    entry = {"department": "housing", "ground": "NO_FUNDS", "reason": "缺资金", "reviewOn": "2027-06-01"}
    (await ask(world, p.APPROVE_LEDGER, "street_committee", input={"petitionId": ledgered, **entry})).ok()
    (await visit(world, reopened, satisfied=False)).ok()
    again = {"petitionId": reopened, "ground": "PARTLY_DONE", "reason": "未完"}
    (await ask(world, p.REOPEN, "street_committee", input=again)).ok()

    async def read(petition: str, token: str) -> dict[str, Any]:
        answer = await ask(world, WORDS, "x", token=token, r=[{"__typename": "Petition", "id": petition}])
        return answer.ok()["_entities"][0]["evaluation"]

    both = ["integrator", "street_committee"]
    readers = [world.token(role) for role in ("street_committee", "department", "representative")]
    readers.append(world.token("integrator", roles=both))
    for known, told in (*((token, True) for token in readers), (world.token("integrator"), False)):
        reason = "缺资金" if told else None
        shown = await read(ledgered, known)
        assert shown["ledger"] == {"ground": "NO_FUNDS", "reason": reason}
        assert shown["cases"] == [{"ledger": {"reason": reason}, "reopening": None}]
        reason = "未完" if told else None
        shown = await read(reopened, known)
        assert shown["reopening"] == {"cause": "PARTLY_DONE", "reason": reason}
        assert shown["cases"] == [{"ledger": None, "reopening": {"reason": reason}}]
    told_resident = await read(ledgered, world.residents_token(ledgered))
    assert told_resident["ledger"]["reason"] == "缺资金"


async def test_residents_are_told_the_story_without_the_offices_inner_workings(world: District) -> None:
    petition, dispatch = await replied(world)
    returned = WorkOrderReplyReturned(by=SYSTEM, work_order_id=uuid4(), department="housing")
    await dispatch.say(petition, returned, lead="housing")

    async def recalled() -> bool:
        return await state_of(world, petition) == "RECALLED"

    await eventually(recalled)
    [whole] = (await entity(world, petition, "street_committee")).ok()["_entities"]
    representations = [{"__typename": "Petition", "id": petition}]
    answer = await ask(world, ENTITY, "x", token=world.residents_token(petition), r=representations, first=100)
    [told] = answer.ok()["_entities"]
    all_types = [e["node"]["type"] for e in whole["timeline"]["edges"]]
    assert "case.recalled" in all_types
    assert [e["node"]["type"] for e in told["timeline"]["edges"]] == [
        t for t in all_types if t not in HIDDEN_FROM_RESIDENTS
    ]


RATES = """query($from: Date!, $to: Date!, $street: ID, $department: ID) {
  rates(from: $from, to: $to, street: $street, department: $department) {
    solved { numerator denominator notReached } } }"""


async def solved(world: District, role: str, *, token: str | None = None, **filters: Any) -> Answer:
    day = (world.time() + timedelta(hours=8)).date().isoformat()
    return await ask(world, RATES, role, token=token, **{"from": day, "to": day, **filters})


@pytest.mark.usefixtures("counted")
async def test_a_visit_that_stands_no_longer_is_taken_out_of_the_rates(world: District) -> None:
    scope: dict[str, Any] = {"street": "maojiaying", "community": "community-73", "lead": "power"}
    petition, dispatch = await replied(world, **scope)

    async def count() -> int:
        answer = await solved(world, "district_leader", street="maojiaying", department="power")
        rate = answer.ok()["rates"]["solved"]
        assert rate["numerator"] == rate["denominator"]
        return rate["denominator"]

    (await visit(world, petition)).ok()
    assert await count() == 1
    returned = WorkOrderReplyReturned(by=SYSTEM, work_order_id=uuid4(), department="power")
    await dispatch.say(petition, returned, **scope)

    async def taken() -> bool:
        return await count() == 0

    await eventually(taken)
    [shown] = (await entity(world, petition, "district_supervisor")).ok()["_entities"]
    assert [v["stands"] for v in shown["evaluation"]["visits"]] == [False]


@pytest.mark.usefixtures("counted")
async def test_figures_are_shown_to_those_whom_they_concern(world: District) -> None:
    petition, _ = await replied(world, street="wumu", community="community-73", lead="gas")
    (await visit(world, petition, satisfied=False)).ok()
    one = {"numerator": 1, "denominator": 1, "notReached": 0}
    assert (await solved(world, "district_supervisor", street="wumu")).ok()["rates"]["solved"] == one
    assert (await solved(world, "x", token=world.token("street_committee", street="wumu"))).ok()["rates"][
        "solved"
    ] == one
    head = world.token("department_head", department="gas")
    assert (await solved(world, "x", token=head)).ok()["rates"]["solved"] == one
    assert (await solved(world, "x", token=head, street="wumu")).ok()["rates"]["solved"] == one
    (await solved(world, "street_committee", street="wumu")).refused("NOT_FOUND")
    (await solved(world, "department", department="gas")).refused("NOT_FOUND")
    (await solved(world, "representative")).refused("FORBIDDEN")


async def test_the_same_key_returns_the_first_answer_whatever_happened_since(world: District) -> None:
    petition, _ = await replied(world)
    query = p.act("recordVisit", "RecordVisitInput", "petition { id stage evaluation { state allowedActs } } position")
    given = {"petitionId": petition, **SOLVED, "idempotencyKey": str(uuid4())}
    first = (await ask(world, query, "representative", input=given)).ok()
    assert first["recordVisit"]["petition"]["evaluation"] == {"state": "VISITED", "allowedActs": ["CLOSE"]}
    (await ask(world, p.CLOSE, "street_committee", input={"petitionId": petition})).ok()
    assert (await ask(world, query, "representative", input=given)).ok() == first


async def test_of_many_visits_at_once_one_is_recorded(world: District) -> None:
    petition, _ = await replied(world)
    answers = await asyncio.gather(*(visit(world, petition) for _ in range(8)))
    assert sorted(a.codes[0] if a.codes else "" for a in answers) == ["", *["INVALID_STATE"] * 7]
    assert (await world.feedback.acts(petition)).count("visit.recorded") == 1


@pytest.mark.parametrize("after", ["?", "bm9uZQ", "LTF8MHww", "OTk5OTk5OTk5OTk5OXwwfDA"])
async def test_a_cursor_that_is_none_of_ours_is_said_so(world: District, after: str) -> None:
    petition, _ = await replied(world)
    representations = [{"__typename": "Petition", "id": petition}]
    answer = await ask(world, ENTITY, "street_committee", r=representations, first=5, behind=after)
    assert answer.refused("INVALID_INPUT")["field"] == "after"
    desk_answer = await ask(world, DESK, "street_committee", behind=after)
    assert desk_answer.refused("INVALID_INPUT")["field"] == "after"
