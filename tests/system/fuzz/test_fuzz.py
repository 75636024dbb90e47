"""A short campaign in every run, always with the same requests; `make fuzz` makes long ones."""

import json
from typing import Any

import pytest

from tests.support.district import District
from tests.system.fuzz.campaign import campaign
from tests.system.fuzz.verdict import CODES, findings

CASES = 1_000
JSON = "application/json"


async def test_whatever_is_sent_is_answered_with_a_code_and_leaves_nothing_behind(through_train: District) -> None:
    async with campaign(through_train) as it:
        await it.fuzz(CASES, None)
    assert it.outcome.clean, str(it.outcome)
    assert it.outcome.cases == CASES
    # Not only doors and parsers were tried: much of what was sent was done.
    assert it.outcome.answers["data"] > CASES / 10, str(it.outcome)
    assert len(it.outcome.through) > len(it.outcome.asked) / 4, str(it.outcome)


def answer(**parts: Any) -> bytes:
    return json.dumps(parts).encode()


def error(code: str | None, message: str = "no") -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code} if code else {}}


@pytest.mark.parametrize(
    "right",
    [
        answer(data={"me": None}),
        answer(data=None, errors=[error("NOT_FOUND")]),
        answer(errors=[error("INVALID_INPUT")]),
    ],
)
def test_answers_as_they_should_be_pass(right: bytes) -> None:
    assert findings(200, JSON, right) == []


@pytest.mark.parametrize(
    ("status", "kind", "body", "says"),
    [
        (500, JSON, answer(data={}), "status 500"),
        (200, "text/plain", b"Internal Server Error", "content type text/plain"),
        (200, JSON, b"{", "no JSON"),
        (200, JSON, b'{"data": NaN}', "no JSON"),
        (200, JSON, b'{"data": "\xff"}', "no JSON"),
        (200, JSON, b"[]", "not GraphQL's shape"),
        (200, JSON, answer(data={}, more=1), "not GraphQL's shape"),
        (200, JSON, answer(data=None), "neither data nor errors"),
        (200, JSON, answer(errors=[]), "errors that are no list"),
        (200, JSON, answer(errors=[{"extensions": {"code": "NOT_FOUND"}}]), "an error without a message"),
        (200, JSON, answer(errors=[error(None)]), "an error with the code None: no"),
        (200, JSON, answer(errors=[error("ODD")]), "an error with the code ODD: no"),
        (200, JSON, answer(errors=[error("INTERNAL")]), "INTERNAL at "),
        (200, JSON, answer(errors=[error("UNAVAILABLE")]), "UNAVAILABLE at "),
        (
            200,
            JSON,
            answer(errors=[error("INVALID_INPUT", 'File "x.py"')]),
            'an error that tells how it is made: File "x.py"',
        ),
    ],
)
def test_answers_that_betray_a_mistake_are_found(status: int, kind: str, body: bytes, says: str) -> None:
    assert findings(status, kind, body) == [says]


def test_the_list_of_codes_is_the_gateways() -> None:
    assert {"UNAUTHENTICATED", "INVALID_INPUT", "RATE_LIMITED", "INTERNAL"} <= CODES
    assert len(CODES) == 9
