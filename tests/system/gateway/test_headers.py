"""What the services are told about a request."""

import time

import pytest

from tests.system.gateway.conftest import World
from tests.system.gateway.process import Gateway

POSITION = "aW50YWtlOnAxOjc"
THREE = '{ petition(id: "p1") { title handling { asOf } stage } }'


async def test_the_agreed_headers_reach_every_service_and_no_others(gateway: Gateway, world: World) -> None:
    token = world.organisation.token()
    answer = await gateway.ask(
        THREE,
        token=token,
        accept_language="zh-CN",
        x_request_id="req-7",
        x_forwarded_for="10.1.1.1",
        read_after=POSITION,
        cookie="a=b",
    )
    assert answer.errors == []
    assert answer.headers["x-request-id"] == "req-7"
    for service in world.services.values():
        [received] = service.received
        assert received.headers["authorization"] == f"Bearer {token}"
        assert received.headers["accept-language"] == "zh-CN"
        assert received.headers["x-request-id"] == "req-7"
        assert received.headers["read-after"] == POSITION
        assert not {"cookie", "x-forwarded-for"} & received.headers.keys()


async def test_read_after_gets_one_deadline_for_all_hops(gateway: Gateway, world: World) -> None:
    before = time.time() * 1000
    answer = await gateway.ask(THREE, read_after=POSITION, read_after_deadline="99999999999999")
    after = time.time() * 1000
    deadlines = {service.received[0].headers["read-after-deadline"] for service in world.services.values()}
    assert answer.errors == []
    assert len(deadlines) == 1
    assert before + 2000 - 1 <= int(deadlines.pop()) <= after + 2000


async def test_without_read_after_there_is_no_deadline(gateway: Gateway, world: World) -> None:
    answer = await gateway.ask(THREE, read_after_deadline="99999999999999")
    assert answer.errors == []
    for service in world.services.values():
        assert not {"read-after", "read-after-deadline"} & service.received[0].headers.keys()


async def test_a_request_id_is_made_where_there_is_none_or_a_bad_one(a_gateway: Gateway, world: World) -> None:
    plain = await a_gateway.ask(THREE)
    bad = ("x" * 200, "13800138000", "qr:138-0013-8000", "52020219900101123X", "6222.0212.3456.7890")
    odd = [await a_gateway.ask(THREE, x_request_id=one) for one in bad]
    seen = [received.headers["x-request-id"] for received in world.services["feedback"].received]
    assert seen == [plain.headers["x-request-id"], *(one.headers["x-request-id"] for one in odd)]
    assert len(set(seen)) == 1 + len(bad)
    assert all(len(one) == 36 for one in seen)


@pytest.mark.parametrize("given", ["intake:p1:7", "aW50YWtlOnAxOjc=", "x" * 2001, POSITION + ", " + POSITION, "张三"])
async def test_what_is_no_position_is_refused_and_asks_nobody(a_gateway: Gateway, world: World, given: str) -> None:
    answer = await a_gateway.ask(THREE, read_after=given)
    assert (answer.status, answer.codes()) == (400, ["INVALID_INPUT"])
    assert answer.errors[0]["extensions"]["field"] == "Read-After"
    assert given not in str(answer.errors)
    assert all(not service.received for service in world.services.values())


@pytest.mark.parametrize("given", ["zh-CN\u00e9", "x" * 201, "<b>zh</b>"])
async def test_a_language_that_can_be_none_is_not_passed_on(a_gateway: Gateway, world: World, given: str) -> None:
    answer = await a_gateway.ask(THREE, accept_language=given)
    assert answer.errors == []
    assert all("accept-language" not in service.received[0].headers for service in world.services.values())
