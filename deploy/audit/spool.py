"""What the topics hold, put by for looking up by petition: on disk, so that its size costs no memory."""

import pickle
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from deploy.audit.event import Heard, Told

_TABLES: Final = """
CREATE TABLE message (
    subject BLOB NOT NULL, service TEXT NOT NULL, sequence INTEGER NOT NULL, event_id BLOB NOT NULL,
    part INTEGER NOT NULL, place INTEGER NOT NULL, told BLOB NOT NULL,
    PRIMARY KEY (subject, service, part, place)
) WITHOUT ROWID;
"""

_ADD: Final = "INSERT OR IGNORE INTO message VALUES (?, ?, ?, ?, ?, ?, ?)"

_SUBJECTS: Final = "SELECT DISTINCT subject FROM message WHERE subject > ? ORDER BY subject LIMIT ?"

_OF: Final = """
SELECT subject, service, part, place, told FROM message WHERE subject >= ? AND subject <= ?
ORDER BY subject, service, part, place"""

_SHARED: Final = """
SELECT event_id, count(DISTINCT hex(subject) || service || sequence) FROM message
GROUP BY event_id HAVING count(DISTINCT hex(subject) || service || sequence) > 1"""


class Spool(AbstractContextManager["Spool"]):
    """Messages of the petition topics, by petition, in the order in which they lie in their partitions."""

    def __init__(self) -> None:
        """Open an empty spool in a temporary folder of its own."""
        self._folder = tempfile.TemporaryDirectory(prefix="through-train-audit-")
        self._base = sqlite3.connect(Path(self._folder.name) / "spool.sqlite")
        self._base.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES}")

    def __enter__(self) -> Self:
        """Return the spool."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it."""
        self._base.close()
        self._folder.cleanup()

    def add(self, messages: Iterable[Heard]) -> None:
        """Take messages in; one that is there already (by its place) stays as it is."""
        self._base.executemany(
            _ADD,
            (
                (
                    UUID(m.told.subject).bytes,
                    m.told.service,
                    m.told.sequence,
                    m.told.id.bytes,
                    m.partition,
                    m.offset,
                    pickle.dumps(m.told),
                )
                for m in messages
            ),
        )
        self._base.commit()

    def __len__(self) -> int:
        """Return how many messages there are."""
        return self._base.execute("SELECT count(*) FROM message").fetchone()[0]

    def subjects(self, after: UUID, most: int) -> list[UUID]:
        """Return the next petitions, by id."""
        return [UUID(bytes=row[0]) for row in self._base.execute(_SUBJECTS, (after.bytes, most))]

    def of(self, petitions: Sequence[UUID]) -> Mapping[UUID, Mapping[str, list[Heard]]]:
        """Return the messages about petitions, by petition and service."""
        wanted = set(petitions)
        found: dict[UUID, dict[str, list[Heard]]] = {petition: defaultdict(list) for petition in petitions}
        if not wanted:
            return found
        for subject, service, partition, offset, told in self._base.execute(
            _OF, (min(wanted).bytes, max(wanted).bytes)
        ):
            if (petition := UUID(bytes=subject)) in wanted:
                found[petition][service].append(Heard(_told(told), partition, offset))
        return found

    def shared_ids(self) -> list[UUID]:
        """Return the ids that more than one event carries."""
        return [UUID(bytes=row[0]) for row in self._base.execute(_SHARED)]


def _told(packed: bytes) -> Told:
    told = pickle.loads(packed)  # noqa: S301 - our own, from a folder that only we can write
    assert isinstance(told, Told)
    return told
