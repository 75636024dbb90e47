"""Approving and refusing the ledger."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from services.contracts.reference import Department
from services.feedback.commands import present
from services.feedback.commands.answers import Changed
from services.feedback.domain import access, ledger
from services.feedback.domain.case import LedgerEntry
from services.feedback.store import petitions
from services.kernel import text
from services.kernel.access import Actor, require
from services.kernel.errors import InvalidInput
from services.kernel.grounds import known_ground
from services.kernel.ids import PetitionId
from services.kernel.reference import References
from services.kernel.transaction import Transaction

LONGEST_REASON: Final = 1_000


@dataclass(frozen=True, slots=True)
class ApproveLedger:
    """Who is responsible for what cannot be done now, why, and when it is visited again."""

    petition_id: PetitionId
    department: str
    ground: str
    reason: str
    review_on: date


async def approve_ledger(
    tx: Transaction, cmd: ApproveLedger, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Put a petition on the ledger, as its visitor proposed.

    :raises InvalidInput: unknown department or ground; reason missing, too long or with a number; an impossible day.
    :raises NotFound: it is not of the committee's street.
    :raises InvalidState: not visited, or the ledger was not proposed.
    """
    who = require(by, access.DECIDE)
    reason = text.without_numbers(text.required(cmd.reason, "reason", longest=LONGEST_REASON), "reason")
    ground = known_ground(cmd.ground, "LEDGER", references)
    if references.find(Department, cmd.department) is None:
        raise InvalidInput("department", "There is no such department; the query departments lists them.")
    ledger.check_review(cmd.review_on, now)
    petition, case = await present.own(tx, cmd.petition_id, by, access.DECIDE)
    entry = LedgerEntry(cmd.department, ground.id, reason, cmd.review_on, now, who)
    decision = ledger.approve(petition, case, entry, references.terms)
    return Changed(await petitions.save(tx, petition, decision, now=now))


async def refuse_ledger(
    tx: Transaction, petition_id: PetitionId, reason: str, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Refuse the ledger: the petition goes round again.

    :raises InvalidInput: the reason is missing, too long or contains a number.
    :raises NotFound: it is not of the committee's street.
    :raises InvalidState: not visited, or the ledger was not proposed.
    """
    who = require(by, access.DECIDE)
    said = text.without_numbers(text.required(reason, "reason", longest=LONGEST_REASON), "reason")
    petition, case = await present.own(tx, petition_id, by, access.DECIDE)
    decision = ledger.refuse(petition, case, answered=True, reason=said, terms=references.terms, by=who, now=now)
    return Changed(await petitions.save(tx, petition, decision, now=now))
