"""The database away, in order or by a crash: what was acknowledged is there, nothing is half-written."""

import signal

import pytest

from deploy.local.postgres import SERVICES
from tests.faults.check import nothing_lost
from tests.faults.client import Client
from tests.faults.load import load

pytestmark = [pytest.mark.serial, pytest.mark.system]


async def test_a_database_that_is_restarted_in_order_costs_nothing_but_time(client: Client) -> None:
    async with load(client) as running:
        await running.more(20)
        await client.installation.stop_database()
        await client.installation.start_database()
        await running.more(20)
    await nothing_lost(client)


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGKILL])
async def test_a_database_that_crashes_has_what_was_acknowledged(client: Client, how: signal.Signals) -> None:
    async with load(client) as running:
        await running.more(20)
        await client.installation.crash_database(how)
        await client.installation.start_database()
        await running.more(20)
    await nothing_lost(client)


async def test_connections_that_break_are_made_anew(client: Client) -> None:
    async with load(client) as running:
        for service in SERVICES:
            await running.more(10)
            assert await client.installation.terminate(service)
        await running.more(20)
    await nothing_lost(client)
