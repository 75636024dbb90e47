"""Bounds, said before anything is loaded: how much of the disk it takes, and how many minutes."""

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

from bench.large.left import Originals
from bench.large.place import Place
from bench.large.tables import Treatment, tables_of
from deploy.local.machine import require_room
from deploy.local.postgres import SERVICES
from services.kernel.db import Connection, own_connection

ROUGHLY: Final = 48_000
"""Bytes of a petition with all that belongs to it, at most (45,300 were measured): what is known before anything was
played."""

_BESIDE: Final = 3_000_000_000
"""Bytes that are needed besides: the write-ahead log, what a rebuild or a sort takes, and something to spare."""

_SPEED: Final = 450
"""Petitions that two cores copy and vacuum in a second, at least (505 to 573 were measured on the slower machine)."""

_PLAYING: Final = 5.0
_ASKING: Final = 25.0
_LIVES: Final = 8.0
"""Minutes that playing, asking for all lists (once timed, once explained) and whole lives take, at most."""

_MORE: Final = 1.05
"""What is said of the disk beside what was reckoned, which was 2 % too little."""

_FULL_PAGES: Final = 0.93
_FULL_LEAVES: Final = 0.75
"""How full pages of tables and leaves of indexes are, as measured after loads."""

_POINTER: Final = 4
_ENTRY: Final = 16
"""Bytes that a row and an index entry take besides what is in them."""

_SAMPLE: Final = 2_000_000

# What is in the table of answers is forgotten after a week; of the rest each petition has as much as these have.
_SIZES: Final = """
SELECT COALESCE(sum(pg_column_size(entry.*) + $1), 0)::bigint AS rows,
       (SELECT COALESCE(sum(pg_class.reltuples * (
            $2 + (SELECT COALESCE(sum(avg_width), 8) FROM pg_stats JOIN pg_attribute USING (attname)
                  WHERE attrelid = indrelid AND attnum = ANY (indkey)
                    AND schemaname = '{schema}' AND tablename = '{table}'))), 0)::bigint
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indrelid = '{schema}."{table}"'::regclass) AS indexes
FROM {schema}."{table}" AS entry"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What so many petitions take at most: bytes by part, and minutes of copying and of all that is done."""

    petitions: int
    parts: Mapping[str, int]

    @property
    def all_bytes(self) -> int:
        """What they take in all."""
        return sum(self.parts.values())

    @property
    def minutes(self) -> float:
        """How long copying takes at most, on two cores."""
        return self.petitions / _SPEED / 60

    @property
    def all_minutes(self) -> float:
        """How long everything takes at most, on two cores."""
        return _PLAYING + self.minutes + _ASKING + _LIVES

    def __str__(self) -> str:
        """Return the bounds in a sentence."""
        parts = ", ".join(f"{name} {size / 1e9:.1f}" for name, size in self.parts.items())
        return (
            f"{self.petitions:,} petitions take at most {self.all_bytes / 1e9:.1f} GB ({parts}) and "
            f"{math.ceil(self.all_minutes)} minutes, {math.ceil(self.minutes)} of them for copying"
        )


def require(folder: Path, bounds: Bounds) -> None:
    """Check that what is to be loaded fits on the disk of a folder.

    :raises DiskFull: it does not; nothing has been written.
    """
    require_room(folder, (bounds.all_bytes + _BESIDE) // 10**6)


def roughly(petitions: int) -> Bounds:
    """Return the bounds as far as they are known before anything was played."""
    return Bounds(petitions, {"in all": petitions * ROUGHLY})


async def measured(place: Place, originals: Originals, petitions: int) -> Bounds:
    """Return the bounds by what was played, which must have been analysed.

    :param place: where it lies.
    """
    rows, indexes = 0, 0
    for service in SERVICES:
        async with own_connection(place.dsns[service], application="bench") as connection:
            for table in await tables_of(service, connection):
                if table.treatment in {Treatment.COPIED, Treatment.NUMBERED}:
                    found = await _sizes(connection, table.schema, table.table)
                    rows, indexes = rows + found[0], indexes + found[1]
    times = petitions / len(originals.templates) * _longer(originals)
    return Bounds(
        petitions,
        {
            "tables": int(rows * times / _FULL_PAGES * _MORE),
            "indexes": int(indexes * times / _FULL_LEAVES * _MORE),
            "topics": int(_topics(originals) * times * _MORE),
        },
    )


async def _sizes(connection: Connection, schema: str, table: str) -> tuple[int, int]:
    row = await connection.fetchrow(_SIZES.format(schema=schema, table=table), _POINTER, _ENTRY)
    assert row is not None
    return row["rows"], row["indexes"]


def _longer(originals: Originals) -> float:
    """Return how much more a life leaves that is over than these do on average, of which some have only begun."""
    left = [sum(map(len, template.rows.values())) for template in originals.templates]
    over = [size for size, template in zip(left, originals.templates, strict=True) if template.over]
    return fmean(over) / fmean(left)


def _topics(originals: Originals) -> int:
    """Return what the templates' messages take, compressed as they are sent."""
    whole = b"".join(originals.said)
    sample = whole[:_SAMPLE]
    return int(len(whole) * len(zlib.compress(sample, 1)) / len(sample))
