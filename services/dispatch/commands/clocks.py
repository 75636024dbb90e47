"""Firing dispatch's clocks: they remind and escalate; INFORMATION, when due, lets handling go on."""

from dataclasses import replace
from datetime import datetime

from services.contracts.event import SYSTEM
from services.dispatch.domain import handling
from services.dispatch.domain.work_order import Petition
from services.dispatch.store import petitions
from services.kernel.clocks import Clock, Level, acts_now, is_due
from services.kernel.db import Transaction
from services.kernel.head import Decision, Fact
from services.kernel.ids import ClockId, PetitionId
from services.kernel.reference import References
from services.kernel.scheduler import FIRED
from services.kernel.terms import Terms


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
        return Level.FIRST, handling.resume(petition, asked, expired=True, terms=terms, now=now)
    ticking = petition.head.ticking(terms, SYSTEM, now).fire(clock)
    after = replace(petition, head=petition.head.after(ticking))
    return Level(clock.level + 1), Decision(after, tuple(Fact(event) for event in ticking.events))


async def reckon_clocks(tx: Transaction, petition_id: PetitionId, references: References, *, now: datetime) -> bool:
    """Reckon a petition's open clocks by the present calendar; false when all were."""
    petition = await petitions.find(tx, petition_id)
    if petition is None:
        return False
    ticking = petition.head.ticking(references.terms, SYSTEM, now).reckon_again()
    if set(ticking.clocks) == set(petition.head.clocks):
        return False
    after = replace(petition, head=petition.head.after(ticking))
    await petitions.save(tx, petition, Decision(after, tuple(Fact(event) for event in ticking.events)), now=now)
    return True
