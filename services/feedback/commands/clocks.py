"""Firing feedback's clocks: reminders and levels; and what the product does by itself at a due date."""

from datetime import datetime

from services.contracts.event import SYSTEM
from services.contracts.vocabulary import ClockKind
from services.feedback.domain import closing, ledger
from services.feedback.domain.case import Case, Petition
from services.feedback.store import petitions
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
    """Press a due clock one level further, or do what its due date means; false when it is no longer due."""
    petition = await petitions.lock(tx, petition_id)
    clock = next((c for c in petition.head.clocks if c.id == clock_id), None)
    if clock is None or not is_due(clock, now):
        return False
    if petition.case is not None and acts_now(clock, now):
        level, decision = Level.FIRST, _act(petition, petition.case, clock, references.terms, now)
    else:
        level, decision = Level(clock.level + 1), pressed(petition, clock, references.terms, now=now)
    await tx.connection.execute(FIRED, petition_id, clock_id, int(level), now)
    await petitions.save(tx, petition, decision, now=now)
    return True


def _act(petition: Petition, case: Case, clock: Clock, terms: Terms, now: datetime) -> Decision[Petition]:
    match clock.kind:
        case ClockKind.CLOSING:
            return closing.close(petition, case, reason="", terms=terms, by=SYSTEM, now=now)
        case ClockKind.LEDGER_APPROVAL:
            return ledger.refuse(petition, case, answered=False, reason="", terms=terms, by=SYSTEM, now=now)
        case ClockKind.LEDGER_REVIEW:
            return ledger.review(petition, case, terms, now=now)
        case _:
            raise AssertionError(f"{clock.kind} does not act by itself")


async def reckon_clocks(tx: Transaction, petition_id: PetitionId, references: References, *, now: datetime) -> bool:
    """Reckon a petition's open clocks by the present calendar; false when all were."""
    petition = await petitions.lock(tx, petition_id)
    decision = reckoned(petition, references.terms, now=now)
    if decision is None:
        return False
    await petitions.save(tx, petition, decision, now=now)
    return True
