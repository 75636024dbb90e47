"""The relay on real servers: everything recorded is published, in order, by one relay at a time."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.kernel.db import Lock
from services.kernel.envelope import from_message
from services.kernel.kafka import Broker, Topic, create_topics
from services.kernel.pulse import Pulse
from services.kernel.relay import Relay, events
from services.kernel.service import Role
from tests.support.district import District, RunningService, eventually
from tests.support.people import People
from tests.support.topics import fetch_all


@pytest.fixture
def people(intake_alone: District) -> People:
    return People(intake_alone, intake_alone.intake.url)


async def _published(people: People, petition: str) -> list[tuple[int, str]]:
    topic = catalogue.petition_topic(Source.INTAKE, people.district.prefix)
    messages = [m for m in await fetch_all(people.district, topic) if m.key == petition.encode()]
    envelopes = [from_message(m.key, m.value, m.headers)[0] for m in messages]
    return [(envelope.sequence, envelope.type) for envelope in envelopes]


async def test_what_is_recorded_is_published_whole_and_in_order(people: People) -> None:
    filed = await people.ready()

    async def empty() -> bool:
        return not await people.district.intake.fetch("SELECT 1 FROM own.outbox")

    await eventually(empty)
    events = await people.district.intake.events(filed.id)
    assert await _published(people, filed.id) == list(enumerate(events, start=1))


async def test_a_row_with_a_lower_number_that_commits_later_is_not_lost(people: People) -> None:
    first, second = await people.file(), await people.file()
    slow = await asyncpg.connect(people.district.intake.settings.database_url.get_secret_value())
    transaction = slow.transaction()
    await transaction.start()
    # The number is drawn now, and seen by the relay only after later ones have been published and deleted.
    await slow.execute(
        "INSERT INTO own.outbox (aggregate_id, sequence, topic) VALUES ($1, 1, $2)",
        first.id,
        catalogue.petition_topic(Source.INTAKE),
    )
    (await people.accept(second)).ok()

    async def accepted() -> bool:
        return (3, "petition.accepted") in await _published(people, second.id)

    await eventually(accepted)
    await transaction.commit()
    await slow.close()

    async def again() -> bool:
        return (await _published(people, first.id)).count((1, "petition.submitted")) == 2

    await eventually(again)


async def test_a_second_relay_stands_by_and_takes_over(people: People) -> None:
    service = people.district.intake
    prefix = f"standby-{uuid4().hex[:6]}-"
    topic = catalogue.petition_topic(Source.INTAKE, prefix)
    await create_topics(Broker(people.district.servers.bootstrap), [Topic(topic, 2)], replication=1)
    other = Relay(
        Source.INTAKE,
        events(Source.INTAKE),
        database_url=service.settings.database_url.get_secret_value(),
        broker=Broker(people.district.servers.bootstrap),
        topic_prefix=prefix,
        topic_replication=1,
        poll=0.02,
        written=Pulse(),
    )
    standby = asyncio.create_task(other.run())
    try:
        filed = await people.ready()

        async def published() -> bool:
            return bool(await _published(people, filed.id))

        await eventually(published)
        assert await fetch_all(people.district, topic) == []
        # The active one loses its lock with its connection, as in a crash.
        await service.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'intake-relay' AND datname = current_database() "
            "AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)"
        )

        async def taken_over() -> bool:
            await people.file()
            return bool(await fetch_all(people.district, topic))

        await eventually(taken_over)
    finally:
        standby.cancel()
        await asyncio.gather(standby, return_exceptions=True)


async def test_what_another_process_writes_is_published_without_waiting_for_the_poll(people: People) -> None:
    """Once by one whose own relay stands by, and once by one that has none."""
    intake = people.district.intake
    rarely = intake.settings.model_copy(update={"outbox_poll": 60.0, "port": 0})
    publisher, *others = (
        RunningService(intake.wiring, rarely, intake.now, roles=roles)
        for roles in ((Role.RELAY,), (Role.API, Role.RELAY), (Role.API,))
    )
    await intake.stop()
    try:
        await publisher.start()
        await eventually(lambda: _held(intake))
        for service in others:
            await service.start()
            filed = await People(people.district, service.url).file()

            async def published(id: str = filed.id) -> bool:
                return (1, "petition.submitted") in await _published(people, id)

            await eventually(published)
    finally:
        for service in (*others, publisher):
            await service.stop()
        await intake.start()


async def _held(intake: RunningService) -> bool:
    locks = """
    SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND granted AND objid = $1 AND datname = current_database()"""
    return bool(await intake.fetch(locks, int(Lock.RELAY)))
