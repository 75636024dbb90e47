"""A service that is asked directly: whatever comes, the answer is GraphQL's, has a code, and comes in time."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.routing import Route

from services.intake.app import WIRING
from services.kernel.graphql.body import LARGEST
from services.kernel.graphql.endpoint import Endpoint
from services.kernel.service import Served
from tests.support import people as p
from tests.support.district import District
from tests.support.people import People

JSON = "application/json"
ME = '{"query": "{ me { subject } }"}'


@pytest.fixture
def people(intake_alone: District) -> People:
    return People(intake_alone, intake_alone.intake.url)


async def send(
    district: District, body: Any, *, kind: str | None = JSON, method: str = "POST", url: str = "", **headers: str
) -> tuple[int, dict[str, Any]]:
    """Send a body as it is; return the status and the answer, which must be GraphQL's."""
    sent = {"Content-Type": kind, **headers} if kind else headers
    skipped = ("Content-Type",) if kind is None else ()
    url = url or district.intake.url
    async with district.session.request(method, url, data=body, headers=sent, skip_auto_headers=skipped) as response:
        assert response.content_type == JSON
        answer = await response.json()
    assert set(answer) <= {"data", "errors"}
    return response.status, answer


def refusal(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the extensions of the first error of an answer that has no data."""
    assert answer["data"] is None
    assert all(error["extensions"]["code"] == "INVALID_INPUT" for error in answer["errors"]), answer
    return answer["errors"][0]["extensions"]


def asking(document: str, **other: Any) -> str:
    """Return the body of a request."""
    return json.dumps({"query": document, **other})


BODIES: list[tuple[str | bytes, str]] = [
    ("", "body"),
    ("null", "body"),
    ('"x"', "body"),
    ("[]", "body"),
    ("1", "body"),
    ("true", "body"),
    (f"[{ME}]", "body"),
    (f"[{ME}, {ME}]", "body"),
    ("{", "body"),
    (f"{ME} x", "body"),
    (f"\ufeff{ME}", "body"),
    ("{'query': 1}", "body"),
    (b'{"query": "\xff\xfe"}', "body"),
    (b'{"query": "\xed\xa0\x80"}', "body"),
    (ME.encode("utf-16"), "body"),
    ('{"query": "{ me { subject } }", "query": "{ me { roles } }"}', "body"),
    ('{"query": "{ me { subject } }", "variables": {"a": 1, "a": 2}}', "body"),
    ('{"query": "{ me { subject } }", "variables": {"a": NaN}}', "body"),
    ('{"query": "{ me { subject } }", "variables": {"a": -Infinity}}', "body"),
    ('{"query": "{ me { subject } }", "variables": {"a": 1e400}}', "body"),
    (f'{{"query": "{{ me {{ subject }} }}", "variables": {{"a": {"9" * 5_000}}}}}', "body"),
    (f'{{"query": "{{ me {{ subject }} }}", "variables": {"[" * 50_000}', "body"),
    (f'{{"query": "{{ me {{ subject }} }}", "extensions": {{"a": {"[" * 50_000}{"]" * 50_000}}}}}', "body"),
    ("{}", "query"),
    ('{"query": null}', "query"),
    ('{"query": ""}', "query"),
    ('{"query": 17}', "query"),
    ('{"query": ["{ me { subject } }"]}', "query"),
    ('{"query": "{ me { subject } }", "variables": "x"}', "variables"),
    ('{"query": "{ me { subject } }", "variables": []}', "variables"),
    ('{"query": "{ me { subject } }", "variables": 3}', "variables"),
    ('{"query": "{ me { subject } }", "operationName": 3}', "operationName"),
    ('{"query": "{ me { subject } }", "operationName": "other"}', "operationName"),
    ('{"query": "{ me { subject } }", "extensions": [1]}', "extensions"),
    ('{"query": "query a { me { subject } } query b { me { subject } }"}', "operationName"),
    ('{"query": "fragment a on Me { subject }"}', "operationName"),
]


@pytest.mark.parametrize(("body", "field"), BODIES, ids=lambda it: repr(it)[:40])
async def test_a_malformed_body_is_refused_in_graphqls_words(
    intake_alone: District, body: str | bytes, field: str
) -> None:
    status, answer = await send(intake_alone, body)
    assert (status, refusal(answer)["field"]) == (400, field)


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/graphql", "multipart/form-data; boundary=x", "application/jsonx", "json"]
)
async def test_another_content_type_is_refused(intake_alone: District, kind: str | None) -> None:
    status, answer = await send(intake_alone, ME.encode(), kind=kind)
    assert (status, refusal(answer)["field"]) == (415, "Content-Type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/json;"])
async def test_json_is_json_however_it_is_spelled(intake_alone: District, kind: str) -> None:
    assert await send(intake_alone, ME.encode(), kind=kind) == (200, {"data": {"me": {"subject": "anyone"}}})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_only_post_is_answered(intake_alone: District, method: str) -> None:
    url = f"{intake_alone.intake.url}?query=%7Bme%7Bsubject%7D%7D"
    status, answer = await send(intake_alone, None, method=method, url=url)
    assert (status, refusal(answer)["field"]) == (405, "method")


def nested(times: int) -> str:
    """Return a document whose fragments each spread the next one out twice: 2 to the power of `times` fields."""
    fragments = (f"fragment f{n} on Me {{ ...f{n + 1} ...f{n + 1} }}" for n in range(times))
    return f"{{ me {{ ...f0 }} }} {' '.join(fragments)} fragment f{times} on Me {{ subject }}"


DOCUMENTS: list[tuple[str, str]] = [
    ("{ me { subject }", "Syntax Error"),
    ("{ me { nothing } }", "nothing"),
    ("{ me }", "must have a selection"),
    ("subscription { me { subject } }", "subscription"),
    ("{" + " a" * 5_001 + "}", "5000 tokens"),
    ("{ me { ...unknown } }", "unknown"),
    ("{ me { ...a } } fragment a on Me { ...b } fragment b on Me { ...a }", "spread"),
    ("{" + " ".join(f"a{n}: me {{ subject }}" for n in range(61)) + "}", "61 aliases; 60"),
    ("{ a { b" * 11 + "}}" * 11, "21 levels|22 levels"),
    ("{" + "a { " * 200 + "b" + "}" * 201, "nested too deeply"),
    ("{ me {" + "...{" * 70 + "subject" + "}" * 72, "levels with its fragments"),
    ("{ me {" + " subject" * 3_001 + "} }", "3002 fields"),
    (nested(12), "4097 fields"),
    (" ".join(f"query q{n} {{ me {{ subject }} }}" for n in range(101)), "101 operations and fragments"),
    (nested(40), "fields"),
    (nested(90), "levels with its fragments"),
    (nested(300), "302 operations and fragments"),
    ("{ a " * 3_000, "nested too deeply"),
    ("{ petition(id: " + "[" * 2_000 + "]" * 2_000 + ") { id } }", "nested too deeply"),
    ('{ petition(id: "\\ud800") { id } }', "Invalid Unicode escape"),
    ("{ me { subject } } \ud800", "character: U+D800"),
    ("query($a: Int! = 1e400) { petitions(first: $a) { edges { cursor } } }", "Int cannot represent"),
    ("{ petitions(first: 99999999999) { edges { cursor } } }", "Int cannot represent"),
    ("\0", "character: U+0000"),
]


@pytest.mark.parametrize(("document", "says"), DOCUMENTS, ids=lambda it: repr(it)[:30])
async def test_a_document_that_is_none_or_too_large_has_a_code(
    intake_alone: District, document: str, says: str
) -> None:
    """None of them may cost much either: what is exponential would not come back at all."""
    async with asyncio.timeout(3):
        status, answer = await send(intake_alone, asking(document))
    assert status == 400
    refusal(answer)
    assert any(part in answer["errors"][0]["message"] for part in says.split("|")), answer


async def test_variables_that_are_nested_too_deeply_are_refused(intake_alone: District) -> None:
    for depth in (300, 700, 900):
        value = "[" * depth + "]" * depth
        document = "query($r: [_Any!]!, $s: [PetitionState!]) { _entities(representations: $r) { __typename } }"
        body = f'{{"query": {json.dumps(document)}, "variables": {{"r": {value}, "s": {value}}}}}'
        status, answer = await send(intake_alone, body)
        assert status == 400
        refusal(answer)


WRONG_VALUES: list[tuple[str, dict[str, Any], str]] = [
    ('query { petitions(dueBefore: "nope") { edges { cursor } } }', {}, "dueBefore"),
    ("query { petitions(dueBefore: 17) { edges { cursor } } }", {}, "dueBefore"),
    ('query { petitions(dueBefore: "9999-12-31T24:00") { edges { cursor } } }', {}, "dueBefore"),
    ('query { petitions(dueBefore: "2026-01-01T00:00:00") { edges { cursor } } }', {}, "dueBefore"),
    ('query { petitions(dueBefore: "0001-01-01T00:00:00+14:00") { edges { cursor } } }', {}, "dueBefore"),
    ('query { petitions(dueBefore: "9999-12-31T23:59:59-14:00") { edges { cursor } } }', {}, "dueBefore"),
    ("query($d: DateTime) { petitions(dueBefore: $d) { edges { cursor } } }", {"d": "2026-13-01"}, "dueBefore"),
    ("query($d: DateTime) { petitions(dueBefore: $d) { edges { cursor } } }", {"d": 1}, "dueBefore"),
    ("query($d: Date!) { workingCalendar(first: $d, last: $d) { day } }", {"d": "9999-12-31"}, "first"),
    ("query($d: Date!) { workingCalendar(first: $d, last: $d) { day } }", {"d": "26-1-1"}, "first"),
    ("query($d: Date!) { workingCalendar(first: $d, last: $d) { day } }", {}, "first"),
    ("query($s: [PetitionState!]) { petitions(states: $s) { edges { cursor } } }", {"s": ["NEW"]}, "states"),
    ("query { petitions(states: [NEW]) { edges { cursor } } }", {}, "states"),
    ("query { petitions(state: NEW) { edges { cursor } } }", {}, "state"),
    ('query { petitions(street: "a\\u0000b") { edges { cursor } } }', {}, "street"),
    ("query($s: ID) { petitions(street: $s) { edges { cursor } } }", {"s": "\ud800"}, "street"),
    ("query($s: ID) { petitions(street: $s) { edges { cursor } } }", {"s": "x" * 129}, "street"),
    ("query($s: ID) { petitions(street: $s) { edges { cursor } } }", {"s": {"a": 1}}, "street"),
    (p.SUBMIT, {"input": 17}, "input"),
    (p.SUBMIT, {"input": {"channel": "visit", "community": "x"}}, "words"),
    (p.SUBMIT, {"input": {"channel": "visit", "community": "x", "words": 5}}, "words"),
    (p.SUBMIT, {"input": {"channel": "visit", "community": "x", "words": "a", "kind": "NONE"}}, "kind"),
    (p.SUBMIT, {"input": {"channel": "visit", "community": "x", "words": "a", "more": 1}}, "more"),
    (
        p.SUBMIT,
        {"input": {"channel": "visit", "community": "x", "words": "a", "contact": {"name": []}}},
        "contact.name",
    ),
    (
        p.SUBMIT,
        {"input": {"channel": "visit", "community": "x", "words": "a", "contact": {"phone": "1\0"}}},
        "contact.phone",
    ),
    (
        "query($k: PetitionState!) { petitions(states: [SUBMITTED, $k]) { edges { cursor } } }",
        {"k": "NONE"},
        "states",
    ),
]


@pytest.mark.parametrize(("document", "variables", "field"), WRONG_VALUES, ids=lambda it: repr(it)[:40])
async def test_a_value_that_graphql_itself_refuses_names_its_field(
    intake_alone: District, document: str, variables: dict[str, Any], field: str
) -> None:
    answer = await intake_alone.ask(document, role="street_committee", url=intake_alone.intake.url, **variables)
    assert answer.refused("INVALID_INPUT")["field"] == field, answer


async def test_a_thousand_wrong_values_are_told_at_no_great_cost(intake_alone: District) -> None:
    variables = {"s": ["NEW"] * 20_000}
    document = "query($s: [PetitionState!]) { petitions(states: $s) { edges { cursor } } }"
    async with asyncio.timeout(5):
        _, answer = await send(intake_alone, asking(document, variables=variables))
    assert refusal(answer)["field"] == "states"
    assert len(answer["errors"]) <= 101


@pytest.mark.parametrize("size", [LARGEST + 1, 3 * LARGEST, 40 * LARGEST])
async def test_a_body_above_the_limit_is_refused_and_the_connection_lives(intake_alone: District, size: int) -> None:
    """The client hears the refusal although it had more to send, and may ask the next thing."""

    async def chunked() -> AsyncIterator[bytes]:
        for _ in range(0, size, 65_536):
            yield b" " * 65_536

    for body in (BytesIO(b" " * size), chunked()):
        status, answer = await send(intake_alone, body)
        assert (status, refusal(answer)["field"]) == (413, "body")
        assert (await send(intake_alone, ME))[0] == 200


async def test_a_body_at_the_limit_is_read(intake_alone: District) -> None:
    assert (await send(intake_alone, ME.ljust(LARGEST)))[0] == 200


@pytest.mark.parametrize(
    "position", ["x", "%%%", "ééé", "aW50YWtl", "aW50YWtlOng6MQ", "A" * 4_000, "aW50YWtlOjE6MTIzNDU2Nzg5MDEyMzQ1"]
)
async def test_a_position_that_is_none_is_refused(intake_alone: District, position: str) -> None:
    status, answer = await send(intake_alone, ME, **{"Read-After": position})
    assert (status, refusal(answer)["field"]) == (400, "Read-After")


@pytest.mark.parametrize("deadline", ["x", "1e400", "nan", "-1", "9" * 400, "1.5", "１２", " ", "0x10"])
async def test_a_deadline_that_is_none_is_refused(people: People, deadline: str) -> None:
    filed = await people.file()
    headers = {"Read-After": filed.position, "Read-After-Deadline": deadline}
    if not deadline.strip():
        assert (await send(people.district, ME, **headers))[0] == 200
        return
    status, answer = await send(people.district, ME, **headers)
    assert (status, refusal(answer)["field"]) == (400, "Read-After-Deadline")


@pytest.mark.parametrize("given", ["a" * 65, "é", "a b", '"}{"level":"error', "%0a"])
async def test_a_request_id_that_is_not_plain_is_not_kept(people: People, given: str) -> None:
    body = asking(p.SUBMIT, variables={"input": {"words": "停水", "channel": "visit", "community": "community-73"}})
    _, answer = await send(people.district, body, **{"X-Request-Id": given})
    petition = answer["data"]["submitPetition"]["petitionId"]
    rows = await people.district.intake.fetch(
        "SELECT DISTINCT correlation_id FROM own.event WHERE aggregate_id = $1", petition
    )
    assert len(rows) == 1
    assert rows[0]["correlation_id"] != given


@asynccontextmanager
async def impatient(district: District, seconds: float, **broken: Any) -> AsyncGenerator[str]:
    """Serve intake once more, with less time for a request, and with parts of it broken."""
    runtime = district.intake.runtime
    assert runtime is not None
    runtime = dataclasses.replace(runtime, **broken)
    app = Starlette(routes=[Route("/graphql", Endpoint(WIRING.schema, runtime, longest=seconds))])
    served = Served(app, "127.0.0.1", 0)
    port = await served.start()
    try:
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        await served.stop()


async def test_a_request_that_takes_too_long_is_broken_off_and_changes_nothing(people: People) -> None:
    """Somebody holds the petition's row; the request gives up, and what it had begun is undone."""
    filed, district = await people.file(), people.district
    given = {"petitionId": filed.id, "title": "下水道堵塞", "category": "drainage"}
    holder = await asyncpg.connect(district.intake.settings.database_url.get_secret_value())
    try:
        async with impatient(district, 0.5) as url, holder.transaction():
            await holder.execute("SELECT FROM own.petition WHERE petition_id = $1 FOR UPDATE", filed.id)
            refused = await district.ask(p.ACCEPT, role="street_committee", url=url, input=given)
            assert refused.status == 503
            refused.refused("UNAVAILABLE")
            assert "0.5 seconds" in refused.errors[0]["message"]
    finally:
        await holder.close()
    assert await district.intake.acts(filed.id) == ["petition.submitted"]
    assert (await people.do(p.ACCEPT, "street_committee", **given)).ok()


async def test_a_body_that_does_not_arrive_is_not_waited_for(intake_alone: District) -> None:
    async with impatient(intake_alone, 0.3) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
        async with asyncio.timeout(3):
            head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503")
        writer.close()
        await writer.wait_closed()


async def test_a_client_that_hangs_up_is_no_incident(intake_alone: District, caplog: pytest.LogCaptureFixture) -> None:
    port = urlsplit(intake_alone.intake.url).port
    for begun in (
        b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    await asyncio.sleep(0.2)
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]
    assert (await send(intake_alone, ME))[0] == 200


async def test_a_request_that_nobody_foresaw_is_counted_as_internal(intake_alone: District) -> None:
    def counted(outcome: str) -> float:
        labels = {"service": "intake", "operation": "none", "outcome": outcome}
        return REGISTRY.get_sample_value("through_train_request_seconds_count", labels) or 0

    before = counted("INTERNAL"), counted("BROKEN_OFF")
    async with (
        impatient(intake_alone, 5, verifier=None) as url,
        intake_alone.session.post(url, data=ME, headers={"Content-Type": JSON}) as response,
    ):
        assert response.status == 500
    assert (counted("INTERNAL"), counted("BROKEN_OFF")) == (before[0] + 1, before[1])
