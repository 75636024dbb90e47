"""view.petition: what intake keeps of a petition from dispatch and feedback. Takes many events at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from services.contracts import dispatch as d
from services.contracts import feedback as f
from services.contracts.event import Event
from services.contracts.vocabulary import CaseState, Source, WorkOrderState
from services.kernel.envelope import Envelope
from services.kernel.ids import PetitionId
from services.kernel.transaction import Transaction

_STATES: Final[Mapping[type[Event], str]] = MappingProxyType(
    {
        d.WorkOrderOpened: WorkOrderState.PENDING,
        d.WorkOrderAssigned: WorkOrderState.ASSIGNED,
        d.WorkOrderAcknowledged: WorkOrderState.ACKNOWLEDGED,
        d.WorkOrderDeclined: WorkOrderState.PENDING,
        d.WorkOrderReferredForRuling: WorkOrderState.UNDER_RULING,
        d.WorkOrderRuled: WorkOrderState.ASSIGNED,
        d.WorkOrderStarted: WorkOrderState.IN_PROGRESS,
        d.PetitionReplied: WorkOrderState.REPLIED,
        d.WorkOrderReplyReturned: WorkOrderState.IN_PROGRESS,
        d.WorkOrderCancelled: WorkOrderState.CANCELLED,
        f.VisitScheduled: CaseState.AWAITING_VISIT,
        f.VisitRecorded: CaseState.VISITED,
        f.PetitionClosed: CaseState.CLOSED,
        f.PetitionReopened: CaseState.REOPENED,
        f.PetitionLedgered: CaseState.LEDGERED,
        f.CaseRecalled: CaseState.RECALLED,
        f.CaseCancelled: CaseState.CANCELLED,
    }
)

_ELSEWHERE: Final = """
-- view_petition.elsewhere: where a petition stands in the other services, as far as intake has heard
SELECT dispatch_state, feedback_state FROM view.petition WHERE petition_id = $1"""

_DISPATCH: Final = """
-- view_petition.dispatch: the latest of dispatch's columns, and the state if an event said one
INSERT INTO petition AS known (petition_id, dispatch_sequence, dispatch_state, lead, cohandlers)
SELECT petition_id, sequence, state, NULLIF(lead, ''),
       CASE cohandlers WHEN '' THEN '{}' ELSE string_to_array(cohandlers, ',') END
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[])
    AS given (petition_id, sequence, state, lead, cohandlers)
ON CONFLICT (petition_id) DO UPDATE SET dispatch_sequence = EXCLUDED.dispatch_sequence,
    dispatch_state = COALESCE(EXCLUDED.dispatch_state, known.dispatch_state),
    lead = EXCLUDED.lead, cohandlers = EXCLUDED.cohandlers
WHERE EXCLUDED.dispatch_sequence > known.dispatch_sequence"""

_FEEDBACK: Final = """
-- view_petition.feedback: the latest of feedback's columns, and the state if an event said one
INSERT INTO petition AS known (petition_id, feedback_sequence, feedback_state)
SELECT petition_id, sequence, state
FROM unnest($1::uuid[], $2::int[], $3::text[]) AS given (petition_id, sequence, state)
ON CONFLICT (petition_id) DO UPDATE SET feedback_sequence = EXCLUDED.feedback_sequence,
    feedback_state = COALESCE(EXCLUDED.feedback_state, known.feedback_state)
WHERE EXCLUDED.feedback_sequence > known.feedback_sequence"""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where a petition stands in the other services; absent where it has not come to."""

    order: WorkOrderState | None = None
    case: CaseState | None = None


async def elsewhere(tx: Transaction, petition_id: PetitionId) -> Elsewhere:
    """Return where a petition stands in the other services."""
    row = await tx.connection.fetchrow(_ELSEWHERE, petition_id)
    if row is None:
        return Elsewhere()
    return Elsewhere(
        WorkOrderState(row["dispatch_state"]) if row["dispatch_state"] else None,
        CaseState(row["feedback_state"]) if row["feedback_state"] else None,
    )


async def project_many(tx: Transaction, events: Sequence[tuple[Event, Envelope]]) -> None:
    """Upsert what the events say, one row a petition and source; each source writes its own columns alone."""
    for source, statement in ((Source.DISPATCH, _DISPATCH), (Source.FEEDBACK, _FEEDBACK)):
        rows: dict[str, tuple[Envelope, str | None]] = {}
        for event, meta in events:
            if meta.source is source:
                earlier = rows.get(meta.subject, (meta, None))[1]
                rows[meta.subject] = (meta, _STATES.get(type(event), earlier))
        if not rows:
            continue
        metas = [meta for meta, _ in rows.values()]
        columns: list[Sequence[object]] = [
            list(rows),
            [m.sequence for m in metas],
            [state for _, state in rows.values()],
        ]
        if source is Source.DISPATCH:
            columns += [[m.lead or "" for m in metas], [",".join(m.cohandlers) for m in metas]]
        await tx.connection.execute(statement, *columns)
