"""Every kind of clock: reminded once, pressed once a level, or acted upon once; nobody waits unseen."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from services.contracts.vocabulary import ClockKind
from services.kernel.clocks import ACTS_WHEN_DUE
from tests.support import people as p
from tests.support.district import District, RunningService, eventually
from tests.support.people import Filed, People

K = ClockKind
Made = Callable[[People], Awaitable[Filed]]


@pytest.fixture
def people(through_train: District) -> People:
    return People(through_train)


async def filed(people: People) -> Filed:
    return await people.file("representative")


async def accepted(people: People) -> Filed:
    petition = await people.file("representative")
    (await people.accept(petition)).ok()
    return petition


async def handed_over(people: People) -> Filed:
    petition, handed = await people.handed_over()
    await people.order(petition, handed)
    return petition


async def assigned(people: People) -> Filed:
    petition, handed = await people.handed_over()
    await people.assigned(petition, after=handed)
    return petition


async def in_progress(people: People) -> Filed:
    petition, handed = await people.handed_over()
    await people.in_progress(petition, after=handed)
    return petition


async def declined_twice(people: People) -> Filed:
    petition, handed = await people.handed_over()
    order = await people.assigned(petition, after=handed)
    given = {"workOrderId": order, "ground": "NOT_OURS", "reason": "非本单位职责"}
    (await people.do(p.DECLINE_ORDER, "department", **given)).ok()
    (await people.do(p.ASSIGN, "street_committee", workOrderId=order, department="water")).ok()
    water = people.district.token("department", department="water")
    (await people.do(p.DECLINE_ORDER, token=water, **given)).ok()
    return petition


async def asked(people: People) -> Filed:
    petition, handed = await people.handed_over()
    order = await people.in_progress(petition, after=handed)
    (await people.do(p.ASK, "department", workOrderId=order, question="在几号铺面？")).ok()
    return petition


async def replied(people: People) -> Filed:
    petition, _, position = await people.replied()
    query = "query($id: ID!) { petition(id: $id) { evaluation { state } } }"
    (await people.district.ask(query, role="street_committee", after=position, id=petition.id)).ok()
    return petition


async def visited(people: People) -> Filed:
    petition = await replied(people)
    (await people.visit(petition, solved=True, satisfied=True)).ok()
    return petition


async def ledger_proposed(people: People) -> Filed:
    petition = await replied(people)
    (await people.visit(petition, solved=False, satisfied=False, ledgerProposed=True)).ok()
    return petition


async def ledgered(people: People) -> Filed:
    petition = await ledger_proposed(people)
    review = (people.district.time.now + timedelta(days=60)).date().isoformat()
    given = {"department": "housing", "ground": "NO_FUNDS", "reason": "需列入明年预算", "reviewOn": review}
    (await people.do(p.APPROVE_LEDGER, "street_committee", petitionId=petition.id, **given)).ok()
    return petition


async def _pressed(people: People, petition: Filed) -> Filed:
    given = {"petitionId": petition.id, "instruction": "说明情况"}

    async def heard() -> bool:
        return not (await people.do(p.PRESS, "district_supervisor", **given)).errors

    await eventually(heard)
    return petition


async def pressed(people: People) -> Filed:
    return await _pressed(people, await assigned(people))


async def pressed_before_anybody_took_it(people: People) -> Filed:
    return await _pressed(people, await filed(people))


CASES: Final[dict[str, tuple[ClockKind, Made, str | None]]] = {
    "acceptance": (K.ACCEPTANCE, filed, None),
    "screening": (K.SCREENING, accepted, None),
    "assignment": (K.ASSIGNMENT, handed_over, None),
    "acknowledgement": (K.ACKNOWLEDGEMENT, assigned, None),
    "handling": (K.HANDLING, in_progress, None),
    "ruling": (K.RULING, declined_twice, None),
    "information": (K.INFORMATION, asked, "work_order.resumed"),
    "return visit": (K.RETURN_VISIT, replied, None),
    "closing": (K.CLOSING, visited, "petition.closed"),
    "ledger approval": (K.LEDGER_APPROVAL, ledger_proposed, "petition.reopened"),
    "ledger review": (K.LEDGER_REVIEW, ledgered, "visit.scheduled"),
    "instruction": (K.INSTRUCTION, pressed, None),
    "instruction, unassigned": (K.INSTRUCTION, pressed_before_anybody_took_it, None),
}
"""Each kind of clock: how a petition comes to have one that runs, and what the product does when it is due."""


def test_no_kind_is_left_out() -> None:
    assert {kind for kind, _, _ in CASES.values()} == set(ClockKind)
    assert {kind for kind, _, act in CASES.values() if act} == ACTS_WHEN_DUE


async def _ticks(service: RunningService) -> None:
    """Wait until the scheduler has looked twice more: once to begin with what is due now, once having gone through."""

    def looked() -> int:
        return sum("scheduler.due" in statement for statement in service.statements)

    before = looked()

    async def again() -> bool:
        return looked() >= before + 3

    await eventually(again)


RUNNING = "SELECT clock_id, fires_at, level FROM own.clock WHERE petition_id = $1 AND kind = $2 AND state = 'RUNNING'"
SAID = """SELECT type, data ->> 'level' AS level, data -> 'tells' AS tells FROM own.event
  WHERE aggregate_id = $1 AND data ->> 'clockId' = $2 ORDER BY sequence"""
TOLD = (
    "SELECT type FROM view.event WHERE petition_id = $1 AND source = $2 AND data ->> 'clockId' = $3 ORDER BY sequence"
)
FIRED = "SELECT level FROM own.clock_firing WHERE petition_id = $1 AND clock_id = $2 ORDER BY level"


@pytest.mark.parametrize("name", CASES)
async def test_each_level_is_one_event(people: People, name: str) -> None:
    kind, made, act = CASES[name]
    petition = await made(people)
    time = people.district.time
    [(service, clock)] = [
        (service, row)
        for service in people.district.services.values()
        for row in await service.fetch(RUNNING, petition.id, kind)
    ]
    acts = (await service.acts(petition.id)).count(act or "")
    for level in range(1, 3 if act else 5):
        [now] = await service.fetch(RUNNING, petition.id, kind)
        time.now = max(time.now, now["fires_at"])

        async def reached(level: int = level) -> bool:
            return len(await service.fetch(FIRED, petition.id, clock["clock_id"])) == level

        await eventually(reached)
    time.advance(days=30)
    await _ticks(service)
    said = await service.fetch(SAID, petition.id, str(clock["clock_id"]))
    types = [one["type"] for one in said if one["type"] in {"clock.reminded", "clock.escalated"}]
    if act:
        assert types == ["clock.reminded"]
        assert [one["type"] for one in said].count("clock.stopped") == 1
        assert (await service.acts(petition.id)).count(act) == acts + 1
    else:
        assert types == ["clock.reminded", *["clock.escalated"] * 3]
        levels = [one for one in said if one["type"] == "clock.escalated"]
        assert [one["level"] for one in levels] == ["1", "2", "3"]
        assert all(one["tells"] for one in levels)
    fired = [row["level"] for row in await service.fetch(FIRED, petition.id, clock["clock_id"])]
    assert fired == ([1, 2] if act else [1, 2, 3, 4])
    if service is not people.district.feedback:
        source: Any = service.wiring.source

        async def told() -> bool:
            rows = await people.district.feedback.fetch(TOLD, petition.id, source, str(clock["clock_id"]))
            return [row["type"] for row in rows] == [one["type"] for one in said]

        await eventually(told)
