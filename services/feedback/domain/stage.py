"""The five-people method (五民工作法): which stage each event belongs to, and which a petition is in.

The source names the five stages and not what is in them; this reading is ours. People raise (民提) until it is taken
on; deliberate (民议) while it is screened; decide (民决) what will be done; the affair is handled (民事民办) until the
reply; and people evaluate (民评) from the reply on.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.contracts import dispatch as d
from services.contracts import feedback as f
from services.contracts import intake as i
from services.contracts.clocks import ClockEvent
from services.contracts.event import Event
from services.contracts.vocabulary import ClockKind, Stage

OF_EVENT: Final[Mapping[type[Event], Stage]] = MappingProxyType(
    {
        i.PetitionSubmitted: Stage.RAISE,
        i.PetitionAccepted: Stage.RAISE,
        i.PetitionFollowed: Stage.RAISE,
        i.PetitionInformationAdded: Stage.RAISE,
        i.PetitionWithdrawn: Stage.RAISE,
        i.PetitionPersonalDataErased: Stage.RAISE,
        i.PetitionListened: Stage.DELIBERATE,
        i.PetitionLooked: Stage.DELIBERATE,
        i.PetitionDeliberated: Stage.DELIBERATE,
        i.PetitionStepSkipped: Stage.DELIBERATE,
        i.PetitionScreeningResumed: Stage.DELIBERATE,
        i.PetitionRejected: Stage.DECIDE,
        i.PetitionReadied: Stage.DECIDE,
        i.PetitionResolvedOnSpot: Stage.HANDLE,
        d.WorkOrderOpened: Stage.HANDLE,
        d.WorkOrderAssigned: Stage.HANDLE,
        d.WorkOrderAcknowledged: Stage.HANDLE,
        d.WorkOrderDeclined: Stage.HANDLE,
        d.WorkOrderReferredForRuling: Stage.HANDLE,
        d.WorkOrderRuled: Stage.HANDLE,
        d.WorkOrderStarted: Stage.HANDLE,
        d.WorkOrderInformationRequested: Stage.HANDLE,
        d.WorkOrderResumed: Stage.HANDLE,
        d.WorkOrderReplied: Stage.HANDLE,
        d.PetitionReplied: Stage.HANDLE,
        d.WorkOrderReplyReturned: Stage.HANDLE,
        d.WorkOrderCancelled: Stage.HANDLE,
        d.PetitionPressed: Stage.HANDLE,
        d.PetitionInstructionAnswered: Stage.HANDLE,
        f.VisitScheduled: Stage.EVALUATE,
        f.VisitAttempted: Stage.EVALUATE,
        f.VisitRecorded: Stage.EVALUATE,
        f.PetitionClosed: Stage.EVALUATE,
        f.PetitionReopened: Stage.EVALUATE,
        f.PetitionLedgered: Stage.EVALUATE,
        f.CaseRecalled: Stage.EVALUATE,
        f.CaseCancelled: Stage.EVALUATE,
    }
)
"""The stage that each event is told under; clock events go by what their clock measures (OF_CLOCK)."""

OF_CLOCK: Final[Mapping[ClockKind, Stage]] = MappingProxyType(
    {
        ClockKind.ACCEPTANCE: Stage.RAISE,
        ClockKind.SCREENING: Stage.DELIBERATE,
        ClockKind.ASSIGNMENT: Stage.HANDLE,
        ClockKind.ACKNOWLEDGEMENT: Stage.HANDLE,
        ClockKind.HANDLING: Stage.HANDLE,
        ClockKind.RULING: Stage.HANDLE,
        ClockKind.INFORMATION: Stage.HANDLE,
        ClockKind.INSTRUCTION: Stage.HANDLE,
        ClockKind.RETURN_VISIT: Stage.EVALUATE,
        ClockKind.CLOSING: Stage.EVALUATE,
        ClockKind.LEDGER_APPROVAL: Stage.EVALUATE,
        ClockKind.LEDGER_REVIEW: Stage.EVALUATE,
    }
)

LEADS_TO: Final[Mapping[type[Event], Stage]] = MappingProxyType(
    {
        i.PetitionSubmitted: Stage.RAISE,
        i.PetitionAccepted: Stage.DELIBERATE,
        i.PetitionScreeningResumed: Stage.DELIBERATE,
        i.PetitionRejected: Stage.DECIDE,
        i.PetitionReadied: Stage.DECIDE,
        i.PetitionResolvedOnSpot: Stage.EVALUATE,
        d.WorkOrderOpened: Stage.HANDLE,
        d.PetitionReplied: Stage.EVALUATE,
        d.WorkOrderReplyReturned: Stage.HANDLE,
        # What remains when an order goes is its evaluation: it was closed meanwhile, or the next order follows at once.
        d.WorkOrderCancelled: Stage.EVALUATE,
    }
)
"""The stage that a petition is in after an event, as far as its source can tell; all other events leave it."""


def stage_of(event: Event) -> Stage:
    """Return the stage that an event is told under."""
    return OF_CLOCK[event.kind] if isinstance(event, ClockEvent) else OF_EVENT[type(event)]


def overall(intake: Stage | None, dispatch: Stage | None, *, withdrawn: bool) -> Stage:
    """Return the stage that a petition is in, from what each source says for itself.

    Dispatch tells from its first order on; what is withdrawn is back with the people who raised it. A reopened petition
    goes back when dispatch or intake takes it up again: until then it is the evaluation that speaks.
    `view.petition.stage` is this function.
    """
    return Stage.RAISE if withdrawn else dispatch or intake or Stage.RAISE
