"""Whole lives of petitions, as people lead them: one of every kind."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from deploy.audit.commands import Acknowledged
from tests.support import people as p
from tests.support.district import Answer, eventually
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


async def visit(people: Recorder, filed: Filed, after: str, **answers: Any) -> str:
    """Visit once the reply has arrived; return where that stands."""
    await arrive(people, filed, after)
    given: dict[str, Any] = {"petitionId": filed.id, "means": "PHONE", "reached": True, "responded": True, **answers}
    return (await people.do(p.VISIT, "representative", **given)).ok()["recordVisit"]["position"]


async def arrive(people: Recorder, filed: Filed, after: str) -> None:
    query = "query($id: ID!) { petition(id: $id) { state stage handling { cycle } evaluation { cycle } } }"
    (await people.district.ask(query, role="street_committee", after=after, id=filed.id)).ok()


async def closed(people: Recorder) -> Filed:
    filed, _, replied = await people.replied()
    await visit(people, filed, replied, solved=True, satisfied=True)
    (await people.do(p.CLOSE, "street_committee", petitionId=filed.id)).ok()
    return filed


async def withdrawn(people: Recorder) -> Filed:
    filed, handed = await people.handed_over()
    await people.in_progress(filed, after=handed)
    (await people.do(p.WITHDRAW, token=await people.resident(filed), petitionId=filed.id)).ok()
    return filed


async def sent_back(people: Recorder) -> Filed:
    filed, order, replied = await people.replied()
    await arrive(people, filed, replied)
    (await people.do(p.SEND_BACK, "street_committee", workOrderId=order, ground="INCOMPLETE", reason="不全")).ok()
    await visit(people, filed, await people.reply(order), solved=True, satisfied=True)
    return filed


async def reopened(people: Recorder) -> Filed:
    filed, _, replied = await people.replied()
    reopened = await visit(people, filed, replied, solved=False, satisfied=False)
    replied = await people.reply(await people.in_progress(filed, after=reopened))
    await visit(people, filed, replied, solved=False, satisfied=False, ledgerProposed=True)
    given = {"department": "housing", "ground": "NO_FUNDS", "reason": "需列入明年预算", "reviewOn": "2027-06-01"}
    (await people.do(p.APPROVE_LEDGER, "street_committee", petitionId=filed.id, **given)).ok()
    return filed


async def declined_and_ruled(people: Recorder) -> Filed:
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


async def on_spot(people: Recorder) -> Filed:
    filed = await people.file("representative")
    await people.screen(filed)
    solved = await people.do(p.ON_SPOT, "street_committee", petitionId=filed.id, measures="当场疏通")
    position = solved.ok()["resolvePetitionOnSpot"]["position"]
    await visit(people, filed, position, solved=False, satisfied=False)
    return filed


async def asked(people: Recorder) -> Filed:
    """A question answered, and another that is still open."""
    filed, handed = await people.handed_over()
    order = await people.in_progress(filed, after=handed)
    asked = await people.do(p.ASK, "department", workOrderId=order, question="在几号铺面？")
    await arrive(people, filed, asked.ok()["askResident"]["position"])
    token = await people.resident(filed)
    added = await people.do(p.ADD, token=token, petitionId=filed.id, words="在七号铺面门口")
    await arrive(people, filed, added.ok()["addInformation"]["position"])
    (await people.do(p.ASK, "department", workOrderId=order, question="哪天可以上门？")).ok()
    return filed


async def pressed(people: Recorder) -> Filed:
    """Pressed before it was handed over and answered, and pressed again afterwards."""
    filed = await people.file("representative")
    await arrive(people, filed, filed.position)
    given = {"petitionId": filed.id, "instruction": "请说明进展"}
    pressed = (await people.do(p.PRESS, "district_supervisor", **given)).ok()["pressPetition"]
    await arrive(people, filed, pressed["position"])
    (await people.do(p.ANSWER, "street_committee", instructionId=pressed["instruction"]["id"], words="正在筛查")).ok()
    await people.screen(filed)
    handed = (await people.hand_over(filed)).ok()["handOverPetition"]["position"]
    await people.in_progress(filed, after=handed)
    (await people.do(p.PRESS, "district_supervisor", **given)).ok()
    return filed


async def pressed_and_rejected(people: Recorder) -> Filed:
    filed = await people.file("representative")
    await arrive(people, filed, filed.position)
    given = {"petitionId": filed.id, "instruction": "请说明进展"}
    (await people.do(p.PRESS, "district_supervisor", **given)).ok()
    given = {"ground": "IN_LITIGATION", "reason": "已在诉讼中", "referral": "COURT"}
    (await people.do(p.REJECT, "street_committee", petitionId=filed.id, **given)).ok()
    return filed


async def rejected(people: Recorder) -> Filed:
    filed = await people.file()
    given = {"ground": "IN_LITIGATION", "reason": "已在诉讼中", "referral": "COURT"}
    (await people.do(p.REJECT, "street_committee", petitionId=filed.id, **given)).ok()
    return filed


async def followed(people: Recorder) -> Filed:
    """Followed before it is accepted, once more by the same, and by another when the reply is given."""
    filed = await people.file("representative")
    peng_xuan, xu_jin = (
        people.district.token("representative", sub=code, representative=code, placements=["community-73"])
        for code in ("rep-peng-xuan", "rep-xu-jin")
    )
    for _ in range(2):
        (await people.do(p.FOLLOW, token=peng_xuan, petitionId=filed.id)).ok()
    await people.screen(filed)
    handed = (await people.hand_over(filed)).ok()["handOverPetition"]["position"]
    order = await people.in_progress(filed, after=handed)
    (await people.do(p.FOLLOW, token=xu_jin, petitionId=filed.id)).ok()
    await visit(people, filed, await people.reply(order), solved=True, satisfied=True)
    return filed


async def late(people: Recorder) -> Filed:
    """Taken in, and left lying until everybody has been told."""
    filed = await people.file()
    people.district.time.advance(days=14)

    async def told_to_the_last() -> bool:
        return (await people.district.intake.events(filed.id)).count("clock.escalated") == 3

    await eventually(told_to_the_last)
    return filed


async def erased(people: Recorder) -> Filed:
    """Its personal data is erased while the department works on it; then it is added to, replied to and visited."""
    filed, handed = await people.handed_over()
    order = await people.in_progress(filed, after=handed)
    token = await people.resident(filed)
    (await people.do(p.ADD, token=token, petitionId=filed.id, words="在七号铺面门口")).ok()
    for because in ("本人申请", "再次申请"):
        (await people.do(p.ERASE, "operator", petitionId=filed.id, because=because)).ok()
    (await people.do(p.ADD, token=token, petitionId=filed.id, words="又堵了")).ok()
    await visit(people, filed, await people.reply(order), solved=True, satisfied=True)
    return filed


LIVES: Final[dict[str, Callable[[Recorder], Awaitable[Filed]]]] = {
    "closed": closed,
    "withdrawn": withdrawn,
    "sent back": sent_back,
    "reopened": reopened,
    "ruled": declined_and_ruled,
    "on the spot": on_spot,
    "asked": asked,
    "pressed": pressed,
    "pressed and rejected": pressed_and_rejected,
    "rejected": rejected,
    "erased": erased,
    "followed": followed,
    "late": late,
}
