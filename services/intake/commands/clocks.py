"""Firing intake's clocks. None of them acts by itself: they remind and escalate."""

from datetime import datetime

from services.intake.store import petitions
from services.kernel.clocks import is_due
from services.kernel.head import pressed, reckoned
from services.kernel.ids import ClockId, PetitionId
from services.kernel.reference import References
from services.kernel.scheduler import FIRED
from services.kernel.transaction import Transaction


async def fire_clock(
    tx: Transaction, petition_id: PetitionId, clock_id: ClockId, references: References, *, now: datetime
) -> bool:
    """Press a due clock one level further; false when it is no longer due."""
    petition = await petitions.lock(tx, petition_id)
    clock = next((c for c in petition.head.clocks if c.id == clock_id), None)
    if clock is None or not is_due(clock, now):
        return False
    await tx.connection.execute(FIRED, petition_id, clock_id, int(clock.level) + 1, now)
    await petitions.save(tx, petition, pressed(petition, clock, references.terms, now=now), now=now)
    return True


async def reckon_clocks(tx: Transaction, petition_id: PetitionId, references: References, *, now: datetime) -> bool:
    """Reckon a petition's open clocks by the present calendar; false when all were."""
    petition = await petitions.lock(tx, petition_id)
    decision = reckoned(petition, references.terms, now=now)
    if decision is None:
        return False
    await petitions.save(tx, petition, decision, now=now)
    return True
