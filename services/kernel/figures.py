"""Figures of a service's database, read at intervals for its metrics: the outbox, what is parked, clocks that ran out.

Never read by a scrape, whose number nobody here decides. Each statement reads an index, and at most so much of it;
every replica with the scheduler's role tells the same.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NoReturn

import structlog

from services.kernel import metrics
from services.kernel.db import TRANSIENT, UNREACHABLE, describe
from services.kernel.inbox import Reason
from services.kernel.relay import Outlet
from services.kernel.transaction import Database

log = structlog.get_logger()

MOST: Final = 10_001
"""How far is counted: whether ten thousand or a million wait, the same has to be done."""

PARKED: Final = """
-- figures.parked: how many petitions are held up for each reason, and for how long the first is
SELECT reason,
       (SELECT count(*) FROM (
           SELECT DISTINCT aggregate_id FROM own.parked WHERE parked.reason = asked.reason
           ORDER BY aggregate_id LIMIT $2
       ) AS counted) AS petitions,
       COALESCE(EXTRACT(epoch FROM clock_timestamp() - (
           SELECT min(parked_at) FROM own.parked WHERE parked.reason = asked.reason
       )), 0)::float8 AS seconds
FROM unnest($1::text[]) AS asked (reason)"""

LATE: Final = """
-- figures.late: open clocks that have run out, by kind and level
SELECT kind, level, count(*) AS clocks FROM own.clock
WHERE state IN ('RUNNING', 'PAUSED') AND level > 1 GROUP BY kind, level"""

UNFIRED: Final = """
-- figures.unfired: the first instant at which a clock should have fired and has not
SELECT min(fires_at) FROM own.clock WHERE state = 'RUNNING' AND fires_at IS NOT NULL AND fires_at <= $1"""


class Figures:
    """Reads one service's figures until it is cancelled."""

    def __init__(
        self,
        service: str,
        database: Database,
        outlets: Sequence[Outlet],
        *,
        now: Callable[[], datetime],
        every: float,
    ) -> None:
        """Describe them.

        :param outlets: what the relay publishes.
        :param now: the domain's time, by which clocks run out.
        :param every: seconds between two looks.
        """
        self._service = service
        self._reader = database.reader
        self._outlets = outlets
        self._now = now
        self._every = every
        self._late: set[tuple[str, str]] = set()

    async def run(self) -> NoReturn:
        """Look, and go on looking while the database is away: the last figures stand, and say of when they are."""
        while True:
            try:
                await self.look()
            except (*UNREACHABLE, *TRANSIENT) as error:
                log.info("figures wait", error=describe(error))
            await asyncio.sleep(self._every)

    async def look(self) -> None:
        """Read all figures once."""
        for outlet in self._outlets:
            for row in await self._reader.fetch(outlet.waiting, MOST):
                metrics.OUTBOX.labels(self._service, outlet.name).set(row["messages"])
                metrics.OUTBOX_AGE.labels(self._service, outlet.name).set(row["seconds"])
        for row in await self._reader.fetch(PARKED, [reason.value for reason in Reason], MOST):
            metrics.PARKED.labels(self._service, row["reason"]).set(row["petitions"])
            metrics.PARKED_AGE.labels(self._service, row["reason"]).set(row["seconds"])
        late = {(row["kind"], str(row["level"])): row["clocks"] for row in await self._reader.fetch(LATE)}
        for kind, level in self._late | late.keys():
            metrics.CLOCKS_LATE.labels(self._service, kind, level).set(late.get((kind, level), 0))
        self._late |= late.keys()
        now = self._now()
        first = await self._reader.fetchval(UNFIRED, now)
        metrics.UNFIRED_AGE.labels(self._service).set((now - first).total_seconds() if first else 0)
        metrics.LOOKED.labels(self._service).set(time.time())
