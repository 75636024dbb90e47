"""own.original, own.contact, own.addition, own.contact_look: what is sealed, and who looked."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from services.contracts.event import Who
from services.intake.vault import Contact, Vault, WrappedKey
from services.kernel.db import Transaction
from services.kernel.ids import PetitionId, new_uuid

_SEAL: Final = """
-- originals.seal: the resident's own words and contact data
WITH original AS (
    INSERT INTO own.original (petition_id, master_key, wrapped_key, words) VALUES ($1, $2, $3, $4)
)
INSERT INTO own.contact (petition_id, sealed, phone_hash) VALUES ($1, $5, $6)"""

_KEY: Final = """
-- originals.key: the wrapped key of a record
SELECT master_key, wrapped_key FROM own.original WHERE petition_id = $1"""

_ADD: Final = """
-- originals.add: the resident's addition
INSERT INTO own.addition (petition_id, addition_id, added_at, words, masked) VALUES ($1, $2, $3, $4, $5)"""

_LOOK: Final = """
-- originals.look: contact data, and the record of the look, in one statement
WITH look AS (
    INSERT INTO own.contact_look (petition_id, look_id, looked_at, role, subject, purpose)
    VALUES ($1, $2, $3, $4, $5, $6)
)
SELECT original.master_key, original.wrapped_key, contact.sealed
FROM own.original JOIN own.contact USING (petition_id) WHERE petition_id = $1"""


async def seal(tx: Transaction, vault: Vault, petition_id: PetitionId, words: str, contact: Contact) -> None:
    """Seal what a resident wrote, under a new key of the record."""
    key, wrapped = vault.new_key(petition_id)
    sealed = vault.seal(key, petition_id, "contact", msgspec.json.encode(contact).decode())
    await tx.connection.execute(
        _SEAL,
        petition_id,
        wrapped.master_key,
        wrapped.sealed,
        vault.seal(key, petition_id, "words", words),
        sealed,
        vault.phone_hash(contact.phone),
    )


async def add(
    tx: Transaction, vault: Vault, petition_id: PetitionId, words: str, masked: str, *, now: datetime
) -> None:
    """Seal an addition under the record's key; after erasure only the masked text is kept."""
    row = await tx.connection.fetchrow(_KEY, petition_id)
    key = vault.unwrap(petition_id, WrappedKey(row["master_key"], row["wrapped_key"])) if row else None
    addition: UUID = new_uuid()
    sealed = vault.seal(key, petition_id, f"addition:{addition}", words) if key else b""
    await tx.connection.execute(_ADD, petition_id, addition, now, sealed, masked)


async def look(
    tx: Transaction, vault: Vault, petition_id: PetitionId, purpose: str, *, by: Who, now: datetime
) -> Contact | None:
    """Return contact data and record who looked; None after erasure."""
    row = await tx.connection.fetchrow(_LOOK, petition_id, new_uuid(), now, by.role.value, by.subject, purpose)
    if row is None:
        return None
    key = vault.unwrap(petition_id, WrappedKey(row["master_key"], row["wrapped_key"]))
    return msgspec.json.decode(vault.open(key, petition_id, "contact", row["sealed"]), type=Contact)
