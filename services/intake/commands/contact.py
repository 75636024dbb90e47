"""Looking at a resident's contact data, which is recorded each time (domain.md, Personal data)."""

from datetime import datetime
from typing import Final

import msgspec

from services.contracts.vocabulary import CaseState, PetitionState, Role, WorkOrderState
from services.intake.domain import access
from services.intake.domain.petition import Petition
from services.intake.store import originals, petitions, view_petition
from services.intake.store.view_petition import Elsewhere
from services.intake.vault import Vault
from services.kernel import text
from services.kernel.access import OWN, Actor, require
from services.kernel.errors import NotFound
from services.kernel.ids import PetitionId
from services.kernel.masking import mask
from services.kernel.transaction import Transaction

LONGEST_PURPOSE: Final = 200
_OVER: Final = frozenset({PetitionState.REJECTED, PetitionState.WITHDRAWN})
_BEFORE_HANDING_OVER: Final = frozenset({PetitionState.SUBMITTED, PetitionState.ACCEPTED, PetitionState.SCREENING})
_AT_A_DEPARTMENT: Final = frozenset(
    {WorkOrderState.ASSIGNED, WorkOrderState.ACKNOWLEDGED, WorkOrderState.IN_PROGRESS, WorkOrderState.UNDER_RULING}
)


class Shown(msgspec.Struct, frozen=True):
    """Contact data as it was shown."""

    name: str
    phone: str


def _needs(role: Role, by: Actor, petition: Petition, elsewhere: Elsewhere) -> bool:
    """Tell whether a role needs contact data now (domain.md, "Who may do and see what", column "sees")."""
    if role is Role.RESIDENT:
        return True
    if petition.closed or petition.state in _OVER:
        return False
    match role:
        case Role.STREET_COMMITTEE:
            return True
        case Role.STATION_STAFF:
            return petition.state in _BEFORE_HANDING_OVER
        case Role.REPRESENTATIVE:
            # Following a petition gives nobody contact data: only who recorded it was told how to reach the resident.
            recorded = by.representative is not None and by.representative == petition.representative
            return (recorded and petition.state in _BEFORE_HANDING_OVER) or elsewhere.case is CaseState.AWAITING_VISIT
        case _:
            return elsewhere.order in _AT_A_DEPARTMENT


async def look_up_contact(
    tx: Transaction, petition_id: PetitionId, purpose: str, vault: Vault, *, by: Actor, now: datetime
) -> Shown:
    """Return contact data to whoever needs it now, and record the look with its purpose.

    Each role is judged by itself: being a station's does not help somebody of another street's committee.

    :raises NotFound: the petition is not the actor's, or contact data is not needed (any more), or was erased.
    """
    require(by, access.CONTACT)
    wanted = mask(text.required(purpose, "purpose", longest=LONGEST_PURPOSE))
    petition = await petitions.lock(tx, petition_id)
    roles = [role for role in by.roles & access.CONTACT.roles if OWN[role](by, petition.head.scope)]
    if not roles:
        raise NotFound("This petition")
    elsewhere = await view_petition.elsewhere(tx, petition_id)
    needing = frozenset(role for role in roles if _needs(role, by, petition, elsewhere))
    if not needing:
        raise NotFound("This contact data")
    who = by.acting_as(needing)
    contact = await originals.look(tx, vault, petition_id, petition.head.scope.street, wanted, by=who, now=now)
    if contact is None:
        raise NotFound("This contact data")
    return Shown(contact.name, contact.phone)
