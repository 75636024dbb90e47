"""own.erasure: receipts for personal data that was erased."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from services.contracts.event import Who
from services.contracts.vocabulary import Role, Source
from services.intake.store.originals import Destroyed
from services.kernel.db import Row
from services.kernel.ids import PetitionId, new_uuid
from services.kernel.read_after import Position, show
from services.kernel.transaction import Transaction

_COLUMNS: Final = """petition_id, receipt_id, sequence, erased_at, role, subject, because, originals, additions,
    contacts, phone_hashes, wrapped_key_sha256"""

_FIND: Final = f"""
-- erasures.find: the receipt of a petition
SELECT {_COLUMNS} FROM own.erasure WHERE petition_id = $1"""

_KEEP: Final = f"""
-- erasures.keep: a receipt
INSERT INTO own.erasure ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"""


class Receipt(msgspec.Struct, frozen=True):
    """That a petition's personal data was erased: when, by whom, why, and what there was of it.

    `sequence` is the event's that told of it.
    """

    id: UUID
    petition_id: PetitionId
    sequence: int
    erased_at: datetime
    by: Who
    because: str
    originals: int
    additions: int
    contacts: int
    phone_hashes: int
    wrapped_key_sha256: str

    @property
    def position(self) -> str:
        """Where the change stands, for `Read-After`."""
        return show(Position(Source.INTAKE, self.petition_id, self.sequence))


async def find(tx: Transaction, petition_id: PetitionId) -> Receipt | None:
    """Return the receipt of a petition whose personal data was erased."""
    row = await tx.connection.fetchrow(_FIND, petition_id)
    return _receipt(row) if row else None


async def keep(
    tx: Transaction,
    petition_id: PetitionId,
    sequence: int,
    destroyed: Destroyed,
    because: str,
    *,
    by: Who,
    now: datetime,
) -> Receipt:
    """Keep a receipt and return it."""
    receipt = Receipt(
        id=new_uuid(),
        petition_id=petition_id,
        sequence=sequence,
        erased_at=now,
        by=by,
        because=because,
        originals=destroyed.originals,
        additions=destroyed.additions,
        contacts=destroyed.contacts,
        phone_hashes=destroyed.phone_hashes,
        wrapped_key_sha256=destroyed.wrapped_key_sha256.hex(),
    )
    await tx.connection.execute(
        _KEEP,
        petition_id,
        receipt.id,
        sequence,
        now,
        by.role.value,
        by.subject,
        because,
        destroyed.originals,
        destroyed.additions,
        destroyed.contacts,
        destroyed.phone_hashes,
        destroyed.wrapped_key_sha256,
    )
    return receipt


def _receipt(row: Row) -> Receipt:
    return Receipt(
        id=row["receipt_id"],
        petition_id=row["petition_id"],
        sequence=row["sequence"],
        erased_at=row["erased_at"],
        by=Who(role=Role(row["role"]), subject=row["subject"]),
        because=row["because"],
        originals=row["originals"],
        additions=row["additions"],
        contacts=row["contacts"],
        phone_hashes=row["phone_hashes"],
        wrapped_key_sha256=bytes(row["wrapped_key_sha256"]).hex(),
    )
