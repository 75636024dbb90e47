"""The console's ready operations fit the schema, say what they do in both languages, and go from words to the rates."""

import asyncio
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from graphql import OperationDefinitionNode, OperationType, build_schema, parse, validate

from services.kernel.auth.development import DEMO_USERS
from tests.support.district import District
from tests.system.console.operations import FOLDER, READY, Ready, known_from_the_start

GATEWAY = Path(__file__).parents[3] / "gateway"
NOBODY, RESIDENT = "", "resident"


def kind_of(ready: Ready) -> OperationType:
    [operation] = parse(ready.document).definitions
    assert isinstance(operation, OperationDefinitionNode)
    return operation.operation


def test_every_file_is_one_of_a_pair() -> None:
    files = {file.name for file in FOLDER.iterdir()}
    assert files == {f"{ready.id}{end}" for ready in READY for end in (".graphql", ".json")}
    assert [int(ready.id.split("-")[0]) for ready in READY] == list(range(1, len(READY) + 1))


@pytest.mark.parametrize("ready", READY, ids=lambda ready: ready.id)
def test_a_ready_operation_fits_the_schema_and_is_told_in_both_languages(ready: Ready) -> None:
    schema = build_schema((GATEWAY / "supergraph.graphql").read_text(), assume_valid_sdl=True)
    assert validate(schema, parse(ready.document)) == []
    assert all(ready.title[language] for language in ("zh", "en"))
    assert re.search(r"[\u4e00-\u9fff]", ready.title["zh"])
    for language, letters in (("zh", r"[\u4e00-\u9fff]"), ("en", "[a-z]")):
        told = re.findall(rf"^\s*# {language}: (.+)$", ready.document, re.MULTILINE)
        assert told, language
        assert all(re.search(letters, line) for line in told), language
    assert ready.role in {NOBODY, RESIDENT, *DEMO_USERS}


async def test_run_in_order_each_answers_without_an_error(with_console: District) -> None:
    carried = known_from_the_start(with_console.time.now)
    origin = with_console.url.removesuffix("/graphql")
    for ready in READY:
        assert ready.names <= carried.keys(), f"{ready.id} needs what no earlier one leaves"
        token = await token_of(ready.role, carried, with_console, origin)
        variables = ready.filled(carried)
        if kind_of(ready) is OperationType.SUBSCRIPTION:
            data = await first_event(with_console, ready, variables, token)
        else:
            after = carried.get("position")
            answer = await with_console.ask(ready.document, token=token, after=after, **variables)
            data = answer.ok()
        assert all(value is not None for value in data.values()), ready.id
        carried |= ready.remembered(data)


async def token_of(role: str, carried: dict[str, str], world: District, origin: str) -> str | None:
    """Return what the console would send: from its door for tokens, or from the petition's own."""
    if role == NOBODY:
        return None
    if role == RESIDENT:
        opening = "mutation($input: OpenPetitionInput!) { openPetition(input: $input) { token } }"
        given = {"trackingCode": carried["trackingCode"], "secret": carried["secret"]}
        return (await world.ask(opening, input=given)).ok()["openPetition"]["token"]
    async with world.session.post(
        f"{origin}/console/token", json={"user": role}, headers={"Origin": origin}
    ) as response:
        assert response.status == 200
        return (await response.json())["token"]


async def first_event(world: District, ready: Ready, variables: Any, token: str | None) -> Any:
    """Subscribe over WebSocket, and return the first event's data."""
    url = world.url.replace("http", "ws", 1)
    async with (
        asyncio.timeout(20),
        world.session.ws_connect(url, protocols=["graphql-transport-ws"]) as socket,
    ):
        await socket.send_json({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        assert (await socket.receive_json())["type"] == "connection_ack"
        payload = {"query": ready.document, "variables": variables}
        await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
        message = await next_of(socket)
        assert not message["payload"].get("errors"), message
        return message["payload"]["data"]


async def next_of(socket: aiohttp.ClientWebSocketResponse) -> Any:
    while (message := await socket.receive_json())["type"] == "ping":
        await socket.send_json({"type": "pong"})
    assert message["type"] == "next", message
    return message
