"""Submitting, accepting and rejecting (受理): the first loop, accept at any time."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.contracts.event import Who
from services.contracts.intake import (
    PetitionAccepted,
    PetitionInformationAdded,
    PetitionRejected,
    PetitionSubmitted,
    PetitionWithdrawn,
)
from services.contracts.vocabulary import ClockKind, Extent, PetitionKind, PetitionState, Phase, Urgency
from services.intake.domain.petition import Act, Petition, move
from services.kernel.access import Scope
from services.kernel.head import Decision, Fact, Head, decided
from services.kernel.ids import PetitionId, TrackingCode
from services.kernel.terms import Terms


@dataclass(frozen=True, slots=True)
class Submission:
    """What was said, checked: codes exist, `working_text` is masked."""

    petition_id: PetitionId
    tracking_code: TrackingCode
    kind: PetitionKind
    channel: str
    street: str
    community: str
    estate: str | None
    representative: str | None
    working_text: str


def submit(said: Submission, terms: Terms, *, by: Who, now: datetime) -> Decision[Petition]:
    """Take a petition in and start the acceptance clock."""
    followers = (said.representative,) if said.representative else ()
    scope = Scope(said.petition_id, said.street, said.community, followers=followers)
    ticking = Head(said.petition_id, 1, scope).ticking(terms, by, now).start(ClockKind.ACCEPTANCE)
    petition = Petition(
        head=Head(said.petition_id, 1, scope, clocks=ticking.clocks),
        tracking_code=said.tracking_code,
        state=PetitionState.SUBMITTED,
        kind=said.kind,
        channel=said.channel,
        submitted_at=now,
        submitted_by=by,
        working_text=said.working_text,
        estate=said.estate,
        representative=said.representative,
    )
    event = PetitionSubmitted(
        by=by,
        tracking_code=said.tracking_code,
        kind=said.kind,
        channel=said.channel,
        estate=said.estate,
        representative=said.representative,
    )
    return decided(petition, event, clocks=ticking)


def accept(
    petition: Petition,
    *,
    title: str,
    category: str,
    urgency: Urgency,
    extent: Extent,
    terms: Terms,
    by: Who,
    now: datetime,
) -> Decision[Petition]:
    """Take a petition on under the committee's own title; screening begins.

    :raises InvalidState: it is not SUBMITTED.
    """
    moved = move(petition, Act.ACCEPT)
    ticking = petition.head.ticking(terms, by, now).stop(ClockKind.ACCEPTANCE).start(ClockKind.SCREENING)
    moved = replace(
        moved,
        head=petition.head.after(ticking),
        title=title,
        category=category,
        urgency=urgency,
        extent=extent,
    )
    event = PetitionAccepted(by=by, title=title, category=category, urgency=urgency, extent=extent)
    return decided(moved, event, clocks=ticking)


def reject(
    petition: Petition,
    phase: Phase,
    *,
    ground: str,
    reason: str,
    referral: str | None,
    terms: Terms,
    by: Who,
    now: datetime,
) -> Decision[Petition]:
    """Turn a petition down for good, with a ground, a reason for the resident, and where to go.

    :raises InvalidState: it is not SUBMITTED (phase ACCEPTANCE), or not ready for HANDLE (phase SCREENING).
    """
    moved = move(petition, Act.REJECT if phase is Phase.ACCEPTANCE else Act.DECLINE)
    ticking = petition.head.ticking(terms, by, now).stop_all()
    moved = replace(moved, head=petition.head.after(ticking), ground=ground, reason=reason, referral=referral)
    event = PetitionRejected(by=by, phase=phase, ground=ground, referral=referral)
    return decided(moved, Fact(event, reason), clocks=ticking)


def withdraw(petition: Petition, *, reason: str, terms: Terms, by: Who, now: datetime) -> Decision[Petition]:
    """Take a petition back, as its resident, until the reply.

    :raises InvalidState: it is over, or a reply is known here.
    """
    moved = move(petition, Act.WITHDRAW)
    ticking = petition.head.ticking(terms, by, now).stop_all()
    moved = replace(moved, head=petition.head.after(ticking))
    return decided(moved, Fact(PetitionWithdrawn(by=by), reason), clocks=ticking)


def add_information(petition: Petition, *, text: str, by: Who) -> Decision[Petition]:
    """Add to what was said; `text` is masked.

    :raises InvalidState: it is over, or a reply is known here.
    """
    moved = move(petition, Act.ADD_INFORMATION)
    return decided(moved, Fact(PetitionInformationAdded(by=by), text))
