"""Going round again: the end that a case has when its matter is not done."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from services.contracts.event import Event, Who
from services.contracts.feedback import PetitionReopened
from services.feedback.domain.case import Act, Case, Petition, Reopening, move
from services.kernel.head import Decision, Fact, decided
from services.kernel.terms import Terms

NOT_SOLVED: Final = "NOT_SOLVED"
LEDGER_REFUSED: Final = "LEDGER_REFUSED"
LEDGER_UNANSWERED: Final = "LEDGER_UNANSWERED"
"""Causes that are the product's own; all others are grounds of use REOPEN."""

SUPERVISED_FROM: Final = 2
"""From the second reopening on the petition is under the supervisor's eye (domain.md, Feedback)."""


def reopen(
    petition: Petition,
    case: Case,
    act: Act,
    *,
    cause: str,
    reason: str,
    terms: Terms,
    by: Who,
    now: datetime,
    first: tuple[Fact | Event, ...] = (),
) -> Decision[Petition]:
    """End a case's cycle and let the petition go round again; every clock stops.

    :param first: what happened before it in the same decision (the visit that said so).
    :raises InvalidState: the act is not possible.
    """
    ticking = petition.head.ticking(terms, by, now).stop_all()
    moved = replace(move(case, act), reopening=Reopening(cause, reason, now, by), ended_at=now)
    reopened = petition.reopened + 1
    after = replace(petition.with_case(moved), head=petition.head.after(ticking), reopened=reopened)
    event = PetitionReopened(
        by=by,
        case_id=case.id,
        new_cycle=case.cycle + 1,
        cause=cause,
        supervised=reopened >= SUPERVISED_FROM,
    )
    return decided(after, *first, Fact(event, reason), clocks=ticking)
