"""Dispatch alone, and what intake and feedback say to it."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from services.contracts.event import SYSTEM, Event
from services.contracts.intake import PetitionAccepted, PetitionReadied, PetitionSubmitted
from services.contracts.vocabulary import DeadlineClass, Extent, PetitionKind, Source, Urgency
from tests.support import people as p
from tests.support.district import Answer, District, eventually
from tests.support.publish import Voice

ENTITY = """query($r: [_Any!]!) { _entities(representations: $r) { ... on Petition { id handling {
  asOf cycle workOrders { id state cycle allowedActs department { id }
    suggestion { department { id } rule explanation } }
  deadlines { kind state dueAt warning } } } } }"""


@dataclass
class Desk:
    """Dispatch, and the voices of the services around it."""

    district: District
    intake: Voice
    feedback: Voice

    @property
    def url(self) -> str:
        """Dispatch's own endpoint."""
        return self.district.dispatch.url

    async def do(self, document: str, role: str, order: str, **input: Any) -> Answer:
        """Do an act with a work order."""
        return await self.district.ask(document, role=role, url=self.url, input={"workOrderId": order, **input})

    async def handling(self, petition: str, role: str = "district_supervisor") -> dict[str, Any] | None:
        """Return a petition's handling as a role sees it."""
        representations = [{"__typename": "Petition", "id": petition}]
        answer = await self.district.ask(ENTITY, role=role, url=self.url, r=representations)
        entity: dict[str, Any] | None = answer.data["_entities"][0] if answer.data else None
        return entity["handling"] if entity else None

    async def state(self, petition: str, state: str) -> str:
        """Wait until the latest order is in a state; return its id."""

        async def latest() -> str | None:
            handling = await self.handling(petition)
            order = handling["workOrders"][-1] if handling else None
            return order["id"] if order and order["state"] == state else None

        return await eventually(latest)

    async def readied(self, *, category: str = "drainage", **other: Any) -> tuple[str, str]:
        """Say that a petition was handed over; return its id and the work order's."""
        petition = str(uuid4())
        said: list[Event] = [
            PetitionSubmitted(by=SYSTEM, tracking_code="7K3M9QX2CD", kind=PetitionKind.DEMAND, channel="visit"),
            PetitionAccepted(
                by=SYSTEM, title="堵塞", category=category, urgency=Urgency.NORMAL, extent=Extent.COMMUNITY
            ),
            readied(category=category, **other),
        ]
        await self.intake.say(petition, *said)
        return petition, await self.state(petition, "PENDING")

    async def replied(self) -> tuple[str, str]:
        """Bring a work order to its reply."""
        petition, order = await self.readied()
        (await self.do(p.ASSIGN, "street_committee", order, department="housing")).ok()
        (await self.do(p.ACKNOWLEDGE, "department", order)).ok()
        (await self.do(p.START, "department", order)).ok()
        (await self.do(p.REPLY, "department", order, words="已疏通", measures="高压疏通")).ok()
        return petition, order


def readied(*, category: str = "drainage", department: str | None = None) -> PetitionReadied:
    """Return what intake says when it hands a petition over."""
    return PetitionReadied(
        by=SYSTEM,
        tracking_code="7K3M9QX2CD",
        title="堵塞",
        category=category,
        urgency=Urgency.NORMAL,
        request="请疏通",
        department=department,
        deadline_class=DeadlineClass.SIMPLE,
    )


def desk_of(district: District) -> Desk:
    """Return dispatch with both voices."""
    return Desk(district, Voice(district, Source.INTAKE), Voice(district, Source.FEEDBACK))
