"""view.clock: the clocks of intake and dispatch that have reached a level. Takes many events at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.contracts import dispatch as d
from services.contracts.clocks import ClockEscalated, ClockEvent, ClockPaused, ClockResumed, ClockStarted, ClockStopped
from services.contracts.event import Event
from services.contracts.vocabulary import Audience, ClockKind, ClockState
from services.kernel.clocks import OF_THE_DEPARTMENT
from services.kernel.envelope import Envelope
from services.kernel.transaction import Transaction

# A row begins with the first level: of the clocks that are kept to nothing has to be written here.
_LATE: Final = """
-- view_clock.late: clocks that reach a level
INSERT INTO clock AS known (petition_id, clock_id, sequence, kind, cycle, state, paused_at, due_at, level, tells,
                                 source, street, department)
SELECT petition_id, clock_id, sequence, kind, cycle, state, paused_at, due_at, level, string_to_array(tells, ','),
       source, street, NULLIF(department, '')
FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::smallint[], $6::text[], $7::timestamptz[],
            $8::timestamptz[], $9::text[], $10::smallint[], $11::text[], $12::text[], $13::text[])
    AS given (petition_id, clock_id, sequence, kind, cycle, state, paused_at, due_at, department, level, tells, source,
              street)
ON CONFLICT (petition_id, clock_id) DO UPDATE SET sequence = EXCLUDED.sequence, state = EXCLUDED.state,
    paused_at = EXCLUDED.paused_at, due_at = EXCLUDED.due_at, level = EXCLUDED.level, tells = EXCLUDED.tells,
    department = EXCLUDED.department
WHERE EXCLUDED.sequence > known.sequence"""

_MOVED: Final = """
-- view_clock.moved: what else happens to such clocks
UPDATE clock SET sequence = given.sequence, state = COALESCE(given.state, clock.state), due_at = given.due_at,
    paused_at = CASE WHEN given.state IS NULL THEN clock.paused_at ELSE given.paused_at END,
    department = NULLIF(given.department, '')
FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::smallint[], $6::text[], $7::timestamptz[],
            $8::timestamptz[], $9::text[])
    AS given (petition_id, clock_id, sequence, kind, cycle, state, paused_at, due_at, department)
WHERE clock.petition_id = given.petition_id AND clock.clock_id = given.clock_id AND given.sequence > clock.sequence"""

_LED: Final = """
-- view_clock.led: whoever is responsible now is whom an instruction's clock measures
UPDATE clock SET sequence = given.sequence, department = NULLIF(given.lead, '')
FROM unnest($1::uuid[], $2::int[], $3::text[]) AS given (petition_id, sequence, lead)
WHERE clock.petition_id = given.petition_id AND clock.source = 'dispatch' AND clock.kind = ANY($4)
  AND clock.state <> 'STOPPED' AND given.sequence > clock.sequence"""

_LEADS: Final = (d.WorkOrderAssigned, d.WorkOrderDeclined, d.WorkOrderRuled)
"""Events after which another department may be responsible; the envelope says which."""


@dataclass(slots=True)
class _Said:
    """What a batch says of one clock: the last envelope and due date, and the last word on all else, if there was one.

    `escalated` is the last level and who was told; `cycle` is that of the first level, with which a row begins.
    """

    meta: Envelope
    kind: ClockKind
    due_at: datetime
    cycle: int | None = None
    state: ClockState | None = None
    paused_at: datetime | None = None
    escalated: tuple[int, tuple[Audience, ...]] | None = None


def _collect(events: Sequence[tuple[Event, Envelope]]) -> dict[UUID, _Said]:
    said: dict[UUID, _Said] = {}
    for event, meta in events:
        if not isinstance(event, ClockEvent) or isinstance(event, ClockStarted):
            continue
        row = said.setdefault(event.clock_id, _Said(meta, event.kind, event.due_at))
        row.meta, row.due_at = meta, event.due_at
        match event:
            case ClockEscalated():
                row.escalated = (event.level, event.tells)
                row.cycle = meta.cycle if row.cycle is None else row.cycle
                row.state, row.paused_at = ClockState.RUNNING, None  # only a running clock reaches a level
            case ClockPaused():
                row.state, row.paused_at = ClockState.PAUSED, meta.time
            case ClockResumed():
                row.state, row.paused_at = ClockState.RUNNING, None
            case ClockStopped():
                row.state, row.paused_at = ClockState.STOPPED, None
            case _:
                pass
    return said


async def project_many(tx: Transaction, events: Sequence[tuple[Event, Envelope]]) -> None:
    """Keep the clocks that reach a level, and what happens to those that have."""
    said = _collect(events)
    late = {clock_id: row for clock_id, row in said.items() if row.escalated is not None}
    if late:
        reached = [row.escalated for row in late.values() if row.escalated is not None]
        await tx.connection.execute(
            _LATE,
            *_columns(late),
            [level for level, _ in reached],
            [",".join(tells) for _, tells in reached],
            [row.meta.source for row in late.values()],
            [row.meta.street for row in late.values()],
        )
    if moved := {clock_id: row for clock_id, row in said.items() if row.escalated is None}:
        await tx.connection.execute(_MOVED, *_columns(moved))
    if led := {m.subject: m for event, m in events if isinstance(event, _LEADS)}:
        await tx.connection.execute(
            _LED,
            list(led),
            [meta.sequence for meta in led.values()],
            [meta.lead or "" for meta in led.values()],
            sorted(OF_THE_DEPARTMENT),
        )


def _columns(said: dict[UUID, _Said]) -> list[list[object]]:
    """Return the columns that both statements take."""
    rows = list(said.values())
    return [
        [row.meta.subject for row in rows],
        list(said),
        [row.meta.sequence for row in rows],
        [row.kind for row in rows],
        [row.cycle for row in rows],
        [row.state for row in rows],
        [row.paused_at for row in rows],
        [row.due_at for row in rows],
        [(row.meta.lead or "") if row.kind in OF_THE_DEPARTMENT else "" for row in rows],
    ]
