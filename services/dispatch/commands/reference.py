"""Recording departments and routing rules, many at once: for every service, from one place."""

from datetime import datetime

from services.contracts.vocabulary import Source
from services.dispatch.domain import access
from services.dispatch.domain import reference as rules
from services.kernel import reference
from services.kernel.access import Actor, require
from services.kernel.entries import EntriesRecorded, RecordEntries, to_record
from services.kernel.transaction import Transaction


async def record_entries(tx: Transaction, cmd: RecordEntries, *, by: Actor, now: datetime) -> EntriesRecorded:
    """Record entries, all or none; those that do not differ from what stands are not published again.

    The answer tells which of intake's codes they name that have not arrived here: such rules fit nothing until then.

    :raises FaultyEntries: of another kind, naming what is not in use, retiring what is needed, or wrong in themselves.
    """
    who = require(by, access.RECORD_REFERENCE)
    entries = to_record(cmd, await reference.lock_own(tx), rules.OWNED, rules.MORE)
    unheard = await reference.unheard(tx, rules.named_of_intakes(entries))
    recorded = await reference.record(tx, Source.DISPATCH, entries, by=who, now=now)
    return EntriesRecorded(recorded, len(cmd.entries) - recorded, tuple(unheard))
