"""view.event: every event of intake and dispatch, as the timeline tells it. Takes many at once."""

from collections.abc import Sequence
from typing import Final

from services.contracts import catalogue
from services.contracts.event import Event
from services.kernel.envelope import Envelope
from services.kernel.history import show_seen
from services.kernel.transaction import Transaction

_KEEP: Final = """
-- view_event.keep: events that are not kept yet
INSERT INTO event (petition_id, source, sequence, event_id, type, cycle, happened_at, recorded_at, seen, data)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::uuid[], $5::text[], $6::smallint[], $7::timestamptz[],
                     $8::timestamptz[], $9::text[], $10::jsonb[])
ON CONFLICT (petition_id, source, sequence) DO NOTHING"""


async def project_many(tx: Transaction, events: Sequence[tuple[Event, Envelope]]) -> None:
    """Keep the events."""
    metas = [meta for _, meta in events]
    await tx.connection.execute(
        _KEEP,
        [m.subject for m in metas],
        [m.source for m in metas],
        [m.sequence for m in metas],
        [m.id for m in metas],
        [m.type for m in metas],
        [m.cycle for m in metas],
        [m.time for m in metas],
        [m.recorded for m in metas],
        [show_seen(m.seen) for m in metas],
        [catalogue.encode(event).decode() for event, _ in events],
    )
