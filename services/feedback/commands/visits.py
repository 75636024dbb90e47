"""Attempts and return visits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.contracts.vocabulary import Role, VisitMeans
from services.feedback.commands import present
from services.feedback.commands.answers import Changed
from services.feedback.domain import access, visits
from services.feedback.domain.visits import Answers, Met
from services.feedback.store import petitions
from services.kernel import text
from services.kernel.access import Actor, require
from services.kernel.ids import PetitionId, new_uuid
from services.kernel.masking import mask
from services.kernel.reference import References
from services.kernel.transaction import Transaction

LONGEST_COMMENT: Final = 1_000


def _met(means: VisitMeans, comment: str | None, by: Actor, role: Role) -> Met:
    # Comments are read by several roles, so neither a number that belongs to a person nor a name has a place in them.
    noted = mask(text.without_numbers(text.optional(comment, "comment", longest=LONGEST_COMMENT), "comment"))
    representative = by.representative if role is Role.REPRESENTATIVE else None
    return Met(new_uuid(), means, representative, noted)


async def record_attempt(
    tx: Transaction,
    petition_id: PetitionId,
    means: VisitMeans,
    comment: str | None,
    *,
    by: Actor,
    now: datetime,
) -> Changed:
    """Record that the resident was not met.

    :raises InvalidInput: the comment is too long or contains a number.
    :raises NotFound: the petition is not the representative's.
    :raises Forbidden: the representative handled the matter, or is of the lead department.
    :raises InvalidState: no visit is awaited, or an attempt was recorded today.
    """
    who = require(by, access.ATTEMPT)
    met = _met(means, comment, by, who.role)
    petition, case = await present.own(tx, petition_id, by, access.ATTEMPT)
    visits.check_visitor(by, case, petition.head.scope)
    return Changed(await petitions.save(tx, petition, visits.attempt(petition, case, met, by=who, now=now), now=now))


@dataclass(frozen=True, slots=True)
class RecordVisit:
    """The three answers, or that the resident was not reached."""

    petition_id: PetitionId
    means: VisitMeans
    answers: Answers
    comment: str | None


async def record_visit(
    tx: Transaction, cmd: RecordVisit, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Record the return visit, by a representative or by the resident.

    :raises InvalidInput: an answer is missing or must not be there; the comment is too long or contains a number.
    :raises NotFound: the petition is not the actor's.
    :raises Forbidden: the visitor handled the matter, or is of the lead department.
    :raises InvalidState: no visit is awaited.
    """
    who = require(by, access.VISIT)
    met = _met(cmd.means, cmd.comment, by, who.role)
    petition, case = await present.own(tx, cmd.petition_id, by, access.VISIT)
    visits.check_visitor(by, case, petition.head.scope)
    decision = visits.record(petition, case, met, cmd.answers, references.terms, by=who, now=now)
    return Changed(await petitions.save(tx, petition, decision, now=now))
