"""own.opening: failed openings with a wrong secret; each further failure doubles the wait."""

from datetime import datetime, timedelta
from typing import Final

from services.kernel.db import Connection
from services.kernel.ids import PetitionId, TrackingCode

FREE_FAILURES: Final = 5
_LONGEST_MINUTES: Final = 60

_FIND: Final = """
-- openings.find: the petition of a tracking code, and until when no secret is tried for it
SELECT petition_id, locked_until FROM own.petition LEFT JOIN own.opening USING (petition_id) WHERE tracking_code = $1"""

_FAILED: Final = """
-- openings.failed: one more failure; from the sixth on the petition's door stays shut for 1, 2, 4 … 60 minutes
INSERT INTO own.opening AS known (petition_id, failures, locked_until) VALUES ($1, 1, $2)
ON CONFLICT (petition_id) DO UPDATE SET failures = known.failures + 1,
    locked_until = CASE WHEN known.failures + 1 > $3
        THEN $2 + make_interval(mins => LEAST($4, 2 ^ LEAST(known.failures - $3, 10))::int) ELSE $2 END"""

_OPENED: Final = """
-- openings.opened: the right secret clears the count
DELETE FROM own.opening WHERE petition_id = $1"""


async def find(connection: Connection, code: TrackingCode, *, now: datetime) -> tuple[PetitionId, timedelta] | None:
    """Return the petition of a tracking code and how long its door is still shut (not at all: zero), or None."""
    row = await connection.fetchrow(_FIND, code)
    if row is None:
        return None
    until = row["locked_until"]
    return row["petition_id"], max(until - now, timedelta(0)) if until else timedelta(0)


async def failed(connection: Connection, petition_id: PetitionId, *, now: datetime) -> None:
    """Count a failure."""
    await connection.execute(_FAILED, petition_id, now, FREE_FAILURES, _LONGEST_MINUTES)


async def opened(connection: Connection, petition_id: PetitionId) -> None:
    """Forget earlier failures."""
    await connection.execute(_OPENED, petition_id)
