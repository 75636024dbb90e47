"""How far a consumer has come, told to the broker: never about what another replica has taken over meanwhile."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import structlog

from services.kernel.db import describe
from services.kernel.kafka import Broker, BrokerError, Consumer, Record, new_consumer, next_offsets

log = structlog.get_logger()

_COMMIT_SECONDS: Final = 1.0
"""So often offsets are committed: whoever takes a partition over meets the last second's events again, which changes
nothing."""

_PARTING_SECONDS: Final = 1.0


class Offsets:
    """A consumer, and the ends of what it has done in each partition, committed from time to time.

    Each time its group shares out the partitions anew, another turn begins, and what was not committed is forgotten:
    somebody else may have gone on from there, and the broker takes an older offset from any member of the group, also
    for a partition that is another's. A commit that waits for the broker meanwhile is given up for the same reason.
    """

    def __init__(self, broker: Broker, group: str, topics: Sequence[str]) -> None:
        """Make a consumer of the topics, not yet started."""
        self.consumer: Consumer = new_consumer(broker, group, topics, revoked=self._revoked)
        self.turn = 0
        self._untold: dict[object, int] = {}
        self._told = time.monotonic()
        self._commit: asyncio.Future[None] | None = None

    def done(self, fetched: Mapping[object, Sequence[Record]], turn: int) -> None:
        """Note that what was fetched in a turn has taken effect."""
        if turn == self.turn:
            self._untold |= next_offsets(fetched)

    async def commit_in_time(self, *, idle: bool) -> None:
        """Commit what has not been committed, if it is time, or there is nothing else to do."""
        if self._untold and (idle or time.monotonic() - self._told >= _COMMIT_SECONDS):
            await self._commit_all()

    async def part(self) -> None:
        """Commit for the last time, without waiting for a broker that does not answer."""
        if self._untold:
            with suppress(OSError):  # a time-out is one
                async with asyncio.timeout(_PARTING_SECONDS):
                    await self._commit_all()

    async def _commit_all(self) -> None:
        untold, self._untold, self._told, turn = self._untold, {}, time.monotonic(), self.turn
        commit = self._commit = asyncio.ensure_future(self.consumer.commit(untold))
        try:
            await asyncio.wait((commit,))
        finally:
            commit.cancel()
        if commit.cancelled() or (error := commit.exception()) is None:
            return
        if not isinstance(error, BrokerError):
            raise error
        log.info("offsets not committed", error=describe(error))
        if turn == self.turn:
            self._untold = untold | self._untold

    def _revoked(self) -> None:
        self.turn += 1
        self._untold = {}
        if self._commit is not None:
            self._commit.cancel()
