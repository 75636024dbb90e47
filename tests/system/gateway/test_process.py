"""Starting, being asked how one is, and stopping."""

import asyncio
import signal
import time
from pathlib import Path

import aiohttp
import pytest

from tests.system.gateway import stubs
from tests.system.gateway.conftest import World
from tests.system.gateway.process import Gateway, start_and_fail, started, until

RENAME = 'mutation { rename(id: "p1", title: "x", wait: 1.0) { position } }'


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("INTAKE_URL", "", "INTAKE_URL is missing"),
        ("FEEDBACK_URL", "feedback", "FEEDBACK_URL must be a full http or https address."),
        ("GATEWAY_PORT", "many", 'GATEWAY_PORT must be a port number, not "many".'),
        ("GATEWAY_PLANNER", "go", 'GATEWAY_PLANNER must be one of js, rust, not "go".'),
        ("GATEWAY_ENVIRONMENT", "test", "GATEWAY_ENVIRONMENT must be one of development, production"),
        ("GATEWAY_CONSOLE", "yes", "GATEWAY_CONSOLE must be one of off, on"),
        ("GATEWAY_INTROSPECTION", "yes", "GATEWAY_INTROSPECTION must be one of allow, refuse"),
        ("GATEWAY_PROXIES", "all", "GATEWAY_PROXIES must be a whole number up to 10"),
        ("GATEWAY_KEYS_SECONDS", "3600", "GATEWAY_KEYS_SECONDS must be a number up to 600"),
        ("GATEWAY_COST_LIMIT", "much", "GATEWAY_COST_LIMIT must be a number up to 1000000, or off"),
        ("GATEWAY_REQUEST_SECONDS", "-1", "GATEWAY_REQUEST_SECONDS must be a number up to 600, or off"),
        ("GATEWAY_SUBSCRIPTIONS", "all", "GATEWAY_SUBSCRIPTIONS must be a number up to 1000000, or off"),
        ("GATEWAY_SUBMIT_PER_ADDRESS", "30", "GATEWAY_SUBMIT_PER_ADDRESS must be off or rates such as"),
        ("GATEWAY_SUBMIT_PER_SUBJECT", "0/hour", "GATEWAY_SUBMIT_PER_SUBJECT must be off or rates such as"),
        ("GATEWAY_OPEN_PER_ADDRESS", "3/minute, 4/hour", "GATEWAY_OPEN_PER_ADDRESS must be off or rates such as"),
        ("GATEWAY_OPEN_FAILURES", "no", "GATEWAY_OPEN_FAILURES must be a number up to 1000, or off"),
        ("GATEWAY_OPEN_LOCK_SECONDS", "60", "GATEWAY_OPEN_LOCK_SECONDS must be the first and the longest lock"),
        ("GATEWAY_GRACE", "long", "GATEWAY_GRACE must be a number of seconds up to 600"),
        ("GATEWAY_ISSUERS", "", "GATEWAY_ISSUERS must be a JSON list such as"),
        ("GATEWAY_ISSUERS", '[{"issuer": "x", "jwks": 1}]', "GATEWAY_ISSUERS must be a JSON list such as"),
        ("GATEWAY_ISSUERS", '[{"issuer": "x"}]', 'GATEWAY_ISSUERS gives no jwks for "x", which is no address'),
        ("GATEWAY_ISSUERS", '[{"issuer":"x","jwks":"a"},{"issuer":"x","jwks":"b"}]', "names an issuer twice"),
        ("GATEWAY_SUPERGRAPH", "/nowhere/at/all", "The supergraph /nowhere/at/all can't be read (ENOENT)"),
        ("GATEWAY_SUPERGRAPH", __file__, "is not valid"),
        ("GATEWAY_PERSISTED_ONLY", "yes", "GATEWAY_PERSISTED_ONLY must be one of off, anonymous, all"),
        ("GATEWAY_PERSISTED_OPERATIONS", "/nowhere", "names /nowhere, which can't be read (ENOENT)"),
    ],
)
def test_a_missing_or_bad_setting_is_one_clear_sentence(world: World, name: str, value: str, sentence: str) -> None:
    ended = start_and_fail(world.settings | {name: value})
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""


def test_a_taken_port_is_one_clear_sentence(world: World, a_gateway: Gateway) -> None:
    ended = start_and_fail(world.settings | {"GATEWAY_PORT": a_gateway.root.rsplit(":", 1)[1]})
    assert ended.returncode == 2
    assert ended.stderr == "GATEWAY_HOST and GATEWAY_PORT can't be listened on (EADDRINUSE).\n"


NO_PROGRAM = """
import { registerHooks } from "node:module";
registerHooks({
  resolve(name, context, next) {
    if (name.includes("router-query-planner")) throw Object.assign(new Error(), { code: "ERR_DLOPEN_FAILED" });
    return next(name, context);
  },
});
"""


def test_where_the_rust_planner_has_no_program_the_start_says_what_to_set(world: World, tmp_path: Path) -> None:
    hook = tmp_path / "hook.mjs"
    hook.write_text(NO_PROGRAM)
    ended = start_and_fail(world.settings | {"NODE_OPTIONS": f"--import={hook}"})
    assert ended.returncode == 2
    assert "GATEWAY_PLANNER is rust, whose program can't be loaded" in ended.stderr
    assert ended.stderr.endswith("(ERR_DLOPEN_FAILED); set it to js.\n")


async def test_it_is_ready_with_no_service_up(world: World, session: aiohttp.ClientSession, nobody: str) -> None:
    urls = dict.fromkeys(["INTAKE_URL", "DISPATCH_URL", "FEEDBACK_URL"], nobody)
    async with started(session, world.settings | urls) as gateway:
        for path in ("/healthz", "/readyz"):
            async with session.get(gateway.root + path) as response:
                assert response.status == 200
        assert (await gateway.ask("{ __typename }")).data == {"__typename": "Query"}
        assert (await gateway.ask("{ whoAmI }")).codes() == ["UNAVAILABLE"]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_finishes_what_is_in_flight_and_takes_nothing_new(
    world: World, session: aiohttp.ClientSession, sent: signal.Signals
) -> None:
    async with started(session, world.settings) as gateway:
        in_flight = asyncio.create_task(gateway.ask(RENAME))
        await asyncio.sleep(0.3)
        gateway.process.send_signal(sent)
        await gateway.logged(event="stopping")
        with pytest.raises(aiohttp.ClientConnectorError):
            async with aiohttp.ClientSession() as fresh, fresh.get(f"{gateway.root}/readyz"):
                pass
        answer = await in_flight
        assert answer.data == {"rename": {"position": "intake:1:7"}}
        answered = time.monotonic()
        assert await gateway.process.wait() == 0
        assert time.monotonic() - answered < 2
        assert (await gateway.logged(event="stopped"))["level"] == "info"


async def test_a_stop_ends_open_subscriptions_so_that_they_can_resume(
    world: World, session: aiohttp.ClientSession
) -> None:
    held = 'subscription { timeline(id: "p1", upto: 1, hold: true) { sequence } }'
    async with started(session, world.settings) as gateway:
        ws = await session.ws_connect(gateway.url, protocols=["graphql-transport-ws"])
        await ws.send_json({"type": "connection_init"})
        assert (await ws.receive_json())["type"] == "connection_ack"
        await ws.send_json({"id": "1", "type": "subscribe", "payload": {"query": held}})
        assert (await ws.receive_json())["type"] == "next"
        headers = {"accept": "text/event-stream"}
        async with session.post(gateway.url, json={"query": held}, headers=headers) as response:
            await response.content.readuntil(b"data:")
            started_at = time.monotonic()
            assert await gateway.stop() == 0
            assert time.monotonic() - started_at < 2
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.content.read()
        message = await ws.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        await ws.close()
    await until(lambda: not stubs.FEEDBACK_STREAMS)


async def test_a_request_that_outlives_the_grace_is_cut_off(world: World, session: aiohttp.ClientSession) -> None:
    slow = 'mutation { rename(id: "p1", title: "x", wait: 5) { position } }'
    async with started(session, world.settings | {"GATEWAY_GRACE": "0.5"}) as gateway:
        in_flight = asyncio.create_task(gateway.ask(slow))
        await asyncio.sleep(0.3)
        started_at = time.monotonic()
        assert await gateway.stop() == 0
        assert 0.4 < time.monotonic() - started_at < 2
        with pytest.raises(aiohttp.ClientError):
            await in_flight


async def test_a_mutation_whose_service_hangs_up_is_sent_once(a_gateway: Gateway, world: World) -> None:
    hung_up = await a_gateway.ask("mutation { hangUp }")
    assert hung_up.codes() == ["UNAVAILABLE"]
    assert len(world.services["intake"].received) == 1
    await a_gateway.logged(event="service not answering")


async def test_a_log_line_is_json_and_tells_the_start(a_gateway: Gateway) -> None:
    first = a_gateway.logs[0]
    assert (first["event"], first["level"], first["planner"]) == ("started", "info", "rust")
    assert first["node"].startswith("v2")
