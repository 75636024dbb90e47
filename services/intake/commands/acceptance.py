"""Accepting and rejecting a petition: the street committee's first decision."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.contracts.reference import Category, Referral
from services.contracts.vocabulary import Extent, Phase, Urgency
from services.intake.commands.answers import Changed
from services.intake.domain import acceptance, access
from services.intake.store import petitions
from services.kernel import text
from services.kernel.access import Actor, require, require_own
from services.kernel.errors import InvalidInput
from services.kernel.grounds import known_ground
from services.kernel.ids import PetitionId
from services.kernel.reference import References
from services.kernel.transaction import Transaction

LONGEST_TITLE: Final = 120
LONGEST_REASON: Final = 1_000


@dataclass(frozen=True, slots=True)
class AcceptPetition:
    """The committee's own title (no numbers of persons: other services see it) and the analysis."""

    petition_id: PetitionId
    title: str
    category: str
    urgency: Urgency
    extent: Extent


async def accept_petition(
    tx: Transaction, cmd: AcceptPetition, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Take a petition on.

    :raises InvalidInput: an unknown category, or a title that is missing, too long, or names a number.
    :raises NotFound: it is not of the committee's street.
    :raises InvalidState: it is not SUBMITTED.
    """
    who = require(by, access.DECIDE)
    title = text.without_numbers(text.required(cmd.title, "title", longest=LONGEST_TITLE), "title")
    if references.find(Category, cmd.category) is None:
        raise InvalidInput("category", "There is no such category; the query categories lists them.")
    petition = await petitions.lock(tx, cmd.petition_id)
    require_own(by, petition.head.scope, access.DECIDE, "This petition")
    decision = acceptance.accept(
        petition,
        title=title,
        category=cmd.category,
        urgency=cmd.urgency,
        extent=cmd.extent,
        terms=references.terms,
        by=who,
        now=now,
    )
    return Changed(await petitions.save(tx, petition, decision, now=now))


@dataclass(frozen=True, slots=True)
class RejectPetition:
    """Ground from the list, reason in the resident's language, where to go if it is outside our remit."""

    petition_id: PetitionId
    phase: Phase
    ground: str
    reason: str
    referral: str | None


async def reject_petition(
    tx: Transaction, cmd: RejectPetition, references: References, *, by: Actor, now: datetime
) -> Changed:
    """Turn a petition down, at acceptance or as the outcome of screening.

    :raises InvalidInput: a ground that is not for this, a missing reason, a missing or unknown referral.
    :raises NotFound: it is not of the committee's street.
    :raises InvalidState: the phase does not fit the petition's state.
    """
    who = require(by, access.DECIDE)
    reason = text.without_numbers(text.required(cmd.reason, "reason", longest=LONGEST_REASON), "reason")
    ground = known_ground(cmd.ground, f"REJECT_{cmd.phase.value}", references)
    if ground.needs_referral and cmd.referral is None:
        raise InvalidInput("referral", f"Ground {ground.id} needs a referral: say where the resident should go.")
    if cmd.referral is not None and references.find(Referral, cmd.referral) is None:
        known = ", ".join(r.id for r in references.all(Referral))
        raise InvalidInput("referral", f"There is no such referral; possible: {known}.")
    petition = await petitions.lock(tx, cmd.petition_id)
    require_own(by, petition.head.scope, access.DECIDE, "This petition")
    decision = acceptance.reject(
        petition,
        cmd.phase,
        ground=ground.id,
        reason=reason,
        referral=cmd.referral,
        terms=references.terms,
        by=who,
        now=now,
    )
    return Changed(await petitions.save(tx, petition, decision, now=now))
