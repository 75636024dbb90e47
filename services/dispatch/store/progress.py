"""own.progress: how much of a petition's events from the other services has taken effect here."""

from typing import Final

from services.contracts.vocabulary import Source
from services.kernel.head import Seen
from services.kernel.ids import PetitionId
from services.kernel.transaction import Transaction

_HOLD: Final = """
-- progress.hold: hold back what the other services say of a petition that has no row to lock here
SELECT source, applied FROM own.progress WHERE aggregate_id = $1 ORDER BY source FOR NO KEY UPDATE"""


async def hold(tx: Transaction, petition_id: PetitionId) -> Seen | None:
    """Hold back other services' events about a petition, and return what of them was applied; None: unheard of.

    Only for a petition without a row of its own: the inbox locks that one before these.
    """
    rows = await tx.connection.fetch(_HOLD, petition_id)
    return {Source(row["source"]): row["applied"] for row in rows if row["applied"]} if rows else None
