"""What intake learns about a petition from the other services; most of it emits nothing."""

from datetime import datetime

from services.intake.domain import following, screening
from services.intake.domain.petition import Petition
from services.intake.store import petitions
from services.kernel.head import Decision
from services.kernel.ids import PetitionId
from services.kernel.reference import References
from services.kernel.transaction import Transaction


async def _save(tx: Transaction, before: Petition, decision: Decision[Petition] | None, now: datetime) -> None:
    if decision is not None:
        await petitions.save(tx, before, decision, now=now)


async def learn_lead(tx: Transaction, petition_id: PetitionId, lead: str | None, *, now: datetime) -> None:
    """Remember which department is responsible."""
    petition = await petitions.lock(tx, petition_id)
    await _save(tx, petition, following.learn_lead(petition, lead), now)


async def learn_reply(tx: Transaction, petition_id: PetitionId, cycle: int, *, known: bool, now: datetime) -> None:
    """Remember whether a reply of the present cycle stands."""
    petition = await petitions.lock(tx, petition_id)
    await _save(tx, petition, following.learn_reply(petition, cycle, known=known), now)


async def learn_closing(tx: Transaction, petition_id: PetitionId, *, now: datetime) -> None:
    """Remember that the case was closed."""
    petition = await petitions.lock(tx, petition_id)
    await _save(tx, petition, following.learn_closing(petition), now)


async def reopen_petition(
    tx: Transaction, petition_id: PetitionId, new_cycle: int, references: References, *, now: datetime
) -> None:
    """Let a reopened petition go round again."""
    petition = await petitions.lock(tx, petition_id)
    await _save(tx, petition, screening.reopen(petition, new_cycle, references.terms, now=now), now)
