"""own.petition: locking, loading and saving, together with history, outbox and clocks in one statement."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import msgspec

from services.contracts import catalogue
from services.contracts.event import Who
from services.contracts.vocabulary import (
    DeadlineClass,
    Extent,
    PetitionKind,
    PetitionState,
    ScreeningStep,
    Source,
    Urgency,
)
from services.intake.domain.petition import Petition
from services.kernel import history
from services.kernel.clocks import earliest_due
from services.kernel.db import Row
from services.kernel.errors import NotFound
from services.kernel.head import Decision, Fact
from services.kernel.ids import PetitionId, TrackingCode
from services.kernel.transaction import Transaction

TOPIC: Final = catalogue.petition_topic(Source.INTAKE)

_COLUMNS: Final = """
    tracking_code, sequence, cycle, state, kind, channel, street, community, estate, lead, cohandlers, followers,
    representative, submitted_at, submitted_by, working_text, title, category, urgency, extent, steps, department,
    request, deadline_class, ground, reason, referral, measures, reply_known, closed"""

COLUMNS: Final = f"petition.petition_id, {_COLUMNS}"

# Named, so that a column of a later version, which this one does not know, gets its default.
_STORED: Final = f"petition_id, due_at, {_COLUMNS}"

_READING: Final = history.Reading(
    "petitions.lock", f"{COLUMNS}, {history.CLOCKS_OF}, {history.SEEN_OF}", "petition_id = $1"
)

_SAVE: Final = f"""
-- petitions.save: a decision, whole: history, outbox, clocks, state
WITH held AS (
    INSERT INTO own.petition ({_STORED})
    SELECT {_STORED} FROM jsonb_populate_record(NULL::own.petition, ${history.FIRST_FREE}::jsonb)
    ON CONFLICT (petition_id) DO UPDATE SET
        sequence = EXCLUDED.sequence, cycle = EXCLUDED.cycle, state = EXCLUDED.state, lead = EXCLUDED.lead,
        cohandlers = EXCLUDED.cohandlers, followers = EXCLUDED.followers, title = EXCLUDED.title,
        category = EXCLUDED.category, urgency = EXCLUDED.urgency, extent = EXCLUDED.extent, steps = EXCLUDED.steps,
        department = EXCLUDED.department, request = EXCLUDED.request, deadline_class = EXCLUDED.deadline_class,
        ground = EXCLUDED.ground, reason = EXCLUDED.reason, referral = EXCLUDED.referral,
        measures = EXCLUDED.measures, reply_known = EXCLUDED.reply_known, closed = EXCLUDED.closed,
        due_at = EXCLUDED.due_at
    WHERE {history.UNCHANGED}
    RETURNING 1
), {history.RECORD}
{history.WRITTEN}"""


async def lock(tx: Transaction, petition_id: PetitionId) -> Petition:
    """Lock a petition and load it with its open clocks.

    :raises NotFound: there is none.
    """
    if (petition := await find(tx, petition_id)) is None:
        raise NotFound("This petition")
    return petition


async def find(tx: Transaction, petition_id: PetitionId) -> Petition | None:
    """Lock a petition and load it, or return None."""
    row = await _READING.row(tx, petition_id)
    return None if row is None else petition_of(row)


def petition_of(row: Row) -> Petition:
    """Return a petition from a row with COLUMNS, CLOCKS_OF and SEEN_OF."""
    return Petition(
        head=history.head_of(row),
        tracking_code=TrackingCode(row["tracking_code"]),
        state=PetitionState(row["state"]),
        kind=PetitionKind(row["kind"]),
        channel=row["channel"],
        submitted_at=row["submitted_at"],
        submitted_by=msgspec.json.decode(row["submitted_by"], type=Who),
        working_text=row["working_text"],
        estate=row["estate"],
        representative=row["representative"],
        title=row["title"],
        category=row["category"],
        urgency=Urgency(row["urgency"]) if row["urgency"] else None,
        extent=Extent(row["extent"]) if row["extent"] else None,
        steps=tuple(ScreeningStep(step) for step in row["steps"]),
        department=row["department"],
        request=row["request"],
        deadline_class=DeadlineClass(row["deadline_class"]) if row["deadline_class"] else None,
        ground=row["ground"],
        reason=row["reason"],
        referral=row["referral"],
        measures=row["measures"],
        reply_known=row["reply_known"],
        closed=row["closed"],
    )


def _stored(petition: Petition) -> Mapping[str, Any]:
    scope = petition.head.scope
    return {
        "petition_id": petition.head.id,
        "tracking_code": petition.tracking_code,
        "sequence": petition.head.sequence,
        "cycle": petition.head.cycle,
        "state": petition.state,
        "kind": petition.kind,
        "channel": petition.channel,
        "street": scope.street,
        "community": scope.community,
        "estate": petition.estate,
        "lead": scope.lead,
        "cohandlers": scope.cohandlers,
        "followers": scope.followers,
        "representative": petition.representative,
        "submitted_at": petition.submitted_at,
        "submitted_by": petition.submitted_by,
        "working_text": petition.working_text,
        "title": petition.title,
        "category": petition.category,
        "urgency": petition.urgency,
        "extent": petition.extent,
        "steps": petition.steps,
        "department": petition.department,
        "request": petition.request,
        "deadline_class": petition.deadline_class,
        "ground": petition.ground,
        "reason": petition.reason,
        "referral": petition.referral,
        "measures": petition.measures,
        "reply_known": petition.reply_known,
        "closed": petition.closed,
        "due_at": earliest_due(petition.head.clocks),
    }


async def save(tx: Transaction, before: Petition | None, decision: Decision[Petition], *, now: datetime) -> Petition:
    """Save a decision about a petition (`before` is absent for a new one) and return it as it now stands."""
    after = decision.state
    facts: tuple[Fact, ...] = decision.facts
    saved = replace(after, head=history.recorded(after.head, facts))
    given = msgspec.json.encode(_stored(saved)).decode()
    await history.write(tx, _SAVE, TOPIC, before.head if before else None, after.head, facts, now, [given])
    return saved
