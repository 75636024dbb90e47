"""The broker away: stopped, silent, killed. What people do is accepted all the while, and published afterwards."""

import asyncio
import time
from typing import Final

import pytest

from tests.faults.check import nothing_lost
from tests.faults.client import Client
from tests.faults.load import file, load
from tests.support.district import eventually

pytestmark = [pytest.mark.serial, pytest.mark.system]

PRODUCERS_TIME_OUT: Final = 15.0
"""As services/kernel/kafka.py has it."""


async def test_submissions_are_accepted_while_the_broker_is_stopped_and_published_when_it_is_back(
    client: Client,
) -> None:
    installation = client.installation
    async with load(client) as running:
        await running.more(20)
    await installation.stop_broker()
    until = time.monotonic() + PRODUCERS_TIME_OUT + 1

    async def outlasted() -> bool:
        await file(client, within=5)
        return time.monotonic() > until

    await eventually(outlasted, within=2 * PRODUCERS_TIME_OUT)
    assert await installation.fetch("intake", "SELECT 1 FROM own.outbox")
    await installation.start_broker()
    await nothing_lost(client)


async def test_a_broker_that_falls_silent_and_dies_with_messages_in_flight_loses_none(client: Client) -> None:
    installation = client.installation
    async with load(client) as running:
        await running.more(10)
        installation.pause_broker()
        for _ in range(10):
            await file(client, within=5)
        await installation.kill_broker()
        await installation.start_broker()
        await running.more(30)
    await nothing_lost(client)


@pytest.mark.parametrize("silent", [False, True])
async def test_replicas_that_are_told_to_stop_while_the_broker_is_away_end_in_order(
    client: Client, silent: bool
) -> None:
    installation = client.installation
    if silent:
        installation.pause_broker()
    else:
        await installation.stop_broker()
    await file(client, within=5)
    await asyncio.gather(*(replica.stop() for replica in installation.replicas.values()))
    assert {replica.name: replica.process.code for replica in installation.replicas.values()} == dict.fromkeys(
        (replica.name for replica in installation.replicas.values()), 0
    )
    await installation.mend()
    await nothing_lost(client)
