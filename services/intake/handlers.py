"""Other services' events as intake's commands and projections; nothing else happens here."""

from typing import Final

from services.contracts.clocks import CLOCK_EVENTS
from services.contracts.dispatch import (
    PetitionInstructionAnswered,
    PetitionPressed,
    PetitionReplied,
    WorkOrderAcknowledged,
    WorkOrderAssigned,
    WorkOrderCancelled,
    WorkOrderDeclined,
    WorkOrderInformationRequested,
    WorkOrderOpened,
    WorkOrderReferredForRuling,
    WorkOrderReplied,
    WorkOrderReplyReturned,
    WorkOrderResumed,
    WorkOrderRuled,
    WorkOrderStarted,
)
from services.contracts.event import Event
from services.contracts.feedback import (
    CaseCancelled,
    CaseRecalled,
    PetitionClosed,
    PetitionLedgered,
    PetitionReopened,
    VisitAttempted,
    VisitRecorded,
    VisitScheduled,
)
from services.contracts.vocabulary import Source
from services.intake.commands import following
from services.intake.store import view_petition
from services.kernel.envelope import Envelope
from services.kernel.ids import PetitionId
from services.kernel.inbox import Handlers
from services.kernel.reference import ReferenceCache
from services.kernel.transaction import Transaction

SOURCES: Final = frozenset({Source.DISPATCH, Source.FEEDBACK})


def handlers(references: ReferenceCache) -> Handlers:
    """Return the tables of reactions, of what is explicitly ignored, and of projections."""

    async def on_lead(tx: Transaction, event: WorkOrderAssigned | WorkOrderRuled, meta: Envelope) -> None:
        await following.learn_lead(tx, _id(meta), event.department, now=meta.time)

    async def on_work_order_declined(tx: Transaction, event: WorkOrderDeclined, meta: Envelope) -> None:
        # While a ruling is open the first receiver stays responsible; the envelope says who is.
        await following.learn_lead(tx, _id(meta), meta.lead, now=meta.time)

    async def on_petition_replied(tx: Transaction, event: PetitionReplied, meta: Envelope) -> None:
        await following.learn_reply(tx, _id(meta), meta.cycle, known=True, now=meta.time)

    async def on_reply_returned(tx: Transaction, event: WorkOrderReplyReturned, meta: Envelope) -> None:
        await following.learn_reply(tx, _id(meta), meta.cycle, known=False, now=meta.time)

    async def on_petition_closed(tx: Transaction, event: PetitionClosed, meta: Envelope) -> None:
        await following.learn_closing(tx, _id(meta), now=meta.time)

    async def on_petition_reopened(tx: Transaction, event: PetitionReopened, meta: Envelope) -> None:
        known = references.current
        await following.reopen_petition(tx, _id(meta), event.new_cycle, known, now=meta.time)

    dispatch, feedback = Source.DISPATCH, Source.FEEDBACK
    ignored: list[tuple[Source, type[Event]]] = [
        (dispatch, WorkOrderOpened),
        (dispatch, WorkOrderAcknowledged),
        (dispatch, WorkOrderReferredForRuling),
        (dispatch, WorkOrderStarted),
        (dispatch, WorkOrderInformationRequested),
        (dispatch, WorkOrderResumed),
        (dispatch, WorkOrderReplied),
        (dispatch, WorkOrderCancelled),
        (dispatch, PetitionPressed),
        (dispatch, PetitionInstructionAnswered),
        (feedback, VisitScheduled),
        (feedback, VisitAttempted),
        (feedback, VisitRecorded),
        (feedback, PetitionLedgered),
        (feedback, CaseRecalled),
        (feedback, CaseCancelled),
        *((source, clock) for source in SOURCES for clock in CLOCK_EVENTS),
    ]
    return Handlers(
        reactions={
            (dispatch, WorkOrderAssigned): on_lead,
            (dispatch, WorkOrderRuled): on_lead,
            (dispatch, WorkOrderDeclined): on_work_order_declined,
            (dispatch, PetitionReplied): on_petition_replied,
            (dispatch, WorkOrderReplyReturned): on_reply_returned,
            (feedback, PetitionReopened): on_petition_reopened,
            (feedback, PetitionClosed): on_petition_closed,
        },
        ignored=frozenset(ignored),
        projections=[view_petition.project_many],
    )


def _id(meta: Envelope) -> PetitionId:
    return PetitionId(meta.scope().petition)
