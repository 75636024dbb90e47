"""Recording a decision: history, outbox and clocks, written in the same statement as the service's own state.

Each service's saving statement begins with `held`, which writes own.petition WHERE UNCHANGED and returns a row; then
comes RECORD, and whatever else is written FROM held. So either all of it is written or nothing is: nothing when the row
was read without a lock and has changed since. It ends with WRITTEN. All are constants, composed once at import; `write`
gives the parameters, and FIRST_FREE is the number of the first one that the service may use.

Reading says how own.petition is read for a decision, with a lock or without one.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from services.contracts import catalogue
from services.contracts.vocabulary import ClockKind, ClockState, LimitUnit, Source
from services.kernel import tracing
from services.kernel.access import Scope
from services.kernel.clocks import Clock, Level
from services.kernel.db import Row
from services.kernel.head import Fact, Head, Seen
from services.kernel.ids import ClockId, PetitionId, new_uuid
from services.kernel.ledger import LedgerEntry
from services.kernel.transaction import Transaction, Write

FIRST_FREE: Final = 26

VERSION: Final = 20
"""The number of the parameter that says which version was read."""

UNCHANGED: Final = f"(${VERSION}::text IS NULL OR petition.xmin::text = ${VERSION})"
"""Whether a petition's row still has the version that was read; of one that is locked, none is given."""

WRITTEN: Final = "SELECT EXISTS (SELECT FROM held)"

RECORD: Final = """
history AS (
    INSERT INTO own.event (aggregate_id, sequence, event_id, type, cycle, happened_at, data, remark, seen,
                           correlation_id, causation_id, street, community, lead, cohandlers, followers)
    SELECT $1, $2 + fact.nth, fact.event_id, fact.type, $3, $4, fact.data::jsonb, NULLIF(fact.remark, ''), $5,
           $6, $7, $8, $9, $10, $11, $12
    FROM held CROSS JOIN unnest($13::uuid[], $14::text[], $15::text[], $16::text[])
         WITH ORDINALITY AS fact (event_id, type, data, remark, nth)
), outbox AS (
    INSERT INTO own.outbox (aggregate_id, sequence, topic, traceparent)
    SELECT $1, $2 + nth, $17, $19
    FROM held CROSS JOIN unnest($13::uuid[]) WITH ORDINALITY AS fact (event_id, nth) ORDER BY nth
), answer AS (
    INSERT INTO own.idempotency (subject, mutation, key, input_hash, answer)
    SELECT $21, $22, $23, $24, $25 FROM held WHERE $23::text IS NOT NULL
), clock AS (
    INSERT INTO own.clock (petition_id, clock_id, kind, about, cycle, state, policy_version, unit, started_at,
                           span_seconds, due_at, guessed, level, fires_at, paused_at, paused_seconds, calendar, ledger,
                           street)
    SELECT petition_id, clock_id, kind, about, cycle, state, policy_version, unit, started_at,
           span_seconds, due_at, guessed, level, fires_at, paused_at, paused_seconds, calendar, ledger, $8
    FROM held CROSS JOIN jsonb_populate_recordset(NULL::own.clock, $18::jsonb)
    ON CONFLICT (petition_id, clock_id) DO UPDATE SET
        state = EXCLUDED.state, due_at = EXCLUDED.due_at, guessed = EXCLUDED.guessed, level = EXCLUDED.level,
        fires_at = EXCLUDED.fires_at, paused_at = EXCLUDED.paused_at, paused_seconds = EXCLUDED.paused_seconds,
        calendar = EXCLUDED.calendar, ledger = EXCLUDED.ledger
)"""

CLOCKS_OF: Final = """
    (SELECT jsonb_agg(clock) FROM own.clock
     WHERE clock.petition_id = petition.petition_id AND clock.state <> 'STOPPED') AS clocks"""
"""Column for a Reading of own.petition: the open clocks."""

SEEN_OF: Final = """
    (SELECT jsonb_object_agg(progress.source, progress.applied) FROM own.progress
     WHERE progress.aggregate_id = petition.petition_id AND progress.applied > 0) AS seen"""
"""Column for a Reading of own.petition: what was applied from the other services."""

_VERSION: Final = "petition.xmin::text AS version"

# False when the lock had to be waited for and the row changed meanwhile: then subqueries, which keep the statement's
# older snapshot, must be read again.
_FRESH: Final = """
    petition.xmin =
        (SELECT same.xmin FROM own.petition AS same WHERE same.petition_id = petition.petition_id) AS fresh"""


class Reading:
    """How a petition is read for a decision: two statements of one kind."""

    def __init__(self, name: str, columns: str, where: str) -> None:
        """Compose them, once at import, all of constants.

        :param name: for the comment that they begin with.
        :param columns: of own.petition, CLOCKS_OF and SEEN_OF among them.
        :param where: the condition, with the parameter $1.
        """
        self._locking = f"""
-- {name}: the row that everything about a petition waits for here
SELECT {columns}, {_FRESH} FROM own.petition WHERE {where} FOR NO KEY UPDATE OF petition"""  # noqa: S608 - of constants
        self._unlocked = f"""
-- {name}_unlocked: what may be decided on if it is still so at the end
SELECT {columns}, {_VERSION} FROM own.petition WHERE {where}"""  # noqa: S608

    async def row(self, tx: Transaction, wanted: UUID) -> Row | None:
        """Return the row, locked if the transaction locks; None: there is none."""
        if tx.unlocked:
            row = await tx.connection.fetchrow(self._unlocked, wanted)
            if row is not None:
                tx.unlocked.note(row["petition_id"], row["version"])
            return row
        await tx.flush()
        row = await tx.connection.fetchrow(self._locking, wanted)
        if row is not None and not row["fresh"]:
            row = await tx.connection.fetchrow(self._locking, wanted)
        return row


class _StoredClock(msgspec.Struct, frozen=True, kw_only=True):
    petition_id: PetitionId
    clock_id: ClockId
    kind: ClockKind
    about: UUID | None
    cycle: int
    state: ClockState
    policy_version: int
    unit: LimitUnit
    started_at: datetime
    span_seconds: float
    due_at: datetime
    guessed: bool
    level: int
    fires_at: datetime | None
    paused_at: datetime | None
    paused_seconds: float
    calendar: int
    ledger: tuple[LedgerEntry, ...]


_CLOCKS_DECODER: Final = msgspec.json.Decoder(list[_StoredClock])
_SEEN_DECODER: Final = msgspec.json.Decoder(dict[Source, int])


def show_seen(seen: Seen) -> str:
    """Return what was seen as it travels: `intake:7,dispatch:3`."""
    return ",".join(f"{source.value}:{sequence}" for source, sequence in sorted(seen.items()))


def parse_seen(text: str) -> dict[Source, int]:
    """Parse `intake:7,dispatch:3`.

    :raises ValueError: malformed.
    """
    pairs = (part.rpartition(":") for part in text.split(",") if part)
    return {Source(source): int(sequence) for source, _, sequence in pairs}


def _stored(head: Head, clock: Clock) -> _StoredClock:
    return _StoredClock(
        petition_id=head.id,
        clock_id=clock.id,
        kind=clock.kind,
        about=clock.about,
        cycle=clock.cycle,
        state=clock.state,
        policy_version=clock.policy_version,
        unit=clock.unit,
        started_at=clock.started_at,
        span_seconds=clock.span.total_seconds(),
        due_at=clock.due_at,
        guessed=clock.guessed,
        level=int(clock.level),
        fires_at=clock.fires_at,
        paused_at=clock.paused_at,
        paused_seconds=clock.paused.total_seconds(),
        calendar=clock.calendar,
        ledger=clock.ledger,
    )


def parse_clocks(text: str | None) -> tuple[Clock, ...]:
    """Return clocks from a JSON array of own.clock rows."""
    return tuple(
        Clock(
            id=c.clock_id,
            kind=c.kind,
            about=c.about,
            cycle=c.cycle,
            state=c.state,
            policy_version=c.policy_version,
            unit=c.unit,
            started_at=c.started_at,
            span=timedelta(seconds=c.span_seconds),
            due_at=c.due_at,
            guessed=c.guessed,
            level=Level(c.level),
            fires_at=c.fires_at,
            paused_at=c.paused_at,
            ledger=c.ledger,
            paused=timedelta(seconds=c.paused_seconds),
            calendar=c.calendar,
        )
        for c in (_CLOCKS_DECODER.decode(text) if text else ())
    )


def head_of(row: Row) -> Head:
    """Return the head from a row that has the columns of own.petition, CLOCKS_OF and SEEN_OF."""
    scope = Scope(
        petition=row["petition_id"],
        street=row["street"],
        community=row["community"],
        lead=row["lead"],
        cohandlers=tuple(row["cohandlers"]),
        followers=tuple(row["followers"]),
    )
    return Head(
        id=row["petition_id"],
        cycle=row["cycle"],
        scope=scope,
        sequence=row["sequence"],
        seen=_SEEN_DECODER.decode(row["seen"]) if row["seen"] else {},
        clocks=parse_clocks(row["clocks"]),
    )


async def write(
    tx: Transaction,
    statement: str,
    topic: str,
    before: Head | None,
    after: Head,
    facts: Sequence[Fact],
    now: datetime,
    more: Sequence[object],
) -> None:
    """Have a decision written; `before` is absent for a petition that is new here.

    The petition is noted in the transaction as one of which something is told anew.

    :param more: the service's own parameters, from FIRST_FREE on.
    """
    record = _arguments(tx, topic, before, after, facts, now)
    await tx.write(Write(statement, record, after.id, more))


def _arguments(
    tx: Transaction, topic: str, before: Head | None, after: Head, facts: Sequence[Fact], now: datetime
) -> tuple[object, ...]:
    tx.touched.add(after.id)
    seen = {**after.seen, **tx.seen}
    known = set(before.clocks) if before else set[Clock]()
    changed = [_stored(after, clock) for clock in after.clocks if clock not in known]
    return (
        after.id,
        after.sequence,
        after.cycle,
        now,
        show_seen(seen),
        tx.cause.correlation,
        tx.cause.causation,
        after.scope.street,
        after.scope.community,
        after.scope.lead,
        list(after.scope.cohandlers),
        list(after.scope.followers),
        [new_uuid() for _ in facts],
        [fact.event.TYPE for fact in facts],
        [catalogue.encode(fact.event).decode() for fact in facts],
        [fact.remark for fact in facts],
        topic,
        msgspec.json.encode(changed).decode(),
        tracing.traceparent(),
    )


def recorded(head: Head, facts: Sequence[Fact]) -> Head:
    """Return the head as it stands after its facts were recorded."""
    return replace(head, sequence=head.sequence + len(facts))
