"""Pressing by hand, and answering what was demanded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.dispatch.commands.answers import Instructed
from services.dispatch.domain import access, supervision
from services.dispatch.domain.supervision import Elsewhere
from services.dispatch.domain.work_order import Petition
from services.dispatch.store import petitions, progress, view_petition
from services.kernel import text
from services.kernel.access import Actor, owner, require, require_own
from services.kernel.errors import NotFound, Unavailable
from services.kernel.head import Seen
from services.kernel.ids import InstructionId, PetitionId
from services.kernel.reference import References
from services.kernel.transaction import Transaction

LONGEST_INSTRUCTION: Final = 1_000
LONGEST_ANSWER: Final = 4_000


@dataclass(frozen=True, slots=True)
class PressPetition:
    """What the supervisor demands."""

    petition_id: PetitionId
    instruction: str


async def press_petition(
    tx: Transaction, cmd: PressPetition, references: References, *, by: Actor, now: datetime
) -> Instructed:
    """Press a petition that is open, wherever it is, with an instruction that must be answered.

    :raises InvalidInput: the instruction is missing or too long, or contains a number of a person.
    :raises NotFound: dispatch has not heard of the petition.
    :raises InvalidState: it is over.
    """
    who = require(by, access.PRESS)
    words = text.required(cmd.instruction, "instruction", longest=LONGEST_INSTRUCTION)
    words = text.without_numbers(words, "instruction")
    before, petition, known = await _known(tx, cmd.petition_id)
    require_own(by, petition.head.scope, access.PRESS, "This petition")
    decision = supervision.press(petition, known, words=words, terms=references.terms, by=who, now=now)
    pressed = decision.state.instructions[-1]
    return Instructed(await petitions.save(tx, before, decision, now=now), pressed.id)


async def _known(tx: Transaction, petition_id: PetitionId) -> tuple[Petition | None, Petition, Elsewhere]:
    """Lock a petition, and return its row (if it has one), what to decide on, and what the others say of it.

    A batch of the inbox locks the petition's row first and the progress rows after it. Where there is no row yet it
    may be about to create one: whoever holds the progress rows waits for such a batch, or lets it wait.
    """
    before = await petitions.find(tx, petition_id)
    seen: Seen = {}
    if before is None:
        held = await progress.hold(tx, petition_id)
        if held is None:
            raise NotFound("This petition")
        seen, before = held, await petitions.find(tx, petition_id)
    known = await view_petition.elsewhere(tx, petition_id)
    if known is not None:
        return before, before or supervision.not_handed_over(known, seen), known
    if before is None:
        raise NotFound("This petition")
    raise Unavailable("Whether this petition is still open is not known here for the moment; try again in a moment.")


@dataclass(frozen=True, slots=True)
class AnswerInstruction:
    """What is answered."""

    instruction_id: InstructionId
    words: str


async def answer_instruction(
    tx: Transaction, cmd: AnswerInstruction, references: References, *, by: Actor, now: datetime
) -> Instructed:
    """Answer an instruction; its clock stops. The supervisor reads it, so it may not name anybody's number either.

    :raises InvalidInput: the answer is missing or too long, or contains a number of a person.
    :raises NotFound: it is neither the actor's department's that leads now nor of their street.
    :raises InvalidState: it has an answer, or the petition is over.
    """
    require(by, access.ANSWER)
    words = text.without_numbers(text.required(cmd.words, "words", longest=LONGEST_ANSWER), "words")
    petition, instruction = await petitions.lock_instruction(tx, cmd.instruction_id)
    if not access.leads(by, petition, access.ANSWER):
        raise NotFound("This instruction")
    who = owner(by, petition.head.scope, access.ANSWER)
    decision = supervision.answer(petition, instruction, words=words, terms=references.terms, by=who, now=now)
    return Instructed(await petitions.save(tx, petition, decision, now=now), instruction.id)
