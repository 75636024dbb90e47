"""What people do, as they do it: GraphQL requests of each role, against the gateway or one service."""

from dataclasses import dataclass
from typing import Any

from tests.support.district import Answer, District

SUBMIT = "mutation($input: SubmitPetitionInput!) { submitPetition(input: $input) { petitionId trackingCode secret position } }"
OPEN = "mutation($input: OpenPetitionInput!) { openPetition(input: $input) { petitionId token expiresInSeconds } }"


def act(name: str, input_type: str, selection: str = "petition { id state } position") -> str:
    """Return the document of a mutation that takes one input."""
    return f"mutation($input: {input_type}!) {{ {name}(input: $input) {{ {selection} }} }}"


ACCEPT = act("acceptPetition", "AcceptPetitionInput")
REJECT = act("rejectPetition", "RejectPetitionInput")
LISTEN = act("listenToPetition", "ListenToPetitionInput")
LOOK = act("lookAtPetition", "LookAtPetitionInput")
DELIBERATE = act("deliberateOnPetition", "DeliberateOnPetitionInput")
SKIP = act("skipScreeningStep", "SkipScreeningStepInput")
HAND_OVER = act("handOverPetition", "HandOverPetitionInput")
ON_SPOT = act("resolvePetitionOnSpot", "ResolvePetitionOnSpotInput")
DECLINE = act("declinePetition", "RejectPetitionInput")
WITHDRAW = act("withdrawPetition", "WithdrawPetitionInput")
ADD = act("addInformation", "AddInformationInput")


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

    async def file(self, role: str | None = None, **other: Any) -> Filed:
        """File case 1: a blocked sewer."""
        given = {
            "words": "二中批发巷下水道堵了，污水漫到门口。我叫王小明，电话13800138000。",
            "channel": "visit",
            "community": "community-73",
            "estate": "erzhong-lane",
            "contact": {"name": "王小明", "phone": "13800138000"},
            **other,
        }
        done = (await self.do(SUBMIT, role, **given)).ok()["submitPetition"]
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
