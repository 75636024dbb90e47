"""Consumer groups: partitions change hands in mid-batch, become more, and are read again from their beginning."""

import asyncio
from collections import defaultdict

import pytest

from deploy.local.postgres import SERVICES
from tests.faults.check import nothing_lost
from tests.faults.client import Client
from tests.faults.installation import Installation
from tests.faults.load import evaluate, file, hand_over, load, reply, screen
from tests.faults.sabotage import Act, Orders, Point
from tests.support.district import eventually

pytestmark = [pytest.mark.serial, pytest.mark.system]


async def test_partitions_that_change_hands_in_mid_batch_are_applied_once(
    client: Client, orders: dict[str, Orders]
) -> None:
    installation = client.installation
    first, second = installation.of("feedback")
    await asyncio.gather(first.stop(), second.stop())
    petitions = await asyncio.gather(*(hand_over(client) for _ in range(12)))
    await asyncio.gather(*(reply(client, petition) for petition in petitions))
    orders["feedback"].give(Point.IN_BATCH, Act.HOLD)
    await first.start()
    await eventually(orders["feedback"].taken)
    await second.start()

    async def shared() -> bool:
        return await installation.broker.members("feedback") == 2

    await eventually(shared)
    orders["feedback"].release()
    evaluated = asyncio.gather(*(evaluate(client, petition) for petition in petitions))
    await first.stop()  # and it leaves again while they are under way
    await evaluated
    await nothing_lost(client)


async def test_partitions_that_are_added_under_load_move_petitions_and_lose_none(client: Client) -> None:
    installation = client.installation
    waiting = await asyncio.gather(*(file(client) for _ in range(12)))
    async with load(client) as running:
        await running.more(20)
        ends = await installation.broker.ends(*installation.topics.values())
        for topic in installation.topics.values():
            await installation.broker.add_partitions(topic, sum(name == topic for name, _ in ends) + 2)
        for service in SERVICES:  # a relay's next producer knows of them at once, the present one within five minutes
            await installation.terminate(service, f"{service}-relay")
        await asyncio.gather(*(screen(client, petition) for petition in waiting))
        await running.more(20)
    where: dict[tuple[str, str], set[int]] = defaultdict(set)
    for message in await installation.broker.messages(*installation.topics.values()):
        where[message.topic, message.about].add(message.partition)
    assert any(len(partitions) > 1 for partitions in where.values())
    await nothing_lost(client)


async def test_partitions_that_are_read_again_from_their_beginning_have_no_effect_twice(client: Client) -> None:
    installation = client.installation
    async with load(client) as running:
        await running.more(20)
    await nothing_lost(client)
    before = await _effects(installation)
    await asyncio.gather(*(replica.stop() for replica in installation.replicas.values()))
    for service in SERVICES:
        for place in await installation.broker.committed(service):
            await installation.broker.rewind(service, place)
    await installation.mend()
    await nothing_lost(client)
    assert await _effects(installation) == before


async def _effects(installation: Installation) -> dict[str, list[int]]:
    counted = """
    SELECT (SELECT count(*) FROM own.event) AS events, (SELECT count(*) FROM own.clock) AS clocks,
           (SELECT sum(applied) FROM own.progress) AS reacted, (SELECT sum(applied) FROM view.progress) AS projected"""
    return {service: list((await installation.fetch(service, counted))[0].values()) for service in SERVICES}
