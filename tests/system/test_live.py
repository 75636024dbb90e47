"""Live views: a petition's timeline and a department's queue, through the gateway and at the services."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest

from services.kernel.graphql.types import cursor
from tests.support import people as p
from tests.support.district import District
from tests.support.following import QUEUE, TIMELINE, Ended, Following, following
from tests.support.people import People

PAGE = """query($id: ID!) { petition(id: $id) { timeline(first: 100) { edges { cursor node {
  id service sequence type } } } } }"""
WITH_PETITION = """subscription($id: ID!) { petitionTimeline(petitionId: $id) { cursor entry { type stage }
  petition { title state stage handling { workOrders { state } } evaluation { state } } } }"""
SOLVED: dict[str, Any] = {"solved": True, "satisfied": True}


@pytest.fixture
def people(through_train: District) -> People:
    return People(through_train)


async def page(people: People, petition: str, *, role: str = "street_committee", after: str) -> list[dict[str, Any]]:
    """Return the timeline as a query tells it."""
    answer = await people.district.ask(PAGE, role=role, after=after, id=petition)
    return [edge["node"] for edge in answer.ok()["petition"]["timeline"]["edges"]]


async def test_a_story_is_told_as_it_happens_and_as_the_timeline_has_it(people: People) -> None:
    filed = await people.file("representative")
    role = "street_committee"
    async with following(people.district, TIMELINE, role=role, read_after=filed.position, id=filed.id) as story:
        told = await story.until("clock.started")
        await people.screen(filed)
        handed = (await people.hand_over(filed)).ok()["handOverPetition"]["position"]
        order = await people.in_progress(filed, after=handed)
        replied = await people.reply(order)
        (await people.visit(filed, after=replied, **SOLVED)).ok()
        closed = (await people.do(p.CLOSE, "street_committee", petitionId=filed.id)).ok()
        told += await story.until("petition.closed")
    position = closed["closePetition"]["position"]
    everything = await page(people, filed.id, after=position)
    ids = [one["entry"]["id"] for one in told]
    assert len(ids) == len(set(ids)), "told twice"
    assert set(ids) <= {one["id"] for one in everything}
    for service in ("intake", "dispatch", "feedback"):
        sequences = [one["entry"]["sequence"] for one in told if one["entry"]["service"] == service]
        assert sequences == list(range(1, len(sequences) + 1))
    types = [one["entry"]["type"] for one in told]
    for type_ in ("petition.readied", "work_order.assigned", "petition.replied", "visit.recorded", "petition.closed"):
        assert type_ in types


async def test_after_a_break_it_goes_on_behind_the_cursor(people: People) -> None:
    filed, _, replied = await people.replied()
    everything = await page(people, filed.id, after=replied)
    found: list[str] = []
    last: str | None = None
    while len(found) < len(everything):
        async with following(
            people.district, TIMELINE, role="street_committee", read_after=replied, id=filed.id, after=last
        ) as story:
            found += [one["entry"]["id"] for one in await story.take(3 if len(found) + 3 <= len(everything) else 1)]
            last = story.cursor
    assert found == [one["id"] for one in everything]


async def test_each_entry_can_bring_what_the_other_services_know(people: People) -> None:
    filed, _, replied = await people.replied()
    async with following(
        people.district, WITH_PETITION, role="street_committee", read_after=replied, id=filed.id
    ) as story:
        earlier = (await story.until("petition.replied"))[-1]["petition"]
        await people.visit(filed, after=replied, **SOLVED)
        last = (await story.until("visit.recorded"))[-1]["petition"]
    assert (last["title"], last["state"], last["stage"]) == ("二中批发巷下水道堵塞", "READY", "EVALUATE")
    assert [order["state"] for order in last["handling"]["workOrders"]] == ["REPLIED"]
    # The reply was told when there was no visit yet: nothing of it is remembered.
    assert (earlier["evaluation"] or {}).get("state") != last["evaluation"]["state"] == "VISITED"


async def test_server_sent_events_tell_the_same(people: People) -> None:
    filed = await people.file("representative")
    district = people.district
    headers = {
        "Authorization": f"Bearer {district.token('street_committee')}",
        "Accept": "text/event-stream",
        "Read-After": filed.position,
    }
    body = {"query": TIMELINE, "variables": {"id": filed.id}}
    types: list[str] = []
    async with district.session.post(district.url, json=body, headers=headers) as events:
        async with asyncio.timeout(20):
            async for line in events.content:
                if line.startswith(b"data: {"):
                    told = json.loads(line[6:])["data"]["petitionTimeline"]
                    types.append(told["entry"]["type"])
                    if len(types) == 1:
                        (await people.accept(filed)).ok()
                    if types[-1] == "petition.accepted":
                        break
    assert types[0] == "petition.submitted"


async def test_residents_follow_their_own_story_without_the_offices_workings(people: People) -> None:
    filed, _, replied = await people.replied()
    token = await people.resident(filed)
    async with following(people.district, TIMELINE, token=token, read_after=replied, id=filed.id) as story:
        types = [one["entry"]["type"] for one in await story.until("petition.replied")]
    assert "work_order.assigned" in types
    assert not [type_ for type_ in types if type_.startswith("clock.")]


@pytest.mark.parametrize("way", ["gateway", "service"])
async def test_who_may_not_follow_is_told_so(people: People, way: str) -> None:
    filed, handed = await people.handed_over()
    district = people.district
    stranger = {"sub": "somebody", "street": "fenghuang"}
    unknown = "01980000-0000-7000-8000-000000000000"

    async def refused(document: str, token: str | None, service: str, **given: Any) -> Ended:
        url = district.services[service].url if way == "service" else None
        async with following(district, document, token=token, url=url, read_after=handed, **given) as story:
            return await story.end()

    async def timeline(token: str | None, petition: str = filed.id, **more: Any) -> Ended:
        return await refused(TIMELINE, token, "feedback", id=petition, **more)

    async def queue(token: str | None, of: str | None = None, **more: Any) -> Ended:
        return await refused(QUEUE, token, "dispatch", of=of, **more)

    committee, department = district.token("street_committee"), district.token("department")
    foreign = await timeline(district.token("street_committee", **stranger))
    assert foreign == await timeline(committee, unknown) == Ended("error", ["NOT_FOUND"])
    assert await timeline(None) == Ended("error", ["UNAUTHENTICATED"])
    assert await timeline(district.token("operator")) == Ended("error", ["FORBIDDEN"])
    assert await timeline(committee, "no-id") == Ended("error", ["INVALID_INPUT"])
    assert await timeline(committee, after="no-cursor") == Ended("error", ["INVALID_INPUT"])
    assert await queue(None) == Ended("error", ["UNAUTHENTICATED"])
    assert await queue(committee, "housing") == Ended("error", ["FORBIDDEN"])
    assert await queue(department, "civil-affairs") == Ended("error", ["NOT_FOUND"])
    assert await queue(department, "no-department") == Ended("error", ["NOT_FOUND"])
    assert await queue(district.token("district_supervisor")) == Ended("error", ["INVALID_INPUT"])
    assert await queue(department, after="no-cursor") == Ended("error", ["INVALID_INPUT"])
    for elsewhere in (cursor("civil-affairs", "0"), cursor("housing", "1000000"), cursor("housing", "-1")):
        assert await queue(department, after=elsewhere) == Ended("error", ["INVALID_INPUT"])
    assert await timeline("no.token.atall") == Ended("closed", [4403])


async def test_a_department_that_is_out_of_it_is_told_no_more(people: People) -> None:
    filed, handed = await people.handed_over()
    order = await people.order(filed, handed)
    assigned = (await people.do(p.ASSIGN, "street_committee", workOrderId=order, department="housing")).ok()
    position = assigned["assignWorkOrder"]["position"]
    declined = {"workOrderId": order, "ground": "NOT_OURS", "reason": "不属本单位职责"}
    async with following(people.district, TIMELINE, role="department", read_after=position, id=filed.id) as story:
        await story.until("work_order.assigned")
        (await people.do(p.DECLINE_ORDER, "department", **declined)).ok()
        assert await story.end() == Ended("error", ["NOT_FOUND"])


async def test_a_departments_queue_is_told_once_and_goes_on_after_a_break(people: People) -> None:
    district = people.district
    async with following(district, QUEUE, role="department") as queue:
        (begin,) = await queue.take(1)
        assert begin["event"] is None
        first, handed = await people.handed_over()
        order = await people.in_progress(first, after=handed)
        told = await queue.until("work_order.started")
    await people.reply(order)  # while nobody listens
    async with following(district, QUEUE, role="department", after=queue.cursor) as queue:
        told += await queue.until("work_order.replied")
    async with following(district, QUEUE, role="district_supervisor", of="housing", after=begin["cursor"]) as queue:
        again = await queue.take(len(told))
    ids = [one["event"]["id"] for one in told]
    assert len(set(ids)) == len(ids)
    assert [one["event"]["id"] for one in again] == ids
    assert {one["event"]["petition"]["id"] for one in told} == {first.id}
    acts = [one["event"]["type"] for one in told if not one["event"]["type"].startswith("clock.")]
    assert acts == [
        "work_order.assigned",
        "work_order.acknowledged",
        "work_order.started",
        "work_order.replied",
    ]
    assert {one["event"]["workOrder"]["id"] for one in told if one["event"]["type"] == "work_order.started"} == {order}


async def test_many_followers_are_told_by_few_statements(people: People) -> None:
    filed = await people.file("representative")
    service = people.district.feedback
    many = 30

    def follow() -> Any:
        given = {"role": "street_committee", "url": service.url, "read_after": filed.position, "id": filed.id}
        return following(people.district, TIMELINE, **given)

    async with AsyncExitStack() as stack:
        stories: list[Following] = [await stack.enter_async_context(follow()) for _ in range(many)]
        await asyncio.gather(*(story.until("clock.started") for story in stories))
        before = len(service.statements)
        (await people.accept(filed)).ok()
        await asyncio.gather(*(story.until("petition.accepted") for story in stories))
        sent = [s for s in service.statements[before:] if "timelines.next" in s]
    assert 0 < len(sent) < many
