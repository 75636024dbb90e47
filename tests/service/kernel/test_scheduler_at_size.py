"""The scheduler at size and by chance: a tick costs one indexed query, and leaves no overdue clock unheard."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from services.contracts.vocabulary import Source
from services.intake.app import WIRING
from services.kernel.pulse import Pulse
from services.kernel.reference import ReferenceCache
from services.kernel.scheduler import Scheduler
from services.kernel.transaction import Database, open_database
from tests.support import stored
from tests.support.district import District, district
from tests.support.people import People
from tests.support.servers import Servers

OPEN_CLOCKS = 100_000


@pytest.fixture
async def world(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[District]:
    """Intake alone, without a scheduler of its own."""
    folder = tmp_path_factory.mktemp("scheduler")
    async with district(servers, {"intake": WIRING}, folder=folder, gateway=False) as running:
        await running.intake.stop()
        running.intake.roles = tuple(role for role in running.intake.roles if role != "scheduler")
        await running.intake.start()
        yield running


async def replica(world: District, statements: list[str]) -> tuple[Database, Scheduler]:
    """Return a scheduler with a pool of its own, whose statements are told."""
    url = world.intake.settings.database_url.get_secret_value()
    database = await open_database(url, connections=2, application="replica", observe=statements.append)
    references = ReferenceCache(database.reader, staleness=3600)
    scheduler = Scheduler(
        Source.INTAKE,
        database,
        WIRING.clocks,
        references=references,
        now=world.time,
        poll=0.1,
        committed=Pulse(),
    )
    await references.get()
    return database, scheduler


async def test_a_tick_over_a_hundred_thousand_open_clocks_is_one_indexed_query(world: District) -> None:
    statements: list[str] = []
    database, scheduler = await replica(world, statements)
    try:
        await world.intake.execute(stored.clocks(petitions=OPEN_CLOCKS, kind="ACCEPTANCE", running=OPEN_CLOCKS))
        await world.intake.execute("ANALYZE own.clock")
        # All fire later than this; some of what is stored is due at the end of the same page.
        statements.clear()
        world.time.now = world.time.now.replace(year=2000)
        assert await scheduler.tick() == 0
        assert [s.strip().splitlines()[0] for s in statements] == [
            "-- scheduler.due: the next page of clocks that want attention, oldest first"
        ]
        plan = await world.intake.fetch(
            "EXPLAIN (ANALYZE, BUFFERS) " + statements[0], world.time.now, world.time.now, stored.id_of(0), 200
        )
        said = "\n".join(row["QUERY PLAN"] for row in plan)
        assert "Index Scan using clock_due" in said
        assert "Seq Scan" not in said
        # A thousand that are due (of petitions that are not there, so none moves) are five pages, and no clock twice.
        await world.intake.execute(
            "UPDATE own.clock SET fires_at = '1999-12-31' WHERE clock_id IN "
            "(SELECT clock_id FROM own.clock ORDER BY clock_id LIMIT 1000)"
        )
        statements.clear()
        assert await scheduler.tick() == 0
        told = [s.strip().splitlines()[0] for s in statements if s.strip().startswith("-- scheduler")]
        pages = [line for line in told if "scheduler.due" in line]
        locks = [line for line in told if "scheduler.lock" in line]
        assert (len(pages), len(locks)) == (6, 1000)
    finally:
        await database.close()


@pytest.mark.parametrize("seed", range(3))
async def test_no_overdue_clock_stays_unheard_longer_than_a_tick(world: District, seed: int) -> None:
    chance = Random(seed)
    people = People(world, world.intake.url)
    replicas = [await replica(world, []) for _ in range(3)]
    filed = []
    try:
        for _ in range(12):
            filed += [await people.file() for _ in range(chance.randrange(3))]
            for petition in chance.sample(filed, min(len(filed), 2)):
                await people.accept(petition)  # refused when it was accepted before
            world.time.advance(hours=chance.choice([1, 5, 20, 30, 80, 200]))
            ticks = [scheduler.tick() for _, scheduler in replicas]
            # Every level that an outage has passed over is a tick of its own; the rest are other replicas' locks.
            for _ in range(12):
                if not sum(await asyncio.gather(*ticks)):
                    break
                ticks = [scheduler.tick() for _, scheduler in replicas]
            overdue = await world.intake.fetch(
                "SELECT kind, level, fires_at FROM own.clock WHERE state = 'RUNNING' AND fires_at <= $1", world.time()
            )
            assert overdue == []
        reached = await world.intake.fetch(
            "SELECT data ->> 'clockId' AS clock,"
            " array_agg(COALESCE((data ->> 'level')::int, 0) ORDER BY sequence) AS all"
            " FROM own.event WHERE type IN ('clock.reminded', 'clock.escalated') GROUP BY 1"
        )
        assert reached
        assert all(row["all"] == list(range(len(row["all"]))) for row in reached)
    finally:
        for database, _ in replicas:
            await database.close()
