"""Listen, look, deliberate, handle (一听二看三议四办): the collect-and-transfer procedure."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.contracts.event import SYSTEM, Who
from services.contracts.intake import (
    PetitionDeliberated,
    PetitionListened,
    PetitionLooked,
    PetitionReadied,
    PetitionResolvedOnSpot,
    PetitionScreeningResumed,
    PetitionStepSkipped,
)
from services.contracts.vocabulary import ClockKind, DeadlineClass, PetitionState, ScreeningStep, Urgency
from services.intake.domain.petition import Act, Petition, move
from services.kernel.head import Decision, Fact, decided
from services.kernel.terms import Terms


def listen(petition: Petition, *, said: str, by: Who) -> Decision[Petition]:
    """LISTEN: hear out what was said, and by whom.

    :raises InvalidState: the petition is not ACCEPTED.
    """
    return decided(move(petition, Act.LISTEN), Fact(PetitionListened(by=by), said))


def look(petition: Petition, *, findings: str, by: Who) -> Decision[Petition]:
    """LOOK: record what was found at the place.

    :raises InvalidState: not in SCREENING, or LOOK is done.
    """
    return decided(move(petition, Act.LOOK), Fact(PetitionLooked(by=by), findings))


def deliberate(petition: Petition, *, outcome: str, participants: int, by: Who) -> Decision[Petition]:
    """DELIBERATE: record the meeting's outcome.

    :raises InvalidState: not in SCREENING, LOOK is neither done nor skipped, or DELIBERATE is done.
    """
    event = PetitionDeliberated(by=by, participants=participants)
    return decided(move(petition, Act.DELIBERATE), Fact(event, outcome))


def skip(petition: Petition, step: ScreeningStep, *, ground: str, reason: str, by: Who) -> Decision[Petition]:
    """Leave LOOK or DELIBERATE out on the fast track, with ground and reason.

    :raises InvalidState: not in SCREENING, or the step's turn has not come or is over.
    """
    act = Act.SKIP_LOOK if step is ScreeningStep.LOOK else Act.SKIP_DELIBERATE
    return decided(move(petition, act), Fact(PetitionStepSkipped(by=by, step=step, ground=ground), reason))


@dataclass(frozen=True, slots=True)
class HandingOver:
    """What is asked of a department: `request` has at most 4 kB and no phone or identity number."""

    request: str
    department: str | None
    deadline_class: DeadlineClass


def hand_over(petition: Petition, asked: HandingOver, terms: Terms, *, by: Who, now: datetime) -> Decision[Petition]:
    """HANDLE: hand over (转办), which writes the request to the department and makes the petition READY.

    :raises InvalidState: DELIBERATE is neither done nor skipped.
    """
    moved = move(petition, Act.HAND_OVER)
    ticking = petition.head.ticking(terms, by, now).stop(ClockKind.SCREENING)
    moved = replace(
        moved,
        head=petition.head.after(ticking),
        request=asked.request,
        department=asked.department,
        deadline_class=asked.deadline_class,
    )
    event = PetitionReadied(
        by=by,
        tracking_code=petition.tracking_code,
        title=petition.title or "",
        category=petition.category or "",
        urgency=petition.urgency or Urgency.NORMAL,
        request=asked.request,
        department=asked.department,
        deadline_class=asked.deadline_class,
    )
    return decided(moved, event, clocks=ticking)


def resolve_on_spot(petition: Petition, *, measures: str, terms: Terms, by: Who, now: datetime) -> Decision[Petition]:
    """HANDLE: solved on the spot, a result like any other, which gets its return visit.

    :raises InvalidState: DELIBERATE is neither done nor skipped.
    """
    moved = move(petition, Act.RESOLVE_ON_SPOT)
    ticking = petition.head.ticking(terms, by, now).stop(ClockKind.SCREENING)
    moved = replace(moved, head=petition.head.after(ticking), measures=measures)
    event = PetitionResolvedOnSpot(by=by, title=petition.title or "", category=petition.category or "")
    return decided(moved, Fact(event, measures), clocks=ticking)


def reopen(petition: Petition, new_cycle: int, terms: Terms, *, now: datetime) -> Decision[Petition] | None:
    """Go round again: what was solved on the spot is screened again; what had a work order waits at dispatch.

    An older or repeated reopening changes nothing: None.
    """
    if new_cycle <= petition.head.cycle:
        return None
    petition = replace(petition, head=replace(petition.head, cycle=new_cycle), reply_known=False)
    if petition.state is not PetitionState.RESOLVED_ON_SPOT:
        return Decision(petition, ())
    moved = move(petition, Act.RESUME_SCREENING)
    # What was heard stays heard; looking and deliberating start anew.
    ticking = petition.head.ticking(terms, SYSTEM, now).start(ClockKind.SCREENING)
    moved = replace(moved, head=petition.head.after(ticking), steps=(ScreeningStep.LISTEN,), measures=None)
    return decided(moved, PetitionScreeningResumed(by=SYSTEM), clocks=ticking)
