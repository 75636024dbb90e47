"""A district with its console."""

from collections.abc import AsyncIterator

import pytest

from services.dispatch.app import WIRING as DISPATCH
from services.feedback.app import WIRING as FEEDBACK
from services.intake.app import WIRING as INTAKE
from tests.support.district import District, district
from tests.support.servers import Servers


@pytest.fixture(scope="module")
async def with_console(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[District]:
    wirings = {"intake": INTAKE, "dispatch": DISPATCH, "feedback": FEEDBACK}
    folder = tmp_path_factory.mktemp("console")
    async with district(servers, wirings, folder=folder, gateway=True, console=True) as world:
        yield world
