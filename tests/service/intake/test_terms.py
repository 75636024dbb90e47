"""Policies and calendar days on a running intake: recorded once, by the operator, for clocks to follow."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.contracts.vocabulary import Role
from services.intake.app import WIRING
from services.kernel.service import prepare
from tests.support.district import Answer, District, district, eventually
from tests.support.people import People
from tests.support.servers import Servers

POLICY = """mutation($input: RecordDeadlinePolicyInput!) { recordDeadlinePolicy(input: $input) {
  policy { version effectiveFrom inForce reminderPercent limits { kind deadlineClass amount unit } } } }"""
DAYS = "mutation($input: RecordCalendarDaysInput!) { recordCalendarDays(input: $input) { changed } }"
POLICIES = '{ deadlinePolicies { version inForce name(locale: "en") } }'
CALENDAR = """query($first: Date!, $last: Date!) { workingCalendar(first: $first, last: $last) {
  day working recorded published name } }"""
DEADLINES = """query($id: ID!) { petition(id: $id) { deadlines { kind dueAt state policyVersion warning
  ledger { move dueAt note } explanation { text(locale: "en") steps { kind amount dueAt restDays } levelOneAt } } } }"""


@pytest.fixture
async def intake(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[District]:
    """Intake alone on a database of its own, since what is recorded here concerns all petitions."""
    async with district(servers, {"intake": WIRING}, folder=tmp_path_factory.mktemp("terms"), gateway=False) as world:
        yield world


async def ask(world: District, document: str, role: str = "operator", **variables: Any) -> Answer:
    return await world.ask(document, role=role, url=world.intake.url, **variables)


async def deadline(world: District, petition: str) -> dict[str, Any]:
    answer = await ask(world, DEADLINES, "street_committee", id=petition)
    [found] = answer.ok()["petition"]["deadlines"]
    return found


async def test_a_policy_is_in_force_from_its_instant_on(intake: District) -> None:
    people = People(intake, intake.intake.url)
    effective = intake.time() + timedelta(hours=2)
    given = {
        "effectiveFrom": effective.isoformat(),
        "limits": [{"kind": "ACCEPTANCE", "amount": 3, "unit": "WORKING_DAYS"}],
        "idempotencyKey": "policy-two",
    }
    for _ in range(2):
        done = (await ask(intake, POLICY, input=given)).ok()["recordDeadlinePolicy"]["policy"]
        assert (done["version"], done["inForce"], len(done["limits"])) == (2, False, 14)
    before = await people.file()
    intake.time.advance(hours=3)

    async def in_force() -> bool:
        listed = (await ask(intake, POLICIES, "representative")).ok()["deadlinePolicies"]
        return [(p["version"], p["inForce"]) for p in listed] == [(1, False), (2, True)]

    await eventually(in_force)
    after = await people.file()
    assert [(await deadline(intake, one.id))["policyVersion"] for one in (before, after)] == [1, 2]


async def test_two_who_record_at_once_get_a_version_each(intake: District) -> None:
    effective = (intake.time() + timedelta(days=1)).isoformat()
    answers = await asyncio.gather(
        *(ask(intake, POLICY, input={"effectiveFrom": effective, "reminderPercent": 70 + n}) for n in range(4))
    )
    versions = sorted(answer.ok()["recordDeadlinePolicy"]["policy"]["version"] for answer in answers)
    assert versions == [2, 3, 4, 5]


async def test_a_holiday_moves_running_clocks_and_the_ledger_says_so(intake: District) -> None:
    filed = await People(intake, intake.intake.url).file()
    was = await deadline(intake, filed.id)
    days = [{"day": "2026-11-25", "working": False, "nameZh": "临时停工", "nameEn": "Shutdown"}]
    assert (await ask(intake, DAYS, input={"days": days})).ok() == {"recordCalendarDays": {"changed": 1}}
    assert (await ask(intake, DAYS, input={"days": days})).ok() == {"recordCalendarDays": {"changed": 0}}

    async def moved() -> dict[str, Any] | None:
        now = await deadline(intake, filed.id)
        return now if now["dueAt"] != was["dueAt"] else None

    now = await eventually(moved)
    # Tuesday 10:00 plus one working day was Wednesday 10:00; Wednesday is off, so Thursday.
    assert (was["dueAt"][:13], now["dueAt"][:13]) == ("2026-11-25T02", "2026-11-26T02")
    assert now["ledger"][-1]["move"] == "MOVED"
    assert now["ledger"][-1]["note"] == "the calendar changed: 2026-11-25 not worked"
    assert now["explanation"]["steps"] == [
        {"kind": "LIMIT", "amount": 1.0, "dueAt": now["dueAt"], "restDays": ["2026-11-25"]}
    ]
    assert "1 day does not count: 2026-11-25" in now["explanation"]["text"]
    assert (await intake.intake.events(filed.id))[-1] == "clock.moved"
    # Taken back: the clock returns, and the ledger keeps both.
    days[0]["working"] = None  # type: ignore[assignment]
    (await ask(intake, DAYS, input={"days": days})).ok()

    async def back() -> bool:
        return (await deadline(intake, filed.id))["dueAt"] == was["dueAt"]

    await eventually(back)
    assert [e["move"] for e in (await deadline(intake, filed.id))["ledger"]] == ["STARTED", "MOVED", "MOVED"]
    assert (await intake.intake.events(filed.id)).count("clock.moved") == 2


async def test_a_year_is_published_once_its_holidays_are_recorded(intake: District) -> None:
    async def shown() -> list[dict[str, Any]]:
        answer = await ask(intake, CALENDAR, "representative", first="2027-01-01", last="2027-01-04")
        return answer.ok()["workingCalendar"]

    before = await shown()
    assert [(d["working"], d["published"]) for d in before] == [
        (True, False),
        (False, False),
        (False, False),
        (True, False),
    ]
    intake.time.advance(days=37)  # the last of December: what starts now is due in 2027
    filed = await People(intake, intake.intake.url).file()
    assert (await deadline(intake, filed.id))["warning"] is not None
    days: list[dict[str, Any]] = [{"day": "2027-01-01", "working": False, "nameZh": "元旦"}]
    days += [{"day": "2027-01-03", "working": True}]
    (await ask(intake, DAYS, input={"days": days})).ok()
    assert [d["published"] for d in await shown()] == [False] * 4
    spring_festival = [{"day": f"2027-02-{day:02}", "working": False, "nameZh": "春节"} for day in range(5, 15)]
    (await ask(intake, DAYS, input={"days": spring_festival})).ok()

    async def known() -> bool:
        return (await deadline(intake, filed.id))["warning"] is None

    await eventually(known)
    after = await shown()
    assert [(d["working"], d["recorded"], d["published"]) for d in after] == [
        (False, True, True),
        (False, False, True),
        (True, True, True),
        (True, False, True),
    ]
    assert after[0]["name"] == "元旦"


async def test_what_was_recorded_outlives_the_seed(intake: District) -> None:
    service = intake.intake
    renamed = """UPDATE own.reference SET entry = jsonb_set(entry, '{name,en}', '"Drains"'), sequence = sequence + 1
                 WHERE kind = 'category' AND id = 'drainage'"""
    await service.execute(renamed)
    await prepare(service.wiring, service.settings, now=intake.time)
    [row] = await service.fetch("SELECT entry ->> 'name' AS name FROM own.reference WHERE id = 'drainage'")
    assert "Drains" in row["name"]


@pytest.mark.parametrize(
    ("document", "wrong", "field"),
    [
        (POLICY, {"effectiveFrom": "2026-11-24T02:10:00Z", "reminderPercent": 70}, "effectiveFrom"),
        (POLICY, {"effectiveFrom": "2027-01-01T00:00:00Z"}, "limits"),
        (DAYS, {"days": []}, "days"),
        (DAYS, {"days": [{"day": "2026-11-23", "working": False}]}, "days"),
        (DAYS, {"days": [{"day": "2026-12-23", "working": False, "nameZh": "节" * 61}]}, "days.nameZh"),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    intake_alone: District, document: str, wrong: dict[str, Any], field: str
) -> None:
    async def version() -> list[dict[str, Any]]:
        return await intake_alone.intake.fetch("SELECT sum(sequence) AS s, count(*) AS n FROM own.reference")

    before = await version()
    assert (await ask(intake_alone, document, input=wrong)).refused("INVALID_INPUT")["field"] == field
    assert await version() == before


@pytest.mark.parametrize(
    "role", [r.value for r in Role if r not in {Role.OPERATOR, Role.ANYONE, Role.RESIDENT, Role.SYSTEM}]
)
async def test_only_the_operator_records(intake_alone: District, role: str) -> None:
    policy = {"effectiveFrom": "2027-01-01T00:00:00Z", "reminderPercent": 70}
    (await ask(intake_alone, POLICY, role, input=policy)).refused("FORBIDDEN")
    days = {"days": [{"day": "2026-12-23", "working": False}]}
    (await ask(intake_alone, DAYS, role, input=days)).refused("FORBIDDEN")
