"""A department's feed: on its topic and by GraphQL the same events, its own alone, in numbers without a gap."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from services.contracts import catalogue
from services.contracts.departments import ClockStopped, OrderAssigned, OrderDeclined, OrderRelieved, OrderRuled
from services.contracts.event import SYSTEM
from services.contracts.feedback import PetitionReopened
from services.contracts.intake import PetitionWithdrawn
from services.contracts.vocabulary import Source
from services.kernel.graphql.types import cursor
from tests.support import people as p
from tests.support.desk import Desk
from tests.support.district import District, eventually
from tests.support.publish import Voice
from tests.support.topics import all_published, fetch_all, topics

FEED = """
query Feed($department: ID!, $first: Int! = 100, $behind: String) {
  department(id: $department) { feed(first: $first, after: $behind) {
    edges { cursor node { id source type subject time recordedTime sequence cycle dataschema data } }
    pageInfo { hasNextPage endCursor }
  } }
}"""
HEADERS = {
    *("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_recordedtime"),
    *("ce_dataschema", "ce_sequence", "ce_cycle", "content-type"),
}


@pytest.fixture
def desk(dispatch_alone: District) -> Desk:
    return Desk(dispatch_alone, Voice(dispatch_alone, Source.INTAKE), Voice(dispatch_alone, Source.FEEDBACK))


async def told_on_topic(desk: Desk, department: str) -> list[dict[str, Any]]:
    """Return what a department's topic holds, as GraphQL would show it, once everything is published."""
    await all_published(desk.district)
    found: list[dict[str, Any]] = []
    for message in await fetch_all(desk.district, catalogue.department_topic(department, desk.district.prefix)):
        headers = {name: value.decode() for name, value in message.headers}
        assert headers.keys() <= HEADERS
        assert message.key == headers["ce_subject"].encode()
        event = {name.removeprefix("ce_"): value for name, value in headers.items()}
        found.append({**event, "sequence": int(event["sequence"]), "data": msgspec.json.decode(message.value or b"")})
    return found


async def told_by_graphql(desk: Desk, department: str, **claims: Any) -> list[dict[str, Any]]:
    """Return the whole feed, page by page."""
    token = desk.district.token("department", department=department, **claims)
    found: list[dict[str, Any]] = []
    after, more = None, True
    while more:
        asked = await desk.district.ask(FEED, token=token, url=desk.url, department=department, first=7, behind=after)
        page = asked.ok()["department"]["feed"]
        found += [edge["node"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert len(page["edges"]) == 7 or not more
    return found


def about(told: Sequence[dict[str, Any]], petition: str) -> list[str]:
    """Return the types of what was told of a petition, clocks with what they measure."""
    types = [(e["type"], e["data"].get("kind", "")) for e in told if e["subject"] == petition]
    return [f"{name} {kind}".strip() for name, kind in types]


async def test_topic_and_graphql_tell_the_same_without_a_gap(desk: Desk) -> None:
    petition, order = await desk.replied()
    on_topic, by_graphql = await told_on_topic(desk, "housing"), await told_by_graphql(desk, "housing")
    assert [e["sequence"] for e in on_topic] == list(range(1, len(on_topic) + 1))
    same = ("id", "source", "type", "subject", "sequence", "dataschema", "data")
    assert [[e[name] for name in same] for e in by_graphql] == [[e[name] for name in same] for e in on_topic]
    assert about(on_topic, petition) == [
        "work_order.assigned",
        "clock.started ACKNOWLEDGEMENT",
        "clock.started HANDLING",
        "work_order.acknowledged",
        "clock.stopped ACKNOWLEDGEMENT",
        "work_order.started",
        "work_order.replied",
        "clock.stopped HANDLING",
    ]
    given = next(e for e in on_topic if (e["subject"], e["type"]) == (petition, "work_order.assigned"))
    assert given["source"] == "/dispatch/departments/housing"
    assert given["dataschema"] == "urn:through-train:department:work_order.assigned:v1"
    event = msgspec.convert(given["data"], OrderAssigned)
    assert (str(event.work_order_id), event.matter.title, event.matter.request) == (order, "堵塞", "请疏通")
    assert not {"by", "subject", "suggested"} & given["data"].keys()


async def test_who_declines_is_told_of_its_own_decline_and_clocks_and_the_first_receiver_of_neither(desk: Desk) -> None:
    petition, order = await desk.readied()
    for department in ("civil-affairs", "water"):
        (await desk.do(p.ASSIGN, "street_committee", order, department=department)).ok()
        declining = desk.district.token("department", department=department)
        given = {"workOrderId": order, "ground": "NOT_OURS", "reason": "不属本单位"}
        (await desk.district.ask(p.DECLINE_ORDER, token=declining, url=desk.url, input=given)).ok()
    ruling = {"department": "housing", "reason": "住建牵头"}
    (await desk.do(p.RULE, "district_supervisor", order, **ruling)).ok()
    begins = ["work_order.assigned", "clock.started ACKNOWLEDGEMENT", "clock.started HANDLING"]
    ends = ["work_order.declined", "clock.stopped ACKNOWLEDGEMENT", "clock.stopped HANDLING"]
    first = await told_on_topic(desk, "civil-affairs")
    assert about(first, petition) == [*begins, *ends, "work_order.referred_for_ruling", "work_order.relieved"]
    assert about(await told_on_topic(desk, "water"), petition) == [*begins, *ends]
    ruled = await told_on_topic(desk, "housing")
    assert about(ruled, petition) == ["work_order.ruled", *begins[1:]]
    own = [e["data"] for e in ruled if (e["subject"], e["type"]) == (petition, "work_order.ruled")]
    assert msgspec.convert(own[0], OrderRuled).matter.request == "请疏通"
    theirs = [e["data"] for e in first if e["type"] == "work_order.relieved"]
    assert str(msgspec.convert(theirs[-1], OrderRelieved).work_order_id) == order
    declines = [e["data"] for e in first if e["type"] == "work_order.declined"]
    assert msgspec.convert(declines[-1], OrderDeclined).ground == "NOT_OURS"
    of_others = str(first)
    assert "water" not in of_others
    assert "housing" not in of_others


async def test_whoever_becomes_responsible_is_given_the_instructions_that_are_open(desk: Desk) -> None:
    petition, order = await desk.readied()
    pressed = await desk.district.ask(
        p.PRESS, role="district_supervisor", url=desk.url, input={"petitionId": petition, "instruction": "请尽快交办"}
    )
    instruction = pressed.ok()["pressPetition"]["instruction"]["id"]
    (await desk.do(p.ASSIGN, "street_committee", order, department="civil-affairs")).ok()
    declining = desk.district.token("department", department="civil-affairs")
    given = {"workOrderId": order, "ground": "NOT_OURS", "reason": "不属本单位"}
    (await desk.district.ask(p.DECLINE_ORDER, token=declining, url=desk.url, input=given)).ok()
    (await desk.do(p.ASSIGN, "street_committee", order, department="housing")).ok()
    answer = {"instructionId": instruction, "words": "已派人"}
    (await desk.district.ask(p.ANSWER, role="department", url=desk.url, input=answer)).ok()
    for department, ends in (
        ("civil-affairs", ["work_order.declined", "clock.stopped ACKNOWLEDGEMENT", "clock.stopped HANDLING"]),
        ("housing", ["petition.instruction_answered", "clock.stopped INSTRUCTION"]),
    ):
        told = [e for e in await told_on_topic(desk, department) if e["subject"] == petition]
        assert about(told, petition)[3:] == ends, department
        [passed_on] = msgspec.convert(told[0]["data"], OrderAssigned).instructions
        assert str(passed_on.instruction_id) == instruction
    stopped = msgspec.convert(told[-1]["data"], ClockStopped)
    assert (stopped.clock_id, str(stopped.about)) == (passed_on.clock_id, instruction)


async def test_who_led_in_the_cycle_before_is_relieved_when_another_is_given_the_reopened_matter(desk: Desk) -> None:
    petition, _ = await desk.replied()
    reopened = PetitionReopened(by=SYSTEM, case_id=uuid4(), new_cycle=2, cause="UNSOLVED", supervised=False)
    await desk.feedback.say(petition, reopened)
    order = await desk.state(petition, "PENDING")
    (await desk.do(p.ASSIGN, "street_committee", order, department="water")).ok()
    told = about(await told_on_topic(desk, "housing"), petition)
    assert told[-2:] == ["clock.stopped HANDLING", "work_order.relieved"]


async def test_a_feed_that_cannot_be_written_holds_up_no_events(desk: Desk) -> None:
    petition, _ = await desk.replied()
    await told_on_topic(desk, "housing")
    dispatch, nobodys = desk.district.dispatch, "x" * 250  # longer than a topic's name may be
    fed = "INSERT INTO own.department_feed (department, number, aggregate_id, sequence) VALUES ($1, 1, $2, 1)"
    await dispatch.execute(fed, nobodys, petition)
    await dispatch.execute("INSERT INTO own.department_outbox (department, number) VALUES ($1, 1)", nobodys)
    try:
        other, _ = await desk.replied()

        async def published() -> bool:
            return not await dispatch.fetch("SELECT 1 FROM own.outbox")

        await eventually(published)
        topic = catalogue.petition_topic(Source.DISPATCH, desk.district.prefix)
        assert other.encode() in {message.key for message in await fetch_all(desk.district, topic)}
    finally:
        for table in ("department_outbox", "department_feed"):
            await dispatch.execute(f"DELETE FROM own.{table} WHERE department = $1", nobodys)
    assert other in {event["subject"] for event in await told_on_topic(desk, "housing")}


async def test_a_withdrawn_petition_is_told_to_whose_order_it_was_and_to_nobody_before_it_is_assigned(
    desk: Desk,
) -> None:
    before = len(await told_on_topic(desk, "housing"))
    pending, order = await desk.readied()
    assert await desk.state(pending, "PENDING") == order
    assigned, order = await desk.readied()
    (await desk.do(p.ASSIGN, "street_committee", order, department="housing")).ok()
    for petition in (pending, assigned):
        await desk.intake.say(petition, PetitionWithdrawn(by=SYSTEM))
        await desk.state(petition, "CANCELLED")
    told = (await told_on_topic(desk, "housing"))[before:]
    assert about(told, pending) == []
    assert about(told, assigned)[3:] == [
        "work_order.cancelled",
        "clock.stopped ACKNOWLEDGEMENT",
        "clock.stopped HANDLING",
    ]


async def test_the_feed_of_another_department_is_null_and_the_supervisor_reads_all(desk: Desk) -> None:
    await desk.replied()
    await all_published(desk.district)
    foreign = desk.district.token("department", department="water")
    for token in (foreign, desk.district.token("street_committee"), None):
        shown = (await desk.district.ask(FEED, token=token, url=desk.url, department="housing")).ok()
        assert shown["department"] == {"feed": None}
    granted = desk.district.token("integrator", street=None, department="housing")
    for token in (granted, desk.district.token("district_supervisor")):
        shown = (await desk.district.ask(FEED, token=token, url=desk.url, department="housing")).ok()
        assert shown["department"]["feed"]["edges"]
    assert (await desk.district.ask(FEED, token=granted, url=desk.url, department="water")).ok()["department"] == {
        "feed": None
    }


async def test_a_cursor_of_another_department_or_from_ahead_is_refused(desk: Desk) -> None:
    await desk.replied()
    await all_published(desk.district)
    asks = {"token": desk.district.token("department", department="housing"), "url": desk.url, "department": "housing"}
    [edge] = (await desk.district.ask(FEED, first=1, **asks)).ok()["department"]["feed"]["edges"]
    supervisor = {"role": "district_supervisor", "url": desk.url, "department": "water"}
    assert (await desk.district.ask(FEED, behind=edge["cursor"], **supervisor)).codes == ["INVALID_INPUT"]
    ahead = cursor("housing", "999999")
    refused = (await desk.district.ask(FEED, behind=ahead, **asks)).errors[0]
    assert "ahead of this feed" in refused["message"]
    end = (await desk.district.ask(FEED, **asks)).ok()["department"]["feed"]["pageInfo"]["endCursor"]
    empty = (await desk.district.ask(FEED, behind=end, **asks)).ok()["department"]["feed"]
    assert empty == {"edges": [], "pageInfo": {"hasNextPage": False, "endCursor": end}}


async def test_a_page_of_feeds_costs_one_statement(desk: Desk) -> None:
    await desk.replied()
    many = "query { departments(first: 20) { edges { node { id feed(first: 5) { edges { node { type } } } } } } }"
    statements = desk.district.dispatch.statements
    statements.clear()
    shown = (await desk.district.ask(many, role="district_supervisor", url=desk.url)).ok()
    assert len(shown["departments"]["edges"]) > 1
    assert sum("department_feed.next" in statement for statement in statements) == 1


async def test_a_departments_topic_is_there_before_anybody_hears_of_the_department(desk: Desk) -> None:
    await all_published(desk.district)
    heard = (await desk.district.ask("{ departments(first: 100) { edges { node { id } } } }", url=desk.url)).ok()
    wanted = {
        catalogue.department_topic(edge["node"]["id"], desk.district.prefix) for edge in heard["departments"]["edges"]
    }
    there = {topic for topic in await topics(desk.district) if ".feed." in topic}
    assert wanted == there
