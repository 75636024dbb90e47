"""What concerns departments, in its numbers' order: pages of many departments in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.dispatch.domain.department_feed import Numbered
from services.kernel.db import Connection, Row
from services.kernel.ids import PetitionId

NEXT: Final = """
-- department_feed.next: of each wanted page, the events behind a number
SELECT wanted.nth, feed.department, feed.number, event.aggregate_id, event.event_id, event.type, event.cycle,
       event.happened_at, event.recorded_at, event.data, event.street, event.community
FROM unnest($1::text[], $2::bigint[], $3::int[]) WITH ORDINALITY AS wanted (department, after, most, nth)
CROSS JOIN LATERAL (
    SELECT * FROM own.department_feed
    WHERE department = wanted.department AND number > wanted.after ORDER BY number LIMIT wanted.most
) AS feed
CROSS JOIN LATERAL (
    SELECT * FROM own.event WHERE event.aggregate_id = feed.aggregate_id AND event.sequence = feed.sequence OFFSET 0
) AS event
ORDER BY wanted.nth, feed.number"""

_LAST: Final = """
-- department_feed.last: the number of what concerned a department last
SELECT COALESCE(max(number), 0) FROM own.department_feed WHERE department = $1"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The events of a department behind a number."""

    department: str
    after: int
    first: int


def numbered(row: Row) -> Numbered:
    """Return the event of a row of a department's feed."""
    return Numbered(
        department=row["department"],
        number=row["number"],
        petition=PetitionId(row["aggregate_id"]),
        id=row["event_id"],
        cycle=row["cycle"],
        at=row["happened_at"],
        recorded_at=row["recorded_at"],
        street=row["street"],
        community=row["community"],
        event=catalogue.decode(catalogue.EVENTS[Source.DISPATCH][row["type"]], row["data"]),
    )


async def pages(reader: Connection, wanted: Sequence[Wanted]) -> list[list[Numbered]]:
    """Return the pages that are wanted, in their order."""
    found = [list[Numbered]() for _ in wanted]
    rows = await reader.fetch(
        NEXT, [w.department for w in wanted], [w.after for w in wanted], [w.first for w in wanted]
    )
    for row in rows:
        found[int(row["nth"]) - 1].append(numbered(row))
    return found


async def last(reader: Connection, department: str) -> int:
    """Return the number of what concerned a department last; 0 if nothing ever did."""
    return await reader.fetchval(_LAST, department)
