"""A door before an organisation's issuer, for the tests of tokens and keys."""

from collections.abc import AsyncGenerator

import pytest

from tests.support.door import Door, door


@pytest.fixture
async def organisation() -> AsyncGenerator[Door]:
    async with door() as opened:
        yield opened
