"""The views: one query over three services, at a cost that does not grow; desks; rates; reading one's own write."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

import pytest

from tests.support.district import District
from tests.support.people import Filed, People

PAGE = """query($first: Int!) { petitions(states: [READY], first: $first) { edges { node {
  id trackingCode state title community { name } category { name } deadlines { kind }
  handling { asOf cycle workOrders { id state department { name } } deadlines { kind dueAt } }
  stage evaluation { asOf state visits { solved } deadlines { kind } }
  timeline(first: 50) { edges { node { type label } } } } } } }"""


@pytest.fixture
def people(through_train: District) -> People:
    return People(through_train)


@pytest.fixture(scope="module")
async def many(through_train: District) -> list[Filed]:
    """Twenty petitions with replies, known everywhere."""
    people = People(through_train)
    done: list[tuple[Filed, str, str]] = []
    for _ in range(5):
        done += await asyncio.gather(*(people.replied() for _ in range(4)))
    query = "query($id: ID!) { petition(id: $id) { evaluation { state } } }"
    for filed, _, position in done:
        (await through_train.ask(query, role="street_committee", after=position, id=filed.id)).ok()
    return [filed for filed, _, _ in done]


def _names(statements: list[str]) -> list[str]:
    """Return the names of the statements that requests sent (background jobs are left out)."""
    named = [s.strip().splitlines()[0].removeprefix("-- ") for s in statements]
    background = (
        "scheduler.",
        "relay.",
        "inbox.",
        "reference.",
        "figures.",
        "department_feed.",
        "BEGIN",
        "COMMIT",
        "SELECT pg_",
    )
    return [n for n in named if not n.startswith(background)]


async def _cost(district: District, first: int) -> dict[str, list[str]]:
    starts = {name: len(service.statements) for name, service in district.services.items()}
    answer = await district.ask(PAGE, role="street_committee", first=first)
    assert len(answer.ok()["petitions"]["edges"]) == first
    return {name: _names(s.statements[starts[name] :]) for name, s in district.services.items()}


async def test_a_page_of_twenty_costs_no_more_statements_than_a_page_of_two(people: People, many: list[Filed]) -> None:
    assert len(many) == 20
    small, large = await _cost(people.district, 2), await _cost(people.district, 20)
    assert large == small
    assert {name: len(sent) for name, sent in large.items()} == {"intake": 1, "dispatch": 1, "feedback": 2}


async def test_a_mutation_is_two_trips(people: People) -> None:
    filed = await people.file("representative")
    service = people.district.intake
    start = len(service.statements)
    (await people.accept(filed)).ok()
    sent = [s.strip().splitlines()[0] for s in service.statements[start:]]
    own = [s for s in sent if s.startswith(("BEGIN", "COMMIT", "-- petitions", "-- mutation"))]
    assert [s.split(":")[0] for s in own] == ["-- petitions.lock_unlocked", "-- petitions.save"]


async def test_one_writes_and_reads_it_everywhere_at_once(people: People) -> None:
    query = """query($id: ID!) { petition(id: $id) { handling { asOf workOrders { state } } evaluation { asOf } } }"""
    for _ in range(5):
        filed, handed = await people.handed_over()
        shown = (await people.district.ask(query, role="street_committee", after=handed, id=filed.id)).ok()["petition"]
        assert [o["state"] for o in shown["handling"]["workOrders"]] == ["PENDING"]
        assert "intake:" in shown["handling"]["asOf"]


async def test_a_malformed_position_is_said_so(people: People) -> None:
    answer = await people.district.ask("{ me { roles } }", role="street_committee", after="not a position!")
    assert answer.refused("INVALID_INPUT")["field"] == "Read-After"


async def test_a_position_that_never_comes_is_waited_for_two_seconds_at_most(people: People, many: list[Filed]) -> None:

    future = base64.urlsafe_b64encode(f"intake:{many[0].id}:9999".encode()).decode().rstrip("=")
    query = "query($id: ID!) { petition(id: $id) { handling { asOf } } }"
    answer = await people.district.ask(query, role="street_committee", after=future, id=many[0].id)
    assert "intake:9999" not in answer.ok()["petition"]["handling"]["asOf"]


async def test_every_desk_shows_its_own(people: People, many: list[Filed]) -> None:
    desks = """{ petitionsToAccept(first: 5) { edges { node { state } } }
      petitionsToScreen(first: 5) { edges { node { state } } }
      workOrders(states: [REPLIED], first: 5) { edges { node { state petition { id title } } } }
      workOrdersToAssign(first: 5) { edges { node { state } } }
      returnVisitsDue(first: 5) { edges { node { state petition { id title } } } }
      casesToClose(first: 5) { edges { node { state } } }
      ledger(first: 5) { edges { node { state } } } }"""
    await people.file()
    shown = (await people.district.ask(desks, role="street_committee")).ok()
    assert {e["node"]["state"] for e in shown["petitionsToAccept"]["edges"]} == {"SUBMITTED"}
    assert len(shown["workOrders"]["edges"]) == 5
    assert {e["node"]["petition"]["title"] for e in shown["workOrders"]["edges"]} == {"二中批发巷下水道堵塞"}
    assert {e["node"]["state"] for e in shown["returnVisitsDue"]["edges"]} == {"AWAITING_VISIT"}
    elsewhere = people.district.token("street_committee", street="dewu")
    empty = (await people.district.ask(desks, token=elsewhere)).ok()
    assert all(connection["edges"] == [] for connection in empty.values())


async def test_a_departments_queue_is_its_own_and_by_due_date(people: People, many: list[Filed]) -> None:
    filed, handed = await people.handed_over()
    order = await people.assigned(filed, after=handed)
    queue = """query($before: DateTime) { departmentWorkOrders(dueBefore: $before, first: 100) {
        edges { node { id state department { id } deadlines { kind dueAt } } } } }"""

    async def ids(before: timedelta, role: str = "department", **claims: Any) -> set[str]:
        until = (people.district.time.now + before).isoformat()
        token = people.district.token(role, **claims)
        answer = await people.district.ask(queue, token=token, before=until)
        return {edge["node"]["id"] for edge in answer.ok()["departmentWorkOrders"]["edges"]}

    assert order in await ids(timedelta(days=3))
    assert order not in await ids(timedelta(hours=1))
    assert await ids(timedelta(days=3), department="transport") == set()


async def test_rates_say_numerator_denominator_and_not_reached(people: People) -> None:
    rates = """query($from: Date!, $to: Date!, $street: ID, $department: ID) {
      rates(from: $from, to: $to, street: $street, department: $department) {
        responded { numerator denominator notReached } solved { numerator denominator notReached }
        satisfied { numerator denominator notReached } } }"""
    people.district.time.advance(days=30)
    day = (people.district.time.now + timedelta(hours=8)).date().isoformat()

    async def seen(role: str, after: str | None = None, **filters: Any) -> dict[str, Any]:
        variables = {"from": day, "to": day, **filters}
        return (await people.district.ask(rates, role=role, after=after, **variables)).ok()["rates"]

    for solved, satisfied in ((True, True), (True, False), (False, False)):
        filed, _, position = await people.replied()
        (await people.visit(filed, after=position, solved=solved, satisfied=satisfied)).ok()
    for filters in (
        {},
        {"street": "huangtupo"},
        {"department": "housing"},
        {"street": "huangtupo", "department": "housing"},
    ):
        shown = await seen("district_leader", **filters)
        assert shown == {
            "responded": {"numerator": 3, "denominator": 3, "notReached": 0},
            "solved": {"numerator": 2, "denominator": 3, "notReached": 0},
            "satisfied": {"numerator": 1, "denominator": 3, "notReached": 0},
        }
    assert (await seen("district_leader", street="dewu"))["solved"]["denominator"] == 0
    too_long = {"from": "2025-01-01", "to": "2026-12-31"}
    (await people.district.ask(rates, role="district_leader", **too_long)).refused("INVALID_INPUT")
    (await people.district.ask(rates, role="operator", **{"from": day, "to": day})).refused("FORBIDDEN")


async def test_labels_speak_both_languages(people: People, many: list[Filed]) -> None:
    query = """query($id: ID!) { petition(id: $id) {
      zh: stateLabel en: stateLabel(locale: "en") stageZh: stageLabel stageEn: stageLabel(locale: "en")
      handling { workOrders { zh: stateLabel en: stateLabel(locale: "en") } } evaluation { zh: stateLabel } } }"""
    shown = (await people.district.ask(query, role="street_committee", id=many[0].id)).ok()["petition"]
    assert (shown["zh"], shown["en"]) == ("已转办", "Handed over")
    assert (shown["stageZh"], shown["stageEn"]) == ("民评", "People evaluate")
    assert shown["handling"]["workOrders"] == [{"zh": "已答复", "en": "Replied"}]
    assert shown["evaluation"]["zh"] == "待回访"


async def test_the_gateway_answers_by_tracking_code_as_by_id(people: People, many: list[Filed]) -> None:
    query = "query($code: String!) { petition(trackingCode: $code) { id handling { cycle } stage } }"
    shown = (await people.district.ask(query, role="street_committee", code=many[0].code)).ok()["petition"]
    assert shown == {"id": many[0].id, "handling": {"cycle": 1}, "stage": "EVALUATE"}
