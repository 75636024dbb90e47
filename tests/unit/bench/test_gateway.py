"""What the gateway's trial asks, and whose part it puts what down to."""

import asyncio
import io
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from graphql import FieldNode, NonNullTypeNode, OperationDefinitionNode, parse
from rich.console import Console

from bench.gateway import inside
from bench.gateway.figures import Figures, Plan, Planner, Spread, print_tables
from bench.gateway.questions import NOTHING, Question, of_a_life, of_the_desks
from bench.gateway.running import Used
from bench.gateway.turns import Spending, per_request
from bench.life import EVENT_TO_VIEW_STEP, MUTATIONS
from bench.people import Desk
from deploy.local.node import GATEWAY_FOLDER
from deploy.local.ports import LOOPBACK

DESK = Desk("community-73", "housing", "representative", "worker", "committee", "officer")
LIFE = [
    Question("acknowledge", "", {"input": {"workOrderId": "order-1"}}, "officer"),
    Question("read", "", {"id": "petition-1"}, "committee"),
]

ORPHAN: Final = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2]))).recv(1)"
"""A program that calls, and runs until it is answered."""


def spread(median: float) -> Spread:
    """Return one that can be told by its middle."""
    return Spread(median, median - 0.5, median + 0.5)


async def test_each_request_of_a_life_is_heard_its_waits_too_and_once_if_they_are_asked_again() -> None:
    asked: Counter[str] = Counter()

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"data": answered((await request.json())["query"], asked)})

    app = web.Application()
    app.router.add_post("/graphql", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        life = await of_a_life(session, str(server.make_url("/graphql")), DESK)
    heard = {one.name: one for one in life}
    assert (len(life), len(heard)) == (MUTATIONS + 3, MUTATIONS + 3)
    assert [one.name for one in life if one.after] == ["wait for dispatch", EVENT_TO_VIEW_STEP, "read"]
    assert heard[EVENT_TO_VIEW_STEP].headers["Read-After"] == "after replyToWorkOrder"
    assert asked["petition stage,evaluation"] == 2


def answered(document: str, asked: Counter[str]) -> Mapping[str, Any]:
    """Return what a life needs to go on; the second wait has to be asked twice."""
    [operation] = [one for one in parse(document).definitions if isinstance(one, OperationDefinitionNode)]
    [wanted] = [one for one in operation.selection_set.selections if isinstance(one, FieldNode)]
    name = wanted.name.value
    if operation.operation.value == "mutation":
        return {name: {"petitionId": "petition-1", "position": f"after {name}"}}
    fields = [one.name.value for one in wanted.selection_set.selections if isinstance(one, FieldNode)]  # pyright: ignore[reportOptionalMemberAccess] - each of them asks for something
    asked[f"{name} {','.join(fields)}"] += 1
    if len(fields) == 2:
        return {name: {"evaluation": {"state": "AWAITING_VISIT"} if asked.total() > 2 else None}}
    timeline = {"edges": [{"node": {}}]}
    orders = {"workOrders": [{"id": "order-1"}]}
    return {name: {"handling": orders, "evaluation": {"state": "CLOSED"}, "timeline": timeline}}


def test_every_ready_query_is_asked_with_all_that_it_needs_and_no_mutation_is() -> None:
    asked = {one.name: one for one in of_the_desks(DESK, LIFE)}
    assert {"nothing", "20 of petitions", "05-my-petition", "department-work", "feed"} <= asked.keys()
    for name, question in asked.items():
        operations = [one for one in parse(question.document).definitions if isinstance(one, OperationDefinitionNode)]
        assert [one.operation.value for one in operations] == ["query"], name
        for variable in operations[0].variable_definitions or ():
            needed = isinstance(variable.type, NonNullTypeNode) and variable.default_value is None
            assert not needed or variable.variable.name.value in question.variables, name


def test_a_query_about_a_work_order_is_asked_by_its_officer_with_its_id() -> None:
    asked = {one.name: one for one in of_the_desks(DESK, LIFE)}
    assert (asked["17-deadlines"].variables["id"], asked["17-deadlines"].token) == ("order-1", "officer")
    assert (asked["petition"].variables["id"], asked["petition"].token) == ("petition-1", "committee")


def test_each_module_that_a_limit_is_made_of_is_the_gateways_and_counted_once() -> None:
    counted = [module for modules in inside.LIMITS.values() for module in modules]
    assert len(counted) == len(set(counted))
    assert [module for module in counted if not (GATEWAY_FOLDER / module).is_file()] == []


def test_a_limits_part_is_its_modules_shares_of_the_middle_round() -> None:
    seen = inside.Seen(
        [900.0, 200.0, 100.0], [{"cost.mjs": 0.02, "server.mjs": 0.5}, {"cost.mjs": 0.01, "admission.mjs": 0.03}]
    )
    assert seen.of(frozenset({"cost.mjs", "admission.mjs"})) == Spread(6.0, 4.0, 8.0)


async def test_a_program_that_nobody_waits_for_any_more_is_ended() -> None:
    connected: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *ends: connected.put_nowait(ends), LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        waiting = asyncio.create_task(inside.said([sys.executable, "-c", ORPHAN, LOOPBACK, str(port)], {}))
        reader, writer = await connected.get()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(30):
            assert await reader.read() == b""  # its connection has ended with it
        writer.close()


def test_a_round_is_the_mean_of_its_questions() -> None:
    spent = {"a": Spending(), "b": Spending()}
    for name, used in (("a", Used(0.1, 0.1)), ("b", Used(0.5, 0.1)), ("a", Used(0.2, 0.2)), ("b", Used(0.8, 0.4))):
        spent[name].note(used, 100)
    assert per_request(of.all for of in spent.values()) == pytest.approx([4.0, 8.0])
    assert per_request(of.others for of in spent.values()) == pytest.approx([1.0, 3.0])
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


def test_the_tables_show_what_the_page_says_of_where_it_stands_and_of_limits() -> None:
    def planner(times: float) -> Planner:
        return Planner(
            cpu_ms=spread(1.51 * times),
            life_cpu_ms=spread(1.21 * times),
            life_cpu_ms_off_main_thread=spread(0.61 * times),
            cpu_ms_per_life=18.1,
            cpu_ms_by_question={NOTHING: spread(0.71 * times), "read": spread(2.31)},
            cpu_ms_new_document=spread(6.5),
            memory_started_mb=199,
            memory_before_mb=340,
            memory_after_mb=295 * times,
            plans={NOTHING: Plan(0, 0), "read": Plan(3, 815)},
        )

    whole = {"read": Spread(410.0, 400.0, 430.0)}
    limits = {"cost": {"read": spread(1.9)}, "time": {"read": spread(1.5)}}
    found = Figures("v24", "", 8, ["read", "close"], 15_000, {"js": planner(2.0), "rust": planner(1.0)}, whole, limits)
    said = io.StringIO()
    print_tables(found, Console(file=said, width=80))
    rows = [[cell.strip() for cell in line.split("│")] for line in said.getvalue().splitlines()]
    shown = {name: cells for name, *cells in rows}
    assert shown["a life's 2 requests, mean"] == ["2.42 (1.92 to 2.92)", "1.21 (0.71 to 1.71)"]
    assert shown["{ __typename }"] == ["1.42 (0.92 to 1.92)", "0.71 (0.21 to 1.21)"]
    assert shown["of it, off the main thread"] == ["1.22 (0.72 to 1.72)", "0.61 (0.11 to 1.11)"]
    assert shown["after 15,000 requests"] == ["590", "295"]
    assert shown["all of these"] == ["3.4"]
    assert shown["the whole request"] == ["410 (400 to 430)"]
