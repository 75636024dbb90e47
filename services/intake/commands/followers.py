"""Representatives who record petitions, and who take on following them."""

from datetime import datetime

from services.contracts.reference import Representative
from services.intake.commands.answers import Changed
from services.intake.domain import access, followers
from services.intake.store import petitions
from services.kernel.access import Actor, require, require_own
from services.kernel.errors import Forbidden
from services.kernel.ids import PetitionId
from services.kernel.reference import References
from services.kernel.transaction import Transaction


def in_office(by: Actor, references: References) -> str:
    """Return the code of the representative whom a token names.

    :raises Forbidden: it names none, or one who is not in office (any more).
    """
    if by.representative is None or references.find(Representative, by.representative) is None:
        raise Forbidden("The token names no representative in office, so nothing can be recorded in their name.")
    return by.representative


async def follow(
    tx: Transaction, petition_id: PetitionId, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Take on following a petition; who follows it already changes nothing, and is answered alike.

    :raises NotFound: the petition is not the representative's own.
    :raises Forbidden: the token names no representative in office.
    :raises InvalidState: it is over.
    """
    who = require(by, access.FOLLOW)
    petition = await petitions.lock(tx, petition_id)
    require_own(by, petition.head.scope, access.FOLLOW, "This petition")
    decision = followers.follow(petition, in_office(by, references), by=who)
    if decision is None:
        return Changed(petition)
    return Changed(await petitions.save(tx, petition, decision, now=now))
