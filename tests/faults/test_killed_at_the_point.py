"""SIGKILL at each point between a commit and what must follow it: nothing is lost, nothing happens twice."""

import asyncio

import pytest

from deploy.local.postgres import SERVICES
from tests.faults.check import nothing_lost
from tests.faults.client import Client
from tests.faults.installation import Installation
from tests.faults.load import file, load
from tests.faults.sabotage import Orders, Point

pytestmark = [pytest.mark.serial, pytest.mark.system]


async def dies(installation: Installation, orders: Orders) -> None:
    """Wait until one of the service's replicas has killed itself as ordered, and start it again."""
    replica = await installation.fallen(orders.service)
    assert replica.process.code == -9
    assert await orders.taken()
    await replica.start()


@pytest.mark.parametrize("point", [Point.AFTER_COMMIT, Point.AFTER_PUBLISH, Point.IN_BATCH, Point.AFTER_EFFECT])
async def test_a_replica_that_dies_at_a_point_leaves_nothing_undone_and_nothing_done_twice(
    client: Client, orders: dict[str, Orders], point: Point
) -> None:
    for service in SERVICES:
        orders[service].give(point)
    async with load(client) as running:
        await asyncio.gather(*(dies(client.installation, orders[service]) for service in SERVICES))
        await running.more(20)
    await nothing_lost(client)


async def test_a_relay_that_dies_with_departments_told_and_does_not_know_it_tells_them_again_without_a_gap(
    client: Client, orders: dict[str, Orders]
) -> None:
    orders["dispatch"].give(Point.AFTER_TELLING)
    async with load(client) as running:
        await dies(client.installation, orders["dispatch"])
        await running.more(20)
    await nothing_lost(client)


async def test_a_mutation_that_dies_before_its_answer_is_answered_at_its_repetition(
    client: Client, orders: dict[str, Orders]
) -> None:
    orders["intake"].give(Point.BEFORE_ANSWER)
    petition, _ = await asyncio.gather(file(client), dies(client.installation, orders["intake"]))
    done = client.ledger.acknowledged[-1]
    [stored] = await client.installation.fetch(
        "intake", "SELECT answer::jsonb #>> '{petition,head,id}' AS id FROM own.idempotency WHERE key = $1", done.key
    )
    assert stored["id"] == petition == str(done.petition)
    await nothing_lost(client)
