"""Submitting, adding to and withdrawing a petition."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.contracts.reference import Channel, Community, Estate
from services.contracts.vocabulary import PetitionKind, Role
from services.intake.commands.answers import Changed
from services.intake.commands.followers import in_office
from services.intake.domain import acceptance, access
from services.intake.domain.acceptance import Submission
from services.intake.store import originals, petitions
from services.intake.vault import Contact, Vault
from services.kernel import text
from services.kernel.access import Actor, require, require_own
from services.kernel.errors import InvalidInput
from services.kernel.ids import PetitionId, new_tracking_code, new_uuid
from services.kernel.masking import mask
from services.kernel.reference import References
from services.kernel.transaction import Transaction

LONGEST_WORDS: Final = 5_000
LONGEST_REASON: Final = 1_000


@dataclass(frozen=True, slots=True)
class SubmitPetition:
    """What somebody sent: codes as given, the resident's own words, contact data if they like."""

    kind: PetitionKind
    channel: str
    community: str
    estate: str | None
    words: str
    contact: Contact


def _place(cmd: SubmitPetition, references: References) -> tuple[str, str]:
    community = references.find(Community, cmd.community)
    if community is None:
        raise InvalidInput("community", "There is no such community; the query communities lists them.")
    if cmd.estate is not None:
        estate = references.find(Estate, cmd.estate)
        if estate is None or estate.community != community.id:
            raise InvalidInput("estate", "There is no such estate in this community; the query estates lists them.")
    return community.street, community.id


async def submit_petition(
    tx: Transaction, cmd: SubmitPetition, references: References, vault: Vault, *, by: Actor, now: datetime
) -> Changed:
    """Take in what somebody says is wrong; the words are sealed, a masked working text is kept.

    :raises InvalidInput: an unknown code, or missing, over-long or unreadable text.
    """
    who = require(by, access.SUBMIT)
    words = text.required(cmd.words, "words", longest=LONGEST_WORDS)
    if references.find(Channel, cmd.channel) is None:
        raise InvalidInput("channel", "There is no such channel; the query channels lists them.")
    street, community = _place(cmd, references)
    contact = Contact(
        name=text.optional(cmd.contact.name, "contact.name", longest=100),
        phone=text.optional(cmd.contact.phone, "contact.phone", longest=30),
    )
    said = Submission(
        petition_id=PetitionId(new_uuid()),
        tracking_code=new_tracking_code(),
        kind=cmd.kind,
        channel=cmd.channel,
        street=street,
        community=community,
        estate=cmd.estate,
        representative=in_office(by, references) if Role.REPRESENTATIVE in by.roles else None,
        working_text=mask(words),
    )
    decision = acceptance.submit(said, references.terms, by=who, now=now)
    await originals.seal(tx, vault, said.petition_id, words, contact)
    return Changed(await petitions.save(tx, None, decision, now=now))


async def withdraw_petition(
    tx: Transaction,
    petition_id: PetitionId,
    reason: str | None,
    references: References,
    *,
    by: Actor,
    now: datetime,
) -> Changed:
    """Take a petition back, with or without a reason, until the reply.

    :raises NotFound: it is not the resident's.
    :raises InvalidState: it is over, or a reply is known.
    """
    who = require(by, access.RESIDENT)
    said = mask(text.optional(reason, "reason", longest=LONGEST_REASON))
    petition = await petitions.lock(tx, petition_id)
    require_own(by, petition.head.scope, access.RESIDENT, "This petition")
    decision = acceptance.withdraw(petition, reason=said, terms=references.terms, by=who, now=now)
    return Changed(await petitions.save(tx, petition, decision, now=now))


async def add_information(
    tx: Transaction, petition_id: PetitionId, words: str, vault: Vault, *, by: Actor, now: datetime
) -> Changed:
    """Add to what was said; if a department had asked, its clock goes on.

    :raises NotFound: it is not the resident's.
    :raises InvalidState: it is over, or a reply is known.
    """
    who = require(by, access.RESIDENT)
    said = text.required(words, "words", longest=LONGEST_WORDS)
    petition = await petitions.lock(tx, petition_id)
    require_own(by, petition.head.scope, access.RESIDENT, "This petition")
    masked = mask(said)
    decision = acceptance.add_information(petition, text=masked, by=who)
    await originals.add(tx, vault, petition_id, said, masked, now=now)
    return Changed(await petitions.save(tx, petition, decision, now=now))
