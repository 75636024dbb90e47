"""The whole check: wait for rest, read the topics, walk all petitions by id, look again at what seems wrong."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from deploy.audit import standing
from deploy.audit.clocks import check_clocks, check_running
from deploy.audit.commands import Acknowledged, Commands
from deploy.audit.dossier import Dossier, dossier, load, next_ids
from deploy.audit.findings import Finding, Kind, Notes, Report
from deploy.audit.place import SERVICES, Connection, Place, connected
from deploy.audit.publication import check_publication
from deploy.audit.replay import replay
from deploy.audit.spool import Spool
from deploy.audit.states import check_agreement, check_states
from deploy.audit.topics import Topics, lag
from deploy.audit.views import check_mirrors, check_views

PAGE: Final = 200
_POLL_SECONDS: Final = 0.1
_BEFORE_ALL: Final = UUID(int=0)

_UNPUBLISHED: Final = """
-- audit.waiting: how much is still to be published, and how much has happened
SELECT (SELECT count(*) FROM own.outbox) AS waiting, (SELECT COALESCE(sum(sequence), 0) FROM own.petition) AS events"""

_WAITING: Final = {
    **dict.fromkeys(SERVICES, _UNPUBLISHED),
    "dispatch": _UNPUBLISHED.replace("own.outbox)", "own.outbox) + (SELECT count(*) FROM own.department_outbox)"),
}


async def check(
    place: Place,
    acknowledged: Iterable[Acknowledged] = (),
    *,
    settle_within: float,
    now: datetime | Callable[[], datetime] | None = None,
    attempted: Collection[tuple[str, str]] | None = None,
    foreign: Collection[UUID | str] = (),
    tick: timedelta = timedelta(seconds=10),
    looks: int = 2,
    between: float = 0.5,
) -> Report:
    """Check everything; what seems wrong is looked at again before it is reported.

    :param acknowledged: commands that a client got an answer for.
    :param settle_within: seconds to wait for the system to come to rest; 0 on a living one, which never does.
    :param now: the domain's present instant; without it the system's.
    :param attempted: mutation and idempotency key of every command that was ever sent, if that is known.
    :param foreign: ids of events or petitions, or places `topic/partition/offset`, that were put there on purpose.
    :param tick: how long a clock may be overdue, in the domain's time.
    :param looks: how often a suspect is looked at in all; `between` so many seconds.
    """
    ids = frozenset(f for f in foreign if isinstance(f, UUID))
    places = frozenset(f for f in foreign if isinstance(f, str))
    domain_now: Callable[[], datetime] = now if callable(now) else lambda: now or datetime.now(UTC)
    async with connected(place.databases) as connections:
        report = Report()
        if settle_within:
            report.add(await _settle(place, connections, settle_within))
            report.settled = report.clean
        with Spool() as spool:
            commands = Commands.known(acknowledged, attempted)
            examination = _Examination(connections, Topics(place, spool), commands, ids, tick, domain_now)
            await examination.run(report, looks=looks, between=between)
            report.add(await _standing(connections, examination.topics, places, looks=looks, between=between))
            report.unreadable = len(examination.topics.unreadable)
    report.acknowledged = commands.count
    return report


async def _settle(place: Place, connections: Mapping[str, Connection], within: float) -> list[Finding]:
    """Wait until nothing is on its way; say what still is when the time is over."""
    until = time.monotonic() + within
    before: dict[str, int] = {}
    while True:
        rows = {service: await connections[service].fetchrow(_WAITING[service]) for service in SERVICES}
        waiting = {service: row["waiting"] for service, row in rows.items() if row is not None}
        events = {service: row["events"] for service, row in rows.items() if row is not None}
        behind = await lag(place)
        if not any(waiting.values()) and not any(behind.values()) and events == before:
            return []
        if time.monotonic() > until and before:
            return [
                Finding(
                    Kind.UNSETTLED,
                    service,
                    None,
                    f"after {within:.0f} s {waiting[service]} events were unpublished, {behind[service]} not consumed",
                )
                for service in SERVICES
                if waiting[service] or behind[service] or events[service] != before.get(service)
            ]
        before = events
        await asyncio.sleep(_POLL_SECONDS)


async def _standing(
    connections: Mapping[str, Connection], topics: Topics, foreign: Collection[str], *, looks: int, between: float
) -> list[Finding]:
    """Check what belongs to no petition, and look again at what seems wrong."""
    found = await standing.check(connections, topics, foreign)
    for _ in range(looks - 1 if found else 0):
        await asyncio.sleep(between)
        await topics.catch_up()
        again = await standing.check(connections, topics, foreign)
        found = [finding for finding in found if finding in again]
    return found


@dataclass(slots=True)
class _Examination:
    connections: Mapping[str, Connection]
    topics: Topics
    commands: Commands
    foreign: frozenset[UUID]
    tick: timedelta
    now: Callable[[], datetime]
    looked_at: set[UUID] = field(default_factory=set[UUID])

    async def run(self, report: Report, *, looks: int, between: float) -> None:
        """Walk all petitions, then look again at the suspects."""
        await self.topics.catch_up()
        doubled = await self.commands.read(self.connections)
        suspects: dict[UUID, list[Finding]] = {}
        async for page in self._pages():
            for examined in await self._dossiers(page):
                report.petitions += 1
                report.events += sum(len(kept.history) for kept in examined.kept.values())
                for kept in examined.kept.values():
                    report.happened.update(event.type for event in kept.history)
                report.messages += sum(len(heard) for heard in examined.heard.values())
                report.passed_over += sum(len(kept.discarded) for kept in examined.kept.values())
                findings, republished = self._examine(examined)
                report.republished += republished
                if findings:
                    suspects[examined.petition] = findings
        for _ in range(looks - 1):
            if not suspects:
                break
            await asyncio.sleep(between)
            await self.topics.catch_up()
            suspects = await self._again(suspects)
        report.add(doubled)
        for findings in suspects.values():
            report.add(findings)
        report.add(self.commands.missing(self.looked_at))

    async def _pages(self) -> AsyncIterator[list[UUID]]:
        """Yield the ids of all petitions that anybody keeps anything about, by pages."""
        after = _BEFORE_ALL
        while True:
            found = {i for c in self.connections.values() for i in await next_ids(c, after, PAGE)}
            page = sorted(found | set(self.topics.spool.subjects(after, PAGE)))[:PAGE]
            if not page:
                return
            after = page[-1]
            yield [petition for petition in page if petition not in self.foreign]

    async def _dossiers(self, petitions: Sequence[UUID]) -> list[Dossier]:
        loads = (load(service, connection, petitions) for service, connection in self.connections.items())
        kept = dict(zip(self.connections, await asyncio.gather(*loads), strict=True))
        heard = self.topics.spool.of(petitions)
        self.looked_at.update(petitions)
        return [
            dossier(
                petition,
                kept,
                {s: [h for h in of if h.told.id not in self.foreign] for s, of in heard[petition].items()},
            )
            for petition in petitions
        ]

    async def _again(self, suspects: Mapping[UUID, Sequence[Finding]]) -> dict[UUID, list[Finding]]:
        """Look again at suspects, and keep of each what was wrong every time."""
        remaining: dict[UUID, list[Finding]] = {}
        petitions = sorted(suspects)
        for first in range(0, len(petitions), PAGE):
            for examined in await self._dossiers(petitions[first : first + PAGE]):
                again, _ = self._examine(examined)
                if findings := [finding for finding in suspects[examined.petition] if finding in again]:
                    remaining[examined.petition] = findings
        return remaining

    def _examine(self, examined: Dossier) -> tuple[list[Finding], int]:
        note = Notes(examined.petition)
        republished = check_publication(examined, note)
        check_views(examined, self.foreign, note)
        self.commands.check(examined, note)
        try:
            replayed = replay(examined, note)
            check_clocks(examined, note)
            check_states(examined, replayed, note)
            check_agreement(replayed, note)
            check_mirrors(examined, note)
            check_running(examined, replayed, self.now(), self.tick, note)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            note(
                Kind.UNKNOWN, "audit", f"an event's data is not what its type promises: {type(error).__name__} {error}"
            )
        return note.findings, republished
