"""Reference data: recording the entries that a service owns, keeping those of others, and reading both from memory.

Newer wins and gaps are normal, so this needs no progress rows. The cache may be `staleness` seconds behind, which is
harmless by contract: entries are retired rather than removed, and a policy takes effect only in the future.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from services.contracts import catalogue
from services.contracts.event import Who
from services.contracts.reference import (
    AnyEntry,
    Entry,
    Holiday,
    Policy,
    ReferenceRecorded,
    key_of,
    kind_of,
)
from services.contracts.vocabulary import ReferenceKind, Source
from services.kernel.calendar import Calendar, calendar_version
from services.kernel.db import Connection, refuse_nul
from services.kernel.envelope import Headers, UnreadableError, from_message
from services.kernel.ids import new_uuid
from services.kernel.terms import Terms
from services.kernel.transaction import Transaction

_ENTRY: Final = msgspec.json.Decoder(AnyEntry)
EntryType = TypeVar("EntryType", bound=Entry)

_RECORD: Final = """
-- reference.record: entries that are new or differ, their history and their outbox rows
WITH given AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::jsonb[], $5::uuid[], $6::jsonb[])
        AS given (kind, id, reference_id, entry, event_id, data)
), recorded AS (
    INSERT INTO own.reference AS known (kind, id, reference_id, sequence, entry)
    SELECT kind, id, reference_id, 1, entry FROM given ORDER BY kind, id
    ON CONFLICT (kind, id) DO UPDATE SET sequence = known.sequence + 1, entry = EXCLUDED.entry
    WHERE known.entry <> EXCLUDED.entry AND $12
    RETURNING kind, id, reference_id, sequence
), history AS (
    INSERT INTO own.event (aggregate_id, sequence, event_id, type, cycle, happened_at, data, seen,
                           correlation_id, causation_id, street, community, cohandlers, followers)
    SELECT recorded.reference_id, recorded.sequence, given.event_id, $7, 0, $8, given.data, '',
           $9, $10, '', '', '{}', '{}'
    FROM recorded JOIN given USING (kind, id)
), outbox AS (
    INSERT INTO own.outbox (aggregate_id, sequence, topic, key)
    SELECT reference_id, sequence, $11, kind || ':' || id FROM recorded
)
SELECT count(*) FROM recorded"""

_LOCK_OWN: Final = """
-- reference.lock_own: whoever records next decides by what is recorded now; nobody who reads waits
LOCK TABLE own.reference IN SHARE ROW EXCLUSIVE MODE"""

_OWN: Final = """
-- reference.own: the entries that this service owns
SELECT entry FROM own.reference"""

_UNHEARD: Final = """
-- reference.unheard: which of some keys no entry of another service's has that is in use
SELECT key FROM unnest($1::text[]) AS key
WHERE NOT EXISTS (
    SELECT FROM view.reference
    WHERE kind = split_part(key, ':', 1) AND id = split_part(key, ':', 2) AND NOT entry @> '{"retired": true}')
ORDER BY key"""

_KEEP: Final = """
-- reference.keep: another service's entries, the newest of each
INSERT INTO reference AS known (kind, id, sequence, entry)
SELECT DISTINCT ON (kind, id) kind, id, sequence, entry
FROM unnest($1::text[], $2::text[], $3::int[], $4::jsonb[]) AS given (kind, id, sequence, entry)
ORDER BY kind, id, sequence DESC
ON CONFLICT (kind, id) DO UPDATE SET sequence = EXCLUDED.sequence, entry = EXCLUDED.entry
WHERE EXCLUDED.sequence > known.sequence"""

_VERSION: Final = """
-- reference.version: changes with every recorded or kept entry
SELECT (SELECT COALESCE(sum(sequence), 0) FROM own.reference),
       (SELECT COALESCE(sum(sequence), 0) FROM view.reference)"""

_ALL: Final = """
-- reference.all: every entry that this service owns or keeps
SELECT sequence, entry FROM own.reference UNION ALL SELECT sequence, entry FROM view.reference"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A reference entry as it came from its topic."""

    sequence: int
    entry: AnyEntry


def read(key: bytes | None, value: bytes | None, headers: Headers) -> Arrival:
    """Read a message of a reference topic.

    :raises UnreadableError: it is not a reference entry, or of a kind that this reader does not know.
    :raises InvalidInput: it contains what cannot be stored.
    """
    envelope, data = from_message(key, value, headers)
    try:
        kind = catalogue.definition(envelope.source, envelope.type, envelope.dataschema)
        event = catalogue.decode(kind, data)
    except (catalogue.UnknownEventError, msgspec.ValidationError, msgspec.DecodeError) as error:
        raise UnreadableError(str(error)) from error
    if not isinstance(event, ReferenceRecorded) or key_of(event.entry) != envelope.subject:
        raise UnreadableError("the entry is not the one that its key names")
    refuse_nul(msgspec.to_builtins(event.entry))
    return Arrival(envelope.sequence, event.entry)


async def keep(connection: Connection, arrivals: Sequence[Arrival]) -> None:
    """Keep entries of another service's; an older one than is known changes nothing."""
    if arrivals:
        await connection.execute(
            _KEEP,
            [kind_of(a.entry).value for a in arrivals],
            [a.entry.id for a in arrivals],
            [a.sequence for a in arrivals],
            [msgspec.json.encode(a.entry).decode() for a in arrivals],
        )


async def record(
    tx: Transaction, source: Source, entries: Sequence[AnyEntry], *, by: Who, now: datetime, replace: bool = True
) -> int:
    """Record entries that this service owns and publish those that are new or differ; return how many did.

    :param replace: false leaves entries as they are that exist already, however they differ.
    """
    if not entries:
        return 0
    encoded = [msgspec.json.encode(entry).decode() for entry in entries]
    return await tx.connection.fetchval(
        _RECORD,
        [kind_of(entry).value for entry in entries],
        [entry.id for entry in entries],
        [new_uuid() for _ in entries],
        encoded,
        [new_uuid() for _ in entries],
        [catalogue.encode(ReferenceRecorded(by=by, entry=entry)).decode() for entry in entries],
        ReferenceRecorded.TYPE,
        now,
        tx.cause.correlation,
        tx.cause.causation,
        catalogue.reference_topic(source),
        replace,
    )


async def lock_own(tx: Transaction) -> list[AnyEntry]:
    """Lock the entries that this service owns against other recordings, and return them."""
    await tx.connection.execute(_LOCK_OWN)
    return await own(tx.connection)


async def own(connection: Connection) -> list[AnyEntry]:
    """Return the entries that this service owns, retired ones too."""
    return [_ENTRY.decode(row["entry"]) for row in await connection.fetch(_OWN)]


async def unheard(tx: Transaction, keys: Collection[str]) -> list[str]:
    """Return those of some `kind:id` that no other service's entry has which has arrived here and is in use."""
    return [row["key"] for row in await tx.connection.fetch(_UNHEARD, sorted(keys))]


@dataclass(frozen=True, slots=True)
class References:
    """All reference entries as they stood at one moment, retired ones included, by kind and id."""

    entries: Mapping[ReferenceKind, Mapping[str, AnyEntry]] = field(
        default_factory=dict[ReferenceKind, Mapping[str, AnyEntry]]
    )
    terms: Terms = field(default_factory=lambda: Terms((), Calendar()))

    def find(self, entry_type: type[EntryType], entry_id: str) -> EntryType | None:
        """Return an entry that is in use, or None for an unknown or retired one."""
        entry = self.entries.get(_kind(entry_type), {}).get(entry_id)
        return entry if isinstance(entry, entry_type) and not entry.retired else None

    def ever(self, entry_type: type[EntryType], entry_id: str) -> EntryType | None:
        """Return an entry even if it is retired: old petitions still name it."""
        entry = self.entries.get(_kind(entry_type), {}).get(entry_id)
        return entry if isinstance(entry, entry_type) else None

    def all(self, entry_type: type[EntryType]) -> tuple[EntryType, ...]:
        """Return the entries of a type that are in use, by id."""
        found = self.entries.get(_kind(entry_type), {})
        return tuple(e for _, e in sorted(found.items()) if isinstance(e, entry_type) and not e.retired)


def _kind(entry_type: type[Entry]) -> ReferenceKind:
    return ReferenceKind(str(entry_type.__struct_config__.tag))


def collect(entries: Sequence[AnyEntry], *, holiday_changes: int = 0) -> References:
    """Return references by kind and id, with the terms that the policies and holidays among them make.

    :param holiday_changes: how often a holiday was recorded until now.
    """
    by_kind: dict[ReferenceKind, dict[str, AnyEntry]] = {}
    for entry in entries:
        by_kind.setdefault(kind_of(entry), {})[entry.id] = entry
    policies = tuple(e for e in entries if isinstance(e, Policy))
    overrides = {e.day: e.working for e in entries if isinstance(e, Holiday) and not e.retired}
    return References(by_kind, Terms(policies, Calendar(overrides, calendar_version(holiday_changes))))


class ReferenceCache:
    """References in memory, read again when they changed, at most every `staleness` seconds of system time."""

    def __init__(self, connection: Connection, *, staleness: float) -> None:
        self._connection = connection
        self._staleness = staleness
        self._checked = float("-inf")
        self._version: tuple[int, int] | None = None
        self._references = References()

    async def get(self) -> References:
        """Return the references, from the database if they may have changed."""
        if time.monotonic() - self._checked >= self._staleness:
            row = await self._connection.fetchrow(_VERSION)
            version = (int(row[0]), int(row[1])) if row else None  # pyright: ignore[reportArgumentType]
            if version != self._version:
                rows = await self._connection.fetch(_ALL)
                entries = [_ENTRY.decode(r["entry"]) for r in rows]
                changes = sum(
                    r["sequence"] for r, e in zip(rows, entries, strict=True) if kind_of(e) is ReferenceKind.HOLIDAY
                )
                self._references = collect(entries, holiday_changes=changes)
                self._version = version
            self._checked = time.monotonic()
        return self._references

    @property
    def current(self) -> References:
        """The references as last read: for use inside a transaction, where no other connection is asked for."""
        return self._references

    @property
    def age(self) -> float:
        """How many seconds ago it was last looked whether the references have changed; infinite if never."""
        return time.monotonic() - self._checked

    def forget(self) -> None:
        """Look again at the next call."""
        self._checked = float("-inf")
