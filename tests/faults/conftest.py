"""The installation that all tests of faults share, and a client for each of them."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from deploy.local.postgres import SERVICES
from tests.faults.client import Client, Ledger
from tests.faults.installation import Installation
from tests.faults.sabotage import Orders


@pytest.fixture(scope="package")
async def installation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """Servers of its own and two replicas of every service, for this folder alone."""
    async with Installation(tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest.fixture(scope="package")
def ledger(installation: Installation) -> Ledger:
    """What was ever sent and promised: each test's check looks at the promises of those before it too."""
    return Ledger()


@pytest.fixture
async def client(installation: Installation, ledger: Ledger) -> AsyncIterator[Client]:
    """A client; when its test is over, whatever is still broken is mended for the next."""
    async with aiohttp.ClientSession() as session:
        yield Client(installation, session, ledger)
    await installation.mend()


@pytest.fixture(scope="package")
async def orders(installation: Installation) -> dict[str, Orders]:
    """Orders for each service: from the first test that asks for them, every replica has a saboteur inside."""
    given = {service: Orders(installation.folder, service) for service in SERVICES}
    for replica in installation.replicas.values():
        replica.program = given[replica.service].program()
    await asyncio.gather(*(replica.kill() for replica in installation.replicas.values()))
    await installation.mend()
    return given
