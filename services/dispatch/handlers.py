"""Other services' events as dispatch's commands and projections; nothing else happens here."""

from typing import Final

from services.contracts.clocks import CLOCK_EVENTS
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
from services.dispatch.commands import following
from services.dispatch.domain.assignment import HandedOver
from services.dispatch.store import view_petition
from services.kernel.envelope import Envelope
from services.kernel.ids import PetitionId, TrackingCode
from services.kernel.inbox import Handlers
from services.kernel.reference import ReferenceCache
from services.kernel.transaction import Transaction

SOURCES: Final = frozenset({Source.INTAKE, Source.FEEDBACK})


def handlers(references: ReferenceCache) -> Handlers:
    """Return the tables of reactions, of what is explicitly ignored, and of projections."""

    async def on_petition_readied(tx: Transaction, event: PetitionReadied, meta: Envelope) -> None:
        asked = HandedOver(
            scope=meta.scope(),
            cycle=meta.cycle,
            tracking_code=TrackingCode(event.tracking_code),
            title=event.title,
            category=event.category,
            urgency=event.urgency,
            request=event.request,
            deadline_class=event.deadline_class,
        )
        # The envelope's time everywhere: a late arrival takes nothing from the clocks, and a replay decides alike.
        await following.open_work_order(tx, asked, event.department, references.current, now=meta.time)

    async def on_petition_followed(tx: Transaction, event: PetitionFollowed, meta: Envelope) -> None:
        await following.learn_followers(tx, _id(meta), meta.followers, now=meta.time)

    async def on_information_added(tx: Transaction, event: PetitionInformationAdded, meta: Envelope) -> None:
        seen = meta.seen.get(Source.DISPATCH, 0)
        await following.add_information(tx, _id(meta), seen, references.current, now=meta.time)

    async def on_petition_withdrawn(tx: Transaction, event: PetitionWithdrawn, meta: Envelope) -> None:
        await following.withdraw_petition(tx, _id(meta), references.current, now=meta.time)

    async def on_petition_rejected(tx: Transaction, event: PetitionRejected, meta: Envelope) -> None:
        await following.reject_petition(tx, _id(meta), references.current, now=meta.time)

    async def on_visit_recorded(tx: Transaction, event: VisitRecorded, meta: Envelope) -> None:
        await following.learn_visit(tx, _id(meta), meta.cycle, known=True, now=meta.time)

    async def on_case_recalled(tx: Transaction, event: CaseRecalled, meta: Envelope) -> None:
        await following.learn_visit(tx, _id(meta), meta.cycle, known=False, now=meta.time)

    async def on_petition_closed(tx: Transaction, event: PetitionClosed, meta: Envelope) -> None:
        await following.close_petition(tx, _id(meta), meta.cycle, references.current, now=meta.time)

    async def on_petition_reopened(tx: Transaction, event: PetitionReopened, meta: Envelope) -> None:
        await following.reopen_petition(tx, _id(meta), event.new_cycle, references.current, now=meta.time)

    intake, feedback = Source.INTAKE, Source.FEEDBACK
    ignored: list[tuple[Source, type[Event]]] = [
        (intake, PetitionSubmitted),
        (intake, PetitionAccepted),
        (intake, PetitionListened),
        (intake, PetitionLooked),
        (intake, PetitionDeliberated),
        (intake, PetitionStepSkipped),
        (intake, PetitionResolvedOnSpot),
        (intake, PetitionScreeningResumed),
        (intake, PetitionPersonalDataErased),
        (feedback, VisitScheduled),
        (feedback, VisitAttempted),
        (feedback, PetitionLedgered),
        (feedback, CaseCancelled),
        *((source, clock) for source in SOURCES for clock in CLOCK_EVENTS),
    ]
    return Handlers(
        reactions={
            (intake, PetitionReadied): on_petition_readied,
            (intake, PetitionFollowed): on_petition_followed,
            (intake, PetitionInformationAdded): on_information_added,
            (intake, PetitionWithdrawn): on_petition_withdrawn,
            (intake, PetitionRejected): on_petition_rejected,
            (feedback, VisitRecorded): on_visit_recorded,
            (feedback, CaseRecalled): on_case_recalled,
            (feedback, PetitionClosed): on_petition_closed,
            (feedback, PetitionReopened): on_petition_reopened,
        },
        ignored=frozenset(ignored),
        projections=[view_petition.project_many],
    )


def _id(meta: Envelope) -> PetitionId:
    return PetitionId(meta.scope().petition)
