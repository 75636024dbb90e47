"""Petitions and cases as real acts leave them, for the tests of feedback's rules."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from services.contracts.event import Who
from services.contracts.vocabulary import CaseState, Role, VisitMeans
from services.feedback.domain import closing, following, ledger, visits
from services.feedback.domain.case import Act, Case, LedgerEntry, Petition
from services.feedback.domain.following import Result
from services.feedback.domain.visits import Answers, Met
from services.kernel.access import Scope
from services.kernel.head import Decision
from services.kernel.ids import CaseId
from tests.support.terms import TERMS

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
VISITOR = Who(role=Role.REPRESENTATIVE, subject="hui-bi")
COMMITTEE = Who(role=Role.STREET_COMMITTEE, subject="committee")
RESIDENT = Who(role=Role.RESIDENT, subject="petition:x")
SOLVED = Answers(reached=True, responded=True, solved=True, satisfied=True)
UNSATISFIED = Answers(reached=True, responded=True, solved=True, satisfied=False)
UNSOLVED = Answers(reached=True, responded=True, solved=False, satisfied=False)
PROPOSED = Answers(reached=True, responded=True, solved=False, satisfied=False, ledger_proposed=True)
REVIEW_ON = date(2027, 6, 1)
S = CaseState


def result(petition: Petition | None = None, cycle: int = 1, department: str | None = "housing") -> Result:
    """Return a reply of the housing bureau to a petition, or to a new one."""
    scope = (
        petition.head.scope
        if petition
        else Scope(uuid4(), "huangtupo", "community-73", department, followers=("rep-hui-bi",))
    )
    return Result(scope, cycle, department, "the-handler", "下水道堵塞", "drainage")


def unheard() -> Petition:
    """Return a petition of which feedback knows nothing yet."""
    return following.unknown(result().scope, 1)


def reply(petition: Petition, cycle: int = 1, now: datetime = NOW) -> Decision[Petition]:
    """Let a reply come."""
    return following.schedule(petition, result(petition, cycle), CaseId(uuid4()), TERMS, now=now)


def awaiting() -> Petition:
    """Return a petition whose visit is awaited."""
    return reply(unheard()).state


def case_of(petition: Petition) -> Case:
    """Return the present case, which must be there."""
    assert petition.case is not None
    return petition.case


def met(means: VisitMeans = VisitMeans.PHONE) -> Met:
    """Return a visit's circumstances."""
    return Met(uuid4(), means, "rep-hui-bi", "")


def attempt(petition: Petition, now: datetime = NOW) -> Decision[Petition]:
    """Record a failed attempt."""
    return visits.attempt(petition, case_of(petition), met(), by=VISITOR, now=now)


def visit(
    petition: Petition, answers: Answers = SOLVED, now: datetime = NOW, by: Who = VISITOR, **other: Any
) -> Decision[Petition]:
    """Record a visit."""
    return visits.record(petition, case_of(petition), met(**other), answers, TERMS, by=by, now=now)


def visited(answers: Answers = SOLVED) -> Petition:
    """Return a petition that was visited."""
    return visit(awaiting(), answers).state


def ledgered() -> Petition:
    """Return a petition on the ledger."""
    return do(visited(PROPOSED), Act.APPROVE_LEDGER).state


def in_state(state: CaseState) -> Petition:
    """Return a petition whose case came to a state by real acts."""
    match state:
        case S.AWAITING_VISIT:
            return awaiting()
        case S.VISITED:
            return visited()
        case S.CLOSED:
            return do(visited(), Act.CLOSE).state
        case S.REOPENED:
            return visited(UNSOLVED)
        case S.LEDGERED:
            return ledgered()
        case S.RECALLED:
            return do(awaiting(), Act.RECALL).state
        case S.CANCELLED:
            return do(awaiting(), Act.CANCEL).state


def do(petition: Petition, act: Act, now: datetime = NOW) -> Decision[Petition]:
    """Do an act by the rule that stands for it."""
    case = case_of(petition)
    common: dict[str, Any] = {"terms": TERMS, "by": COMMITTEE, "now": now}
    match act:
        case Act.ATTEMPT:
            return attempt(petition, now)
        case Act.RECORD:
            return visit(petition, SOLVED, now)
        case Act.REOPEN_UNSOLVED:
            return visit(petition, UNSOLVED, now)
        case Act.CLOSE:
            return closing.close(petition, case, reason="", **common)
        case Act.REOPEN_UNSATISFIED:
            return closing.reopen_unsatisfied(petition, case, ground="POOR_QUALITY", reason="井盖高出路面", **common)
        case Act.APPROVE_LEDGER:
            entry = LedgerEntry("housing", "NO_FUNDS", "缺资金", REVIEW_ON, now, COMMITTEE)
            return ledger.approve(petition, case, entry, TERMS)
        case Act.REFUSE_LEDGER:
            return ledger.refuse(petition, case, answered=True, reason="能办", **common)
        case Act.REVIEW:
            return ledger.review(petition, case, TERMS, now=now)
        case Act.RECALL:
            return following.recall(petition, case.cycle, case.department or "", TERMS, now=now)
        case Act.RESUME:
            return reply(petition, case.cycle, now)
        case Act.CANCEL:
            return following.withdraw(petition, TERMS, now=now)


def types(decision: Decision[Petition]) -> list[str]:
    """Return the types of a decision's events."""
    return [fact.event.TYPE for fact in decision.facts]


def clocks(petition: Petition) -> set[str]:
    """Return the kinds of the clocks that are open."""
    return {clock.kind.value for clock in petition.head.clocks if clock.is_open}
