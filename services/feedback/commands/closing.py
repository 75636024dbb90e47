"""Closing, and reopening what was solved to no satisfaction: the street committee's last word."""

from datetime import datetime
from typing import Final

from services.feedback.commands import present
from services.feedback.commands.answers import Changed
from services.feedback.domain import access, closing
from services.feedback.store import petitions
from services.kernel import text
from services.kernel.access import Actor, require
from services.kernel.grounds import known_ground
from services.kernel.ids import PetitionId
from services.kernel.reference import References
from services.kernel.transaction import Transaction

LONGEST_REASON: Final = 1_000


async def close_petition(
    tx: Transaction,
    petition_id: PetitionId,
    reason: str | None,
    references: References,
    *,
    by: Actor,
    now: datetime,
) -> Changed:
    """Close a visited petition before its time does.

    :raises InvalidInput: the reason is too long or contains a number.
    :raises NotFound: it is not of the committee's street.
    :raises InvalidState: not visited, or the ledger was proposed.
    """
    who = require(by, access.DECIDE)
    said = text.without_numbers(text.optional(reason, "reason", longest=LONGEST_REASON), "reason")
    petition, case = await present.own(tx, petition_id, by, access.DECIDE)
    decision = closing.close(petition, case, reason=said, terms=references.terms, by=who, now=now)
    return Changed(await petitions.save(tx, petition, decision, now=now))


async def reopen_petition(
    tx: Transaction,
    petition_id: PetitionId,
    ground: str,
    reason: str,
    references: References,
    *,
    by: Actor,
    now: datetime,
) -> Changed:
    """Let a matter that was solved to no satisfaction go round again.

    :raises InvalidInput: a ground that is not for this; the reason is missing, too long or contains a number.
    :raises NotFound: it is not of the committee's street.
    :raises InvalidState: not visited, not solved, or satisfied.
    """
    who = require(by, access.DECIDE)
    said = text.without_numbers(text.required(reason, "reason", longest=LONGEST_REASON), "reason")
    cause = known_ground(ground, "REOPEN", references)
    petition, case = await present.own(tx, petition_id, by, access.DECIDE)
    decision = closing.reopen_unsatisfied(
        petition, case, ground=cause.id, reason=said, terms=references.terms, by=who, now=now
    )
    return Changed(await petitions.save(tx, petition, decision, now=now))
