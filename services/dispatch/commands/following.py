"""What the other services' events set going here. Each looks first whether there is anything left to do."""

from datetime import datetime

from services.dispatch.commands.lookup import routing_table
from services.dispatch.domain import assignment, following, routing
from services.dispatch.domain.assignment import HandedOver
from services.dispatch.domain.work_order import Petition
from services.dispatch.store import petitions
from services.kernel.head import Decision
from services.kernel.ids import PetitionId
from services.kernel.reference import References
from services.kernel.transaction import Transaction


async def _save(
    tx: Transaction, before: Petition | None, decision: Decision[Petition] | None, now: datetime
) -> Petition | None:
    return before if decision is None else await petitions.save(tx, before, decision, now=now)


async def open_work_order(
    tx: Transaction, asked: HandedOver, proposed: str | None, references: References, *, now: datetime
) -> None:
    """Open the work order that a screened petition asks for, with routing's suggestion."""
    known = await petitions.find(tx, PetitionId(asked.scope.petition))
    suggestion = routing.suggest(
        routing_table(references),
        asked.category,
        asked.scope.street,
        asked.scope.community,
        routing.by_screening(proposed),
    )
    await _save(tx, known, assignment.open_order(known, asked, suggestion, references.terms, now=now), now)


async def reopen_petition(
    tx: Transaction, petition_id: PetitionId, new_cycle: int, references: References, *, now: datetime
) -> None:
    """Let a petition that had a work order go round again; one solved on the spot is intake's to screen again."""
    petition = await petitions.find(tx, petition_id)
    if petition is None or not petition.orders:
        return
    # Saved by itself, since it still belongs to the cycle that ends.
    left = following.leave_cycle(petition, new_cycle, references.terms, now=now)
    petition = await _save(tx, petition, left, now) or petition
    scope = petition.head.scope
    proposed = routing.by_history(petition.orders[-1].department)
    suggestion = routing.suggest(routing_table(references), petition.category, scope.street, scope.community, proposed)
    decision = following.reopen(petition, new_cycle, suggestion, references.terms, now=now)
    await _save(tx, petition, decision, now)


async def withdraw_petition(tx: Transaction, petition_id: PetitionId, references: References, *, now: datetime) -> None:
    """Cancel what has no reply yet, and let instructions lapse. Where nothing is known, none will be opened later."""
    petition = await petitions.find(tx, petition_id)
    if petition is not None:
        await _save(tx, petition, following.withdraw(petition, references.terms, now=now), now)


async def reject_petition(tx: Transaction, petition_id: PetitionId, references: References, *, now: datetime) -> None:
    """Let instructions lapse, if the supervisor had given any."""
    petition = await petitions.find(tx, petition_id)
    if petition is not None:
        await _save(tx, petition, following.reject(petition, references.terms, now=now), now)


async def close_petition(
    tx: Transaction, petition_id: PetitionId, cycle: int, references: References, *, now: datetime
) -> None:
    """Cancel an order whose reply was sent back too late, and let instructions lapse."""
    petition = await petitions.find(tx, petition_id)
    if petition is not None:
        await _save(tx, petition, following.close(petition, cycle, references.terms, now=now), now)


async def add_information(
    tx: Transaction, petition_id: PetitionId, seen: int, references: References, *, now: datetime
) -> None:
    """Go on handling if the resident had been asked before this was sent (`seen`: dispatch's last event till then)."""
    petition = await petitions.find(tx, petition_id)
    if petition is not None:
        await _save(tx, petition, following.add_information(petition, seen, references.terms, now=now), now)


async def learn_followers(
    tx: Transaction, petition_id: PetitionId, followers: tuple[str, ...], *, now: datetime
) -> None:
    """Remember who follows it; what was never handed over brings its followers along when it is."""
    petition = await petitions.find(tx, petition_id)
    if petition is not None:
        await _save(tx, petition, following.learn_followers(petition, followers), now)


async def learn_visit(tx: Transaction, petition_id: PetitionId, cycle: int, *, known: bool, now: datetime) -> None:
    """Remember whether a return visit stands: after it no reply is sent back."""
    petition = await petitions.find(tx, petition_id)
    if petition is not None:
        await _save(tx, petition, following.learn_visit(petition, cycle, known=known), now)
