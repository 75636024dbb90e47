"""What intake learns about a petition from the other services; most of it emits nothing."""

from dataclasses import replace
from datetime import datetime

from services.intake.domain import screening
from services.intake.domain.petition import Petition
from services.intake.store import petitions
from services.kernel.db import Transaction
from services.kernel.head import Decision
from services.kernel.ids import PetitionId
from services.kernel.reference import References


async def learn_lead(tx: Transaction, petition_id: PetitionId, lead: str | None, *, now: datetime) -> None:
    """Remember which department is responsible: it may read contact data through intake."""
    petition = await petitions.lock(tx, petition_id)
    if petition.head.scope.lead != lead:
        scope = replace(petition.head.scope, lead=lead)
        await _learned(tx, petition, replace(petition, head=replace(petition.head, scope=scope)), now)


async def learn_reply(tx: Transaction, petition_id: PetitionId, cycle: int, *, known: bool, now: datetime) -> None:
    """Remember whether a reply of the present cycle stands: after it nothing is withdrawn or added."""
    petition = await petitions.lock(tx, petition_id)
    if petition.head.cycle == cycle and petition.reply_known != known:
        await _learned(tx, petition, replace(petition, reply_known=known), now)


async def _learned(tx: Transaction, before: Petition, after: Petition, now: datetime) -> None:
    await petitions.save(tx, before, Decision(after, ()), now=now)


async def reopen_petition(
    tx: Transaction, petition_id: PetitionId, new_cycle: int, references: References, *, now: datetime
) -> None:
    """Let a reopened petition go round again."""
    petition = await petitions.lock(tx, petition_id)
    decision = screening.reopen(petition, new_cycle, references.terms, now=now)
    await petitions.save(tx, petition, decision, now=now)
