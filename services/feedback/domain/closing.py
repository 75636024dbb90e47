"""Closing a case, and reopening what was solved to no satisfaction."""

from dataclasses import replace
from datetime import datetime

from services.contracts.event import Who
from services.contracts.feedback import PetitionClosed
from services.feedback.domain import reopening
from services.feedback.domain.case import Act, Case, Petition, move
from services.kernel.head import Decision, Fact, decided
from services.kernel.terms import Terms


def close(petition: Petition, case: Case, *, reason: str, terms: Terms, by: Who, now: datetime) -> Decision[Petition]:
    """Close a visited case for good.

    An answer that is unsatisfied does not speak against it: the committee has CLOSING's time to reopen with a cause.

    :raises InvalidState: not visited, or the ledger was proposed (which has a clock of its own).
    """
    ticking = petition.head.ticking(terms, by, now).stop_all()
    moved = replace(move(case, Act.CLOSE), ended_at=now)
    after = replace(petition.with_case(moved), head=petition.head.after(ticking))
    return decided(after, Fact(PetitionClosed(by=by, case_id=case.id), reason), clocks=ticking)


def reopen_unsatisfied(
    petition: Petition, case: Case, *, ground: str, reason: str, terms: Terms, by: Who, now: datetime
) -> Decision[Petition]:
    """Let a solved matter go round again, with a cause that can be acted on.

    :raises InvalidState: not visited, not solved, or satisfied.
    """
    return reopening.reopen(
        petition, case, Act.REOPEN_UNSATISFIED, cause=ground, reason=reason, terms=terms, by=by, now=now
    )
