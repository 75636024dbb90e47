"""The doors that need no token: how often one may go through, and what wrong openings cost."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.system.gateway.conftest import World
from tests.system.gateway.process import GATEWAY, NODE, Answer, Gateway, started
from tests.system.gateway.stubs import OPENS

SUBMIT = "mutation($input: SubmitPetitionInput!) { submitPetition(input: $input) { position } }"
OPEN = "mutation($input: OpenPetitionInput!) { openPetition(input: $input) { token } }"
GIVEN = {"input": {"words": "路灯"}}
RIGHT = {"input": {"trackingCode": "T1", "secret": OPENS}}
WRONG = {"input": {"trackingCode": "T1", "secret": OPENS[:-1]}}
TYPO = {"input": {"trackingCode": "typo", "secret": OPENS}}
AWAY = {"input": {"trackingCode": "away", "secret": OPENS}}
FREE = 3


@pytest.fixture(scope="module", params=["js", "rust"])
async def strict(
    request: pytest.FixtureRequest, world: World, session: aiohttp.ClientSession
) -> AsyncIterator[Gateway]:
    """A gateway with low rates, behind one proxy, so that each test poses as addresses of its own."""
    settings = {
        "GATEWAY_PROXIES": "1",
        "GATEWAY_SUBMIT_PER_ADDRESS": "4/minute 6/hour",
        "GATEWAY_SUBMIT_PER_SUBJECT": "12/hour",
        "GATEWAY_OPEN_PER_ADDRESS": "12/hour",
        "GATEWAY_OPEN_PER_SUBJECT": "20/hour",
        "GATEWAY_OPEN_FAILURES": str(FREE),
        "GATEWAY_OPEN_LOCK_SECONDS": "600 3600",
        "GATEWAY_PLANNER": request.param,
    }
    async with started(session, world.settings | settings) as gateway:
        world.clear()
        yield gateway


def limited(answer: Answer) -> bool:
    """Tell whether an answer is the refusal of a rate; it must then be whole."""
    if "RATE_LIMITED" not in answer.codes():
        return False
    [error] = answer.errors
    seconds = error["extensions"]["retryAfterSeconds"]
    assert answer.data is None
    assert seconds >= 1
    assert str(seconds) in error["message"]
    assert answer.headers["retry-after"] == str(seconds)
    return True


def submissions(world: World) -> int:
    return sum("submitPetition" in one.query for one in world.services["intake"].received)


async def test_an_address_submits_only_so_often_and_the_refused_reach_nobody(strict: Gateway, world: World) -> None:
    world.clear()
    first = [await strict.ask(SUBMIT, GIVEN, x_forwarded_for="10.1.0.1") for _ in range(5)]
    assert [limited(one) for one in first] == [False] * 4 + [True]
    assert 10 < first[4].errors[0]["extensions"]["retryAfterSeconds"] <= 15  # one of four a minute
    assert submissions(world) == 4
    elsewhere = await strict.ask(SUBMIT, GIVEN, x_forwarded_for="10.1.0.2")
    assert elsewhere.data == {"submitPetition": {"position": "intake:new:1"}}


async def test_an_ipv6_network_counts_as_one(strict: Gateway) -> None:
    same = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:0DB8:0001:0002::a", "[2001:db8:1:2::b]:4711"]
    for address in same:
        assert not limited(await strict.ask(SUBMIT, GIVEN, x_forwarded_for=address))
    assert limited(await strict.ask(SUBMIT, GIVEN, x_forwarded_for="2001:db8:1:2:3:4:5:6"))
    assert not limited(await strict.ask(SUBMIT, GIVEN, x_forwarded_for="2001:db8:1:3::1"))


async def test_staff_are_counted_by_their_subject_and_may_record_more(strict: Gateway, world: World) -> None:
    token, other = (world.organisation.token(sub, roles=["station_staff"]) for sub in ("one", "other"))
    answers = [await strict.ask(SUBMIT, GIVEN, token=token, x_forwarded_for=f"10.1.3.{n}") for n in range(13)]
    assert [limited(one) for one in answers] == [False] * 12 + [True]
    assert not limited(await strict.ask(SUBMIT, GIVEN, token=other, x_forwarded_for="10.1.3.1"))
    assert not limited(await strict.ask(SUBMIT, GIVEN, x_forwarded_for="10.1.3.1"))


async def test_a_residents_token_counts_as_none(strict: Gateway, world: World) -> None:
    """Anybody has as many of those as petitions."""
    tokens = [world.residents.token(f"petition:p{n}", roles=["resident"]) for n in range(5)]
    answers = [await strict.ask(SUBMIT, GIVEN, token=token, x_forwarded_for="10.1.4.1") for token in tokens]
    assert [limited(one) for one in answers] == [False] * 4 + [True]


def many(field: str, times: int) -> str:
    return " ".join(f"a{n}: {field}" for n in range(times))


SUBMITTED = 'submitPetition(input: {words: "x"}) { position }'
AT_ONCE = {
    "aliases": f"mutation {{ {many(SUBMITTED, 5)} }}",
    "a fragment": f"mutation {{ ...A }} fragment A on Mutation {{ {many(SUBMITTED, 5)} }}",
    "nested fragments": f"mutation {{ ...A b: {SUBMITTED} }} fragment A on Mutation {{ ...B }}"
    f" fragment B on Mutation {{ {many(SUBMITTED, 4)} }}",
    "inline fragments": f"mutation {{ ... on Mutation {{ ... {{ {many(SUBMITTED, 5)} }} }} }}",
    "among others": f'mutation {{ rename(id: "p1", title: "x") {{ position }} {many(SUBMITTED, 5)} }}',
    "included": f"mutation($yes: Boolean = true) {{ ... @include(if: $yes) {{ {many(SUBMITTED, 5)} }} }}",
}


@pytest.mark.parametrize("way", AT_ONCE)
async def test_each_time_in_one_document_counts(strict: Gateway, world: World, way: str) -> None:
    world.clear()
    assert limited(await strict.ask(AT_ONCE[way], x_forwarded_for="10.1.5.1"))
    assert world.services["intake"].received == []
    fewer = AT_ONCE[way].replace("a3:", "a2:").replace("a4:", "a2:")
    assert not limited(await strict.ask(fewer, x_forwarded_for=f"10.1.6.{list(AT_ONCE).index(way)}"))


ONCE = {
    "the same field twice": f"mutation {{ {SUBMITTED} {SUBMITTED} ...A }} fragment A on Mutation {{ {SUBMITTED} }}",
    "left out": f"mutation($yes: Boolean = true) {{ {SUBMITTED} ... @skip(if: $yes) {{ {many(SUBMITTED, 9)} }} }}",
    "another operation": f"mutation This {{ {SUBMITTED} }} mutation Other {{ {many(SUBMITTED, 9)} }}",
}


@pytest.mark.parametrize("way", ONCE)
async def test_what_is_executed_once_counts_once(strict: Gateway, session: aiohttp.ClientSession, way: str) -> None:
    body = {"query": ONCE[way]} | ({"operationName": "This"} if "This" in ONCE[way] else {})
    headers = {"x-forwarded-for": f"10.1.7.{list(ONCE).index(way)}"}
    statuses: list[bool] = []
    for _ in range(5):
        async with session.post(strict.url, json=body, headers=headers) as response:
            statuses.append("RATE_LIMITED" in await response.text())
    assert statuses == [False] * 4 + [True]


async def test_over_a_websocket_nobody_goes_through_a_door(strict: Gateway, world: World) -> None:
    world.clear()
    async with strict.session.ws_connect(strict.url, protocols=["graphql-transport-ws"]) as ws:
        await ws.send_json({"type": "connection_init"})
        await ws.receive_json()
        await ws.send_json({"id": "1", "type": "subscribe", "payload": {"query": SUBMIT, "variables": GIVEN}})
        [error] = (await ws.receive_json())["payload"]["errors"]
    assert error["extensions"] == {"code": "INVALID_INPUT"}
    assert world.services["intake"].received == []


async def test_attempts_to_open_are_limited_even_right_ones(strict: Gateway) -> None:
    answers = [await strict.ask(OPEN, RIGHT, x_forwarded_for="10.2.0.1") for _ in range(13)]
    assert [limited(one) for one in answers] == [False] * 12 + [True]
    assert answers[0].data == {"openPetition": {"token": "a token"}}


async def test_a_refused_attempt_costs_nothing_more(strict: Gateway) -> None:
    answers = [await strict.ask(OPEN, RIGHT, x_forwarded_for="10.2.8.1") for _ in range(32)]
    waits = {one.errors[0]["extensions"]["retryAfterSeconds"] for one in answers if limited(one)}
    assert max(waits) <= 300  # one of twelve an hour
    assert sum(map(limited, answers)) == 20


async def test_wrong_openings_lock_the_address_out(strict: Gateway, world: World) -> None:
    world.clear()
    for address, wrong in (("10.2.1.1", WRONG), ("10.2.1.2", TYPO)):
        for _ in range(FREE + 1):
            assert not limited(await strict.ask(OPEN, wrong, x_forwarded_for=address))
        refused = await strict.ask(OPEN, RIGHT, x_forwarded_for=address)
        assert limited(refused)
        assert 500 < refused.errors[0]["extensions"]["retryAfterSeconds"] <= 600
    assert len(world.services["intake"].received) == 2 * (FREE + 1)
    assert not limited(await strict.ask(OPEN, WRONG, x_forwarded_for="10.2.1.3"))


async def test_a_right_opening_makes_up_for_no_wrong_one(strict: Gateway) -> None:
    """Or whoever has a petition of their own could guess at others' for ever."""
    for _ in range(FREE):
        assert (await strict.ask(OPEN, WRONG, x_forwarded_for="10.2.2.1")).codes() == ["NOT_FOUND"]
        assert (await strict.ask(OPEN, RIGHT, x_forwarded_for="10.2.2.1")).errors == []
    assert (await strict.ask(OPEN, WRONG, x_forwarded_for="10.2.2.1")).codes() == ["NOT_FOUND"]
    assert limited(await strict.ask(OPEN, RIGHT, x_forwarded_for="10.2.2.1"))


async def test_what_is_not_the_callers_fault_locks_nobody_out(strict: Gateway) -> None:
    for _ in range(FREE + 3):
        assert (await strict.ask(OPEN, AWAY, x_forwarded_for="10.2.3.1")).codes() == ["UNAVAILABLE"]
    assert (await strict.ask(OPEN, RIGHT, x_forwarded_for="10.2.3.1")).errors == []


async def test_wrong_openings_in_one_document_count_each(strict: Gateway) -> None:
    opened = 'openPetition(input: {trackingCode: "T1", secret: ""}) { token }'
    document = f"mutation {{ {many(opened, FREE)} }}"
    assert (await strict.ask(document, x_forwarded_for="10.2.4.1")).codes() == ["NOT_FOUND"] * FREE
    assert (await strict.ask(OPEN, WRONG, x_forwarded_for="10.2.4.1")).codes() == ["NOT_FOUND"]
    assert limited(await strict.ask(OPEN, RIGHT, x_forwarded_for="10.2.4.1"))


async def test_who_asks_many_times_at_once_learns_no_more_than_in_turn(strict: Gateway, world: World) -> None:
    world.clear()
    document = OPEN.replace("input: $input", "input: $input, wait: 0.3")
    answers = await asyncio.gather(*(strict.ask(document, WRONG, x_forwarded_for="10.2.5.1") for _ in range(12)))
    assert sum(not limited(one) for one in answers) == FREE
    assert len(world.services["intake"].received) == FREE


async def test_locked_out_of_opening_one_can_still_submit_and_read(strict: Gateway) -> None:
    for _ in range(FREE + 1):
        await strict.ask(OPEN, WRONG, x_forwarded_for="10.2.6.1")
    assert limited(await strict.ask(OPEN, RIGHT, x_forwarded_for="10.2.6.1"))
    assert (await strict.ask(SUBMIT, GIVEN, x_forwarded_for="10.2.6.1")).errors == []
    assert (await strict.ask("{ whoAmI }", x_forwarded_for="10.2.6.1")).errors == []


async def test_a_mutation_that_is_wrong_or_too_costly_counts_for_nothing(strict: Gateway) -> None:
    for _ in range(10):
        assert (await strict.ask(OPEN, {"input": {}}, x_forwarded_for="10.2.7.1")).codes() == ["INVALID_INPUT"] * 2
    assert (await strict.ask(OPEN, RIGHT, x_forwarded_for="10.2.7.1")).errors == []


async def test_without_rates_nobody_waits(world: World, session: aiohttp.ClientSession) -> None:
    names = ["SUBMIT_PER_ADDRESS", "SUBMIT_PER_SUBJECT", "OPEN_PER_ADDRESS", "OPEN_PER_SUBJECT", "OPEN_FAILURES"]
    settings = {f"GATEWAY_{name}": "off" for name in names}
    async with started(session, world.settings | settings) as gateway:
        submitted = await asyncio.gather(*(gateway.ask(SUBMIT, GIVEN) for _ in range(35)))
        opened = await asyncio.gather(*(gateway.ask(OPEN, WRONG) for _ in range(35)))
    assert {code for one in submitted for code in one.codes()} == set()
    assert {code for one in opened for code in one.codes()} == {"NOT_FOUND"}


def in_node(script: str) -> list[Any]:
    """Run a script beside the gateway's modules, where time is whatever the script says; each line of it is JSON."""
    command = [NODE.program, "--expose-gc", "--input-type=module", "-e", script]
    ended = subprocess.run(command, cwd=GATEWAY, capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in ended.stdout.splitlines()]


BUCKETS = """
import { createRates } from './rates.mjs';
const rates = createRates([{ count: 4, seconds: 60 }, { count: 6, seconds: 3600 }]);
for (const now of [0, 0, 0, 0, 0, 14_000, 15_000, 30_000, 45_000, 600_000, 600_000]) {
  const wait = rates.wait('key', 1, now);
  if (!wait) rates.take('key', 1, now);
  console.log(wait / 1000);
}
"""


def test_a_rate_refills_evenly_and_the_longer_one_holds_when_the_shorter_has_passed() -> None:
    assert in_node(BUCKETS) == [0, 0, 0, 0, 15, 1, 0, 0, 555, 0, 600]


LOCKS = """
import { createLockout } from './rates.mjs';
const lockout = createLockout({ free: 1, first: 60, longest: 3600 });
let now = 0;
const attempt = (failed) => { lockout.begin('key', 1, now); lockout.end('key', 1, failed, now); };
const minutes = () => lockout.wait('key', 1, now) / 60_000;
attempt(1);
console.log(minutes());
for (let n = 0; n < 8; n++) { attempt(1); console.log(minutes()); now += lockout.wait('key', 1, now); }
for (let n = 0; n < 9; n++) attempt(0);
attempt(1); console.log(minutes());
now += (60 + 2 * 30) * 60_000; attempt(1); console.log(minutes());
now += 24 * 3_600_000; attempt(1); console.log(minutes()); attempt(1); console.log(minutes());
"""


def test_a_lock_doubles_from_a_minute_to_an_hour_success_ends_nothing_and_each_half_hour_forgives_one() -> None:
    assert in_node(LOCKS) == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 32, 0, 1]


ADDRESSES = """
import { createLockout, createRates } from './rates.mjs';
const rates = createRates([{ count: 30, seconds: 60 }, { count: 300, seconds: 3600 }]);
const lockout = createLockout({ free: 0, first: 60, longest: 3600 });
globalThis.gc();
const before = process.memoryUsage().heapUsed;
for (let n = 0; n < 300_000; n++) {
  const key = `2001:db8:${(n >> 16).toString(16)}:${(n & 0xffff).toString(16)}::/64`;
  rates.take(key, 1, n);
  lockout.begin(key, 1, n);
  lockout.end(key, 1, 1, n);
}
globalThis.gc();
console.log((process.memoryUsage().heapUsed - before) / 1e6);
console.log(rates.wait('2001:db8:0:0::/64', 30, 0));
console.log(lockout.wait('2001:db8:4:93df::/64', 1, 300_000));
"""


def test_hundreds_of_thousands_of_addresses_do_not_fill_the_memory() -> None:
    """The longest unseen are forgotten; who came last is still known."""
    megabytes, first, last = in_node(ADDRESSES)
    assert megabytes < 40
    assert (first, last) == (0, 59_999)
