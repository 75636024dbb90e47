"""What people do, as they do it: GraphQL requests of each role, against the gateway or one service."""

from dataclasses import dataclass
from typing import Any

from tests.support.district import Answer, District


def act(name: str, input_type: str, selection: str = "petition { id state } position") -> str:
    """Return the document of a mutation that takes one input."""
    return f"mutation($input: {input_type}!) {{ {name}(input: $input) {{ {selection} }} }}"


SUBMIT = act("submitPetition", "SubmitPetitionInput", "petitionId trackingCode secret position")
OPEN = act("openPetition", "OpenPetitionInput", "petitionId token expiresInSeconds")
ACCEPT = act("acceptPetition", "AcceptPetitionInput")
REJECT = act("rejectPetition", "RejectPetitionInput")
LISTEN = act("listenToPetition", "ListenToPetitionInput")
LOOK = act("lookAtPetition", "LookAtPetitionInput")
DELIBERATE = act("deliberateOnPetition", "DeliberateOnPetitionInput")
SKIP = act("skipScreeningStep", "SkipScreeningStepInput")
HAND_OVER = act("handOverPetition", "HandOverPetitionInput")
ON_SPOT = act("resolvePetitionOnSpot", "ResolvePetitionOnSpotInput")
DECLINE = act("declinePetition", "RejectPetitionInput")
FOLLOW = act("followPetition", "FollowPetitionInput")
WITHDRAW = act("withdrawPetition", "WithdrawPetitionInput")
ADD = act("addInformation", "AddInformationInput")
ERASE = act("erasePersonalData", "ErasePersonalDataInput", "receipt { id because } position")

_ORDER = "workOrder { id state } position"
ASSIGN = act("assignWorkOrder", "AssignWorkOrderInput", _ORDER)
ACKNOWLEDGE = act("acknowledgeWorkOrder", "AcknowledgeWorkOrderInput", _ORDER)
DECLINE_ORDER = act("declineWorkOrder", "DeclineWorkOrderInput", _ORDER)
RULE = act("ruleOnWorkOrder", "RuleOnWorkOrderInput", _ORDER)
START = act("startWorkOrder", "StartWorkOrderInput", _ORDER)
ASK = act("askResident", "AskResidentInput", _ORDER)
REPLY = act("replyToWorkOrder", "ReplyToWorkOrderInput", _ORDER)
SEND_BACK = act("sendBackReply", "SendBackReplyInput", _ORDER)

_INSTRUCTION = "instruction { id } position"
PRESS = act("pressPetition", "PressPetitionInput", _INSTRUCTION)
ANSWER = act("answerInstruction", "AnswerInstructionInput", _INSTRUCTION)

_CASE = "petition { id evaluation { state cycle } } position"
ATTEMPT = act("recordVisitAttempt", "RecordVisitAttemptInput", _CASE)
VISIT = act("recordVisit", "RecordVisitInput", _CASE)
CLOSE = act("closePetition", "ClosePetitionInput", _CASE)
REOPEN = act("reopenPetition", "ReopenPetitionInput", _CASE)
APPROVE_LEDGER = act("approveLedger", "ApproveLedgerInput", _CASE)
REFUSE_LEDGER = act("refuseLedger", "RefuseLedgerInput", _CASE)


@dataclass(frozen=True)
class Filed:
    """A petition that somebody filed, and what opens it."""

    id: str
    code: str
    secret: str
    position: str


@dataclass(frozen=True)
class People:
    """The people of case 1: the representative Hui Bi, the street committee of Huangtupo, the housing bureau.

    `url` is one service's endpoint, or None for the gateway.
    """

    district: District
    url: str | None = None

    async def do(self, document: str, role: str | None = None, *, token: str | None = None, **input: Any) -> Answer:
        """Send one mutation."""
        return await self.district.ask(document, role=role, token=token, url=self.url, input=input)

    async def file(self, role: str | None = None, *, token: str | None = None, **other: Any) -> Filed:
        """File case 1: a blocked sewer."""
        given: dict[str, Any] = {
            "words": "二中批发巷下水道堵了，污水漫到门口。我叫王小明，电话13800138000。",
            "channel": "visit",
            "community": "community-73",
            "estate": "erzhong-lane",
            "contact": {"name": "王小明", "phone": "13800138000"},
            **other,
        }
        done = (await self.do(SUBMIT, role, token=token, **given)).ok()["submitPetition"]
        return Filed(done["petitionId"], done["trackingCode"], done["secret"], done["position"])

    async def resident(self, filed: Filed) -> str:
        """Return the resident's token."""
        opened = await self.do(OPEN, trackingCode=filed.code, secret=filed.secret)
        return opened.ok()["openPetition"]["token"]

    async def accept(self, filed: Filed, **other: Any) -> Answer:
        """Accept it as the street committee."""
        given = {"petitionId": filed.id, "title": "二中批发巷下水道堵塞", "category": "drainage", **other}
        return await self.do(ACCEPT, "street_committee", **given)

    async def screen(self, filed: Filed) -> None:
        """Accept, listen, look and deliberate."""
        (await self.accept(filed)).ok()
        (await self.do(LISTEN, "representative", petitionId=filed.id, said="商户反映管道堵了三天")).ok()
        (await self.do(LOOK, "community", petitionId=filed.id, findings="主管淤塞约十米")).ok()
        (
            await self.do(DELIBERATE, "street_committee", petitionId=filed.id, outcome="由住建局疏通", participants=6)
        ).ok()

    async def hand_over(self, filed: Filed, **other: Any) -> Answer:
        """Hand it over to the housing bureau."""
        given = {"petitionId": filed.id, "request": "请疏通二中批发巷主排水管并检查淤塞原因", **other}
        return await self.do(HAND_OVER, "street_committee", **given)

    async def ready(self, **other: Any) -> Filed:
        """File, screen and hand over."""
        filed = await self.file("representative", **other)
        await self.screen(filed)
        (await self.hand_over(filed)).ok()
        return filed

    async def solved_on_spot(self) -> Filed:
        """File, screen and solve on the spot."""
        filed = await self.file("representative")
        await self.screen(filed)
        (await self.do(ON_SPOT, "street_committee", petitionId=filed.id, measures="网格员当场疏通")).ok()
        return filed

    async def order(self, filed: Filed, after: str | None = None) -> str:
        """Return the id of the petition's latest work order."""
        query = "query($id: ID!) { petition(id: $id) { handling { workOrders { id cycle } } } }"
        answer = await self.district.ask(query, role="district_supervisor", after=after, id=filed.id)
        orders = answer.ok()["petition"]["handling"]["workOrders"]
        return max(orders, key=lambda order: (order["cycle"], order["id"]))["id"]

    async def assigned(self, filed: Filed, department: str = "housing", *, after: str | None = None) -> str:
        """Assign the petition's latest work order and return its id."""
        order = await self.order(filed, after)
        (await self.do(ASSIGN, "street_committee", workOrderId=order, department=department)).ok()
        return order

    async def in_progress(self, filed: Filed, *, after: str | None = None) -> str:
        """Assign, acknowledge and start the latest work order as the housing bureau; return its id."""
        order = await self.assigned(filed, after=after)
        (await self.do(ACKNOWLEDGE, "department", workOrderId=order)).ok()
        (await self.do(START, "department", workOrderId=order)).ok()
        return order

    async def reply(self, order: str) -> str:
        """Reply as the housing bureau; return the position."""
        given = {"workOrderId": order, "words": "管道已疏通，井盖已更换。", "measures": "高压疏通十米"}
        return (await self.do(REPLY, "department", **given)).ok()["replyToWorkOrder"]["position"]

    async def handed_over(self) -> tuple[Filed, str]:
        """File, screen and hand over; return the petition and where that stands."""
        filed = await self.file("representative")
        await self.screen(filed)
        return filed, (await self.hand_over(filed)).ok()["handOverPetition"]["position"]

    async def replied(self) -> tuple[Filed, str, str]:
        """Bring a petition to its reply; return it, its work order, and where the reply stands."""
        filed, handed = await self.handed_over()
        order = await self.in_progress(filed, after=handed)
        return filed, order, await self.reply(order)

    async def visit(
        self, filed: Filed, *, after: str | None = None, token: str | None = None, **answers: Any
    ) -> Answer:
        """Record a return visit, by the representative or with a token."""
        given = {"petitionId": filed.id, "means": "PHONE", "reached": True, "responded": True, **answers}
        role = None if token else "representative"
        return await self.district.ask(VISIT, role=role, token=token, after=after, input=given)
