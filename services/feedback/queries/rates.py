"""The three rates of a period, summed from their counters."""

from datetime import date
from typing import Final

from services.feedback.domain.rates import Count, Figures
from services.kernel.db import Connection

SUM: Final = """
-- rates.sum: the counters of a period; its days bound what is read, not the visits that were made
SELECT COALESCE(sum(reached), 0)::int AS reached, COALESCE(sum(not_reached), 0)::int AS not_reached,
       COALESCE(sum(responded), 0)::int AS responded, COALESCE(sum(solved), 0)::int AS solved,
       COALESCE(sum(satisfied), 0)::int AS satisfied
FROM own.rate
WHERE day BETWEEN $1 AND $2 AND ($3::text IS NULL OR street = $3) AND ($4::text IS NULL OR department = $4)
  AND ($5 OR street = ANY($6) OR department = ANY($7))"""


async def total(
    reader: Connection, figures: Figures, first: date, last: date, street: str | None, department: str | None
) -> Count:
    """Return what the visits of a period come to, of those that the actor may see; both days count."""
    own = (figures.everything, list(figures.streets), list(figures.departments))
    row = await reader.fetchrow(SUM, first, last, street, department, *own)
    assert row is not None
    return Count(row["reached"], row["not_reached"], row["responded"], row["solved"], row["satisfied"])
