"""The broker away: stopped, silent, killed. What people do is accepted all the while, and published afterwards."""

import asyncio
import time
from typing import Final

import pytest

from deploy.local.postgres import SERVICES
from tests.faults.check import nothing_lost
from tests.faults.client import Client
from tests.faults.installation import Installation, Replica
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
    since = time.monotonic()
    filed: list[str] = []

    async def outlasted() -> bool:
        away = time.monotonic() - since
        if len(filed) < 3 * away:
            filed.append(await file(client, within=5))
        return away > PRODUCERS_TIME_OUT + 1

    await eventually(outlasted, within=2 * PRODUCERS_TIME_OUT)
    assert await installation.fetch("intake", "SELECT 1 FROM own.outbox")
    await _relays_stop_when_told(installation)
    await installation.mend()
    await nothing_lost(client)


async def test_a_broker_that_falls_silent_and_dies_with_messages_in_flight_loses_none(client: Client) -> None:
    installation = client.installation
    async with load(client) as running:
        await running.more(10)
        installation.pause_broker()
        for _ in range(10):
            await file(client)
        await _relays_stop_when_told(installation)
        await installation.kill_broker()
        await installation.mend()
        await running.more(30)
    await nothing_lost(client)


async def _relays_stop_when_told(installation: Installation) -> None:
    """Tell the replicas whose relays are active to stop: they end in order, and leave what they cannot send."""
    active: list[Replica] = [
        await eventually(lambda service=service: installation.active_relay(service)) for service in SERVICES
    ]
    await asyncio.gather(*(replica.stop() for replica in active))
    assert [replica.process.code for replica in active] == [0, 0, 0]
