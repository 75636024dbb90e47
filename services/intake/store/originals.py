"""own.original, own.contact, own.addition, own.contact_look: what is sealed, and who looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from services.contracts.event import Who
from services.intake.vault import Contact, Vault, WrappedKey
from services.kernel.db import Connection
from services.kernel.errors import Unavailable
from services.kernel.ids import PetitionId, new_uuid
from services.kernel.transaction import Transaction

_SEALED: Final = "INSERT 0 1"

_SEAL: Final = """
-- originals.seal: the resident's own words and contact data, unless the master key was retired a moment ago
WITH original AS (
    INSERT INTO own.original (petition_id, master_key, wrapped_key, words)
    SELECT $1::uuid, $2::text, $3::bytea, $4::bytea
    WHERE NOT EXISTS (SELECT 1 FROM own.retired_key WHERE master_key = $2)
    RETURNING petition_id
)
INSERT INTO own.contact (petition_id, sealed, phone_hash) SELECT petition_id, $5::bytea, $6::bytea FROM original"""

_KEY: Final = """
-- originals.key: the wrapped key of a record
SELECT master_key, wrapped_key FROM own.original WHERE petition_id = $1"""

_ADD: Final = """
-- originals.add: the resident's addition
INSERT INTO own.addition (petition_id, addition_id, added_at, words, masked) VALUES ($1, $2, $3, $4, $5)"""

_LOOK: Final = """
-- originals.look: contact data, and the record of the look, in one statement
WITH look AS (
    INSERT INTO own.contact_look (petition_id, look_id, looked_at, street, role, subject, purpose)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
)
SELECT original.master_key, original.wrapped_key, contact.sealed
FROM own.original JOIN own.contact USING (petition_id) WHERE petition_id = $1"""


_MASTERS: Final = """
-- originals.masters: the master keys that records are wrapped with, one look into the index each
WITH RECURSIVE used AS (
    (SELECT master_key FROM own.original ORDER BY master_key LIMIT 1)
    UNION ALL
    SELECT (SELECT further.master_key FROM own.original AS further WHERE further.master_key > used.master_key
            ORDER BY further.master_key LIMIT 1)
    FROM used WHERE used.master_key IS NOT NULL
)
SELECT master_key FROM used WHERE master_key IS NOT NULL"""

_UNDER: Final = """
-- originals.under: the next wrapped keys under a master key; between rows, so that no other index has this order
SELECT petition_id, wrapped_key FROM own.original
WHERE (master_key, petition_id) > ($1, $2) AND master_key <= $1 ORDER BY master_key, petition_id LIMIT $3"""

_REWRAP: Final = """
-- originals.rewrap: record keys under another master key, if they are still wrapped as they were read
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS given (petition_id, before, after)
), rewrapped AS (
    UPDATE own.original SET master_key = $4, wrapped_key = given.after FROM given
    WHERE original.petition_id = given.petition_id AND original.wrapped_key = given.before
      AND NOT EXISTS (SELECT 1 FROM own.retired_key WHERE retired_key.master_key = $4)
    RETURNING 1
)
UPDATE own.key_rotation SET records = records + (SELECT count(*) FROM rewrapped)
WHERE rotation_id = $5 RETURNING (SELECT count(*) FROM rewrapped)"""

_ERASE: Final = """
-- originals.erase: the record's key and all that it sealed; what there was of it
WITH original AS (
    DELETE FROM own.original WHERE petition_id = $1 RETURNING wrapped_key
), contact AS (
    DELETE FROM own.contact WHERE petition_id = $1 RETURNING phone_hash
), addition AS (
    UPDATE own.addition SET words = '' WHERE petition_id = $1 AND words <> '' RETURNING 1
)
SELECT (SELECT sha256(wrapped_key) FROM original) AS wrapped_key_sha256,
       (SELECT count(*) FROM original) AS originals, (SELECT count(*) FROM addition) AS additions,
       (SELECT count(*) FROM contact) AS contacts, (SELECT count(phone_hash) FROM contact) AS phone_hashes"""


async def seal(tx: Transaction, vault: Vault, petition_id: PetitionId, words: str, contact: Contact) -> None:
    """Seal what a resident wrote, under a new key of the record.

    :raises Unavailable: the master key was retired, and its successor has not come here yet.
    """
    key, wrapped = vault.new_key(petition_id)
    sealed = vault.seal(key, petition_id, "contact", msgspec.json.encode(contact).decode())
    done = await tx.connection.execute(
        _SEAL,
        petition_id,
        wrapped.master_key,
        wrapped.sealed,
        vault.seal(key, petition_id, "words", words),
        sealed,
        vault.phone_hash(contact.phone),
    )
    if done != _SEALED:
        raise Unavailable("The keys are being changed; try again in a moment.")


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
    tx: Transaction, vault: Vault, petition_id: PetitionId, street: str, purpose: str, *, by: Who, now: datetime
) -> Contact | None:
    """Return contact data and record who looked; None after erasure."""
    about = (petition_id, new_uuid(), now, street)
    row = await tx.connection.fetchrow(_LOOK, *about, by.role.value, by.subject, purpose)
    if row is None:
        return None
    key = vault.unwrap(petition_id, WrappedKey(row["master_key"], row["wrapped_key"]))
    return msgspec.json.decode(vault.open(key, petition_id, "contact", row["sealed"]), type=Contact)


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What there was of a record before it was erased; of the key, a hash of how it was wrapped."""

    originals: int
    additions: int
    contacts: int
    phone_hashes: int
    wrapped_key_sha256: bytes


async def erase(tx: Transaction, petition_id: PetitionId) -> Destroyed | None:
    """Destroy a record's key and all that it sealed; None if there is none (any more)."""
    row = await tx.connection.fetchrow(_ERASE, petition_id)
    return Destroyed(**row) if row is not None and row["originals"] else None


async def masters(reader: Connection) -> list[str]:
    """Return the ids of the master keys that records are wrapped with."""
    return [row["master_key"] for row in await reader.fetch(_MASTERS)]


async def under(reader: Connection, master_key: str, *, after: UUID, most: int) -> list[tuple[PetitionId, WrappedKey]]:
    """Return the next record keys under a master key, in the order of the petitions."""
    rows = await reader.fetch(_UNDER, master_key, after, most)
    return [(row["petition_id"], WrappedKey(master_key, row["wrapped_key"])) for row in rows]


Exchange = tuple[PetitionId, WrappedKey, WrappedKey]
"""A petition, how its key was wrapped when it was read, and how it shall be."""


async def rewrap(reader: Connection, rotation: UUID, master_key: str, keys: Sequence[Exchange]) -> int:
    """Exchange wrapped keys, in one statement, unless they have changed meanwhile; return how many were exchanged.

    :param master_key: what the new ones are wrapped with.
    """
    before, after = [old.sealed for _, old, _ in keys], [new.sealed for _, _, new in keys]
    return await reader.fetchval(_REWRAP, [id_ for id_, _, _ in keys], before, after, master_key, rotation)
