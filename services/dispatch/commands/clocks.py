"""Firing dispatch's clocks: they remind and escalate; INFORMATION, when due, lets handling go on."""

from datetime import datetime

from services.dispatch.domain import handling
from services.dispatch.domain.work_order import Petition
from services.dispatch.store import petitions
from services.kernel.clocks import Clock, Level, acts_now, is_due
from services.kernel.head import Decision, pressed, reckoned
from services.kernel.ids import ClockId, PetitionId
from services.kernel.reference import References
from services.kernel.scheduler import FIRED
from services.kernel.terms import Terms
from services.kernel.transaction import Transaction


async def fire_clock(
    tx: Transaction, petition_id: PetitionId, clock_id: ClockId, references: References, *, now: datetime
) -> bool:
    """Act on a due clock, or press it one level further; false when it is no longer due."""
    petition = await petitions.find(tx, petition_id)
    clock = next((c for c in petition.head.clocks if c.id == clock_id), None) if petition else None
    if petition is None or clock is None or not is_due(clock, now):
        return False
    level, decision = _fired(petition, clock, references.terms, now)
    await tx.connection.execute(FIRED, petition_id, clock_id, int(level), now)
    await petitions.save(tx, petition, decision, now=now)
    return True


def _fired(petition: Petition, clock: Clock, terms: Terms, now: datetime) -> tuple[Level, Decision[Petition]]:
    if acts_now(clock, now):
        [asked] = [order for order in petition.orders if order.id == clock.about]
        # The pause ends when the time for an answer is over, however late that is noticed.
        return Level.FIRST, handling.resume(petition, asked, expired=True, terms=terms, now=clock.due_at)
    return Level(clock.level + 1), pressed(petition, clock, terms, now=now)


async def reckon_clocks(tx: Transaction, petition_id: PetitionId, references: References, *, now: datetime) -> bool:
    """Reckon a petition's open clocks by the present calendar; false when all were."""
    petition = await petitions.find(tx, petition_id)
    decision = reckoned(petition, references.terms, now=now) if petition else None
    if petition is None or decision is None:
        return False
    await petitions.save(tx, petition, decision, now=now)
    return True
