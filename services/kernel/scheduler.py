"""The scheduler: fires clocks that are due, exactly once each, with any number of replicas and after any outage.

Due clocks are picked unlocked from an index, by due time and to the end of the list; then each petition is locked
(skipped when somebody holds it: the next tick finds it again) and its clock is read again. There is no leader.

When the calendar changes, open clocks are reckoned again in the same manner, a page between two ticks.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

import structlog

from services.contracts.vocabulary import Source
from services.kernel import metrics, tracing
from services.kernel.db import TRANSIENT, UNREACHABLE, Row, describe
from services.kernel.errors import Unavailable
from services.kernel.ids import ClockId, PetitionId
from services.kernel.inbox import Reason
from services.kernel.pulse import Pulse
from services.kernel.reference import ReferenceCache, References
from services.kernel.tracing import NO_TRACES, Tracing
from services.kernel.transaction import Cause, Database, Transaction

log = structlog.get_logger()


class Fire(Protocol):
    """A service's command that fires one clock of a petition; false when the clock is no longer due."""

    def __call__(
        self, tx: Transaction, petition_id: PetitionId, clock_id: ClockId, references: References, *, now: datetime
    ) -> Awaitable[bool]: ...


class Reckon(Protocol):
    """A service's command that reckons a petition's open clocks by the present calendar; false when all were."""

    def __call__(
        self, tx: Transaction, petition_id: PetitionId, references: References, *, now: datetime
    ) -> Awaitable[bool]: ...


@dataclass(frozen=True, slots=True)
class ClockCommands:
    """What a service does to its clocks when time passes or the calendar changes."""

    fire: Fire
    reckon: Reckon


WAITS: Final[tuple[type[Exception], ...]] = (*UNREACHABLE, *TRANSIENT, Unavailable)

PAGE: Final = 200
_CHORES_SECONDS: Final = 60.0
_RECKON_SECONDS: Final = 60.0
_LATE_SECONDS: Final = 60.0
_FULL_PAGE: Final = "DELETE 1000"

_DUE: Final = """
-- scheduler.due: the next page of clocks that want attention, oldest first
SELECT petition_id, clock_id, fires_at FROM own.clock
WHERE state = 'RUNNING' AND fires_at IS NOT NULL AND fires_at <= $1 AND (fires_at, clock_id) > ($2, $3)
ORDER BY fires_at, clock_id LIMIT $4"""

_OUTDATED: Final = """
-- scheduler.outdated: the next page of petitions whose open clocks were reckoned with an older calendar
SELECT calendar, petition_id FROM own.clock
WHERE calendar > 0 AND calendar < $1 AND (calendar, petition_id) > ($2, $3)
ORDER BY calendar, petition_id LIMIT $4"""

_SKIP_LOCKED: Final = """
-- scheduler.lock: the petition's row, unless somebody has it
SELECT 1 FROM own.petition WHERE petition_id = $1 FOR NO KEY UPDATE SKIP LOCKED"""

FIRED: Final = """
-- scheduler.fired: the level is reached, once
INSERT INTO own.clock_firing (petition_id, clock_id, level, fired_at) VALUES ($1, $2, $3, $4)"""

_FORGET_ANSWERS: Final = """
-- scheduler.forget_answers: idempotency keys are kept for seven days
DELETE FROM own.idempotency WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM own.idempotency WHERE stored_at < now() - interval '7 days' LIMIT 1000))"""

_HELD_UP: Final = """
-- scheduler.held_up: how many petitions are held up, why, and for how long the first of them is
SELECT reason, count(DISTINCT aggregate_id) AS petitions,
       EXTRACT(epoch FROM clock_timestamp() - min(parked_at))::float8 AS seconds
FROM own.parked GROUP BY reason"""

_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_FIRST: Final = UUID(int=0)


class Scheduler:
    """Fires one service's clocks until it is cancelled."""

    def __init__(
        self,
        source: Source,
        database: Database,
        commands: ClockCommands,
        *,
        references: ReferenceCache,
        now: Callable[[], datetime],
        poll: float,
        committed: Pulse,
        forget: Sequence[str] = (),
        traces: Tracing = NO_TRACES,
    ) -> None:
        self._source = source
        self._database = database
        self._commands = commands
        self._references = references
        self._now = now
        self._poll = poll
        self._committed = committed
        self._traces = traces
        self._forget = (_FORGET_ANSWERS, *forget)
        self._calendar: int | None = None
        self._reckoned = float("-inf")
        self._after: tuple[int, UUID] | None = None

    async def run(self) -> None:
        """Tick, and go on after any failure of the database."""
        tidied = float("-inf")
        while True:
            try:
                moved = await self.tick() + await self.reckon()
                if time.monotonic() - tidied >= _CHORES_SECONDS:
                    await self.alarm()
                    more = _FULL_PAGE in [await self._database.reader.execute(forget) for forget in self._forget]
                    tidied = tidied if more else time.monotonic()
            except WAITS as error:
                log.warning("scheduler waits", error=describe(error))
                moved = 0
            if not moved:
                await asyncio.sleep(self._poll)

    async def tick(self) -> int:
        """Fire everything that is due now; return how many clocks moved. An outage of days is caught up in ticks."""
        now, fired = self._now(), 0
        after: tuple[datetime, UUID] = (_BEGINNING, _FIRST)
        while True:
            await self._references.get()
            rows = await self._page(now, after)
            for row in rows:
                if await self._fire(row["petition_id"], row["clock_id"]):
                    fired += 1
                    delay = (self._now() - row["fires_at"]).total_seconds()
                    metrics.FIRING_DELAY.labels(self._source.value).observe(max(0.0, delay))
            if len(rows) < PAGE:
                return fired
            after = (rows[-1]["fires_at"], rows[-1]["clock_id"])

    async def _page(self, now: datetime, after: tuple[datetime, UUID]) -> list[Row]:
        return list(await self._database.reader.fetch(_DUE, now, *after, PAGE))

    async def reckon(self) -> int:
        """Reckon a page of the clocks that know an older calendar only; return how many petitions it took on.

        A pass begins when the calendar changes, and every minute: another replica that had not heard of the change may
        have started a clock since.
        """
        calendar = (await self._references.get()).terms.calendar.version
        if calendar != self._calendar or time.monotonic() - self._reckoned >= _RECKON_SECONDS:
            self._calendar, self._reckoned, self._after = calendar, time.monotonic(), (-1, _FIRST)
        if self._after is None:
            return 0
        rows = await self._database.reader.fetch(_OUTDATED, calendar, *self._after, PAGE)
        for petition_id in dict.fromkeys(row["petition_id"] for row in rows):
            await self._reckon(petition_id)
        self._after = (rows[-1]["calendar"], rows[-1]["petition_id"]) if len(rows) == PAGE else None
        return len(rows)

    async def alarm(self) -> None:
        """Say how many petitions are held up: until somebody acts, they may have no clock anywhere."""
        rows = {row["reason"]: row for row in await self._database.reader.fetch(_HELD_UP)}
        for reason in Reason:
            row = rows.get(reason.value)
            if row is not None and (reason is Reason.POISON or row["seconds"] > _LATE_SECONDS):
                log.error(
                    "petitions are held up: see `parked list`",
                    reason=reason.value,
                    petitions=row["petitions"],
                    seconds=round(row["seconds"]),
                )

    async def _fire(self, petition_id: PetitionId, clock_id: ClockId) -> bool:
        async def fire(tx: Transaction) -> bool:
            return await self._commands.fire(tx, petition_id, clock_id, self._references.current, now=self._now())

        fired = await self._locked(petition_id, f"clock:{clock_id}", fire)
        if fired:
            metrics.CLOCKS_FIRED.labels(self._source.value).inc()
        return fired

    async def _reckon(self, petition_id: PetitionId) -> bool:
        async def reckon(tx: Transaction) -> bool:
            return await self._commands.reckon(tx, petition_id, self._references.current, now=self._now())

        return await self._locked(petition_id, f"calendar:{self._calendar}", reckon)

    async def _locked(
        self, petition_id: PetitionId, cause: str, command: Callable[[Transaction], Awaitable[bool]]
    ) -> bool:
        try:
            with self._traces.step(f"time {cause.partition(':')[0]}", {tracing.CORRELATION: cause}, root=True):
                moved = await self._moved(petition_id, cause, command)
        except UNREACHABLE:
            raise
        except Exception as error:
            # One petition that cannot be moved must not hide the others; it is tried again, and said again, every tick.
            log.error("clock not moved", petition_id=str(petition_id), cause=cause, error=describe(error))  # noqa: TRY400
            return False
        if moved:
            self._committed.beat()
        return moved

    async def _moved(
        self, petition_id: PetitionId, cause: str, command: Callable[[Transaction], Awaitable[bool]]
    ) -> bool:
        async with self._database.transaction(Cause(cause, cause)) as tx:
            if await tx.connection.fetchrow(_SKIP_LOCKED, petition_id) is None:
                return False
            moved = await command(tx)
            tracing.about(tx.touched)
            return moved
