"""Timelines: pages of many petitions' stories in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.feedback.domain.timeline import BEGINNING, Entry, Place, Told, merge
from services.kernel.db import Connection, Row
from services.kernel.history import parse_seen
from services.kernel.ids import PetitionId

NEXT: Final = """
-- timelines.next: of each wanted page, the next events of the three sources
SELECT wanted.nth, entry.* FROM unnest((SELECT $1::uuid[]), (SELECT $2::int[]), (SELECT $3::int[]), (SELECT $4::int[]),
    (SELECT $5::int[])) WITH ORDINALITY AS wanted (petition_id, intake, dispatch, feedback, most, nth)
CROSS JOIN LATERAL (
    (SELECT source, sequence, event_id, type, cycle, happened_at, recorded_at, seen, data FROM view.event
     WHERE petition_id = wanted.petition_id AND source = 'intake' AND sequence > wanted.intake
       AND type <> ALL($6::text[])
     ORDER BY sequence LIMIT wanted.most)
    UNION ALL
    (SELECT source, sequence, event_id, type, cycle, happened_at, recorded_at, seen, data FROM view.event
     WHERE petition_id = wanted.petition_id AND source = 'dispatch' AND sequence > wanted.dispatch
       AND type <> ALL($6::text[])
     ORDER BY sequence LIMIT wanted.most)
    UNION ALL
    (SELECT 'feedback', sequence, event_id, type, cycle, happened_at, recorded_at, seen, data FROM own.event
     WHERE aggregate_id = wanted.petition_id AND sequence > wanted.feedback AND type <> ALL($6::text[])
     ORDER BY sequence LIMIT wanted.most)
) AS entry
ORDER BY wanted.nth, entry.source, entry.sequence"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of one petition's timeline."""

    petition_id: PetitionId
    first: int
    after: tuple[tuple[Source, int], ...] = ()

    @property
    def place(self) -> Place:
        """Where the page begins."""
        return dict(self.after) or BEGINNING


@dataclass(frozen=True, slots=True)
class Page:
    """A page, and whether there is more after it."""

    told: tuple[Told, ...]
    more: bool


async def pages(reader: Connection, wanted: Sequence[Wanted], hidden: Sequence[str]) -> list[Page]:
    """Return the pages that are wanted, in their order; event types that are hidden are left out."""
    streams: list[dict[Source, list[Entry]]] = [{source: list[Entry]() for source in Source} for _ in wanted]
    rows = await reader.fetch(
        NEXT,
        [w.petition_id for w in wanted],
        *([w.place.get(source, 0) for w in wanted] for source in (Source.INTAKE, Source.DISPATCH, Source.FEEDBACK)),
        [w.first + 1 for w in wanted],
        list(hidden),
    )
    for row in rows:
        entry = _entry(row)
        streams[int(row["nth"]) - 1][entry.source].append(entry)
    merged = [merge(s, w.place, w.first + 1) for s, w in zip(streams, wanted, strict=True)]
    return [Page(tuple(told[: w.first]), len(told) > w.first) for told, w in zip(merged, wanted, strict=True)]


def _entry(row: Row) -> Entry:
    source = Source(row["source"])
    return Entry(
        source=source,
        sequence=row["sequence"],
        id=row["event_id"],
        at=row["happened_at"],
        recorded_at=row["recorded_at"],
        cycle=row["cycle"],
        event=catalogue.decode(catalogue.EVENTS[source][row["type"]], row["data"]),
        seen=parse_seen(row["seen"]),
    )
