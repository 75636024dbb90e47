"""Erasing a petition's personal data for good, with a receipt (domain.md, Personal data)."""

from datetime import datetime
from typing import Final

from services.intake.domain import access, erasure
from services.intake.store import erasures, originals, petitions
from services.intake.store.erasures import Receipt
from services.kernel import text
from services.kernel.access import Actor, require
from services.kernel.errors import NotFound
from services.kernel.ids import PetitionId
from services.kernel.masking import mask
from services.kernel.transaction import Transaction

LONGEST_BECAUSE: Final = 500


async def erase_personal_data(
    tx: Transaction, petition_id: PetitionId, because: str, *, by: Actor, now: datetime
) -> Receipt:
    """Destroy the petition's key, and what it sealed: words, additions, contact data. The masked story stays.

    Repeated, it changes nothing and returns the first receipt.

    :raises InvalidInput: no reason is given.
    :raises NotFound: there is no such petition.
    """
    who = require(by, access.ERASE)
    why = mask(text.required(because, "because", longest=LONGEST_BECAUSE))
    petition = await petitions.lock(tx, petition_id)
    receipt = await erasures.find(tx, petition_id)
    if receipt is None:
        destroyed = await originals.erase(tx, petition_id)
        if destroyed is None:
            raise NotFound("The personal data of this petition")
        # The one event of this decision, and so the petition's next.
        sequence = petition.head.sequence + 1
        receipt = await erasures.keep(tx, petition_id, sequence, destroyed, why, by=who, now=now)
        await petitions.save(tx, petition, erasure.erase(petition, receipt.id, by=who), now=now)
    return receipt
