"""What concerns a department, numbered as it is published: once, without a gap, whoever numbers."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.dispatch.store.department_feed import PUBLISHED
from tests.support import people as p
from tests.support.desk import Desk
from tests.support.district import District, eventually
from tests.support.publish import Voice

FEED = """
SELECT number, type FROM own.department_feed JOIN own.event USING (aggregate_id, sequence)
WHERE department = $1 AND aggregate_id = $2 ORDER BY number"""
NUMBERS = "SELECT number FROM own.department_feed WHERE department = $1 ORDER BY number"
TOPIC = catalogue.petition_topic(Source.DISPATCH)


@pytest.fixture
def desk(dispatch_alone: District) -> Desk:
    return Desk(dispatch_alone, Voice(dispatch_alone, Source.INTAKE), Voice(dispatch_alone, Source.FEEDBACK))


async def types(desk: Desk, department: str, petition: str) -> Sequence[str]:
    async def published() -> bool:
        return not await desk.district.dispatch.fetch("SELECT 1 FROM own.outbox WHERE aggregate_id = $1", petition)

    await eventually(published)
    rows = await desk.district.dispatch.fetch(FEED, department, petition)
    return [row["type"] for row in rows if not row["type"].startswith("clock.")]


async def gapless(desk: Desk, department: str) -> bool:
    numbers = [row["number"] for row in await desk.district.dispatch.fetch(NUMBERS, department)]
    return numbers == list(range(1, len(numbers) + 1))


async def test_each_department_is_told_what_concerns_it_and_nothing_of_the_others(desk: Desk) -> None:
    petition, order = await desk.readied()
    (await desk.do(p.ASSIGN, "street_committee", order, department="civil-affairs")).ok()
    declining = desk.district.token("department", department="civil-affairs")
    given = {"workOrderId": order, "ground": "NOT_OURS", "reason": "不属民政", "proposed": "housing"}
    (await desk.district.ask(p.DECLINE_ORDER, token=declining, url=desk.url, input=given)).ok()
    (await desk.do(p.ASSIGN, "street_committee", order, department="housing")).ok()
    (await desk.do(p.ACKNOWLEDGE, "department", order)).ok()
    assert await types(desk, "civil-affairs", petition) == ["work_order.assigned", "work_order.declined"]
    assert await types(desk, "housing", petition) == ["work_order.assigned", "work_order.acknowledged"]
    assert await types(desk, "water", petition) == []
    assert await gapless(desk, "civil-affairs")
    assert await gapless(desk, "housing")


async def test_two_relays_that_both_believe_to_be_alone_number_everything_once(desk: Desk) -> None:
    petition, _ = await desk.replied()
    await types(desk, "housing", petition)
    service = desk.district.dispatch
    told = "SELECT sequence FROM own.department_feed WHERE aggregate_id = $1 AND department = 'housing'"
    rows = await service.fetch(told, petition)
    before = len(await service.fetch(NUMBERS, "housing"))
    await service.stop()
    try:
        again = "INSERT INTO own.outbox (aggregate_id, sequence, topic) VALUES ($1, $2, $3) RETURNING position"
        positions = [(await service.fetch(again, petition, row["sequence"], TOPIC))[0]["position"] for row in rows]
        half = len(positions) // 2
        assert half > 1

        async def number(share: Sequence[int]) -> None:
            connection = await asyncpg.connect(service.settings.database_url.get_secret_value())
            try:
                for _ in range(20):
                    try:
                        await connection.fetch(PUBLISHED, share)
                    except asyncpg.UniqueViolationError:
                        continue  # as a relay does: it starts over
                    return
            finally:
                await connection.close()

        await asyncio.gather(number(positions), number(positions[:half]), number(positions[half:]))
    finally:
        await service.start()
    assert not await service.fetch("SELECT 1 FROM own.outbox WHERE position = ANY($1)", positions)
    assert len(await service.fetch(NUMBERS, "housing")) == before + len(positions)
    assert await gapless(desk, "housing")
