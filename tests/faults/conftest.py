"""The installation that all tests of faults share, and a client for each of them."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.faults.client import Client
from tests.faults.installation import Installation


@pytest.fixture(scope="package")
async def installation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """Servers of its own and two replicas of every service, for this folder alone."""
    async with Installation(tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest.fixture
async def client(installation: Installation) -> AsyncIterator[Client]:
    """A client; when its test is over, whatever is still broken is mended for the next."""
    async with aiohttp.ClientSession() as session:
        yield Client(installation, session)
    await installation.mend()
