"""The moment at which another view is served: who writes is held before it has begun, and then writes the new one."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.contracts import catalogue
from services.contracts.dispatch import WorkOrderStarted
from services.contracts.event import Who
from services.contracts.reference import Department, Name
from services.contracts.vocabulary import Role, Source
from services.intake.app import WIRING
from services.kernel import inbox, reference
from services.kernel.arrivals import Arrived, arrived
from services.kernel.db import NEXT_VIEW, Connection, Lock, own_connection
from services.kernel.envelope import Envelope, to_message
from services.kernel.inbox import Inbox
from services.kernel.migrate import MigrationError, hold_version
from services.kernel.rebuild_view import NextView
from services.kernel.reference import ReferenceCache
from services.kernel.tracing import untraced
from services.kernel.transaction import Cause, Database, open_database
from services.kernel.transaction import transaction_on as transaction
from tests.support.district import eventually
from tests.support.servers import Servers, template

CAUSE: Final = Cause("test", "test")
BY: Final = Who(role=Role.DEPARTMENT, subject="someone")
WAITING: Final = """SELECT query FROM pg_stat_activity
WHERE application_name = 'test' AND wait_event_type = 'Lock' AND datname = current_database()"""


@dataclass
class Desk:
    """Intake's database, those who write its view, and the next view on a connection of its own."""

    database: Database
    inbox: Inbox
    next_connection: Connection
    next_view: NextView

    async def waits(self, name: str) -> None:
        """Wait until a statement waits for a lock."""

        async def waiting() -> bool:
            # Within a transaction the activity would stay as it was when it was first asked for.
            return any(name in row["query"] for row in await self.database.reader.fetch(WAITING))

        await eventually(waiting)


@pytest.fixture
async def desk(servers: Servers) -> AsyncGenerator[Desk]:
    name = f"rebuild_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(servers.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template('intake')} OWNER intake")
    await admin.close()
    url = servers.dsns["intake"].rsplit("/", 1)[0] + f"/{name}"
    database = await open_database(url, connections=4, application="test")
    handlers = WIRING.handlers(ReferenceCache(database.reader, staleness=0))
    async with own_connection(url, application="rebuild", view=NEXT_VIEW) as connection:
        view = NextView(connection, handlers.projections)
        await view.begin(WIRING.package)
        yield Desk(database, Inbox(database, WIRING.consumed, handlers, _nothing, untraced("intake")), connection, view)
    await database.close()


async def _nothing() -> None:
    """These tests keep nothing in memory."""


def _event(petition: UUID, sequence: int) -> Arrived:
    event = WorkOrderStarted(by=BY, work_order_id=uuid4())
    now = datetime(2026, 11, 24, 2, tzinfo=UTC)
    fields: dict[str, Any] = {"id": uuid4(), "type": event.TYPE, "subject": str(petition), "time": now, "recorded": now}
    fields |= {"dataschema": catalogue.dataschema(Source.DISPATCH, event.TYPE), "seen": {}, "cycle": 1}
    fields |= {"correlation": "c", "causation": "c", "street": "huangtupo", "community": "community-73"}
    envelope = Envelope(source=Source.DISPATCH, sequence=sequence, **fields)
    return arrived(*to_message(envelope, catalogue.encode(event)), "topic", 0, sequence)


async def test_an_event_that_comes_at_that_moment_is_projected_into_the_new_view(desk: Desk) -> None:
    petition = uuid4()
    first, second = _event(petition, 1), _event(petition, 2)
    await desk.inbox.apply([first])
    async with transaction(desk.next_connection, CAUSE) as tx:
        await tx.connection.execute("SELECT pg_advisory_xact_lock($1)", Lock.VIEW)
        applying = asyncio.create_task(desk.inbox.apply([second]))
        await desk.waits("inbox.lock")
        await tx.connection.execute("SELECT FROM own.progress FOR UPDATE NOWAIT")
        await desk.next_view.take([first])
        assert await desk.next_view.is_level()
        await desk.next_view.serve()
    await applying
    rows = await desk.database.reader.fetch("SELECT dispatch_sequence, dispatch_state FROM view.petition")
    assert [tuple(row.values()) for row in rows] == [(2, "IN_PROGRESS")]
    assert await desk.database.reader.fetchval("SELECT dispatch_sequence FROM view_old.petition") == 1


async def test_whoever_waits_for_that_moment_has_locked_no_petition(desk: Desk) -> None:
    """Commands on the same petitions need not wait too: the lock comes before the first row is looked at."""
    rows = await desk.next_connection.fetch(f"EXPLAIN {inbox._LOCK}", [uuid4()], Lock.VIEW, ["dispatch"])
    plan = [row["QUERY PLAN"].strip(" ->").split("  ")[0] for row in rows]
    before, scan = (next(n for n, step in enumerate(plan) if part in step) for part in ("One-Time Filter", "Scan"))
    assert before < scan, plan


async def test_a_reference_entry_that_comes_at_that_moment_is_kept_in_the_new_view(desk: Desk) -> None:
    def entry(sequence: int) -> reference.Arrival:
        return reference.Arrival(sequence, Department(id="housing", name=Name(zh=f"住建局{sequence}", en="Housing")))

    reader = desk.database.reader
    await reference.keep(reader, [entry(1)])
    async with transaction(desk.next_connection, CAUSE) as tx:
        await desk.next_view.hold_references()
        keeping = asyncio.create_task(reference.keep(reader, [entry(2)]))
        await desk.waits("reference.keep")
        await reference.keep(tx.connection, [entry(1)])
        assert await desk.next_view.lacking_entries() == []
        await desk.next_view.serve()
    await keeping
    assert await reader.fetchval("SELECT sequence FROM view.reference WHERE id = 'housing'") == 2
    assert await reader.fetchval("SELECT sequence FROM view_old.reference WHERE id = 'housing'") == 1


async def test_nothing_gets_ahead_of_what_has_been_applied(desk: Desk) -> None:
    petition = uuid4()
    events = [_event(petition, sequence) for sequence in range(1, 5)]
    assert await desk.next_view.take(events) == 0
    await desk.inbox.apply([events[0], events[2]])
    assert await desk.next_view.catch_up() == 1
    assert await desk.next_view.is_level()
    await desk.inbox.apply([events[3], events[1]])
    assert await desk.next_view.lacking_events() == [f"dispatch:2 of petition {petition}"]
    assert await desk.next_view.catch_up() == 3
    assert await desk.next_view.is_level()
    assert await desk.next_view.catch_up() == 0


async def test_statements_that_were_prepared_find_the_new_view(desk: Desk) -> None:
    read, version = "SELECT count(*) FROM view.reference", desk.database.reader
    await reference.keep(version, [reference.Arrival(1, Department(id="a", name=Name(zh="甲", en="A")))])
    assert [await version.fetchval(read) for _ in range(10)] == [1] * 10
    await desk.next_view.serve()
    await desk.next_view.drop_old()
    assert [await version.fetchval(read) for _ in range(10)] == [0] * 10


async def test_a_view_is_made_for_the_version_that_the_database_has(desk: Desk) -> None:
    async with transaction(desk.next_connection, CAUSE) as tx:
        await hold_version(tx, WIRING.package)
    await desk.next_connection.execute("DELETE FROM own.migration WHERE name LIKE '%0001_petition.sql'")
    with pytest.raises(MigrationError, match="older than this version, migrate it first"):
        async with transaction(desk.next_connection, CAUSE) as tx:
            await hold_version(tx, WIRING.package)
