"""own.opening: failed openings, by the latch that was tried; each further failure doubles the wait.

A latch is a keyed hash of a tracking code and of where somebody tries it from (vault.py). So nobody can lock others out
of a petition, no address is kept, and a code that no petition has is treated like one whose secret is wrong.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.kernel.db import Connection
from services.kernel.ids import PetitionId, TrackingCode

FREE_FAILURES: Final = 5
_LONGEST_MINUTES: Final = 60

_FIND: Final = """
-- openings.find: the petition of a tracking code, and until when no secret is tried there
SELECT (SELECT petition_id FROM own.petition WHERE tracking_code = $1) AS petition_id,
       (SELECT locked_until FROM own.opening WHERE latch = $2) AS locked_until"""

_FAILED: Final = """
-- openings.failed: one more failure; from the sixth on the latch stays down for 1, 2, 4 … 60 minutes
INSERT INTO own.opening AS known (latch, failures, failed_at, locked_until) VALUES ($1, 1, $2, $2)
ON CONFLICT (latch) DO UPDATE SET failures = known.failures + 1, failed_at = $2,
    locked_until = CASE WHEN known.failures + 1 > $3
        THEN $2 + make_interval(mins => LEAST($4, 2 ^ LEAST(known.failures - $3, 10))::int) ELSE $2 END"""

_OPENED: Final = """
-- openings.opened: the right secret clears the count
DELETE FROM own.opening WHERE latch = $1"""

FORGET: Final = """
-- openings.forget: failures count for a day
DELETE FROM own.opening WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM own.opening WHERE failed_at < now() - interval '1 day' LIMIT 1000))"""


@dataclass(frozen=True, slots=True)
class Latch:
    """What is behind a latch, if anything, whether anybody has failed at it, and how long it still stays down."""

    petition_id: PetitionId | None
    failed_before: bool
    wait: timedelta


async def find(connection: Connection, code: TrackingCode, latch: bytes, *, now: datetime) -> Latch:
    """Return the petition of a tracking code, and how the latch stands."""
    row = await connection.fetchrow(_FIND, code, latch)
    assert row is not None  # a row of two subqueries
    until = row["locked_until"]
    return Latch(row["petition_id"], until is not None, max(until - now, timedelta(0)) if until else timedelta(0))


async def failed(connection: Connection, latch: bytes, *, now: datetime) -> None:
    """Count a failure."""
    await connection.execute(_FAILED, latch, now, FREE_FAILURES, _LONGEST_MINUTES)


async def opened(connection: Connection, latch: bytes) -> None:
    """Forget earlier failures."""
    await connection.execute(_OPENED, latch)
