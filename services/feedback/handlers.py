"""Other services' events as feedback's commands and projections; nothing else happens here."""

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
from services.contracts.intake import (
    PetitionAccepted,
    PetitionDeliberated,
    PetitionFollowed,
    PetitionInformationAdded,
    PetitionListened,
    PetitionLooked,
    PetitionPersonalDataErased,
    PetitionReadied,
    PetitionRejected,
    PetitionResolvedOnSpot,
    PetitionScreeningResumed,
    PetitionStepSkipped,
    PetitionSubmitted,
    PetitionWithdrawn,
)
from services.contracts.vocabulary import Source
from services.feedback.commands import following
from services.feedback.domain.following import Result
from services.feedback.store import view_clock, view_event, view_petition
from services.kernel.envelope import Envelope
from services.kernel.ids import PetitionId
from services.kernel.inbox import Handlers
from services.kernel.reference import ReferenceCache
from services.kernel.transaction import Transaction

SOURCES: Final = frozenset({Source.INTAKE, Source.DISPATCH})


def handlers(references: ReferenceCache) -> Handlers:
    """Return the tables of reactions, of what is explicitly ignored, and of projections."""

    async def on_petition_replied(tx: Transaction, event: PetitionReplied, meta: Envelope) -> None:
        result = Result(meta.scope(), meta.cycle, event.department, event.handler, event.title, event.category)
        await following.schedule_visit(tx, result, references.current, now=meta.time)

    async def on_petition_resolved_on_spot(tx: Transaction, event: PetitionResolvedOnSpot, meta: Envelope) -> None:
        result = Result(meta.scope(), meta.cycle, None, event.by.subject, event.title, event.category)
        await following.schedule_visit(tx, result, references.current, now=meta.time)

    async def on_work_order_reply_returned(tx: Transaction, event: WorkOrderReplyReturned, meta: Envelope) -> None:
        petition_id = PetitionId(meta.scope().petition)
        await following.recall_case(tx, petition_id, meta.cycle, event.department, references.current, now=meta.time)

    async def on_petition_followed(tx: Transaction, event: PetitionFollowed, meta: Envelope) -> None:
        await following.learn_followers(tx, meta.scope(), meta.cycle, now=meta.time)

    async def on_petition_withdrawn(tx: Transaction, event: PetitionWithdrawn, meta: Envelope) -> None:
        await following.cancel_case(tx, meta.scope(), meta.cycle, references.current, now=meta.time)

    intake, dispatch = Source.INTAKE, Source.DISPATCH
    ignored: list[tuple[Source, type[Event]]] = [
        (intake, PetitionSubmitted),
        (intake, PetitionAccepted),
        (intake, PetitionRejected),
        (intake, PetitionListened),
        (intake, PetitionLooked),
        (intake, PetitionDeliberated),
        (intake, PetitionStepSkipped),
        (intake, PetitionReadied),
        (intake, PetitionScreeningResumed),
        (intake, PetitionInformationAdded),
        (intake, PetitionPersonalDataErased),
        (dispatch, WorkOrderOpened),
        (dispatch, WorkOrderAssigned),
        (dispatch, WorkOrderAcknowledged),
        (dispatch, WorkOrderDeclined),
        (dispatch, WorkOrderReferredForRuling),
        (dispatch, WorkOrderRuled),
        (dispatch, WorkOrderStarted),
        (dispatch, WorkOrderInformationRequested),
        (dispatch, WorkOrderResumed),
        (dispatch, WorkOrderReplied),
        (dispatch, WorkOrderCancelled),
        (dispatch, PetitionPressed),
        (dispatch, PetitionInstructionAnswered),
        *((source, clock) for source in SOURCES for clock in CLOCK_EVENTS),
    ]
    return Handlers(
        reactions={
            (dispatch, PetitionReplied): on_petition_replied,
            (intake, PetitionResolvedOnSpot): on_petition_resolved_on_spot,
            (dispatch, WorkOrderReplyReturned): on_work_order_reply_returned,
            (intake, PetitionFollowed): on_petition_followed,
            (intake, PetitionWithdrawn): on_petition_withdrawn,
        },
        ignored=frozenset(ignored),
        projections=[view_petition.project_many, view_event.project_many, view_clock.project_many],
    )
