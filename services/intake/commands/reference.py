"""Recording the reference data that intake owns, many entries at once: for every service, from one place."""

from datetime import datetime

from services.contracts.vocabulary import Source
from services.intake.domain import access
from services.intake.domain import reference as rules
from services.kernel import reference
from services.kernel.access import Actor, require
from services.kernel.entries import EntriesRecorded, RecordEntries, to_record
from services.kernel.transaction import Transaction


async def record_entries(tx: Transaction, cmd: RecordEntries, *, by: Actor, now: datetime) -> EntriesRecorded:
    """Record entries, all or none; those that do not differ from what stands are not published again.

    :raises FaultyEntries: of another kind, naming what is not in use, retiring what is needed, or wrong in themselves.
    """
    who = require(by, access.RECORD_REFERENCE)
    entries = to_record(cmd, await reference.lock_own(tx), rules.OWNED, rules.MORE)
    recorded = await reference.record(tx, Source.INTAKE, entries, by=who, now=now)
    return EntriesRecorded(recorded, len(cmd.entries) - recorded)
