"""An instruction of the district supervisor's (督办), and the table of what can become of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.contracts.event import Who
from services.kernel.ids import InstructionId


class InstructionState(StrEnum):
    """Where an instruction stands."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    LAPSED = "LAPSED"


class Act(StrEnum):
    """What becomes of an instruction; LAPSE is the product's own, when the petition ends."""

    ANSWER = "ANSWER"
    LAPSE = "LAPSE"


TRANSITIONS: Final[Mapping[tuple[InstructionState, Act], InstructionState]] = MappingProxyType(
    {
        (InstructionState.OPEN, Act.ANSWER): InstructionState.ANSWERED,
        (InstructionState.OPEN, Act.LAPSE): InstructionState.LAPSED,
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, in which role; the words stay here."""

    words: str
    by: Who
    at: datetime


@dataclass(frozen=True, slots=True)
class Instruction:
    """What the supervisor demands, which stays here too; `department` led when it was given (absent: nobody did)."""

    id: InstructionId
    words: str
    pressed_by: Who
    pressed_at: datetime
    department: str | None
    answer: Answer | None = None
    lapsed_at: datetime | None = None

    @property
    def state(self) -> InstructionState:
        """Where it stands."""
        if self.answer is not None:
            return InstructionState.ANSWERED
        return InstructionState.OPEN if self.lapsed_at is None else InstructionState.LAPSED
