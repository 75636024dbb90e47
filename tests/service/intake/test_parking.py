"""What an operator sees of events that are held up, and does about them, at a running service."""

import asyncio
import os
import sys
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog

from services.contracts.dispatch import WorkOrderAcknowledged, WorkOrderStarted
from services.contracts.event import Who
from services.contracts.vocabulary import Role, Source
from services.intake.app import WIRING
from services.kernel.pulse import Pulse
from services.kernel.scheduler import Scheduler
from tests.support.district import Answer, District, eventually
from tests.support.publish import Voice

BY = Who(role=Role.DEPARTMENT, subject="someone")
FIELDS = "petitionId source sequence type reason detail topic partition offset"
LIST = f"""query($reason: ParkedReason, $first: Int!, $behind: String) {{
  intakeParked(reason: $reason, first: $first, after: $behind) {{
    nodes {{ {FIELDS} }} pageInfo {{ hasNextPage endCursor }} }}
}}"""
REPLAY = f"""mutation($input: ReplayParkedInput!) {{
  replayIntakeParked(input: $input) {{ applied parked {{ {FIELDS} }} }} }}"""
DISCARD = f"""mutation($input: DiscardParkedInput!) {{
  discardIntakeParked(input: $input) {{ applied parked {{ {FIELDS} }} }} }}"""
DISCARDED = "{ intakeDiscarded(first: 100) { nodes { petitionId source sequence type error by because } } }"


async def ask(district: District, document: str, role: str = "operator", **variables: Any) -> Answer:
    return await district.ask(document, role=role, url=district.intake.url, **variables)


async def hold_up(district: District, kind: str = "order.new") -> str:
    """Publish an event of an unknown type about a petition, and one behind it; return the petition."""
    petition, voice = str(uuid4()), Voice(district, Source.DISPATCH)
    order = uuid4()
    await voice.say(petition, WorkOrderAcknowledged(by=BY, work_order_id=order, department="housing"), type=kind)
    await voice.say(petition, WorkOrderStarted(by=BY, work_order_id=order))

    async def both() -> bool:
        query = "SELECT 1 FROM own.parked WHERE aggregate_id = $1"
        return len(await district.intake.fetch(query, UUID(petition))) == 2

    await eventually(both)
    return petition


async def parked(district: District, petition: str) -> list[dict[str, Any]]:
    answer = await ask(district, LIST, first=100)
    return [node for node in answer.ok()["intakeParked"]["nodes"] if node["petitionId"] == petition]


async def test_the_operator_sees_what_is_held_up_and_why(intake_alone: District) -> None:
    petition = await hold_up(intake_alone)
    bad, behind = await parked(intake_alone, petition)
    assert (bad["source"], bad["sequence"], bad["type"], bad["reason"]) == ("DISPATCH", 1, "order.new", "POISON")
    assert bad["detail"] == "UnknownEventError: dispatch has no event 'order.new'"
    assert bad["topic"].endswith("petition.dispatch.v1")
    assert (behind["sequence"], behind["reason"], behind["detail"]) == (2, "WAITING", "behind sequence 1")


async def test_pages_go_through_all_that_is_held_up(intake_alone: District) -> None:
    expected = {await hold_up(intake_alone) for _ in range(3)}
    for reason, each in ((None, 2), ("POISON", 1)):
        found, after = list[str](), None
        while True:
            page = (await ask(intake_alone, LIST, first=2, behind=after, reason=reason)).ok()["intakeParked"]
            found += [node["petitionId"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert {p: found.count(p) for p in expected} == dict.fromkeys(expected, each)


async def test_a_replay_says_what_is_still_wrong(intake_alone: District) -> None:
    petition = await hold_up(intake_alone)
    outcome = (await ask(intake_alone, REPLAY, input={"petitionId": petition, "because": "a new version"})).ok()[
        "replayIntakeParked"
    ]
    assert outcome["applied"] == 0
    assert [node["reason"] for node in outcome["parked"]] == ["POISON", "WAITING"]
    (await ask(intake_alone, REPLAY, input={"petitionId": str(uuid4()), "because": "?"})).refused("NOT_FOUND")


async def test_a_discard_keeps_who_and_why(intake_alone: District) -> None:
    petition = await hold_up(intake_alone)
    given = {
        "petitionId": petition,
        "source": "DISPATCH",
        "sequence": 1,
        "because": "sent by a newer version by mistake",
    }
    for applied in (1, 0):
        outcome = (await ask(intake_alone, DISCARD, input=given)).ok()["discardIntakeParked"]
        assert outcome == {"applied": applied, "parked": []}
    nodes = (await ask(intake_alone, DISCARDED)).ok()["intakeDiscarded"]["nodes"]
    [kept] = [node for node in nodes if node["petitionId"] == petition]
    assert kept["because"] == given["because"]
    assert kept["by"].startswith("operator:")
    assert (kept["type"], kept["error"]) == ("order.new", "UnknownEventError: dispatch has no event 'order.new'")


@pytest.mark.parametrize(
    ("wrong", "field"), [({"because": " "}, "because"), ({"sequence": 2}, "sequence"), ({"source": "INTAKE"}, "source")]
)
async def test_a_discard_that_cannot_be_right_changes_nothing(
    intake_alone: District, wrong: dict[str, Any], field: str
) -> None:
    petition = await hold_up(intake_alone)
    given = {"petitionId": petition, "source": "DISPATCH", "sequence": 1, "because": "a reason", **wrong}
    assert (await ask(intake_alone, DISCARD, input=given)).refused("INVALID_INPUT")["field"] == field
    assert len(await parked(intake_alone, petition)) == 2


@pytest.mark.parametrize(
    "role", [role.value for role in Role if role not in {Role.OPERATOR, Role.ANYONE, Role.RESIDENT, Role.SYSTEM}]
)
async def test_nobody_but_the_operator_sees_or_moves_them(intake_alone: District, role: str) -> None:
    petition = str(uuid4())
    discard = {"petitionId": petition, "source": "DISPATCH", "sequence": 1, "because": "a reason"}
    for document, variables in (
        (LIST, {"first": 1}),
        (DISCARDED, {}),
        (REPLAY, {"input": {"petitionId": petition, "because": "a reason"}}),
        (DISCARD, {"input": discard}),
    ):
        (await ask(intake_alone, document, role, **variables)).refused("FORBIDDEN")


async def command(district: District, *arguments: str) -> tuple[int, str]:
    url = district.intake.settings.database_url.get_secret_value()
    environment = {**os.environ, "THROUGH_TRAIN_DATABASE_URL": url}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.intake", "parked", *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_the_command_line_does_the_same(intake_alone: District) -> None:
    petition = await hold_up(intake_alone)
    signed = ("--by", "li", "--because", "a mistake")
    code, said = await command(intake_alone, "list", "--reason", "poison")
    assert code == 0
    [line] = [line for line in said.splitlines() if petition in line]
    assert "UnknownEventError: dispatch has no event 'order.new'" in line
    code, said = await command(intake_alone, "replay", petition, *signed)
    assert (code, said.splitlines()) == (
        0,
        [
            "0 applied, 2 still parked",
            "  dispatch:1 order.new POISON UnknownEventError: dispatch has no event 'order.new'",
            "  dispatch:2 work_order.started WAITING behind sequence 1",
        ],
    )
    discard = ("discard", petition, "dispatch", "1", *signed)
    assert await command(intake_alone, *discard) == (0, "1 applied, 0 still parked\n")
    code, said = await command(intake_alone, "replay", petition, *signed)
    assert (code, "A parked event of this petition is unknown here" in said) == (1, True)


async def test_what_came_from_outside_is_no_markup_of_the_lists(intake_alone: District) -> None:
    petition = await hold_up(intake_alone, "order.x[/red]")
    code, said = await command(intake_alone, "list")
    assert code == 0
    assert any(petition in line and "order.x[/red]" in line for line in said.splitlines())


async def test_what_is_held_up_is_said_until_somebody_acts(intake_alone: District) -> None:
    await hold_up(intake_alone)
    runtime = intake_alone.intake.runtime
    assert runtime is not None
    scheduler = Scheduler(
        Source.INTAKE,
        runtime.database,
        WIRING.clocks,
        references=runtime.references,
        now=intake_alone.time,
        poll=1,
        committed=Pulse(),
    )
    with structlog.testing.capture_logs() as said:
        await scheduler.alarm()
    [poison] = [line for line in said if line.get("reason") == "POISON"]
    [(held_up,)] = [
        tuple(row.values())
        for row in await intake_alone.intake.fetch(
            "SELECT count(DISTINCT aggregate_id) FROM own.parked WHERE reason = 'POISON'"
        )
    ]
    assert (poison["log_level"], poison["petitions"]) == ("error", held_up)
