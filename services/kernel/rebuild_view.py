"""The next view while it is being made: the events of the topics, projected as far as the served view has them.

What a view holds of a petition depends on how far each source's events about it have been applied, and on nothing else:
a projection writes each source's events into columns or rows of their own. So the streams need not wait for each other
here as they do in the inbox, where reactions decide by what was seen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.contracts.event import Event
from services.contracts.vocabulary import Source
from services.kernel.arrivals import Arrived, show_headers, stored
from services.kernel.db import NEXT_VIEW, OLD_VIEW, TRANSIENT, UNREACHABLE, VIEW, Connection, Row, describe
from services.kernel.envelope import Envelope
from services.kernel.inbox import Projection
from services.kernel.migrate import make_view
from services.kernel.transaction import Cause, Transaction, savepoint, transaction_on

Stream = tuple[UUID, Source]
"""One source's events about one petition."""

_PAGE: Final = 2_000
_SHOWN: Final = 5
_CAUSE: Final = Cause("rebuild", "rebuild")

_BEGIN: Final = f"""
DROP SCHEMA IF EXISTS {NEXT_VIEW} CASCADE;
DROP SCHEMA IF EXISTS {OLD_VIEW} CASCADE;
CREATE SCHEMA {NEXT_VIEW};
CREATE TEMPORARY TABLE held (
    aggregate_id uuid, source text, sequence integer, headers text, data bytea, topic text, partition integer,
    "offset" bigint, PRIMARY KEY (aggregate_id, source, sequence))"""

_STREAMS: Final = """
-- rebuild.streams: how far some streams have come here, how far they have been applied, what was passed over
SELECT aggregate_id, source, COALESCE(progress.applied, 0) AS applied, served.applied AS allowed,
       ARRAY(SELECT sequence FROM own.discarded WHERE discarded.aggregate_id = served.aggregate_id
             AND discarded.source = served.source AND discarded.sequence > COALESCE(progress.applied, 0)) AS discarded
FROM unnest($1::uuid[], $2::text[]) AS given (aggregate_id, source)
JOIN own.progress AS served USING (aggregate_id, source) LEFT JOIN progress USING (aggregate_id, source)"""

_SAVE: Final = """
-- rebuild.save: how far streams have come here
INSERT INTO progress (aggregate_id, source, applied) SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[])
ON CONFLICT (aggregate_id, source) DO UPDATE SET applied = EXCLUDED.applied"""

_HOLD: Final = """
-- rebuild.hold: events that the served view has not applied, or of which an earlier one has not been read
INSERT INTO pg_temp.held
SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::bytea[], $6::text[], $7::int[], $8::bigint[])
ON CONFLICT DO NOTHING"""

_HELD: Final = """
-- rebuild.held: a page of those that the served view has applied by now
SELECT held.* FROM pg_temp.held JOIN own.progress USING (aggregate_id, source)
WHERE sequence <= applied AND (aggregate_id, source, sequence) > ($1, $2, $3)
ORDER BY aggregate_id, source, sequence LIMIT $4"""

_RELEASE: Final = """
-- rebuild.release: those that have come into the next view are held no longer
DELETE FROM pg_temp.held USING progress
WHERE held.aggregate_id = progress.aggregate_id AND held.source = progress.source AND sequence <= applied"""

_PASSED_OVER: Final = """
-- rebuild.passed_over: streams whose next event was passed over, of which nothing more need come
SELECT aggregate_id, source
FROM own.discarded JOIN own.progress AS served USING (aggregate_id, source)
LEFT JOIN progress USING (aggregate_id, source)
WHERE discarded.sequence = COALESCE(progress.applied, 0) + 1 AND discarded.sequence <= served.applied"""

_LEVEL: Final = """
-- rebuild.level: whether all streams have come as far as they have been applied; as none is ever further, sums tell
SELECT (SELECT COALESCE(sum(applied), 0) FROM own.progress) = (SELECT COALESCE(sum(applied), 0) FROM progress)"""

_LACKING: Final = """
-- rebuild.lacking: the first streams that have not
SELECT aggregate_id, source, COALESCE(progress.applied, 0) + 1 AS next, count(*) OVER () AS found
FROM own.progress AS served LEFT JOIN progress USING (aggregate_id, source)
WHERE served.applied > COALESCE(progress.applied, 0) ORDER BY aggregate_id, source LIMIT $1"""

_LACKING_ENTRIES: Final = """
-- rebuild.lacking_entries: the first reference entries that the served view has and this one has not, or has older
SELECT kind, id, served.sequence, count(*) OVER () AS found
FROM view.reference AS served LEFT JOIN reference USING (kind, id)
WHERE served.sequence > COALESCE(reference.sequence, 0) ORDER BY kind, id LIMIT $1"""

_TABLES: Final = """
-- rebuild.tables: the tables of the next view
SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY tablename"""

_SERVED_REFERENCES: Final = "SELECT to_regclass('view.reference') IS NOT NULL"
_SERVED: Final = "SELECT to_regnamespace('view') IS NOT NULL"


class RebuildError(Exception):
    """The view cannot be rebuilt; the one that is served is as it was."""


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a stream has come here, how far it may, and which of the events between were passed over."""

    applied: int
    allowed: int
    discarded: frozenset[int]


_UNKNOWN: Final = _Place(0, 0, frozenset())


class NextView:
    """A view that is being made beside the one that is served, on a connection that writes it."""

    def __init__(self, connection: Connection, projections: Sequence[Projection]) -> None:
        self._connection = connection
        self._projections = projections

    async def begin(self, package: str) -> None:
        """Make it, empty; what another rebuild may have left behind goes."""
        async with transaction_on(self._connection, _CAUSE) as tx:
            await tx.connection.execute(_BEGIN)
            await make_view(tx, package)

    async def take(self, arrivals: Iterable[Arrived]) -> int:
        """Project those events whose turn it is, hold the others; return how many have come into the view."""
        given: dict[Stream, dict[int, Arrived]] = {}
        for arrived in arrivals:
            aggregate, source, sequence = arrived.key
            given.setdefault((aggregate, source), {}).setdefault(sequence, arrived)
        return await self._advance(given) if given else 0

    async def catch_up(self) -> int:
        """Project what was held and need not be any longer; return how many events have come into the view."""
        total = 0
        while moved := await self._pass_over() + await self._let_go():
            total += moved
        return total

    async def tidy(self) -> None:
        """Let PostgreSQL know what is in it, so that the first to read it are served as well as the last."""
        for row in await self._connection.fetch(_TABLES, NEXT_VIEW):
            await self._connection.execute(f"VACUUM (ANALYZE) {NEXT_VIEW}.{row['tablename']}")

    async def is_level(self) -> bool:
        """Tell whether it has all that has been applied."""
        return await self._connection.fetchval(_LEVEL)

    async def lacking_events(self) -> list[str]:
        """Return the first events that it lacks of what has been applied, in words."""
        rows = await self._connection.fetch(_LACKING, _SHOWN)
        words = [f"{row['source']}:{row['next']} of petition {row['aggregate_id']}" for row in rows]
        return words + _more(rows, "streams")

    async def lacking_entries(self) -> list[str]:
        """Return the first reference entries that it lacks or has older than the served view, in words."""
        if not await self._connection.fetchval(_SERVED_REFERENCES):
            return []
        rows = await self._connection.fetch(_LACKING_ENTRIES, _SHOWN)
        return [f"state {row['sequence']} of {row['kind']}:{row['id']}" for row in rows] + _more(rows, "entries")

    async def hold_references(self) -> None:
        """Let nobody write the served view's reference entries until the transaction ends."""
        if await self._connection.fetchval(_SERVED_REFERENCES):
            # Who waits for a table's lock looks its name up again: a statement that is under way writes the new table.
            await self._connection.execute(f"LOCK TABLE {VIEW}.reference IN SHARE ROW EXCLUSIVE MODE")

    async def serve(self) -> None:
        """Put it in the place of the view that is served; in force with the end of the transaction."""
        if await self._connection.fetchval(_SERVED):
            await self._connection.execute(f"ALTER SCHEMA {VIEW} RENAME TO {OLD_VIEW}")
        await self._connection.execute(f"ALTER SCHEMA {NEXT_VIEW} RENAME TO {VIEW}")

    async def give_up(self) -> None:
        """Drop it; what is served is left alone."""
        await self._connection.execute(f"DROP SCHEMA IF EXISTS {NEXT_VIEW} CASCADE")

    async def drop_old(self) -> None:
        """Drop the view that was served before.

        :raises TRANSIENT: somebody still reads it.
        """
        await self._connection.execute(f"DROP SCHEMA IF EXISTS {OLD_VIEW} CASCADE")

    async def _pass_over(self) -> int:
        rows = await self._connection.fetch(_PASSED_OVER)
        return await self._advance({(row["aggregate_id"], Source(row["source"])): {} for row in rows}) if rows else 0

    async def _let_go(self) -> int:
        moved, place = 0, (UUID(int=0), "", 0)
        while page := await self._connection.fetch(_HELD, *place, _PAGE):
            moved += await self.take(stored(row) for row in page)
            place = (page[-1]["aggregate_id"], page[-1]["source"], page[-1]["sequence"])
        if moved:
            await self._connection.execute(_RELEASE)
        return moved

    async def _advance(self, given: Mapping[Stream, dict[int, Arrived]]) -> int:
        async with transaction_on(self._connection, _CAUSE) as tx:
            places = await self._places(tx, given)
            now: dict[Stream, int] = {}
            ready, held = list[Arrived](), list[Arrived]()
            moved = 0
            for stream, arrivals in given.items():
                place = places.get(stream, _UNKNOWN)
                applied = place.applied
                while applied < place.allowed:
                    if applied + 1 not in place.discarded:
                        if applied + 1 not in arrivals:
                            break
                        ready.append(arrivals[applied + 1])
                    applied += 1
                if applied > place.applied:
                    now[stream] = applied
                    moved += applied - place.applied
                held += [arrived for sequence, arrived in arrivals.items() if sequence > applied]
            await self._project(tx, ready)
            if now:
                columns = zip(*((aggregate, source.value, n) for (aggregate, source), n in now.items()), strict=True)
                await tx.connection.execute(_SAVE, *map(list, columns))
            if held:
                await tx.connection.execute(_HOLD, *map(list, zip(*map(_row, held), strict=True)))
        return moved

    async def _places(self, tx: Transaction, streams: Iterable[Stream]) -> Mapping[Stream, _Place]:
        aggregates, sources = zip(*((aggregate, source.value) for aggregate, source in streams), strict=True)
        return {
            (row["aggregate_id"], Source(row["source"])): _Place(
                row["applied"], row["allowed"], frozenset(row["discarded"])
            )
            for row in await tx.connection.fetch(_STREAMS, list(aggregates), list(sources))
        }

    async def _project(self, tx: Transaction, ready: Sequence[Arrived]) -> None:
        if not ready:
            return
        events: list[tuple[Event, Envelope]] = []
        for arrived in ready:
            try:
                events.append((arrived.decode()[1], arrived.envelope))
            except Exception as error:
                raise _refused(arrived, error) from error
        try:
            async with savepoint(tx):
                await self._projected(tx, events)
        except (*UNREACHABLE, *TRANSIENT):
            raise
        except Exception:
            # One of them is bad: each alone, so that it can be named.
            for arrived, one in zip(ready, events, strict=True):
                try:
                    await self._projected(tx, [one])
                except Exception as error:
                    raise _refused(arrived, error) from error

    async def _projected(self, tx: Transaction, events: Sequence[tuple[Event, Envelope]]) -> None:
        for project_many in self._projections:
            await project_many(tx, events)


def _more(rows: Sequence[Row], what: str) -> list[str]:
    more = rows[0]["found"] - len(rows) if rows else 0
    return [f"and more of {more:,} other {what}"] if more else []


def _refused(arrived: Arrived, error: Exception) -> RebuildError:
    _, source, sequence = arrived.key
    topic, partition, offset = arrived.place
    what = f"{source.value}:{sequence} of petition {arrived.envelope.subject} ({arrived.envelope.type})"
    where = f"{topic}/{partition}/{offset}"
    return RebuildError(f"{what}, at {where}, has been applied once, but cannot be by this version: {describe(error)}")


def _row(arrived: Arrived) -> tuple[object, ...]:
    aggregate, source, sequence = arrived.key
    return (aggregate, source.value, sequence, show_headers(arrived.headers), arrived.data, *arrived.place)
