"""Pressing by hand (督办): the supervisor's instructions must be answered as long as the petition is open."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.contracts.dispatch import PetitionInstructionAnswered, PetitionPressed
from services.contracts.event import Who
from services.contracts.vocabulary import CaseState, ClockKind, PetitionState, Urgency
from services.dispatch.domain.instruction import TRANSITIONS, Act, Answer, Instruction, InstructionState
from services.dispatch.domain.work_order import Petition
from services.kernel import machine
from services.kernel.access import Scope
from services.kernel.errors import InvalidState
from services.kernel.head import Decision, Fact, Head, Seen, decided
from services.kernel.ids import InstructionId, PetitionId, TrackingCode, new_uuid
from services.kernel.terms import Terms

_ENDED: Final = frozenset({PetitionState.REJECTED, PetitionState.MERGED, PetitionState.WITHDRAWN})
_CLOSED: Final = frozenset({CaseState.CLOSED, CaseState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What dispatch knows of a petition from the others: where it stands there, what it is called."""

    scope: Scope
    tracking_code: TrackingCode
    title: str
    category: str
    intake: PetitionState
    case: CaseState | None

    @property
    def ended(self) -> PetitionState | CaseState | None:
        """The final state that the petition has come to, if it has."""
        if self.intake in _ENDED:
            return self.intake
        return self.case if self.case in _CLOSED else None


def not_handed_over(known: Elsewhere, seen: Seen) -> Petition:
    """Return a petition that dispatch has nothing to decide about yet: in no cycle, its urgency not known."""
    head = Head(PetitionId(known.scope.petition), 0, known.scope, seen=seen)
    return Petition(head, known.tracking_code, known.title, known.category, Urgency.NORMAL)


def press(
    petition: Petition, known: Elsewhere, *, words: str, terms: Terms, by: Who, now: datetime
) -> Decision[Petition]:
    """Give an instruction: to the department that leads, or without one to the street committee.

    :raises InvalidState: the petition is over.
    """
    ended = PetitionState.WITHDRAWN if petition.withdrawn else known.ended
    if ended is not None:
        raise InvalidState("PRESS", ended.value, [], "the petition is over")
    instruction = Instruction(InstructionId(new_uuid()), words, by, now, petition.head.scope.lead)
    ticking = petition.head.ticking(terms, by, now).start(ClockKind.INSTRUCTION, instruction.id)
    after = replace(petition, head=petition.head.after(ticking), instructions=(*petition.instructions, instruction))
    event = PetitionPressed(by=by, instruction_id=instruction.id, department=instruction.department)
    return decided(after, Fact(event, words), clocks=ticking)


def answer(
    petition: Petition, instruction: Instruction, *, words: str, terms: Terms, by: Who, now: datetime
) -> Decision[Petition]:
    """Answer an instruction; its clock stops.

    :raises InvalidState: it has an answer, or has lapsed.
    """
    machine.move(TRANSITIONS, instruction.state, Act.ANSWER)
    answered = replace(instruction, answer=Answer(words, by, now))
    ticking = petition.head.ticking(terms, by, now).stop(ClockKind.INSTRUCTION, instruction.id)
    after = replace(
        petition,
        head=petition.head.after(ticking),
        instructions=tuple(answered if i.id == instruction.id else i for i in petition.instructions),
    )
    event = PetitionInstructionAnswered(by=by, instruction_id=instruction.id)
    return decided(after, Fact(event, words), clocks=ticking)


def lapsed(petition: Petition, *, now: datetime) -> Petition:
    """Return the petition with what was still to be answered lapsed; whoever ends it stops the clocks."""
    return replace(petition, instructions=tuple(_lapsed(i, now) for i in petition.instructions))


def _lapsed(instruction: Instruction, now: datetime) -> Instruction:
    return replace(instruction, lapsed_at=now) if instruction.state is InstructionState.OPEN else instruction
