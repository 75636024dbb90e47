"""view.petition: where a petition stands elsewhere, whose it is, and what it is called. Takes many events at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.contracts import intake as i
from services.contracts.event import Event
from services.contracts.vocabulary import Source, Stage
from services.feedback.domain import stage
from services.kernel.envelope import Envelope
from services.kernel.transaction import Transaction

_INTAKE: Final = """
-- view_petition.intake: the latest of intake's columns; stage, code and title if an event said one
INSERT INTO petition AS known
    (petition_id, intake_sequence, intake_at, intake_stage, withdrawn, tracking_code, title, street, community,
     followers)
SELECT petition_id, sequence, at, stage, withdrawn, tracking_code, title, street, community,
       CASE followers WHEN '' THEN '{}' ELSE string_to_array(followers, ',') END
FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::text[], $5::bool[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::text[])
    AS given (petition_id, sequence, at, stage, withdrawn, tracking_code, title, street, community, followers)
ON CONFLICT (petition_id) DO UPDATE SET intake_sequence = EXCLUDED.intake_sequence, intake_at = EXCLUDED.intake_at,
    intake_stage = COALESCE(EXCLUDED.intake_stage, known.intake_stage),
    withdrawn = known.withdrawn OR EXCLUDED.withdrawn,
    tracking_code = COALESCE(EXCLUDED.tracking_code, known.tracking_code),
    title = COALESCE(EXCLUDED.title, known.title),
    street = EXCLUDED.street, community = EXCLUDED.community, followers = EXCLUDED.followers
WHERE EXCLUDED.intake_sequence > known.intake_sequence"""

_DISPATCH: Final = """
-- view_petition.dispatch: the latest of dispatch's columns; the stage if an event said one
INSERT INTO petition AS known (petition_id, dispatch_sequence, dispatch_at, dispatch_stage, lead, cohandlers)
SELECT petition_id, sequence, at, stage, NULLIF(lead, ''),
       CASE cohandlers WHEN '' THEN '{}' ELSE string_to_array(cohandlers, ',') END
FROM unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::text[], $5::text[], $6::text[])
    AS given (petition_id, sequence, at, stage, lead, cohandlers)
ON CONFLICT (petition_id) DO UPDATE SET dispatch_sequence = EXCLUDED.dispatch_sequence,
    dispatch_at = EXCLUDED.dispatch_at, dispatch_stage = COALESCE(EXCLUDED.dispatch_stage, known.dispatch_stage),
    lead = EXCLUDED.lead, cohandlers = EXCLUDED.cohandlers
WHERE EXCLUDED.dispatch_sequence > known.dispatch_sequence"""


@dataclass(slots=True)
class _Said:
    """What a batch says of one petition: the last envelope, and the last word on each column."""

    meta: Envelope
    stage: Stage | None = None
    withdrawn: bool = False
    tracking_code: str | None = None
    title: str | None = None


def _collect(events: Sequence[tuple[Event, Envelope]], source: Source) -> Mapping[str, _Said]:
    said: dict[str, _Said] = {}
    for event, meta in events:
        if meta.source is not source:
            continue
        row = said.setdefault(meta.subject, _Said(meta))
        row.meta = meta
        row.stage = stage.LEADS_TO.get(type(event), row.stage)
        match event:
            case i.PetitionSubmitted():
                row.tracking_code = event.tracking_code
            case i.PetitionAccepted():
                row.title = event.title
            case i.PetitionWithdrawn():
                row.withdrawn = True
            case _:
                pass
    return said


async def project_many(tx: Transaction, events: Sequence[tuple[Event, Envelope]]) -> None:
    """Upsert what the events say, one row a petition and source."""
    if intake := _collect(events, Source.INTAKE):
        rows = list(intake.values())
        await tx.connection.execute(
            _INTAKE,
            list(intake),
            [r.meta.sequence for r in rows],
            [r.meta.time for r in rows],
            [r.stage for r in rows],
            [r.withdrawn for r in rows],
            [r.tracking_code for r in rows],
            [r.title for r in rows],
            [r.meta.street for r in rows],
            [r.meta.community for r in rows],
            [",".join(r.meta.followers) for r in rows],
        )
    if dispatch := _collect(events, Source.DISPATCH):
        rows = list(dispatch.values())
        await tx.connection.execute(
            _DISPATCH,
            list(dispatch),
            [r.meta.sequence for r in rows],
            [r.meta.time for r in rows],
            [r.stage for r in rows],
            [r.meta.lead or "" for r in rows],
            [",".join(r.meta.cohandlers) for r in rows],
        )
