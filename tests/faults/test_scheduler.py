"""Two replicas of every service: both consume, one publishes, and each level of a clock is reached once."""

import asyncio
from datetime import timedelta

import aiohttp
import pytest

from deploy.local.postgres import SERVICES
from tests.faults.check import nothing_lost
from tests.faults.client import Client
from tests.faults.installation import Installation, Replica
from tests.faults.load import file, load
from tests.faults.sabotage import Orders, Point
from tests.support.district import eventually

pytestmark = [pytest.mark.serial, pytest.mark.system]

_LONG: timedelta = timedelta(days=40)
"""Longer than any clock takes to its third level."""
_LEVELS = """
SELECT type, data ->> 'level' AS level FROM own.event
WHERE aggregate_id = $1 AND type IN ('clock.reminded', 'clock.escalated') ORDER BY sequence"""


async def test_both_replicas_consume_and_one_relay_publishes(client: Client) -> None:
    installation = client.installation

    async def all_have() -> bool:
        return all([await _consumed(replica) for replica in installation.replicas.values()])

    async with load(client):
        await eventually(all_have)
    for service in SERVICES:
        locks = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name = $1 || '-relay' AND locktype = 'advisory' AND granted"  # noqa: E501
        [row] = await installation.admin(locks, service)
        assert row["count"] == 1
    await nothing_lost(client)


async def _consumed(replica: Replica) -> bool:
    url = replica.url.replace("/graphql", "/metrics")
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        lines = (await answer.text()).splitlines()
    counters = [line for line in lines if line.startswith("through_train_events_consumed_total")]
    return any(float(line.rpartition(" ")[2]) > 100 for line in counters)


async def test_each_level_is_reached_once_with_two_replicas(client: Client) -> None:
    petitions = await asyncio.gather(*(file(client) for _ in range(12)))
    _let_pass(client.installation)
    await _all_levels(client.installation, petitions)
    await nothing_lost(client)


@pytest.mark.parametrize("point", [Point.IN_FIRING, Point.AFTER_FIRING])
async def test_each_level_is_reached_once_though_the_scheduler_dies(
    client: Client, orders: dict[str, Orders], point: Point
) -> None:
    petitions = await asyncio.gather(*(file(client) for _ in range(4)))
    orders["intake"].give(point)
    _let_pass(client.installation)
    replica = await client.installation.fallen("intake")
    await replica.start()
    await _all_levels(client.installation, petitions)
    await nothing_lost(client)


def _let_pass(installation: Installation) -> None:
    installation.set_domain_time(installation.domain_now() + _LONG)


async def _all_levels(installation: Installation, petitions: list[str]) -> None:
    async def of(petition: str) -> list[tuple[str, str | None]]:
        return [(row["type"], row["level"]) for row in await installation.fetch("intake", _LEVELS, petition)]

    async def third() -> bool:
        return all([("clock.escalated", "3") in await of(petition) for petition in petitions])

    await eventually(third)
    for petition in petitions:
        assert await of(petition) == [("clock.reminded", None), *(("clock.escalated", n) for n in "123")]
