"""Rebuilding a service's view from the topics while the service goes on serving from the one it has.

The next view is made beside the served one by the same migrations and the same projections; no reaction runs. Once it
has caught up, those who write the served one are held for a moment: what is left is read, and the two change names.
Nobody who reads waits or fails, since statements find the view by its name. Until then the served view is as it was,
whatever goes wrong.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from services.contracts.vocabulary import Source
from services.kernel import reference
from services.kernel.db import NEXT_VIEW, OLD_VIEW, TRANSIENT, UNREACHABLE, Connection, Lock, describe, own_connection
from services.kernel.inbox import Handlers
from services.kernel.kafka import Broker, BrokerError, Record
from services.kernel.migrate import hold_version
from services.kernel.rebuild_topics import Topics, reading
from services.kernel.rebuild_view import NextView, RebuildError
from services.kernel.reference import ReferenceCache
from services.kernel.transaction import Cause, transaction_on

HOLD_SECONDS: Final = 2.0
"""How long those who write the view may be held while what is left is read; after that they go on, and it is tried
again."""

PATIENCE_SECONDS: Final = 60.0
"""How long the broker may be silent."""

SWITCH_SECONDS: Final = 300.0
"""How long it is tried to serve what has been rebuilt."""

_STATEMENT_SECONDS: Final = 3_600.0
_TELL_SECONDS: Final = 2.0
_AGAIN_SECONDS: Final = 1.0
_DROPS: Final = 20
_CAUSE: Final = Cause("rebuild", "rebuild")

# A rebuild that was killed holds its locks until PostgreSQL notices, and whoever is before us at a lock until it is
# done; behind us, others wait in the meantime.
_SESSION: Final = "SET lock_timeout = '3s'"
# The next view is worth nothing until it is served: only that commit must have reached the disk.
_FAST: Final = "SET synchronous_commit = off"
_SAFE: Final = "SET LOCAL synchronous_commit TO DEFAULT"

Say = Callable[[str], None]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Plan:
    """Whose view is rebuilt, from which topics, by which projections (of the reactions none is run)."""

    service: Source
    package: str
    consumed: frozenset[Source]
    handlers: Callable[[ReferenceCache], Handlers]
    database_url: str
    broker: Broker
    topic_prefix: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild came to: messages read, events and entries that are in the view, seconds in all, and for how many
    of them those who write the view were held.
    """

    read: int
    events: int
    entries: int
    seconds: float
    held_seconds: float


async def rebuild(plan: Plan, say: Say) -> Rebuilt:
    """Rebuild the view, and put it in the place of the one that is served.

    :param say: is told what is being done, line by line.
    :raises RebuildError: it could not be done; the served view is as it was.
    :raises MigrationError: the database is not of this version; likewise.
    :raises UNREACHABLE: the database went away; a whole view is served, the old one or the new.
    """
    application = f"{plan.service.value}-rebuild"
    async with (
        own_connection(
            plan.database_url, application=application, view=NEXT_VIEW, patience=_STATEMENT_SECONDS
        ) as connection,
        reading(plan.broker, plan.consumed, plan.topic_prefix) as topics,
    ):
        await connection.execute(_SESSION)
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", Lock.REBUILD)
        except TRANSIENT:
            raise RebuildError("another rebuild of this view is running: wait for its end") from None
        return await _Course(plan, connection, topics, say).run()


class _OutOfTimeError(Exception):
    """What is left could not be read while the writers were held."""


class _Course:
    def __init__(self, plan: Plan, connection: Connection, topics: Topics, say: Say) -> None:
        self._plan = plan
        self._connection = connection
        self._view = NextView(connection, plan.handlers(ReferenceCache(connection, staleness=0)).projections)
        self._topics = topics
        self._say = say
        self._began = self._heard = self._told = time.monotonic()
        self._read = self._events = self._entries = 0
        self._held = 0.0

    async def run(self) -> Rebuilt:
        await self._begin()
        try:
            await self._asked(self._topics.start)
            await self._read_up()
            await self._view.tidy()
            await self._switch()
        except Exception:
            with suppress(*UNREACHABLE, *TRANSIENT):
                await self._view.give_up()
            raise
        seconds = time.monotonic() - self._began
        await self._drop_old()
        return Rebuilt(self._read, self._events, self._entries, seconds, self._held)

    async def _begin(self) -> None:
        why = "the database is being migrated"
        try:
            async with transaction_on(self._connection, _CAUSE) as tx:
                await hold_version(tx, self._plan.package)
                why = "what an earlier rebuild left behind is still being read"
                await self._view.begin(self._plan.package)
        except TRANSIENT:
            raise RebuildError(f"{why}: try again later") from None
        await self._connection.execute(_FAST)

    async def _read_up(self, until: float | None = None) -> None:
        """Read to where the topics end now, and project what may be.

        :param until: when to give up, in seconds of the monotonic clock.
        :raises _OutOfTimeError: it was given up.
        """
        ends = await self._asked(self._topics.ends, until)
        while left := await self._asked(lambda: self._topics.left(ends), until):
            self._tell(left)
            await self._take(await self._asked(self._topics.read, until))
        self._events += await self._view.catch_up()

    async def _take(self, records: Sequence[Record]) -> None:
        if records:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > PATIENCE_SECONDS:
            raise _silent("it sends nothing")
        entries = self._topics.entries(records)
        await reference.keep(self._connection, entries)
        self._events += await self._view.take(self._topics.events(records))
        self._entries += len(entries)
        self._read += len(records)

    def _tell(self, left: int) -> None:
        now = time.monotonic()
        if now - self._told >= _TELL_SECONDS:
            self._told = now
            speed = self._read / (now - self._began)
            self._say(f"{self._read:,} of {self._read + left:,} messages in {now - self._began:.0f} s ({speed:,.0f}/s)")

    async def _asked(self, question: Callable[[], Awaitable[Answer]], until: float | None = None) -> Answer:
        """Return the broker's answer, asking again as long as patience lasts."""
        while True:
            try:
                # The client waits without an end for a partition whose place it cannot find.
                within = PATIENCE_SECONDS if until is None else max(0.0, until - time.monotonic())
                async with asyncio.timeout(within):
                    answer = await question()
            except (BrokerError, OSError) as error:
                if until is not None:
                    raise _OutOfTimeError from error
                if time.monotonic() - self._heard > PATIENCE_SECONDS:
                    raise _silent(describe(error)) from error
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return answer

    async def _switch(self) -> None:
        since = time.monotonic()
        while not await self._switched():
            if time.monotonic() - since > SWITCH_SECONDS:
                raise RebuildError(
                    f"it could not be served within {SWITCH_SECONDS:.0f} s, for its writers left no moment "
                    "for it: try again when less happens"
                )
            await asyncio.sleep(_AGAIN_SECONDS)
            await self._read_up()

    async def _switched(self) -> bool:
        """Hold the writers, read what is left, and serve the next view; False if that did not come off this time."""
        alone, served = False, False
        asked = time.monotonic()
        try:
            async with transaction_on(self._connection, _CAUSE) as tx:
                await tx.connection.execute(_SAFE)
                await hold_version(tx, self._plan.package)
                asked = time.monotonic()
                await tx.connection.execute("SELECT pg_advisory_xact_lock($1)", Lock.VIEW)
                await self._view.hold_references()
                alone = True
                served = await self._served(time.monotonic() + HOLD_SECONDS)
        except TRANSIENT:
            if alone:
                raise
            self._say("those who write the view are at work; trying again")
        self._held += time.monotonic() - asked
        return served

    async def _served(self, until: float) -> bool:
        try:
            await self._read_up(until)
        except _OutOfTimeError:
            self._say(f"what is left could not be read within {HOLD_SECONDS:g} s; going on, and trying again")
            return False  # committed all the same: what was read stays read
        lacking = [] if await self._view.is_level() else await self._view.lacking_events()
        lacking += await self._view.lacking_entries()
        if lacking:
            cut = await self._asked(self._topics.cut, time.monotonic() + HOLD_SECONDS)
            where = f" ({', '.join(cut)})" if cut else ""
            raise RebuildError(
                f"the topics do not have all that the view was made from{where}. They lack {', '.join(lacking)}"
            )
        await self._view.serve()
        return True

    async def _drop_old(self) -> None:
        for _ in range(_DROPS):
            try:
                return await self._view.drop_old()
            except TRANSIENT:  # somebody's long reading; nobody waits for us but those who still read the old one
                await asyncio.sleep(_AGAIN_SECONDS)
            except UNREACHABLE:
                break
        self._say(f"{OLD_VIEW} could not be dropped: somebody reads it. The next rebuild will do it")
        return None


def _silent(why: str) -> RebuildError:
    return RebuildError(f"the broker has not answered for {PATIENCE_SECONDS:.0f} s ({why}): try again when it does")
