"""Firing intake's clocks. None of them acts by itself: they remind and escalate."""

from dataclasses import replace
from datetime import datetime

from services.contracts.event import SYSTEM
from services.intake.store import petitions
from services.kernel.clocks import is_due
from services.kernel.db import Transaction
from services.kernel.head import Decision, Fact
from services.kernel.ids import ClockId, PetitionId
from services.kernel.reference import References
from services.kernel.scheduler import FIRED


async def fire_clock(
    tx: Transaction, petition_id: PetitionId, clock_id: ClockId, references: References, *, now: datetime
) -> bool:
    """Press a due clock one level further; false when it is no longer due."""
    petition = await petitions.lock(tx, petition_id)
    clock = next((c for c in petition.head.clocks if c.id == clock_id), None)
    if clock is None or not is_due(clock, now):
        return False
    ticking = petition.head.ticking(references.terms, SYSTEM, now).fire(clock)
    after = replace(petition, head=petition.head.after(ticking))
    await tx.connection.execute(FIRED, petition_id, clock_id, int(clock.level) + 1, now)
    await petitions.save(tx, petition, Decision(after, tuple(Fact(e) for e in ticking.events)), now=now)
    return True


async def reckon_clocks(tx: Transaction, petition_id: PetitionId, references: References, *, now: datetime) -> bool:
    """Reckon a petition's open clocks by the present calendar; false when all were."""
    petition = await petitions.lock(tx, petition_id)
    ticking = petition.head.ticking(references.terms, SYSTEM, now).reckon_again()
    if set(ticking.clocks) == set(petition.head.clocks):
        return False
    after = replace(petition, head=petition.head.after(ticking))
    await petitions.save(tx, petition, Decision(after, tuple(Fact(event) for event in ticking.events)), now=now)
    return True
