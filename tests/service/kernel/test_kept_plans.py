"""What is asked for many ids at once has one plan, which is kept: it depends on nothing that only the values tell."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import pytest

from services.dispatch.queries import work_orders
from services.feedback.queries import petitions as cases
from services.feedback.queries import timelines
from services.intake.queries import petitions
from services.kernel import read_after
from tests.service.dispatch.test_plans import FILLING as IN_DISPATCH
from tests.service.feedback.test_plans import FILLING as IN_FEEDBACK
from tests.service.intake.test_plans import FILLING as IN_INTAKE
from tests.support.plans import Full, full
from tests.support.servers import Servers
from tests.support.stored import id_of

_TRIED_FOR_THE_VALUES: Final = 5
"""So many plans the server makes for the values that it is given, before it compares them with one for any."""

_POSITION: Final = ([id_of(1)], ["dispatch"], [1])
ASKED: Final[Mapping[tuple[str, str], tuple[str, tuple[object, ...]]]] = {
    ("intake", "petitions"): (petitions._BY_IDS, ([id_of(1)],)),
    ("dispatch", "of petitions"): (work_orders._BY_PETITION, ([id_of(1)],)),
    ("dispatch", "work orders"): (work_orders._BY_ID, ([id_of(1)],)),
    ("feedback", "petitions"): (cases.BY_IDS, ([id_of(1)],)),
    ("feedback", "timelines"): (timelines.NEXT, ([id_of(1)], [0], [0], [0], [21], [])),
    ("intake", "positions"): (read_after._BEHIND, _POSITION),
    ("dispatch", "positions"): (read_after._BEHIND, _POSITION),
    ("feedback", "positions"): (read_after._BEHIND, _POSITION),
}


FILLINGS: Final[Mapping[str, str]] = {"intake": IN_INTAKE, "dispatch": IN_DISPATCH, "feedback": IN_FEEDBACK}


@pytest.fixture(scope="module", params=FILLINGS)
async def filled(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[tuple[str, Full]]:
    async with full(servers, request.param, FILLINGS[request.param]) as database:
        yield request.param, database


async def test_a_plan_for_many_ids_is_kept(filled: tuple[str, Full]) -> None:
    service, database = filled
    asked = {what: told for (of, what), told in ASKED.items() if of == service}
    assert asked
    for what, (statement, arguments) in asked.items():
        prepared: Any = await database.connection.prepare(statement)
        for _ in range(3 * _TRIED_FOR_THE_VALUES):
            await prepared.fetch(*arguments)
        made = await database.connection.fetchrow(
            "SELECT custom_plans, generic_plans FROM pg_prepared_statements WHERE name = $1", prepared.get_name()
        )
        assert tuple(made) == (_TRIED_FOR_THE_VALUES, 2 * _TRIED_FOR_THE_VALUES), (what, made)
