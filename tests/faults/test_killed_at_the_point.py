"""SIGKILL at each point between a commit and what must follow it: nothing is lost, nothing happens twice."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from deploy.local.postgres import SERVICES
from tests.faults.check import nothing_lost
from tests.faults.client import Client
from tests.faults.installation import Installation, Replica
from tests.faults.load import load
from tests.faults.sabotage import Orders, Point
from tests.support.district import eventually

pytestmark = [pytest.mark.serial, pytest.mark.system]


@pytest.fixture(scope="module")
async def orders(installation: Installation) -> AsyncIterator[dict[str, Orders]]:
    """Every replica has a saboteur inside while this module runs."""
    given = {service: Orders(installation.folder, service) for service in SERVICES}
    await asyncio.gather(*(replica.kill() for replica in installation.replicas.values()))
    await asyncio.gather(*(r.start(given[r.service].program()) for r in installation.replicas.values()))
    yield given
    await asyncio.gather(*(replica.kill() for replica in installation.replicas.values()))
    await installation.mend()


async def _dead(installation: Installation, service: str) -> Replica:
    """Wait for the death of one of the service's replicas."""

    async def one() -> Replica | None:
        return next((replica for replica in installation.of(service) if not replica.running), None)

    return await eventually(one)


@pytest.mark.parametrize("point", [Point.AFTER_COMMIT, Point.AFTER_PUBLISH, Point.IN_BATCH, Point.AFTER_EFFECT])
async def test_a_replica_that_dies_at_a_point_leaves_nothing_undone_and_nothing_done_twice(
    client: Client, orders: dict[str, Orders], point: Point
) -> None:
    installation = client.installation
    for service in SERVICES:
        orders[service].give(point)
    async with load(client) as running:
        for service in SERVICES:
            dead = await _dead(installation, service)
            assert dead.process.code == -9
            assert await orders[service].taken()
            await dead.start(orders[service].program())
        await running.more(20)
    await nothing_lost(client)
