"""The petition at feedback: a case per cycle, its visits, and the table of acts (state-machine.md, Feedback)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from services.contracts.event import Who
from services.contracts.vocabulary import CaseState, VisitMeans
from services.kernel import machine
from services.kernel.errors import InvalidState
from services.kernel.head import Head
from services.kernel.ids import CaseId

S = CaseState


class Act(StrEnum):
    """What can be done with a case; REOPEN_UNSOLVED, REVIEW, RECALL, RESUME and CANCEL are the product's own."""

    ATTEMPT = "ATTEMPT"
    RECORD = "RECORD"
    REOPEN_UNSOLVED = "REOPEN_UNSOLVED"
    CLOSE = "CLOSE"
    REOPEN_UNSATISFIED = "REOPEN_UNSATISFIED"
    APPROVE_LEDGER = "APPROVE_LEDGER"
    REFUSE_LEDGER = "REFUSE_LEDGER"
    REVIEW = "REVIEW"
    RECALL = "RECALL"
    RESUME = "RESUME"
    CANCEL = "CANCEL"


TRANSITIONS: Final[Mapping[tuple[CaseState, Act], CaseState]] = MappingProxyType(
    {
        (S.AWAITING_VISIT, Act.ATTEMPT): S.AWAITING_VISIT,
        (S.AWAITING_VISIT, Act.RECORD): S.VISITED,
        (S.AWAITING_VISIT, Act.REOPEN_UNSOLVED): S.REOPENED,
        (S.VISITED, Act.CLOSE): S.CLOSED,
        (S.VISITED, Act.REOPEN_UNSATISFIED): S.REOPENED,
        (S.VISITED, Act.APPROVE_LEDGER): S.LEDGERED,
        (S.VISITED, Act.REFUSE_LEDGER): S.REOPENED,
        (S.LEDGERED, Act.REVIEW): S.AWAITING_VISIT,
        (S.AWAITING_VISIT, Act.RECALL): S.RECALLED,
        (S.VISITED, Act.RECALL): S.RECALLED,
        (S.LEDGERED, Act.RECALL): S.RECALLED,
        (S.RECALLED, Act.RESUME): S.AWAITING_VISIT,
        (S.AWAITING_VISIT, Act.CANCEL): S.CANCELLED,
        (S.VISITED, Act.CANCEL): S.CANCELLED,
        (S.LEDGERED, Act.CANCEL): S.CANCELLED,
        (S.RECALLED, Act.CANCEL): S.CANCELLED,
    }
)
"""Every legal act. What a visit answered decides between VISITED's acts (`objection`)."""

OF_THE_PRODUCT: Final = frozenset({Act.REOPEN_UNSOLVED, Act.REVIEW, Act.RECALL, Act.RESUME, Act.CANCEL})
"""Acts that nobody asks for: they follow from an answer, a date, or another service's event."""


class Outcome(StrEnum):
    """What came of going to a resident: MISSED is one failed attempt, NOT_REACHED what three of them end in."""

    MISSED = "MISSED"
    NOT_REACHED = "NOT_REACHED"
    REACHED = "REACHED"


@dataclass(frozen=True, slots=True)
class Visit:
    """An attempt or a visit; `round` counts the times that the case was up for a visit.

    `stands` is false once the reply that was asked about is gone (sent back, withdrawn): such a visit counts nowhere.
    """

    id: UUID
    round: int
    at: datetime
    by: Who
    means: VisitMeans
    outcome: Outcome
    representative: str | None = None
    responded: bool | None = None
    solved: bool | None = None
    satisfied: bool | None = None
    ledger_proposed: bool = False
    comment: str = ""
    stands: bool = True


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What honestly cannot be done now: who is responsible, on which ground, and when it is visited again."""

    department: str
    ground: str
    reason: str
    review_on: date
    at: datetime
    by: Who


@dataclass(frozen=True, slots=True)
class Reopening:
    """Why a case goes round again: `cause` is a ground of the list, or one of the product's own (reopening.py)."""

    cause: str
    reason: str
    at: datetime
    by: Who


@dataclass(frozen=True, slots=True)
class Case:
    """One cycle's evaluation. `department` gave the reply, absent when the matter was solved on the spot."""

    id: CaseId
    cycle: int
    state: CaseState
    department: str | None
    handler: str
    opened_at: datetime
    round: int = 1
    visits: tuple[Visit, ...] = ()
    ledger: LedgerEntry | None = None
    reopening: Reopening | None = None
    ended_at: datetime | None = None

    @property
    def attempts(self) -> tuple[Visit, ...]:
        """The failed attempts of this round."""
        return tuple(v for v in self.visits if v.round == self.round and v.outcome is Outcome.MISSED)

    @property
    def visit(self) -> Visit | None:
        """The visit that stands in this round."""
        made = (v for v in self.visits if v.round == self.round and v.outcome is not Outcome.MISSED and v.stands)
        return next(made, None)

    @property
    def ledger_proposed(self) -> bool:
        """Whether the visitor proposed the ledger and the street committee has not answered."""
        return self.state is S.VISITED and self.visit is not None and self.visit.ledger_proposed


@dataclass(frozen=True, slots=True)
class Petition:
    """A petition as feedback knows it. `head.cycle` is the last case's; no case yet: only followers or a withdrawal."""

    head: Head
    title: str = ""
    category: str = ""
    withdrawn: bool = False
    reopened: int = 0
    cases: tuple[Case, ...] = ()

    @property
    def case(self) -> Case | None:
        """The case of the present cycle."""
        return self.cases[-1] if self.cases else None

    def with_case(self, case: Case) -> "Petition":
        """Return the petition with its present case replaced, or a new one added."""
        others = tuple(c for c in self.cases if c.id != case.id)
        return replace(self, cases=(*others, case))


def objection(case: Case, act: Act) -> str | None:
    """Return why an act that the table allows is not possible after what the visit answered."""
    visit = case.visit
    if act in {Act.APPROVE_LEDGER, Act.REFUSE_LEDGER} and not case.ledger_proposed:
        return "the visit did not propose the ledger"
    if act in {Act.CLOSE, Act.REOPEN_UNSATISFIED} and case.ledger_proposed:
        return "the ledger was proposed and must be approved or refused first"
    if act is Act.REOPEN_UNSATISFIED and not (visit and visit.solved and visit.satisfied is False):
        return "only what is solved to no satisfaction is reopened"
    return None


def allowed(case: Case) -> list[Act]:
    """Return what somebody can do with a case now."""
    acts = machine.allowed(TRANSITIONS, case.state)
    return [act for act in acts if act not in OF_THE_PRODUCT and objection(case, act) is None]


def refused(case: Case, act: Act, why: str = "") -> InvalidState:
    """Return the refusal of an act, with what is possible instead."""
    return InvalidState(act.value, case.state.value, [a.value for a in allowed(case)], why)


def move(case: Case, act: Act) -> Case:
    """Return the case in the state that an act leads to.

    :raises InvalidState: the act is not possible; the error lists what is.
    """
    if (case.state, act) not in TRANSITIONS:
        raise refused(case, act)
    if (why := objection(case, act)) is not None:
        raise refused(case, act, why)
    return replace(case, state=TRANSITIONS[case.state, act])


def can(case: Case, act: Act) -> bool:
    """Tell whether an act is possible."""
    return (case.state, act) in TRANSITIONS and objection(case, act) is None
