"""Wrapping record keys anew under another master key, beside services that go on sealing and opening.

What was sealed is not touched: a record's key stays the same, and only how it is wrapped changes. Each page is one
statement, so a run that dies leaves nothing half done, and the next one goes on with what is left.
"""

import asyncio
from collections.abc import Callable
from typing import Final
from uuid import UUID

from services.intake.store import key_changes, originals
from services.intake.vault import Vault
from services.kernel.db import TRANSIENT, Connection
from services.kernel.errors import InvalidInput, Unavailable
from services.kernel.ids import new_uuid
from services.kernel.transaction import Cause, Database

PAGE: Final = 500
_ATTEMPTS: Final = 10
_BEFORE_ALL: Final = UUID(int=0)


async def rewrap_keys(
    reader: Connection, vault: Vault, *, by: str, page: int = PAGE, told: Callable[[int], None] = lambda _: None
) -> int:
    """Wrap every record key that is under another master key with the current one; return how many there were.

    :param by: who has this done; kept.
    :param told: is told after each page how many were wrapped so far.
    :raises InvalidInput: the current master key is retired, or one that records are wrapped with is not here.
    """
    current = vault.current_master
    rotation: UUID | None = None
    done = 0
    while True:
        if await key_changes.is_retired(reader, current):
            raise InvalidInput("current", f"The master key {current} is retired: make another one the current.")
        others = [master for master in await originals.masters(reader) if master != current]
        if not others:
            return done
        if missing := [master for master in others if not vault.has_master(master)]:
            raise InvalidInput("keys", f"Records need {', '.join(missing)}, which is not in the keys folder.")
        rotation = rotation or await key_changes.begin(reader, current, by=by)
        for master in others:
            after = _BEFORE_ALL
            while found := await originals.under(reader, master, after=after, most=page):
                keys = [(id_, wrapped, vault.rewrap(id_, wrapped)) for id_, wrapped in found]
                if any(new.master_key != current for _, _, new in keys):
                    raise Unavailable("Another master key has become the current one meanwhile; begin again.")
                done += await _exchanged(reader, rotation, current, keys)
                after = found[-1][0]
                told(done)


async def _exchanged(reader: Connection, rotation: UUID, current: str, keys: list[originals.Exchange]) -> int:
    for attempt in range(_ATTEMPTS):
        try:
            return await originals.rewrap(reader, rotation, current, keys)
        except TRANSIENT:
            # Another run met the same rows in another order.
            await asyncio.sleep(0.05 * 2**attempt)
    raise Unavailable("Too many act on the same records at once; begin again, and it goes on with what is left.")


async def retire_master(database: Database, vault: Vault, master_key: str, *, by: str) -> None:
    """Let no record be wrapped with a master key ever again.

    :raises InvalidInput: it is not here, it is the current one, or a record needs it.
    :raises Unavailable: the records were busy all the time.
    """
    if not vault.has_master(master_key):
        raise InvalidInput("retire", f"There is no master key {master_key} in the keys folder. Nothing was taken away.")
    if master_key == vault.current_master:
        raise InvalidInput("retire", f"New records are wrapped with {master_key}: make another one the current first.")
    cause = str(new_uuid())
    for attempt in range(_ATTEMPTS):
        try:
            async with database.transaction(Cause(cause, cause)) as tx:
                if not await key_changes.retire(tx, master_key, by=by):
                    raise InvalidInput(
                        "retire",
                        f"Records are wrapped with {master_key}: a service has not been given the new key yet. Nothing "
                        "was taken away; give it to all, and begin again.",
                    )
                return
        except TRANSIENT:
            await asyncio.sleep(0.05 * 2**attempt)
    raise Unavailable("The records were busy all the time; begin again.")
