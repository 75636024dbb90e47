"""The petitions that the documentation speaks of, played for real; and asking as the documentation's readers do."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from graphql import OperationDefinitionNode, OperationType, parse

from services.kernel.auth import development
from tests.support import people as p
from tests.support.district import District
from tests.support.following import following
from tests.support.people import Filed, People

CODE: Final = "F0NH3-6R1HZ"
SECRET: Final = "9V4RW2KD" + "8HTPXM3C"  # in two, so that no check takes it for a real one
PETITION: Final = "019abf3e-1c6a-7d52-9f0e-3c5b8a7d4e21"
ORDER: Final = "019abf3e-5b0c-7a41-8d23-6f1e9c0b7a55"
MISTAKEN: Final = "019abf40-77aa-7c11-a0de-52b19e64c3f8"
WAITING_ORDER: Final = "019abf43-2f1d-7b60-8c35-90d4e7a1b2c6"

SUPERVISOR: Final = "district_supervisor"


@dataclass
class Stage:
    """A district with the pages' petition (filed, handled, answered, visited, closed), and two more.

    One is filed by mistake; the order of the other waits for the housing bureau.
    """

    district: District
    cast: dict[str, str]
    """What the pages write, and what it is here."""

    resident: str
    position: str
    first_cursor: str = ""
    told: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    async def played(cls, district: District) -> "Stage":
        """Play both petitions."""
        people = People(district)
        filed, order, replied = await people.replied()
        (await people.visit(filed, after=replied, solved=True, satisfied=True)).ok()
        closed = (await people.do(p.CLOSE, "street_committee", petitionId=filed.id)).ok()
        mistaken = await people.file("representative")
        cast = {CODE: filed.code, SECRET: filed.secret, PETITION: filed.id, ORDER: order, MISTAKEN: mistaken.id}
        cast[CODE.replace("-", "")] = filed.code.replace("-", "")  # as events have it
        cast[WAITING_ORDER] = await _assigned_in_maan(people)
        return cls(district, cast, await people.resident(filed), closed["closePetition"]["position"])

    def filed(self) -> Filed:
        """Return the pages' petition."""
        return Filed(self.cast[PETITION], self.cast[CODE], self.cast[SECRET], self.position)

    def real(self, text: str) -> str:
        """Return a text with what is real here, for what the pages write; addresses too."""
        origin = self.district.url.removesuffix("/graphql")
        for written, real in (*self.cast.items(), ("http://127.0.0.1:4000", origin)):
            text = text.replace(written, real)
        return text

    def token(self, who: str) -> str | None:
        """Return the token of whom a page means."""
        match who:
            case "nobody":
                return None
            case "resident":
                return self.resident
            case _:
                return development.sign(Path(self.district.servers.keys), who)

    async def ask(self, document: str, variables: dict[str, Any], *, who: str, most: int) -> list[dict[str, Any]]:
        """Return the answers: one, or of a subscription so many as `most`."""
        [operation] = [one for one in parse(document).definitions if isinstance(one, OperationDefinitionNode)]
        token = self.token(who)
        if operation.operation is OperationType.SUBSCRIPTION:
            async with following(
                self.district, document, token=token, read_after=self.position, **variables
            ) as subscription:
                name = operation.selection_set.selections[0].name.value  # pyright: ignore[reportAttributeAccessIssue]
                return [{"data": {name: told}} for told in await subscription.take(most)]
        answer = await self.district.ask(document, token=token, after=self.position, **variables)
        told = {
            **({"errors": answer.errors} if answer.errors else {}),
            **({"data": answer.data} if answer.data is not None or not answer.errors else {}),
        }
        if operation.operation is OperationType.MUTATION and answer.data:
            positions = [one["position"] for one in answer.data.values() if one and "position" in one]
            self.position = positions[-1] if positions else self.position
        return [told]


async def _assigned_in_maan(people: People) -> str:
    """File, screen and assign a petition of another street, which is in no list that a page shows; return the order."""

    def token(user: str) -> str:
        return development.sign(Path(people.district.servers.keys), user)

    committee, representative = token("street_committee.fenghuang"), token("representative.huang-meiping")
    filed = await people.file(token=representative, community="maan", estate=None)
    given: dict[str, Any] = {"petitionId": filed.id}
    accepted = {"title": "楼道扶手松动", "category": "housing-estate"}
    (await people.do(p.ACCEPT, token=committee, **given, **accepted)).ok()
    (await people.do(p.LISTEN, token=representative, **given, said="居民反映扶手松动")).ok()
    (await people.do(p.LOOK, token=token("community.maan"), **given, findings="扶手松动两处")).ok()
    (await people.do(p.DELIBERATE, token=committee, **given, outcome="应加固", participants=4)).ok()
    handed = (await people.do(p.HAND_OVER, token=committee, **given, request="请加固楼道扶手并答复居民")).ok()
    order = await people.order(filed, handed["handOverPetition"]["position"])
    (await people.do(p.ASSIGN, token=committee, workOrderId=order, department="housing")).ok()
    return order
