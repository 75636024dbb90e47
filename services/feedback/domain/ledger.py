"""The ledger (挂账): what honestly cannot be done now, with a responsible department and a day to visit again."""

from dataclasses import replace
from datetime import date, datetime

from services.contracts.event import SYSTEM, Who
from services.contracts.feedback import PetitionLedgered, VisitScheduled
from services.contracts.vocabulary import ClockKind
from services.feedback.domain import reopening
from services.feedback.domain.case import Act, Case, LedgerEntry, Petition, move
from services.kernel.calendar import SHANGHAI
from services.kernel.errors import InvalidInput
from services.kernel.head import Decision, Fact, decided
from services.kernel.terms import Terms

_LONGEST_YEARS = 2


def latest_review(today: date) -> date:
    """Return the last day that a review may be put off to."""
    year = today.year + _LONGEST_YEARS
    return today.replace(year=year, day=28) if (today.month, today.day) == (2, 29) else today.replace(year=year)


def check_review(review_on: date, now: datetime) -> None:
    """Refuse a review day that nobody would live to see, or that is past.

    :raises InvalidInput: not after today (in Shanghai), or more than two years away.
    """
    today = now.astimezone(SHANGHAI).date()
    if not today < review_on <= latest_review(today):
        raise InvalidInput(
            "reviewOn", f"reviewOn must lie after {today.isoformat()} and not after {latest_review(today).isoformat()}."
        )


def approve(petition: Petition, case: Case, entry: LedgerEntry, terms: Terms) -> Decision[Petition]:
    """Put a case on the ledger until its review day.

    :raises InvalidState: not visited, or the visit did not propose it.
    """
    ticking = petition.head.ticking(terms, entry.by, entry.at).stop_all()
    ticking = ticking.start_until(ClockKind.LEDGER_REVIEW, entry.review_on, case.id)
    moved = replace(move(case, Act.APPROVE_LEDGER), ledger=entry)
    after = replace(petition.with_case(moved), head=petition.head.after(ticking))
    event = PetitionLedgered(
        by=entry.by, case_id=case.id, department=entry.department, ground=entry.ground, review_on=entry.review_on
    )
    return decided(after, Fact(event, entry.reason), clocks=ticking)


def refuse(
    petition: Petition, case: Case, *, answered: bool, reason: str, terms: Terms, by: Who, now: datetime
) -> Decision[Petition]:
    """Refuse the ledger, by word or (`answered` false) by letting its time run out: the petition is reopened.

    :raises InvalidState: not visited, or the visit did not propose it.
    """
    cause = reopening.LEDGER_REFUSED if answered else reopening.LEDGER_UNANSWERED
    return reopening.reopen(petition, case, Act.REFUSE_LEDGER, cause=cause, reason=reason, terms=terms, by=by, now=now)


def review(petition: Petition, case: Case, terms: Terms, *, now: datetime) -> Decision[Petition]:
    """Visit a ledgered matter again, its day having come.

    :raises InvalidState: it is not on the ledger.
    """
    ticking = petition.head.ticking(terms, SYSTEM, now).stop_all().start(ClockKind.RETURN_VISIT, case.id)
    moved = replace(move(case, Act.REVIEW), round=case.round + 1)
    after = replace(petition.with_case(moved), head=petition.head.after(ticking))
    return decided(after, VisitScheduled(by=SYSTEM, case_id=case.id), clocks=ticking)
