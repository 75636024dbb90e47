"""Feedback alone, on real servers: what intake and dispatch say is published by the test."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from services.contracts.dispatch import PetitionReplied, WorkOrderReplyReturned
from services.contracts.event import SYSTEM, Event, Who
from services.contracts.intake import PetitionReadied, PetitionResolvedOnSpot, PetitionSubmitted, PetitionWithdrawn
from services.contracts.vocabulary import DeadlineClass, PetitionKind, Role, Source, Urgency
from tests.support import people as p
from tests.support.district import Answer, District, eventually
from tests.support.publish import Voice

ENTITY = """query($r: [_Any!]!) { _entities(representations: $r) { ... on Petition { id stage
  evaluation { asOf state cycle visits { reached responded solved satisfied } deadlines { kind state dueAt } }
  timeline(first: 100) { edges { cursor node { service sequence type stage label(locale: "en") } } } } } }"""
SOLVED = {"means": "PHONE", "reached": True, "responded": True, "solved": True, "satisfied": True}
HANDLER = Who(role=Role.DEPARTMENT, subject="the-handler")


@dataclass
class Desk:
    """Feedback, and the voices of the services around it."""

    district: District
    intake: Voice
    dispatch: Voice

    @property
    def url(self) -> str:
        return self.district.feedback.url

    async def do(self, document: str, role: str, petition: str, **input: Any) -> Answer:
        return await self.district.ask(document, role=role, url=self.url, input={"petitionId": petition, **input})

    async def shown(self, petition: str) -> dict[str, Any] | None:
        representations = [{"__typename": "Petition", "id": petition}]
        answer = await self.district.ask(ENTITY, role="district_supervisor", url=self.url, r=representations)
        return answer.data["_entities"][0] if answer.data else None

    async def state(self, petition: str, state: str) -> dict[str, Any]:
        """Wait until the case is in a state; return the petition as feedback shows it."""

        async def there() -> dict[str, Any] | None:
            shown = await self.shown(petition)
            evaluation = shown["evaluation"] if shown else None
            return shown if evaluation and evaluation["state"] == state else None

        return await eventually(there)

    async def submitted(self) -> str:
        petition = str(uuid4())
        said = PetitionSubmitted(by=SYSTEM, tracking_code="7K3M9QX2CD", kind=PetitionKind.DEMAND, channel="visit")
        await self.intake.say(petition, said)
        return petition

    async def replied(self) -> str:
        """Say that a petition was submitted and replied to; return it once a visit is awaited."""
        petition = await self.submitted()
        await self.intake.say(petition, READIED)
        await self.dispatch.say(petition, replied(), seen={Source.INTAKE: 2}, lead="housing")
        await self.state(petition, "AWAITING_VISIT")
        return petition


READIED = PetitionReadied(
    by=SYSTEM,
    tracking_code="7K3M9QX2CD",
    title="堵塞",
    category="drainage",
    urgency=Urgency.NORMAL,
    request="请疏通",
    deadline_class=DeadlineClass.SIMPLE,
)


def replied() -> PetitionReplied:
    return PetitionReplied(
        by=HANDLER,
        work_order_id=uuid4(),
        department="housing",
        category="drainage",
        title="堵塞",
        handler=HANDLER.subject,
    )


@pytest.fixture
def desk(feedback_alone: District) -> Desk:
    return Desk(feedback_alone, Voice(feedback_alone, Source.INTAKE), Voice(feedback_alone, Source.DISPATCH))


async def test_a_reply_is_visited_within_five_working_days(desk: Desk) -> None:
    shown = await desk.state(await desk.replied(), "AWAITING_VISIT")
    assert [(d["kind"], d["state"]) for d in shown["evaluation"]["deadlines"]] == [("RETURN_VISIT", "RUNNING")]
    types = [e["node"]["type"] for e in shown["timeline"]["edges"]]
    assert types == ["petition.submitted", "petition.readied", "petition.replied", "visit.scheduled", "clock.started"]
    assert shown["stage"] == "EVALUATE"


async def test_the_three_answers_are_kept_and_counted(desk: Desk) -> None:
    petition = await desk.replied()
    (await desk.do(p.VISIT, "representative", petition, **{**SOLVED, "satisfied": False})).ok()
    shown = await desk.state(petition, "VISITED")
    assert shown["evaluation"]["visits"] == [{"reached": True, "responded": True, "solved": True, "satisfied": False}]
    assert [d["kind"] for d in shown["evaluation"]["deadlines"]] == ["CLOSING"]


async def test_the_handler_and_the_department_do_not_visit_their_own_work(desk: Desk) -> None:
    petition = await desk.replied()
    for claims in ({"sub": HANDLER.subject}, {"department": "housing"}):
        token = desk.district.token("representative", **claims)
        answer = await desk.district.ask(p.VISIT, token=token, url=desk.url, input={"petitionId": petition, **SOLVED})
        answer.refused("FORBIDDEN")
    assert (await desk.state(petition, "AWAITING_VISIT"))["evaluation"]["visits"] == []


@pytest.mark.parametrize("first", ["withdrawal", "reply"])
async def test_withdrawal_and_reply_end_alike_whichever_comes_first(desk: Desk, first: str) -> None:
    petition = await desk.submitted()
    if first == "withdrawal":
        await desk.intake.say(petition, PetitionWithdrawn(by=SYSTEM))

        async def known() -> bool:
            shown = await desk.shown(petition)
            return bool(shown) and shown["timeline"]["edges"][-1]["node"]["type"] == "petition.withdrawn"

        await eventually(known)
    await desk.dispatch.say(petition, replied(), seen={Source.INTAKE: 1}, lead="housing")
    if first == "reply":
        await desk.state(petition, "AWAITING_VISIT")
        await desk.intake.say(petition, PetitionWithdrawn(by=SYSTEM))
    shown = await desk.state(petition, "CANCELLED")
    assert shown["evaluation"]["deadlines"] == []
    assert (await desk.district.feedback.acts(petition))[-1] == "case.cancelled"


async def test_a_returned_reply_recalls_a_case_that_was_visited(desk: Desk) -> None:
    petition = await desk.replied()
    (await desk.do(p.VISIT, "representative", petition, **SOLVED)).ok()
    returned = WorkOrderReplyReturned(by=SYSTEM, work_order_id=uuid4(), department="housing")
    await desk.dispatch.say(petition, returned, lead="housing")
    shown = await desk.state(petition, "RECALLED")
    assert shown["evaluation"]["deadlines"] == []
    await desk.dispatch.say(petition, replied(), lead="housing")
    await desk.state(petition, "AWAITING_VISIT")


async def test_a_matter_solved_on_the_spot_is_visited_too(desk: Desk) -> None:
    petition = await desk.submitted()
    solved = PetitionResolvedOnSpot(by=HANDLER, title="堵塞", category="drainage")
    await desk.intake.say(petition, solved)
    await desk.state(petition, "AWAITING_VISIT")
    (await desk.do(p.VISIT, "representative", petition, **{**SOLVED, "solved": False})).ok()
    await desk.state(petition, "REOPENED")
    assert (await desk.district.feedback.acts(petition))[-2:] == ["visit.recorded", "petition.reopened"]


async def test_a_timeline_is_read_by_pages_without_loss(desk: Desk) -> None:
    petition = await desk.replied()
    (await desk.do(p.VISIT, "representative", petition, **SOLVED)).ok()
    (await desk.do(p.CLOSE, "street_committee", petition)).ok()
    shown = await desk.state(petition, "CLOSED")
    whole = [(e["node"]["service"], e["node"]["sequence"]) for e in shown["timeline"]["edges"]]
    query = """query($r: [_Any!]!, $after: String) { _entities(representations: $r) { ... on Petition {
      timeline(first: 2, after: $after) { edges { node { service sequence } }
        pageInfo { hasNextPage endCursor } } } } }"""
    found: list[tuple[str, int]] = []
    after: str | None = None
    while True:
        body = {"query": query, "variables": {"r": [{"__typename": "Petition", "id": petition}], "after": after}}
        headers = {"Authorization": f"Bearer {desk.district.token('street_committee')}"}
        async with desk.district.session.post(desk.url, json=body, headers=headers) as response:
            timeline = (await response.json())["data"]["_entities"][0]["timeline"]
        found += [(e["node"]["service"], e["node"]["sequence"]) for e in timeline["edges"]]
        after = timeline["pageInfo"]["endCursor"]
        if not timeline["pageInfo"]["hasNextPage"]:
            break
    assert found == whole


BAD: list[tuple[str, str, dict[str, Any], str]] = [
    (p.VISIT, "representative", {"means": "PHONE", "reached": True, "responded": True}, "solved"),
    (p.VISIT, "representative", {**SOLVED, "comment": "请打13800138000"}, "comment"),
    (p.VISIT, "representative", {**SOLVED, "comment": "长" * 1001}, "comment"),
    (p.VISIT, "representative", {**SOLVED, "ledgerProposed": True}, "ledgerProposed"),
    (p.VISIT, "representative", {"means": "PHONE", "reached": False}, "reached"),
]


@pytest.mark.parametrize(("document", "role", "given", "field"), BAD)
async def test_bad_input_is_named_and_leaves_nothing(
    desk: Desk, document: str, role: str, given: dict[str, Any], field: str
) -> None:
    petition = await desk.replied()
    before = await desk.district.feedback.events(petition)
    assert (await desk.do(document, role, petition, **given)).refused("INVALID_INPUT")["field"] == field
    assert await desk.district.feedback.events(petition) == before


LEDGER = {"department": "housing", "ground": "NO_FUNDS", "reason": "缺资金", "reviewOn": "2027-06-01"}
BAD_LEDGER: list[tuple[dict[str, Any], str]] = [
    ({"department": "moon"}, "department"),
    ({"ground": "NOT_OURS"}, "ground"),
    ({"reason": ""}, "reason"),
    ({"reviewOn": "2020-01-01"}, "reviewOn"),
    ({"reviewOn": "2035-01-01"}, "reviewOn"),
]


@pytest.mark.parametrize(("wrong", "field"), BAD_LEDGER)
async def test_a_ledger_entry_must_make_sense(desk: Desk, wrong: dict[str, Any], field: str) -> None:
    petition = await desk.replied()
    proposed = {**SOLVED, "solved": False, "satisfied": False, "ledgerProposed": True}
    (await desk.do(p.VISIT, "representative", petition, **proposed)).ok()
    before = await desk.district.feedback.events(petition)
    answer = await desk.do(p.APPROVE_LEDGER, "street_committee", petition, **{**LEDGER, **wrong})
    assert answer.refused("INVALID_INPUT")["field"] == field
    assert await desk.district.feedback.events(petition) == before
    (await desk.do(p.APPROVE_LEDGER, "street_committee", petition, **LEDGER)).ok()


ACTS: list[tuple[str, str, dict[str, Any]]] = [
    (p.ATTEMPT, "representative", {"means": "PHONE"}),
    (p.VISIT, "representative", SOLVED),
    (p.CLOSE, "street_committee", {}),
    (p.REOPEN, "street_committee", {"ground": "PARTLY_DONE", "reason": "未完"}),
    (p.APPROVE_LEDGER, "street_committee", LEDGER),
    (p.REFUSE_LEDGER, "street_committee", {"reason": "能办"}),
]


@pytest.mark.parametrize(("document", "role", "given"), ACTS)
async def test_unknown_petitions_and_wrong_states_are_refused(
    desk: Desk, document: str, role: str, given: dict[str, Any]
) -> None:
    (await desk.do(document, role, str(uuid4()), **given)).refused("NOT_FOUND")
    assert (await desk.do(document, role, "17", **given)).refused("INVALID_INPUT")["field"] == "petitionId"
    petition = await desk.replied()
    (await desk.do(p.VISIT, "representative", petition, **SOLVED)).ok()
    (await desk.do(p.CLOSE, "street_committee", petition)).ok()
    refusal = (await desk.do(document, role, petition, **given)).refused("INVALID_STATE")
    assert (refusal["state"], refusal["allowed"]) == ("CLOSED", [])


async def test_events_wait_for_what_they_had_seen(desk: Desk) -> None:
    petition = str(uuid4())
    said: Event = replied()
    await desk.dispatch.say(petition, said, seen={Source.INTAKE: 1}, lead="housing")

    async def parked() -> bool:
        rows = await desk.district.feedback.fetch("SELECT reason FROM own.parked WHERE aggregate_id = $1", petition)
        return [row["reason"] for row in rows] == ["WAITING"]

    await eventually(parked)
    submitted = PetitionSubmitted(by=SYSTEM, tracking_code="7K3M9QX2CD", kind=PetitionKind.DEMAND, channel="visit")
    await desk.intake.say(petition, submitted)
    shown = await desk.state(petition, "AWAITING_VISIT")
    assert [e["node"]["type"] for e in shown["timeline"]["edges"]][:2] == ["petition.submitted", "petition.replied"]


async def test_a_return_visit_that_nobody_makes_is_pressed(desk: Desk) -> None:
    petition = await desk.replied()
    desk.district.time.advance(days=20)

    async def pressed() -> bool:
        return (await desk.district.feedback.events(petition))[-4:] == ["clock.reminded", *["clock.escalated"] * 3]

    await eventually(pressed)
