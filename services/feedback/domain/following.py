"""What replies, replies sent back and withdrawals elsewhere mean here: the same end in whatever order they come."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.contracts.event import SYSTEM
from services.contracts.feedback import CaseCancelled, CaseRecalled, VisitScheduled
from services.contracts.vocabulary import CaseState, ClockKind
from services.feedback.domain.case import Act, Case, Petition, can, move
from services.kernel.access import Scope
from services.kernel.head import Decision, Head, decided
from services.kernel.ids import CaseId, PetitionId
from services.kernel.terms import Terms


@dataclass(frozen=True, slots=True)
class Result:
    """A petition's result as another service told it: a department's reply, or (no department) solved on the spot."""

    scope: Scope
    cycle: int
    department: str | None
    handler: str
    title: str
    category: str


def unknown(scope: Scope, cycle: int) -> Petition:
    """Return a petition of which nothing has been decided here."""
    return Petition(Head(PetitionId(scope.petition), cycle, scope))


def schedule(petition: Petition, result: Result, case_id: CaseId, terms: Terms, *, now: datetime) -> Decision[Petition]:
    """Open the cycle's case, or resume the one that was recalled, and let the visit's time begin.

    A result of an earlier cycle, or of a case that is not recalled, changes nothing: it was overtaken.
    """
    case = petition.case
    resumes = case is not None and case.cycle == result.cycle
    if case is not None and (case.cycle > result.cycle or (resumes and not can(case, Act.RESUME))):
        return Decision(petition, ())
    # A reply may have been given before dispatch heard of a follower whom feedback knows already.
    followers = tuple(dict.fromkeys((*petition.head.scope.followers, *result.scope.followers)))
    head = replace(petition.head, scope=replace(result.scope, followers=followers), cycle=result.cycle)
    petition = replace(petition, head=head, title=result.title, category=result.category)
    if case is not None and resumes:
        again = replace(move(case, Act.RESUME), round=case.round + 1)
        again = replace(again, department=result.department, handler=result.handler)
        return _scheduled(petition, again, terms, now)
    opened = Case(
        id=case_id,
        cycle=result.cycle,
        state=CaseState.AWAITING_VISIT,
        department=result.department,
        handler=result.handler,
        opened_at=now,
    )
    if petition.withdrawn:
        ended = replace(opened, state=CaseState.CANCELLED, ended_at=now)
        return decided(petition.with_case(ended), CaseCancelled(by=SYSTEM, case_id=case_id))
    return _scheduled(petition, opened, terms, now)


def _scheduled(petition: Petition, case: Case, terms: Terms, now: datetime) -> Decision[Petition]:
    ticking = petition.head.ticking(terms, SYSTEM, now).start(ClockKind.RETURN_VISIT, case.id)
    after = replace(petition.with_case(case), head=petition.head.after(ticking))
    return decided(after, VisitScheduled(by=SYSTEM, case_id=case.id), clocks=ticking)


def learn_followers(petition: Petition, followers: tuple[str, ...]) -> Decision[Petition]:
    """Remember who follows it, for the cases that there are and for a reply that is still on its way."""
    scope = replace(petition.head.scope, followers=followers)
    return Decision(replace(petition, head=replace(petition.head, scope=scope)), ())


def recall(petition: Petition, cycle: int, department: str, terms: Terms, *, now: datetime) -> Decision[Petition]:
    """Take the case back, its reply having been sent back.

    A case that is over, or of another cycle, stays; so does one whose reply was not this department's (a co-handler's
    part went back).
    """
    case = petition.case
    if case is None or (case.cycle, case.department) != (cycle, department) or not can(case, Act.RECALL):
        return Decision(petition, ())
    ticking = petition.head.ticking(terms, SYSTEM, now).stop_all()
    after = petition.with_case(without_standing(move(case, Act.RECALL)))
    after = replace(after, head=petition.head.after(ticking))
    return decided(after, CaseRecalled(by=SYSTEM, case_id=case.id), clocks=ticking)


def withdraw(petition: Petition, terms: Terms, *, now: datetime) -> Decision[Petition]:
    """Cancel the open case, and remember the withdrawal for a reply that is still on its way."""
    petition = replace(petition, withdrawn=True)
    case = petition.case
    if case is None or not can(case, Act.CANCEL):
        return Decision(petition, ())
    ticking = petition.head.ticking(terms, SYSTEM, now).stop_all()
    ended = without_standing(replace(move(case, Act.CANCEL), ended_at=now))
    after = replace(petition.with_case(ended), head=petition.head.after(ticking))
    return decided(after, CaseCancelled(by=SYSTEM, case_id=case.id), clocks=ticking)


def without_standing(case: Case) -> Case:
    """Return the case with its visits kept but standing no longer: what they asked about is gone."""
    return replace(case, visits=tuple(replace(v, stands=False) if v.stands else v for v in case.visits))
