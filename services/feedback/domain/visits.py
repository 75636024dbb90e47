"""The return visit (回访): attempts, the three answers, and who may ask them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from services.contracts.event import Who
from services.contracts.feedback import VisitAttempted, VisitRecorded
from services.contracts.vocabulary import ClockKind, Role, VisitMeans
from services.feedback.domain import reopening
from services.feedback.domain.case import Act, Case, Outcome, Petition, Visit, can, move, refused
from services.kernel.access import Actor, Scope
from services.kernel.calendar import SHANGHAI
from services.kernel.errors import Forbidden, InvalidInput
from services.kernel.head import Decision, decided
from services.kernel.terms import Terms

ATTEMPTS_NEEDED: Final = 3
"""Failed attempts, on different days, before "not reached" may be said."""


def check_visitor(visitor: Actor, case: Case, scope: Scope) -> None:
    """Refuse a visitor who would judge their own work: the handler, and anybody of the lead department.

    :raises Forbidden: saying which of the two.
    """
    if visitor.subject == case.handler:
        raise Forbidden("Who handled the matter cannot make its return visit; another representative must.")
    if visitor.department is not None and visitor.department in {scope.lead, case.department}:
        raise Forbidden("The return visit is not made by the department that handled the matter.")


@dataclass(frozen=True, slots=True)
class Met:
    """Who went, how, and what they noted; `representative` is the visitor's code, absent for a resident's own form."""

    visit_id: UUID
    means: VisitMeans
    representative: str | None
    comment: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What the visit came to; the three answers are all given when the resident was reached, and none otherwise."""

    reached: bool
    responded: bool | None = None
    solved: bool | None = None
    satisfied: bool | None = None
    ledger_proposed: bool = False


def attempt(petition: Petition, case: Case, met: Met, *, by: Who, now: datetime) -> Decision[Petition]:
    """Record that the resident was not met; one attempt a day counts.

    :raises InvalidState: no visit is awaited, or an attempt was recorded today (in Shanghai).
    """
    moved = move(case, Act.ATTEMPT)
    today = now.astimezone(SHANGHAI).date()
    if any(a.at.astimezone(SHANGHAI).date() == today for a in case.attempts):
        raise refused(case, Act.ATTEMPT, f"an attempt was recorded on {today.isoformat()}; the next counts tomorrow")
    made = _visit(case, met, Outcome.MISSED, Answers(reached=False), by, now)
    moved = replace(moved, visits=(*case.visits, made))
    event = VisitAttempted(by=by, case_id=case.id, attempt=len(moved.attempts), means=met.means)
    return decided(petition.with_case(moved), event)


def _visit(case: Case, met: Met, outcome: Outcome, answers: Answers, by: Who, now: datetime) -> Visit:
    return Visit(
        id=met.visit_id,
        round=case.round,
        at=now,
        by=by,
        means=met.means,
        outcome=outcome,
        representative=met.representative,
        responded=answers.responded,
        solved=answers.solved,
        satisfied=answers.satisfied,
        ledger_proposed=answers.ledger_proposed,
        comment=met.comment,
    )


def _check(case: Case, answers: Answers, met: Met, by: Who) -> None:
    given = {"responded": answers.responded, "solved": answers.solved, "satisfied": answers.satisfied}
    if by.role is Role.RESIDENT:
        _check_resident(answers, met)
    if not answers.reached:
        if len(case.attempts) < ATTEMPTS_NEEDED:
            raise InvalidInput(
                "reached",
                f"reached can be false only after {ATTEMPTS_NEEDED} failed attempts on different days; "
                f"{len(case.attempts)} are recorded.",
            )
        if named := next((field for field, answer in given.items() if answer is not None), None):
            raise InvalidInput(named, f"{named} must be left out: who was not reached has answered nothing.")
    elif missing := next((field for field, answer in given.items() if answer is None), None):
        raise InvalidInput(missing, f"{missing} must be answered: responded, solved and satisfied all three.")
    if answers.ledger_proposed and answers.solved is not False:
        raise InvalidInput("ledgerProposed", "The ledger is proposed only for what is not solved.")


def _check_resident(answers: Answers, met: Met) -> None:
    if not answers.reached:
        raise InvalidInput("reached", "reached must be true: who answers the form has been reached.")
    if met.means is not VisitMeans.FORM:
        raise InvalidInput("means", "A resident's own answer comes by FORM.")
    if answers.ledger_proposed:
        raise InvalidInput("ledgerProposed", "Only a visitor proposes the ledger.")


def record(
    petition: Petition, case: Case, met: Met, answers: Answers, terms: Terms, *, by: Who, now: datetime
) -> Decision[Petition]:
    """Record the return visit; what is not solved is reopened in the same decision, unless the ledger is proposed.

    :raises InvalidInput: an answer is missing or must not be there, or "not reached" comes too early.
    :raises InvalidState: no visit is awaited.
    """
    if not can(case, Act.RECORD):
        raise refused(case, Act.RECORD)
    _check(case, answers, met, by)
    outcome = Outcome.REACHED if answers.reached else Outcome.NOT_REACHED
    visited = replace(case, visits=(*case.visits, _visit(case, met, outcome, answers, by, now)))
    event = VisitRecorded(
        by=by,
        case_id=case.id,
        means=met.means,
        reached=answers.reached,
        responded=answers.responded,
        solved=answers.solved,
        satisfied=answers.satisfied,
        ledger_proposed=answers.ledger_proposed,
    )
    if answers.solved is False and not answers.ledger_proposed:
        return reopening.reopen(
            petition,
            visited,
            Act.REOPEN_UNSOLVED,
            cause=reopening.NOT_SOLVED,
            reason="",
            terms=terms,
            by=by,
            now=now,
            first=(event,),
        )
    next_clock = ClockKind.LEDGER_APPROVAL if answers.ledger_proposed else ClockKind.CLOSING
    ticking = petition.head.ticking(terms, by, now).stop(ClockKind.RETURN_VISIT, case.id).start(next_clock, case.id)
    after = replace(petition.with_case(move(visited, Act.RECORD)), head=petition.head.after(ticking))
    return decided(after, event, clocks=ticking)
