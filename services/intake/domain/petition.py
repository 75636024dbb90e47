"""The petition at intake: its state, and the table of acts (state-machine.md, Intake)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.contracts.event import Who
from services.contracts.vocabulary import (
    DeadlineClass,
    Extent,
    PetitionKind,
    PetitionState,
    ScreeningStep,
    Urgency,
)
from services.kernel import machine
from services.kernel.errors import InvalidState
from services.kernel.head import Head
from services.kernel.ids import TrackingCode

S = PetitionState


class Act(StrEnum):
    """What can be done with a petition at intake; RESUME_SCREENING is the product's own."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    LISTEN = "LISTEN"
    LOOK = "LOOK"
    DELIBERATE = "DELIBERATE"
    SKIP_LOOK = "SKIP_LOOK"
    SKIP_DELIBERATE = "SKIP_DELIBERATE"
    HAND_OVER = "HAND_OVER"
    RESOLVE_ON_SPOT = "RESOLVE_ON_SPOT"
    DECLINE = "DECLINE"
    RESUME_SCREENING = "RESUME_SCREENING"
    ADD_INFORMATION = "ADD_INFORMATION"
    WITHDRAW = "WITHDRAW"
    FOLLOW = "FOLLOW"


TRANSITIONS: Final[Mapping[tuple[PetitionState, Act], PetitionState]] = MappingProxyType(
    {
        (S.SUBMITTED, Act.ACCEPT): S.ACCEPTED,
        (S.SUBMITTED, Act.REJECT): S.REJECTED,
        (S.ACCEPTED, Act.LISTEN): S.SCREENING,
        (S.SCREENING, Act.LOOK): S.SCREENING,
        (S.SCREENING, Act.SKIP_LOOK): S.SCREENING,
        (S.SCREENING, Act.DELIBERATE): S.SCREENING,
        (S.SCREENING, Act.SKIP_DELIBERATE): S.SCREENING,
        (S.SCREENING, Act.HAND_OVER): S.READY,
        (S.SCREENING, Act.RESOLVE_ON_SPOT): S.RESOLVED_ON_SPOT,
        (S.SCREENING, Act.DECLINE): S.REJECTED,
        (S.RESOLVED_ON_SPOT, Act.RESUME_SCREENING): S.SCREENING,
        (S.SUBMITTED, Act.ADD_INFORMATION): S.SUBMITTED,
        (S.ACCEPTED, Act.ADD_INFORMATION): S.ACCEPTED,
        (S.SCREENING, Act.ADD_INFORMATION): S.SCREENING,
        (S.READY, Act.ADD_INFORMATION): S.READY,
        (S.SUBMITTED, Act.WITHDRAW): S.WITHDRAWN,
        (S.ACCEPTED, Act.WITHDRAW): S.WITHDRAWN,
        (S.SCREENING, Act.WITHDRAW): S.WITHDRAWN,
        (S.READY, Act.WITHDRAW): S.WITHDRAWN,
        (S.MERGED, Act.WITHDRAW): S.WITHDRAWN,
        (S.SUBMITTED, Act.FOLLOW): S.SUBMITTED,
        (S.ACCEPTED, Act.FOLLOW): S.ACCEPTED,
        (S.SCREENING, Act.FOLLOW): S.SCREENING,
        (S.READY, Act.FOLLOW): S.READY,
        (S.RESOLVED_ON_SPOT, Act.FOLLOW): S.RESOLVED_ON_SPOT,
        (S.MERGED, Act.FOLLOW): S.MERGED,
    }
)
"""Every legal act. LOOK and DELIBERATE also need the step before them (`needs`); WITHDRAW that no reply is known."""

NEEDS: Final[Mapping[Act, ScreeningStep]] = MappingProxyType(
    {
        Act.DELIBERATE: ScreeningStep.LOOK,
        Act.SKIP_DELIBERATE: ScreeningStep.LOOK,
        Act.HAND_OVER: ScreeningStep.DELIBERATE,
        Act.RESOLVE_ON_SPOT: ScreeningStep.DELIBERATE,
        Act.DECLINE: ScreeningStep.DELIBERATE,
    }
)
"""The step that must have been taken or skipped before an act: the order of screening holds."""

MAKES: Final[Mapping[Act, ScreeningStep]] = MappingProxyType(
    {
        Act.LISTEN: ScreeningStep.LISTEN,
        Act.LOOK: ScreeningStep.LOOK,
        Act.SKIP_LOOK: ScreeningStep.LOOK,
        Act.DELIBERATE: ScreeningStep.DELIBERATE,
        Act.SKIP_DELIBERATE: ScreeningStep.DELIBERATE,
    }
)
"""The step that an act takes or skips; each is taken once in a cycle."""


@dataclass(frozen=True, slots=True)
class Petition:
    """A petition as intake knows it. Texts that residents wrote are masked here; the original is in the vault."""

    head: Head
    tracking_code: TrackingCode
    state: PetitionState
    kind: PetitionKind
    channel: str
    submitted_at: datetime
    submitted_by: Who
    working_text: str
    estate: str | None = None
    representative: str | None = None
    title: str | None = None
    category: str | None = None
    urgency: Urgency | None = None
    extent: Extent | None = None
    steps: tuple[ScreeningStep, ...] = ()
    department: str | None = None
    request: str | None = None
    deadline_class: DeadlineClass | None = None
    ground: str | None = None
    reason: str | None = None
    referral: str | None = None
    measures: str | None = None
    reply_known: bool = False
    closed: bool = False


def _objection(petition: Petition, act: Act) -> str | None:
    """Return why an act that the table allows is not possible yet, or no more."""
    needed, made = NEEDS.get(act), MAKES.get(act)
    if made in petition.steps:
        return f"{made} has been done in this cycle" if made else None
    if needed is not None and needed not in petition.steps:
        return f"{needed} comes first, or must be skipped with a ground"
    if act in {Act.WITHDRAW, Act.ADD_INFORMATION, Act.FOLLOW} and petition.closed:
        return "it has been closed"
    if act in {Act.WITHDRAW, Act.ADD_INFORMATION} and petition.reply_known:
        return "a reply has been given"
    return None


def allowed(petition: Petition) -> list[Act]:
    """Return what can be done with a petition now."""
    acts = machine.allowed(TRANSITIONS, petition.state)
    return [act for act in acts if act is not Act.RESUME_SCREENING and _objection(petition, act) is None]


def move(petition: Petition, act: Act) -> Petition:
    """Return the petition in the state, and with the screening step, that an act leads to.

    :raises InvalidState: the act is not possible; the error lists what is.
    """
    possible = [a.value for a in allowed(petition)]
    if (petition.state, act) not in TRANSITIONS:
        raise InvalidState(act.value, petition.state.value, possible)
    if (why := _objection(petition, act)) is not None:
        raise InvalidState(act.value, petition.state.value, possible, why)
    made = MAKES.get(act)
    steps = (*petition.steps, made) if made else petition.steps
    return replace(petition, state=TRANSITIONS[petition.state, act], steps=steps)
