"""Feedback, wired: what it consumes, how it reacts, what it serves."""

from collections.abc import Sequence
from datetime import datetime

from services.contracts.reference import AnyEntry
from services.contracts.vocabulary import Source
from services.feedback import handlers
from services.feedback.commands import clocks
from services.feedback.schema import schema
from services.kernel.db import Transaction
from services.kernel.ids import ClockId, PetitionId
from services.kernel.reference import ReferenceCache
from services.kernel.scheduler import Fire
from services.kernel.service import Wiring


def firing(references: ReferenceCache) -> Fire:
    """Return what the scheduler does with a due clock."""

    async def fire(tx: Transaction, petition_id: PetitionId, clock_id: ClockId, now: datetime) -> bool:
        return await clocks.fire_clock(tx, petition_id, clock_id, references.current, now=now)

    return fire


def no_entries() -> Sequence[AnyEntry]:
    """Return nothing: feedback owns no reference data."""
    return ()


WIRING = Wiring(
    source=Source.FEEDBACK,
    package="services.feedback",
    consumed=handlers.SOURCES,
    schema=schema,
    handlers=handlers.handlers,
    fire=firing,
    seed=no_entries,
)
