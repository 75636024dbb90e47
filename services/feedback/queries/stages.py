"""Petitions by the stage that they are in: feedback hears every service, so the list is its own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.contracts.vocabulary import Stage
from services.kernel.access import Reach
from services.kernel.db import Connection, Row
from services.kernel.ids import PetitionId, TrackingCode

# As a number, of which the planner knows nothing and so expects that nearly all pass (as in queries/cases.py).
_FILTER: Final = "($4::text IS NOT NULL AND street IS DISTINCT FROM $4)::int <> 1"


def _page(name: str, *found: str) -> str:
    """Compose a page's statement: at most a page from each place in an index, then the first of those."""
    return f"""
-- stages.{name}: a page of petitions that are in a stage
WITH page AS ({" UNION ".join(found)} ORDER BY petition_id LIMIT $3)
SELECT petition_id, tracking_code, title, stage, GREATEST(intake_at, dispatch_at) AS moved_at
FROM view.petition JOIN page USING (petition_id) ORDER BY petition_id"""


def _of(
    column: str = "", value: str = "", also: str = "TRUE", places: str = "unnest(ARRAY['']) AS place (code)"
) -> str:
    """Compose the reading of one index: between rows, the longest page's limit inside the page's own."""
    return f"""
    SELECT found.petition_id FROM {places} CROSS JOIN LATERAL (
        SELECT petition_id FROM (
            SELECT petition_id FROM view.petition
            WHERE ({column} stage, petition_id) > ({value} $1, $2) AND ({column} stage) <= ({value} $1)
              AND {also} AND {_FILTER}
            ORDER BY {column} stage, petition_id LIMIT 101
        ) AS longest LIMIT $3
    ) AS found"""


ALL: Final = _page("all", _of())
"""The district's petitions (index petition_by_stage)."""

OF_STREET: Final = _page("of_street", _of("street,", "$4,"))
"""The district's petitions, of one street (index petition_by_street)."""

_PLACES: Final = "unnest(${}::text[]) AS place (code)"

OWN: Final = _page(
    "own",
    _of("street,", "place.code,", places=_PLACES.format(5)),
    _of("lead,", "place.code,", also="lead IS NOT NULL", places=_PLACES.format(6)),
    _of("community,", "place.code,", places=_PLACES.format(7)),
    _of("followers[1],", "$8,", also="cardinality(followers) = 1"),
    f"""
    (SELECT petition_id FROM (
        SELECT * FROM view.petition WHERE cardinality(followers) > 1 AND followers && ARRAY[$8::text] OFFSET 0
     ) AS several WHERE stage = $1 AND petition_id > $2 AND {_FILTER} ORDER BY petition_id LIMIT $3)""",
)
"""Everybody else's: their street, the department that leads, their communities, and what they follow."""

_BEFORE_ALL: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Staged:
    """A petition of a page; code and title as the others' events said them, so that the list reads without them."""

    id: PetitionId
    tracking_code: TrackingCode | None
    title: str | None
    stage: Stage
    moved_at: datetime | None


async def page(
    reader: Connection, reach: Reach, stage: Stage, street: str | None, *, after: UUID | None, first: int
) -> tuple[list[Staged], bool]:
    """Return a page of the petitions within reach that are in a stage, oldest first, and whether there is more."""
    given = (stage.value, after or _BEFORE_ALL, first + 1, street)
    if reach.everything:
        rows = await reader.fetch(ALL if street is None else OF_STREET, *given)
    else:
        own = (reach.streets, reach.departments, reach.communities, reach.follower)
        rows = await reader.fetch(OWN, *given, *own)
    return [_staged(row) for row in rows[:first]], len(rows) > first


def _staged(row: Row) -> Staged:
    code = TrackingCode(row["tracking_code"]) if row["tracking_code"] else None
    return Staged(row["petition_id"], code, row["title"], Stage(row["stage"]), row["moved_at"])
