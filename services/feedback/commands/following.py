"""What feedback does when another service has a result, sends one back, or hears of a follower or a withdrawal."""

from datetime import datetime

from services.feedback.domain import following
from services.feedback.domain.case import Petition
from services.feedback.domain.following import Result
from services.feedback.store import petitions
from services.kernel.access import Scope
from services.kernel.head import Decision
from services.kernel.ids import CaseId, PetitionId, new_uuid
from services.kernel.reference import References
from services.kernel.transaction import Transaction


async def schedule_visit(tx: Transaction, result: Result, references: References, *, now: datetime) -> None:
    """Open (or resume) the cycle's case."""
    before = await petitions.find(tx, PetitionId(result.scope.petition))
    petition = before or following.unknown(result.scope, result.cycle)
    decision = following.schedule(petition, result, CaseId(new_uuid()), references.terms, now=now)
    await _save(tx, before, decision, now)


async def recall_case(
    tx: Transaction, petition_id: PetitionId, cycle: int, department: str, references: References, *, now: datetime
) -> None:
    """Take the case back whose reply was sent back; without a case there is nothing to take back."""
    if (petition := await petitions.find(tx, petition_id)) is not None:
        await _save(tx, petition, following.recall(petition, cycle, department, references.terms, now=now), now)


async def learn_followers(tx: Transaction, scope: Scope, cycle: int, *, now: datetime) -> None:
    """Remember who follows a petition, even if there is no case yet."""
    before = await petitions.find(tx, PetitionId(scope.petition))
    petition = before or following.unknown(scope, cycle)
    await _save(tx, before, following.learn_followers(petition, scope.followers), now)


async def cancel_case(tx: Transaction, scope: Scope, cycle: int, references: References, *, now: datetime) -> None:
    """Cancel the case, and remember the withdrawal even if there is none yet."""
    before = await petitions.find(tx, PetitionId(scope.petition))
    petition = before or following.unknown(scope, cycle)
    await _save(tx, before, following.withdraw(petition, references.terms, now=now), now)


async def _save(tx: Transaction, before: Petition | None, decision: Decision[Petition], now: datetime) -> None:
    if decision.state != before:
        await petitions.save(tx, before, decision, now=now)
