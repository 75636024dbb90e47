"""Looking at a resident's contact data, which is recorded each time (domain.md, Personal data)."""

from datetime import datetime
from typing import Final

import msgspec

from services.contracts.vocabulary import PetitionState, Role
from services.intake.domain import access
from services.intake.domain.petition import Petition
from services.intake.store import originals, petitions
from services.intake.vault import Vault
from services.kernel import text
from services.kernel.access import Actor, require, require_own
from services.kernel.db import Transaction
from services.kernel.errors import NotFound
from services.kernel.ids import PetitionId

LONGEST_PURPOSE: Final = 200
_OVER: Final = frozenset({PetitionState.REJECTED, PetitionState.WITHDRAWN})


class Shown(msgspec.Struct, frozen=True):
    """Contact data as it was shown."""

    name: str
    phone: str


def _concerned(by: Actor, petition: Petition) -> bool:
    """Tell whether contact data is needed now: a station's until handing over, a department's until the reply."""
    if petition.closed or petition.state in _OVER:
        return False
    roles = by.roles & access.CONTACT.roles
    if roles <= {Role.STATION_STAFF}:
        return petition.state is not PetitionState.READY
    if roles <= {Role.DEPARTMENT, Role.DEPARTMENT_HEAD}:
        return not petition.reply_known
    return True


async def look_up_contact(
    tx: Transaction, petition_id: PetitionId, purpose: str, vault: Vault, *, by: Actor, now: datetime
) -> Shown:
    """Return contact data to whoever needs it now, and record the look with its purpose.

    :raises NotFound: the petition is not the actor's, is over, or its contact data was erased.
    """
    who = require(by, access.CONTACT)
    wanted = text.required(purpose, "purpose", longest=LONGEST_PURPOSE)
    petition = await petitions.lock(tx, petition_id)
    require_own(by, petition.head.scope, access.CONTACT, "This contact data")
    if not _concerned(by, petition):
        raise NotFound("This contact data")
    contact = await originals.look(tx, vault, petition_id, wanted, by=who, now=now)
    if contact is None:
        raise NotFound("This contact data")
    return Shown(contact.name, contact.phone)
