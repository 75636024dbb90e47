"""view.petition: what dispatch keeps of a petition from intake and feedback. Takes many events at once."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from services.contracts import feedback as f
from services.contracts import intake as i
from services.contracts.event import Event
from services.contracts.vocabulary import CaseState, PetitionState, Source
from services.dispatch.domain.supervision import Elsewhere
from services.kernel.access import Scope
from services.kernel.envelope import Envelope
from services.kernel.ids import PetitionId, TrackingCode
from services.kernel.transaction import Transaction

_STATES: Final[Mapping[type[Event], str]] = MappingProxyType(
    {
        i.PetitionSubmitted: PetitionState.SUBMITTED,
        i.PetitionAccepted: PetitionState.ACCEPTED,
        i.PetitionRejected: PetitionState.REJECTED,
        i.PetitionListened: PetitionState.SCREENING,
        i.PetitionReadied: PetitionState.READY,
        i.PetitionResolvedOnSpot: PetitionState.RESOLVED_ON_SPOT,
        i.PetitionScreeningResumed: PetitionState.SCREENING,
        i.PetitionWithdrawn: PetitionState.WITHDRAWN,
        f.VisitScheduled: CaseState.AWAITING_VISIT,
        f.VisitRecorded: CaseState.VISITED,
        f.PetitionClosed: CaseState.CLOSED,
        f.PetitionReopened: CaseState.REOPENED,
        f.PetitionLedgered: CaseState.LEDGERED,
        f.CaseRecalled: CaseState.RECALLED,
        f.CaseCancelled: CaseState.CANCELLED,
    }
)

_INTAKE: Final = """
-- view_petition.intake: the latest of intake's columns; what an event did not say stays as it was
INSERT INTO petition AS known (petition_id, intake_sequence, intake_state, street, community, followers,
                                    tracking_code, title, category)
SELECT petition_id, sequence, state, street, community,
       CASE followers WHEN '' THEN '{}' ELSE string_to_array(followers, ',') END, tracking_code, title, category
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
    AS given (petition_id, sequence, state, street, community, followers, tracking_code, title, category)
ON CONFLICT (petition_id) DO UPDATE SET intake_sequence = EXCLUDED.intake_sequence,
    intake_state = COALESCE(EXCLUDED.intake_state, known.intake_state), street = EXCLUDED.street,
    community = EXCLUDED.community, followers = EXCLUDED.followers,
    tracking_code = COALESCE(EXCLUDED.tracking_code, known.tracking_code),
    title = COALESCE(EXCLUDED.title, known.title), category = COALESCE(EXCLUDED.category, known.category)
WHERE EXCLUDED.intake_sequence > known.intake_sequence"""

_FEEDBACK: Final = """
-- view_petition.feedback: the latest of feedback's columns, and the state if an event said one
INSERT INTO petition AS known (petition_id, feedback_sequence, feedback_state)
SELECT petition_id, sequence, state
FROM unnest($1::uuid[], $2::int[], $3::text[]) AS given (petition_id, sequence, state)
ON CONFLICT (petition_id) DO UPDATE SET feedback_sequence = EXCLUDED.feedback_sequence,
    feedback_state = COALESCE(EXCLUDED.feedback_state, known.feedback_state)
WHERE EXCLUDED.feedback_sequence > known.feedback_sequence"""


_ELSEWHERE: Final = """
-- view_petition.elsewhere: where a petition stands in the other services and what it is called, as far as is known
SELECT petition_id, street, community, followers, tracking_code, title, category, intake_state, feedback_state
FROM view.petition WHERE petition_id = $1 AND intake_state IS NOT NULL"""


async def elsewhere(tx: Transaction, petition_id: PetitionId) -> Elsewhere | None:
    """Return what dispatch knows of a petition from the others, if intake has told of it."""
    row = await tx.connection.fetchrow(_ELSEWHERE, petition_id)
    if row is None:
        return None
    return Elsewhere(
        scope=Scope(row["petition_id"], row["street"], row["community"], followers=tuple(row["followers"])),
        tracking_code=TrackingCode(row["tracking_code"] or ""),
        title=row["title"] or "",
        category=row["category"] or "",
        intake=PetitionState(row["intake_state"]),
        case=CaseState(row["feedback_state"]) if row["feedback_state"] else None,
    )


def _said(event: Event) -> dict[str, str]:
    """Return what an event says about the petition's own columns."""
    said: dict[str, str] = {}
    if (state := _STATES.get(type(event))) is not None:
        said["state"] = state
    if isinstance(event, i.PetitionSubmitted | i.PetitionReadied):
        said["tracking_code"] = event.tracking_code
    if isinstance(event, i.PetitionAccepted | i.PetitionReadied):
        said |= {"title": event.title, "category": event.category}
    return said


async def project_many(tx: Transaction, events: Sequence[tuple[Event, Envelope]]) -> None:
    """Upsert what the events say, one row a petition and source; each source writes its own columns alone."""
    rows: dict[Source, dict[str, tuple[Envelope, dict[str, str]]]] = {Source.INTAKE: {}, Source.FEEDBACK: {}}
    for event, meta in events:
        mine = rows[meta.source]
        earlier = mine[meta.subject][1] if meta.subject in mine else {}
        mine[meta.subject] = (meta, earlier | _said(event))
    if intake := rows[Source.INTAKE]:
        await tx.connection.execute(
            _INTAKE,
            list(intake),
            [meta.sequence for meta, _ in intake.values()],
            [said.get("state") for _, said in intake.values()],
            [meta.street for meta, _ in intake.values()],
            [meta.community for meta, _ in intake.values()],
            [",".join(meta.followers) for meta, _ in intake.values()],
            *([said.get(name) for _, said in intake.values()] for name in ("tracking_code", "title", "category")),
        )
    if feedback := rows[Source.FEEDBACK]:
        await tx.connection.execute(
            _FEEDBACK,
            list(feedback),
            [meta.sequence for meta, _ in feedback.values()],
            [said.get("state") for _, said in feedback.values()],
        )
