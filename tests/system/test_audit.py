"""The independent check on real servers: clean after whole lives, and it names whatever is broken behind its back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from deploy.audit.check import check
from deploy.audit.commands import Acknowledged
from deploy.audit.findings import Report
from deploy.audit.place import SERVICES, Place
from tests.support import people as p
from tests.support.district import Answer, District, eventually
from tests.support.people import Filed, People


@dataclass(frozen=True)
class Recorder(People):
    """People whose every command has a key, and who remember what was acknowledged."""

    attempted: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    acknowledged: list[Acknowledged] = field(default_factory=list[Acknowledged])

    async def do(self, document: str, role: str | None = None, *, token: str | None = None, **input: Any) -> Answer:
        name, key = document.split("{ ")[1].split("(")[0], str(uuid4())
        if document != p.OPEN:
            self.attempted.add((name, key))
            input["idempotencyKey"] = key
        answer = await super().do(document, role, token=token, **input)
        if answer.data and answer.data.get(name) and "position" in answer.data[name]:
            self.acknowledged.append(Acknowledged.of(name, key, answer.data[name]["position"]))
        return answer


@dataclass(frozen=True)
class Played:
    """A district after some lifecycles, and what its people remember."""

    district: District
    people: Recorder
    petitions: dict[str, UUID]

    @property
    def place(self) -> Place:
        databases = {s: self.district.services[s].settings.database_url.get_secret_value() for s in SERVICES}
        return Place(databases, self.district.servers.bootstrap, self.district.prefix)

    async def report(self, **other: Any) -> Report:
        given: dict[str, Any] = {"settle_within": 10, "now": self.district.time.now, "between": 0.1, **other}
        attempted = self.people.attempted
        return await check(self.place, self.people.acknowledged, attempted=attempted, **given)


async def _visit(people: Recorder, filed: Filed, after: str, **answers: Any) -> str:
    """Visit once the reply has arrived; return where that stands."""
    await _arrive(people, filed, after)
    given = {"petitionId": filed.id, "means": "PHONE", "reached": True, "responded": True, **answers}
    return (await people.do(p.VISIT, "representative", **given)).ok()["recordVisit"]["position"]


async def _arrive(people: Recorder, filed: Filed, after: str) -> None:
    query = "query($id: ID!) { petition(id: $id) { state stage handling { cycle } evaluation { cycle } } }"
    (await people.district.ask(query, role="street_committee", after=after, id=filed.id)).ok()


async def _closed(people: Recorder) -> Filed:
    filed, _, replied = await people.replied()
    await _visit(people, filed, replied, solved=True, satisfied=True)
    (await people.do(p.CLOSE, "street_committee", petitionId=filed.id)).ok()
    return filed


async def _withdrawn(people: Recorder) -> Filed:
    filed, handed = await people.handed_over()
    await people.in_progress(filed, after=handed)
    (await people.do(p.WITHDRAW, token=await people.resident(filed), petitionId=filed.id)).ok()
    return filed


async def _sent_back(people: Recorder) -> Filed:
    filed, order, replied = await people.replied()
    await _arrive(people, filed, replied)
    (await people.do(p.SEND_BACK, "street_committee", workOrderId=order, ground="INCOMPLETE", reason="不全")).ok()
    await _visit(people, filed, await people.reply(order), solved=True, satisfied=True)
    return filed


async def _reopened(people: Recorder) -> Filed:
    filed, _, replied = await people.replied()
    reopened = await _visit(people, filed, replied, solved=False, satisfied=False)
    replied = await people.reply(await people.in_progress(filed, after=reopened))
    await _visit(people, filed, replied, solved=False, satisfied=False, ledgerProposed=True)
    given = {"department": "housing", "ground": "NO_FUNDS", "reason": "需列入明年预算", "reviewOn": "2027-06-01"}
    (await people.do(p.APPROVE_LEDGER, "street_committee", petitionId=filed.id, **given)).ok()
    return filed


async def _declined_and_ruled(people: Recorder) -> Filed:
    filed, handed = await people.handed_over()
    order = await people.assigned(filed, after=handed)
    given = {"workOrderId": order, "ground": "NOT_OURS", "reason": "属供排水公司管网"}
    (await people.do(p.DECLINE_ORDER, "department", proposed="water", **given)).ok()
    (await people.do(p.ASSIGN, "street_committee", workOrderId=order, department="water")).ok()
    water = people.district.token("department", department="water")
    (await people.do(p.DECLINE_ORDER, token=water, **given)).ok()
    ruled = {"workOrderId": order, "department": "housing", "reason": "主管属市政"}
    (await people.do(p.RULE, "district_supervisor", **ruled)).ok()
    (await people.do(p.ACKNOWLEDGE, "department", workOrderId=order)).ok()
    return filed


async def _on_spot(people: Recorder) -> Filed:
    filed = await people.file("representative")
    await people.screen(filed)
    solved = await people.do(p.ON_SPOT, "street_committee", petitionId=filed.id, measures="当场疏通")
    position = solved.ok()["resolvePetitionOnSpot"]["position"]
    await _visit(people, filed, position, solved=False, satisfied=False)
    return filed


async def _asked(people: Recorder) -> Filed:
    """A question answered, and another that is still open."""
    filed, handed = await people.handed_over()
    order = await people.in_progress(filed, after=handed)
    asked = await people.do(p.ASK, "department", workOrderId=order, question="在几号铺面？")
    await _arrive(people, filed, asked.ok()["askResident"]["position"])
    token = await people.resident(filed)
    added = await people.do(p.ADD, token=token, petitionId=filed.id, words="在七号铺面门口")
    await _arrive(people, filed, added.ok()["addInformation"]["position"])
    (await people.do(p.ASK, "department", workOrderId=order, question="哪天可以上门？")).ok()
    return filed


async def _rejected(people: Recorder) -> Filed:
    filed = await people.file()
    given = {"ground": "IN_LITIGATION", "reason": "已在诉讼中", "referral": "COURT"}
    (await people.do(p.REJECT, "street_committee", petitionId=filed.id, **given)).ok()
    return filed


async def _late(people: Recorder) -> Filed:
    """Taken in, and left lying until everybody has been told."""
    filed = await people.file()
    people.district.time.advance(days=14)

    async def told_to_the_last() -> bool:
        return (await people.district.intake.events(filed.id)).count("clock.escalated") == 3

    await eventually(told_to_the_last)
    return filed


LIVES: Final[dict[str, Callable[[Recorder], Awaitable[Filed]]]] = {
    "closed": _closed,
    "withdrawn": _withdrawn,
    "sent back": _sent_back,
    "reopened": _reopened,
    "ruled": _declined_and_ruled,
    "on the spot": _on_spot,
    "asked": _asked,
    "rejected": _rejected,
    "late": _late,
}


@pytest.fixture(scope="module")
async def played(through_train: District) -> Played:
    """One petition of every kind of life."""
    people = Recorder(through_train)
    return Played(through_train, people, {name: UUID((await live(people)).id) for name, live in LIVES.items()})


async def test_a_system_that_did_everything_right_is_found_clean(played: Played) -> None:
    report = await played.report()
    assert report.clean, str(report)
    assert report.petitions == len(LIVES)
    assert report.messages == report.events > 20 * len(LIVES)
