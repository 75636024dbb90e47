"""Looking after a living system: no open petition lacks a clock, and no clock has run out unheard.

Everything is read by ranges of petition ids, so the cost is one pass over indexes whatever is stored, and nothing is
kept but counts and suspects. The three databases are not read at one moment, and an event may be under way between
two services: a suspect is looked at again before it is reported.
"""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from deploy.audit.clocks import open_in, overdue, unclocked, unheard
from deploy.audit.findings import Finding, Kind, Notes
from deploy.audit.place import SERVICES, Connection, Row
from deploy.audit.rules import OPEN_ORDERS

PAGE: Final = 2_000
MOST_SUSPECTS: Final = 10_000
_BEFORE_ALL: Final = UUID(int=0)
_AFTER_ALL: Final = UUID(int=2**128 - 1)

_UPPER: Final = """
-- living.upper: where a page ends
SELECT petition_id FROM own.petition WHERE petition_id > $1 ORDER BY petition_id OFFSET $2 LIMIT 1"""

_PETITIONS: Final = """
-- living.petitions: where each petition stands at intake
SELECT petition_id, state FROM own.petition WHERE petition_id > $1 AND petition_id <= $2"""

_ORDERS: Final = """
-- living.orders: work orders that somebody still has to do something about
SELECT petition_id, state FROM own.work_order
WHERE petition_id > $1 AND petition_id <= $2 AND state = ANY($3)"""

_CASES: Final = """
-- living.cases: the last case of each petition
SELECT DISTINCT ON (petition_id) petition_id, state FROM own.case
WHERE petition_id > $1 AND petition_id <= $2 ORDER BY petition_id, cycle DESC"""

_CLOCKS: Final = """
-- living.clocks: open clocks
SELECT petition_id, clock_id, kind, about, state, due_at, level, fires_at FROM own.clock
WHERE petition_id > $1 AND petition_id <= $2 AND state <> 'STOPPED'"""

_NEGLECT: Final = re.compile(r" (should have fired|is overdue|is long overdue|will never fire) and stands at level \d$")

Range = tuple[UUID, UUID]
"""Ids after the first, up to the second."""


def _about(finding: Finding) -> tuple[Kind, str, str]:
    """Return what a finding is about: of a clock's, the clock, whatever its level."""
    return finding.kind, finding.service, _NEGLECT.sub("", finding.sentence)


@dataclass(slots=True)
class Census:
    """What was seen: how many petitions, how many open and where they stand, their clocks, and what is wrong."""

    petitions: int = 0
    open: int = 0
    standing: Counter[str] = field(default_factory=Counter[str])
    running: Counter[str] = field(default_factory=Counter[str])
    paused: Counter[str] = field(default_factory=Counter[str])
    overdue: Counter[str] = field(default_factory=Counter[str])
    suspects: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])


@dataclass(slots=True)
class _Seen:
    """One petition at a glance."""

    intake: str | None = None
    orders: list[str] = field(default_factory=list[str])
    case: str | None = None
    clocks: dict[str, list[Row]] = field(default_factory=lambda: {service: [] for service in SERVICES})

    def where(self) -> list[str]:
        """Return the services in which it is open."""
        return open_in(self.intake, self.orders, self.case)

    def standing(self, where: Sequence[str]) -> str:
        """Return where it stands: in the service that comes last in the chain of those where it is open."""
        states = {"intake": self.intake, "dispatch": next(iter(self.orders), None), "feedback": self.case}
        return f"{where[-1]} {states[where[-1]]}"


@dataclass(slots=True)
class Audit:
    """Looks at all petitions of a system.

    `now` tells the domain's time; `tick` is how long a clock may be overdue, in it.
    """

    connections: Mapping[str, Connection]
    now: Callable[[], datetime]
    tick: timedelta
    page: int = PAGE

    async def run(self, *, looks: int = 3, between: float = 3.0) -> Census:
        """Look at everything once, and at suspects so often in all, `between` so many seconds."""
        census = Census()
        suspects: dict[UUID, set[Finding]] = {}
        after = _BEFORE_ALL
        while after < _AFTER_ALL:
            upper = await self.connections["intake"].fetchval(_UPPER, after, self.page - 1)
            upto = _AFTER_ALL if upper is None else UUID(str(upper))
            for petition, seen in (await self._look((after, upto))).items():
                _count(census, seen, self.now())
                if found := self._examine(petition, seen):
                    census.suspects += 1
                    if len(suspects) < MOST_SUSPECTS:
                        suspects[petition] = found
            after = upto
        await self._again(suspects, looks - 1, between)
        census.findings = [finding for petition in sorted(suspects) for finding in sorted(suspects[petition], key=str)]
        if census.suspects > MOST_SUSPECTS:
            more = census.suspects - MOST_SUSPECTS
            sentence = f"{more} further petitions seemed wrong, too many to be looked at again"
            census.findings.append(Finding(Kind.UNSETTLED, "audit", None, sentence))
        return census

    async def _again(self, suspects: dict[UUID, set[Finding]], times: int, between: float) -> None:
        """Look again at suspects, and keep of each what was wrong every time."""
        for _ in range(times if suspects else 0):
            await asyncio.sleep(between)
            for petition in list(suspects):
                seen = await self._look((UUID(int=petition.int - 1), petition))
                # A clock that is late may have reached another level meanwhile, and be late all the same.
                before = {_about(finding) for finding in suspects[petition]}
                now = self._examine(petition, seen.get(petition, _Seen()))
                suspects[petition] = {finding for finding in now if _about(finding) in before}
                if not suspects[petition]:
                    del suspects[petition]

    async def _look(self, of: Range) -> Mapping[UUID, _Seen]:
        seen: dict[UUID, _Seen] = defaultdict(_Seen)
        petitions, orders, cases = await asyncio.gather(
            self.connections["intake"].fetch(_PETITIONS, *of),
            self.connections["dispatch"].fetch(_ORDERS, *of, sorted(OPEN_ORDERS)),
            self.connections["feedback"].fetch(_CASES, *of),
        )
        clocks = await asyncio.gather(*(self.connections[service].fetch(_CLOCKS, *of) for service in SERVICES))
        for row in petitions:
            seen[row["petition_id"]].intake = row["state"]
        for row in orders:
            seen[row["petition_id"]].orders.append(row["state"])
        for row in cases:
            seen[row["petition_id"]].case = row["state"]
        for service, rows in zip(SERVICES, clocks, strict=True):
            for row in rows:
                seen[row["petition_id"]].clocks[service].append(row)
        return seen

    def _examine(self, petition: UUID, seen: _Seen) -> set[Finding]:
        note = Notes(petition)
        unclocked(seen.where(), seen.clocks, note)
        for service in SERVICES:
            unheard(service, seen.clocks[service], self.now(), self.tick, note)
        return set(note.findings)


def _count(census: Census, seen: _Seen, now: datetime) -> None:
    census.petitions += 1
    if where := seen.where():
        census.open += 1
        census.standing[seen.standing(where)] += 1
    for clocks in seen.clocks.values():
        for clock in clocks:
            (census.paused if clock["state"] == "PAUSED" else census.running)[clock["kind"]] += 1
            if clock["state"] == "RUNNING" and (clock["due_at"] < now or overdue(clock, now, timedelta(0))):
                census.overdue[clock["kind"]] += 1
