"""A clock's ledger, and the due date that follows from it.

The ledger keeps every act that moved a clock. `reckon` is the one place where a due date is worked out: it is done
again whenever an act or a changed calendar may have moved it, and its steps are the explanation that people are shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.contracts.vocabulary import LimitUnit
from services.kernel.terms import WORKING_DAY, Terms


class Move(StrEnum):
    """What happened to a clock, as its ledger says."""

    STARTED = "STARTED"
    PAUSED = "PAUSED"
    RESUMED = "RESUMED"
    MOVED = "MOVED"
    REMINDED = "REMINDED"
    ESCALATED = "ESCALATED"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One thing that happened to a clock: when, what, by whom, and the due date that followed.

    `least` is how many working days had to be left when a reply was sent back; 0 where that is not asked.
    """

    at: datetime
    move: Move
    by: str
    due_at: datetime
    note: str = ""
    least: int = 0


class StepKind(StrEnum):
    """Why a step of the arithmetic moves the due date."""

    LIMIT = "LIMIT"
    PAUSE = "PAUSE"
    LEAST = "LEAST"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `span` (in the clock's own unit) is counted from `counted_from`, and leads to `due_at`.

    LIMIT counts the limit from the start; PAUSE counts the time from `since` to `until`, during which the clock stood
    still, from the due date before; LEAST grants so much from `since` on, because less was left.
    """

    kind: StepKind
    since: datetime
    until: datetime | None
    counted_from: datetime
    span: timedelta
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Reckoning:
    """A due date and how it came about; `paused` is all the time (in the clock's own unit) during which it stood."""

    steps: tuple[Step, ...]
    paused: timedelta

    @property
    def due_at(self) -> datetime:
        """The due date."""
        return self.steps[-1].due_at


def reckon(
    started_at: datetime, span: timedelta, unit: LimitUnit, ledger: Sequence[LedgerEntry], terms: Terms
) -> Reckoning:
    """Work out a due date from the limit that the clock started with and from what happened since."""
    due_at = terms.add(started_at, span, unit)
    steps = [Step(StepKind.LIMIT, started_at, None, started_at, span, due_at)]
    paused, halted_at = timedelta(0), None
    for entry in ledger:
        if entry.move in {Move.PAUSED, Move.STOPPED}:
            halted_at = halted_at or entry.at
        elif entry.move is Move.RESUMED and halted_at is not None:
            stood = terms.between(halted_at, entry.at, unit)
            before, due_at = due_at, terms.add(due_at, stood, unit)
            steps.append(Step(StepKind.PAUSE, halted_at, entry.at, before, stood, due_at))
            least = terms.calendar.add(entry.at, WORKING_DAY * entry.least)
            if entry.least and least > due_at:
                due_at = least
                steps.append(Step(StepKind.LEAST, entry.at, None, entry.at, WORKING_DAY * entry.least, due_at))
            paused, halted_at = paused + stood, None
    return Reckoning(tuple(steps), paused)
