"""How far a consumer has come, told to the broker: never about what another replica has taken over meanwhile."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import structlog

from services.kernel.db import describe
from services.kernel.kafka import Broker, BrokerError, Consumer, Record, at_most, new_consumer, next_offsets

log = structlog.get_logger()

_COMMIT_SECONDS: Final = 1.0
"""So often offsets are committed: whoever takes a partition over meets the last second's events again, which changes
nothing."""

_PARTING_SECONDS: Final = 1.0


class Offsets:
    """A consumer, and the ends of what it has done in each partition, committed from time to time beside its work.

    Each time its group shares out the partitions anew, another turn begins, and what was not committed is forgotten:
    somebody else may have gone on from there, and the broker takes an older offset from any member of the group, also
    for a partition that is another's. A commit that waits for the broker meanwhile is given up for the same reason.

    :ivar reached: where in each partition what has taken effect ends, or, before anything has, where it was taken up.
    """

    def __init__(self, broker: Broker, group: str, topics: Sequence[str]) -> None:
        """Make a consumer of the topics, not yet started."""
        self.consumer: Consumer = new_consumer(broker, group, topics, revoked=self._revoked)
        self.reached: dict[object, int] = {}
        self._turn = 0
        self._untold: dict[object, int] = {}
        self._sent: dict[object, int] = {}
        self._told = time.monotonic()
        self._committing: asyncio.Future[None] | None = None

    def begin(self, fetched: Mapping[object, Sequence[Record]]) -> int:
        """Note where partitions are taken up; return the turn in which they were, if nothing was waited for since."""
        for partition, records in fetched.items():
            self.reached.setdefault(partition, records[0].offset)
        return self._turn

    def done(self, fetched: Mapping[object, Sequence[Record]], turn: int) -> None:
        """Note that what was fetched in a turn has taken effect."""
        if turn == self._turn:
            ends = next_offsets(fetched)
            self.reached |= ends
            self._untold |= ends

    def commit_in_time(self, *, idle: bool) -> None:
        """Begin to commit what has not been, if it is time, or there is nothing else to do; one commit at a time."""
        if self._committing is not None and not self._committing.done():
            return
        self._heed()
        if self._untold and (idle or time.monotonic() - self._told >= _COMMIT_SECONDS):
            self._begin()

    async def part(self) -> None:
        """Commit for the last time, without waiting for a broker that does not answer."""
        try:
            with suppress(TimeoutError):
                await at_most(_PARTING_SECONDS, self._commit_all())
        finally:
            if self._committing is not None:
                self._committing.cancel()

    async def _commit_all(self) -> None:
        if self._committing is not None:
            await asyncio.wait((self._committing,))
            self._heed()
        if self._untold:
            await asyncio.wait((self._begin(),))
            self._heed()

    def _begin(self) -> asyncio.Future[None]:
        self._sent, self._untold, self._told = self._untold, {}, time.monotonic()
        self._committing = asyncio.ensure_future(self.consumer.commit(self._sent))
        return self._committing

    def _heed(self) -> None:
        """Look at what has become of a commit that has ended; what it was about is told again if it was not taken."""
        ended, self._committing = self._committing, None
        if ended is None or ended.cancelled() or (error := ended.exception()) is None:
            return
        if not isinstance(error, BrokerError):
            raise error
        log.info("offsets not committed", error=describe(error))
        self._untold = self._sent | self._untold

    def _revoked(self) -> None:
        self._turn += 1
        self.reached.clear()
        self._untold, self._sent = {}, {}
        if self._committing is not None:
            self._committing.cancel()
