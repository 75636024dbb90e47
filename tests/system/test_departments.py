"""The example departments against the whole system: killed at the worst moments, they answer once and miss nothing."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from deploy.local.gateway import WITHOUT_RATES, Gateway, Issuer
from deploy.local.node import find_node, install_packages
from deploy.local.settings import ROOT, default_cache_folder
from services.contracts import catalogue
from services.kernel.auth import keys
from services.kernel.auth.tokens import DEVELOPMENT_ISSUER
from services.kernel.calendar import SHANGHAI
from tests.support.district import District, eventually
from tests.support.people import ACKNOWLEDGE, People
from tests.support.programs import NODE, Door, Program, door, holding, last_write_failing, program, waits_to_commit
from tests.support.topics import Message, fetch_all, published, republish

pytestmark = pytest.mark.system

KNOWN = "SELECT id, state FROM work_order ORDER BY id"


@pytest.fixture(scope="module")
async def way(through_train: District) -> AsyncIterator[Door]:
    async with door(through_train) as opened:
        yield opened


async def assigned(district: District, department: str, *, times: int = 1) -> list[str]:
    """Let so many petitions be filed, screened and assigned to a department; return the work orders."""

    async def one() -> str:
        filed, handed = await People(district).handed_over()
        return await People(district).assigned(filed, department, after=handed)

    return list(await asyncio.gather(*(one() for _ in range(times))))


async def numbered(district: District, department: str) -> int:
    """Return the last number of a department's feed."""
    query = "SELECT max(number) AS last FROM own.department_feed WHERE department = $1"
    [row] = await district.dispatch.fetch(query, department)
    return row["last"] or 0


async def by_graphql(district: District, orders: Sequence[str]) -> dict[str, str]:
    """Return where orders stand, as GraphQL has it."""
    representations = [{"__typename": "WorkOrder", "id": id_} for id_ in orders]
    query = "query($r: [_Any!]!) { _entities(representations: $r) { ... on WorkOrder { id state } } }"
    asked = {"role": "district_supervisor", "url": district.dispatch.url}
    found = (await district.ask(query, **asked, r=representations)).ok()["_entities"]
    return {order["id"]: order["state"] for order in found}


async def all_replied(district: District, it: Program, department: str, orders: Sequence[str]) -> None:
    """Wait until a program has replied to orders and has heard of it all, and see that all was done once."""

    async def heard() -> bool:
        states = it.states() if it.has_begun() else {}
        return (
            all(states.get(order) == "REPLIED" for order in orders)
            and await published(district)
            and it.place()[0] == await numbered(district, department)
        )

    try:
        await eventually(heard, within=40)
    except AssertionError as error:
        raise AssertionError("\n".join(it.lines[-30:])) from error
    assert it.states() == await by_graphql(district, list(it.states()))
    acts = "SELECT data ->> 'workOrderId' AS id, type FROM own.event WHERE type = ANY($1)"
    once = ["work_order.acknowledged", "work_order.started", "work_order.replied"]
    done = [(row["id"], row["type"]) for row in await district.dispatch.fetch(acts, once) if row["id"] in orders]
    assert sorted(done) == sorted((order, type_) for order in orders for type_ in once)


@pytest.mark.parametrize("node", [False, True], ids=["python", "node"])
async def test_killed_at_the_worst_moments_it_answers_each_order_once_and_misses_nothing(
    through_train: District, way: Door, tmp_path: Path, node: bool
) -> None:
    if node:
        await install_packages(find_node(), tmp_path, NODE, cache=default_cache_folder())
    department = "water" if node else "housing"
    async with program(through_train, department, tmp_path, node=node, url=way.url) as it:
        orders = await assigned(through_train, department)
        way.kill(it, at="acknowledgeWorkOrder", accepted=False)
        await it.start()
        await it.ended()
        assert set(it.states().values()) == {"ASSIGNED"}
        way.kill(it, at="startWorkOrder", accepted=True)
        await it.start()
        await it.ended()
        assert await by_graphql(through_train, orders) == dict.fromkeys(orders, "IN_PROGRESS")
        waiting = it.rows("SELECT mutation FROM answer WHERE outcome = 'WAITING'")
        assert waiting == [("startWorkOrder",)]
        await it.start()
        await all_replied(through_train, it, department, orders)
        before = it.place()[0]
        async with holding(it.database):
            orders += await assigned(through_train, department, times=2)
            await waits_to_commit(it.database)
            it.kill()
            await it.ended()
        assert it.place()[0] == before
        with last_write_failing(it.database):
            await it.start()
            assert await it.ended() == 1
        assert it.place()[0] == before
        assert set(it.states().values()) == {"REPLIED"}
        assert it.rows("SELECT * FROM answer WHERE outcome = 'WAITING'") == []
        await it.start()
        await all_replied(through_train, it, department, orders)

        known, (last, _) = it.rows(KNOWN), it.place()
        topic = catalogue.department_topic(department, through_train.prefix)
        again = await fetch_all(through_train, topic)
        await republish(through_train, topic, [*again[:4], again[-1]])
        await eventually(lambda: _came_again(it, 5))
        assert (it.rows(KNOWN), it.place()) == (known, (last, 5))
        await it.stop()


async def _came_again(it: Program, times: int) -> bool:
    return it.place()[1] == times


async def test_an_answer_that_was_accepted_and_not_noted_does_nothing_when_it_is_sent_again(
    through_train: District, way: Door, tmp_path: Path
) -> None:
    async with program(through_train, "housing", tmp_path, url=way.url) as it:
        [order] = await assigned(through_train, "housing")
        await it.start()
        await all_replied(through_train, it, "housing", [order])
        sent = [body for body in way.passed if "acknowledgeWorkOrder" in body and order in body]
        [(key,)] = it.rows("SELECT id FROM event WHERE type = 'work_order.assigned' AND data LIKE ?", f"%{order}%")
        assert [json.loads(body)["variables"]["input"]["idempotencyKey"] for body in sent] == [key]
        headers = {"Authorization": f"Bearer {Path(it.environment['TOKEN_FILE']).read_text()}"}
        async with through_train.session.post(through_train.url, json=json.loads(sent[0]), headers=headers) as response:
            answer = await response.json()
        assert answer["data"]["acknowledgeWorkOrder"]["position"]
        counted = "SELECT count(*) AS n FROM own.event WHERE type = $1 AND data ->> 'workOrderId' = $2"
        assert await through_train.dispatch.fetch(counted, "work_order.acknowledged", order) == [{"n": 1}]


async def test_what_does_not_work_now_is_tried_again_and_what_others_did_is_left_to_them(
    through_train: District, way: Door, tmp_path: Path
) -> None:
    people = People(through_train)
    async with program(through_train, "civil-affairs", tmp_path, url=way.url) as it:
        token = Path(it.environment["TOKEN_FILE"])
        good = token.read_text()
        token.write_text("ended")
        [order] = await assigned(through_train, "civil-affairs")
        await it.start()
        await said(it, "UNAUTHENTICATED")
        way.shut = True
        token.write_text(good)
        await said(it, "status 503")
        clerk = {"token": good, "workOrderId": order}
        way.let_in_first(lambda: people.do(ACKNOWLEDGE, **clerk), before="acknowledgeWorkOrder")
        way.shut = False
        await all_replied(through_train, it, "civil-affairs", [order])
        await it.stop()
        assert any(line.endswith("somebody was first, it is ACKNOWLEDGED") for line in it.lines), it.lines
        assert dict(it.rows("SELECT outcome, count(*) FROM answer GROUP BY outcome")) == {"OVERTAKEN": 1, "DONE": 2}

        it.database.unlink()
        sent = len(way.passed)
        await it.start()
        await all_replied(through_train, it, "civil-affairs", [order])
        await said(it, f"read up to event {it.place()[0]}")
        await it.stop()
        assert len(way.passed) == sent
        assert dict(it.rows("SELECT outcome, count(*) FROM answer GROUP BY outcome")) == {"OVERTAKEN": 3}


async def test_whom_the_broker_does_not_let_in_it_tells_why_and_ends(through_train: District, tmp_path: Path) -> None:
    async with program(through_train, "housing", tmp_path) as it:
        good, foreign = it.environment, catalogue.department_topic("water", through_train.prefix)
        broker, name = good["KAFKA"], good["USERNAME"]
        for wrong, why in (
            ("PASSWORD", f"the broker at {broker} does not take {name}'s login: see USERNAME and PASSWORD"),
            ("TOPIC", f"{name}'s login may not read {foreign}, or there is none: see TOPIC"),
        ):
            it.environment = {**good, wrong: foreign}
            await it.start()
            assert await it.ended() == 1
            assert it.lines.pop() == f"✗ {why}"
        assert it.lines == []
        it.environment = {**good, "KAFKA": "127.0.0.1:1"}
        await it.start()
        await said(it, "… the feed cannot be read (the broker at 127.0.0.1:1 cannot be reached: ")
        await it.stop()


async def test_asked_once_it_says_how_many_answers_wait_and_shows_times_of_shanghai(
    through_train: District, tmp_path: Path
) -> None:
    [order] = await assigned(through_train, "water-utility")
    async with program(through_train, "water-utility", tmp_path, TZ="UTC") as it:
        Path(it.environment["TOKEN_FILE"]).write_text("ended")
        it.command[-1] = "once"
        await it.start()
        assert await it.ended() == 1
        [(time,)] = it.rows("SELECT time FROM event WHERE type = 'work_order.assigned' AND data LIKE ?", f"%{order}%")
        [(due,)] = it.rows("SELECT min(due_at) FROM clock WHERE about = ?", order)
        there = [f"{datetime.fromisoformat(one).astimezone(SHANGHAI):%m-%d %H:%M}" for one in (time, due)]
        assert f"  {there[0]}  work_order.assigned" in it.lines[0]
        assert it.lines[-1] == "✗ answers that could not be sent: 1; they wait in the database for the next start"
        it.command[-1] = "report"
        await it.start()
        assert await it.ended() == 0
        assert it.lines[-2].endswith(there[1])


async def said(it: Program, words: str) -> None:
    """Wait until a program has said so."""

    async def there() -> bool:
        return any(words in line for line in it.lines)

    try:
        await eventually(there)
    except AssertionError as error:
        raise AssertionError("\n".join(it.lines)) from error


async def test_without_kafka_the_database_becomes_the_same_and_a_gap_on_the_topic_is_filled(
    through_train: District, tmp_path: Path
) -> None:
    orders = await assigned(through_train, "transport", times=2)
    tables = (
        KNOWN,
        "SELECT sequence, id, type, petition, known FROM event ORDER BY sequence",
        "SELECT id, kind, about, due_at, state, level FROM clock ORDER BY id",
    )
    async with (
        program(through_train, "transport", tmp_path / "polling", FEED="graphql") as polling,
        program(through_train, "transport", tmp_path / "kafka") as reading,
    ):
        await polling.start()
        await all_replied(through_train, polling, "transport", orders)
        await polling.stop()
        topic = catalogue.department_topic("transport", through_train.prefix)
        whole = await fetch_all(through_train, topic)
        await _forget(through_train, topic, before=4)
        await reading.start()
        await all_replied(through_train, reading, "transport", orders)
        await reading.stop()
        assert [reading.rows(table) for table in tables] == [polling.rows(table) for table in tables]
        assert any("event 1 is missing, 5 came" in line for line in reading.lines), reading.lines
        assert reading.place()[0] == len(whole)


async def test_where_registered_operations_alone_are_answered_its_feed_and_its_answers_are_among_them(
    through_train: District, tmp_path: Path
) -> None:
    subgraphs = {name: service.url for name, service in through_train.services.items()}
    issuer = Issuer(DEVELOPMENT_ISSUER, str(Path(through_train.servers.keys) / keys.DEVELOPMENT_PUBLIC))
    settings = {**WITHOUT_RATES, "GATEWAY_PERSISTED_ONLY": "all"}
    async with Gateway(tmp_path, subgraphs, [issuer], environment=settings) as strict:
        free = await through_train.ask("{ me { subject } }", role="department", url=strict.url)
        free.refused("FORBIDDEN")
        async with program(through_train, "public-security", tmp_path, url=strict.url, FEED="graphql") as it:
            orders = await assigned(through_train, "public-security")
            await it.start()
            await all_replied(through_train, it, "public-security", orders)
            await it.stop()


async def _forget(district: District, topic: str, *, before: int) -> None:
    """Let the broker forget what lies before an offset, as a short retention would."""
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=district.servers.bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


def told(department: str, sequence: int, name: str, **other: str) -> Message:
    """Return a message as the AsyncAPI document shows it, with a number; or of a type that does not exist yet."""
    document = json.loads((ROOT / "services" / "contracts" / "asyncapi.json").read_text(encoding="utf-8"))
    example = document["components"]["messages"][f"department.{name}.v1"]["examples"][0]
    headers = {
        **example["headers"],
        "ce_id": str(uuid.uuid4()),
        "ce_source": f"/dispatch/departments/{department}",
        "ce_sequence": f"{sequence:010}",
        **other,
    }
    written = [(key, value.encode()) for key, value in headers.items()]
    return Message(headers["ce_subject"].encode(), json.dumps(example["payload"]).encode(), written)


async def test_what_it_does_not_know_is_kept_and_passed_over_and_what_is_missing_everywhere_stops_it(
    through_train: District, tmp_path: Path
) -> None:
    newer = {"ce_type": "work_order.weighed", "ce_dataschema": "urn:through-train:department:work_order.weighed:v1"}
    messages = [
        told("environment", 1, "work_order.assigned"),
        told("environment", 2, "work_order.assigned", **newer),
        told("environment", 3, "clock.started"),
        told("environment", 5, "work_order.acknowledged"),
    ]
    await republish(through_train, catalogue.department_topic("environment", through_train.prefix), messages)
    async with program(through_train, "environment", tmp_path) as it:
        await it.start()
        assert await it.ended() == 1
        assert it.lines[-1] == "✗ event 4 is missing, on the topic and by GraphQL: ask the operator"
        assert it.place()[0] == 3
        assert it.rows("SELECT sequence, type FROM event WHERE NOT known") == [(2, "work_order.weighed")]


async def test_the_feed_of_another_installation_is_not_taken_for_ones_own(
    through_train: District, tmp_path: Path
) -> None:
    topic = catalogue.department_topic("public-order", through_train.prefix)
    await republish(through_train, topic, [told("public-order", 1, "work_order.assigned")])
    async with program(through_train, "public-order", tmp_path) as it:
        await it.start()
        await eventually(lambda: _has_read(it, 1))
        await republish(through_train, topic, [told("public-order", 1, "work_order.assigned")])
        assert await it.ended() == 1
        assert it.lines[-1].endswith("event 1 was another one before: this feed has begun anew")


async def _has_read(it: Program, last: int) -> bool:
    return it.has_begun() and it.place()[0] == last
