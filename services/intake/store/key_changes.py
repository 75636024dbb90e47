"""own.key_rotation, own.retired_key: what operators did to the master keys."""

from typing import Final
from uuid import UUID

from services.kernel.db import Connection
from services.kernel.ids import new_uuid
from services.kernel.transaction import Transaction

_BEGIN: Final = """
-- key_changes.begin: a run that wraps record keys anew
INSERT INTO own.key_rotation (rotation_id, began_by, master_key) VALUES ($1, $2, $3)"""

_IS_RETIRED: Final = """
-- key_changes.is_retired: whether no record may be wrapped with a master key any more
SELECT EXISTS (SELECT 1 FROM own.retired_key WHERE master_key = $1)"""

_HOLD: Final = """
-- key_changes.hold: wait for those who are wrapping, and let nobody begin
LOCK TABLE own.original IN SHARE MODE"""

_IN_USE: Final = """
-- key_changes.in_use: whether a record is wrapped with a master key
SELECT EXISTS (SELECT 1 FROM own.original WHERE master_key = $1)"""

_RETIRE: Final = """
-- key_changes.retire: from now on nothing is wrapped with a master key
INSERT INTO own.retired_key (master_key, retired_by) VALUES ($1, $2) ON CONFLICT DO NOTHING"""


async def begin(reader: Connection, master_key: str, *, by: str) -> UUID:
    """Record that somebody begins to wrap record keys with a master key; return the run's id."""
    rotation = new_uuid()
    await reader.execute(_BEGIN, rotation, by, master_key)
    return rotation


async def is_retired(reader: Connection, master_key: str) -> bool:
    """Tell whether a master key is retired."""
    return await reader.fetchval(_IS_RETIRED, master_key)


async def retire(tx: Transaction, master_key: str, *, by: str) -> bool:
    """Let nothing be wrapped with a master key from now on; false if a record is.

    A service with an older keys folder may be sealing with it at this very moment: it is waited for, and whoever comes
    later finds the key retired (originals.seal).
    """
    await tx.connection.execute(_HOLD)
    if await tx.connection.fetchval(_IN_USE, master_key):
        return False
    await tx.connection.execute(_RETIRE, master_key, by)
    return True
