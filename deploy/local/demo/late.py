"""The case of a petition that nobody takes up: a reminder, three levels, the board, and the supervisor's instruction.

The domain's time runs faster while everybody waits; the services go the same ways as ever.
"""

import asyncio
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rich.markup import escape

from deploy.local.demo.player import DemoError, Player, Step, console, in_shanghai
from services.contracts.vocabulary import Role
from services.kernel.domain_clock import DomainClock, set_pace

_WAIT_FOR: Final = 40.0
"""Seconds that the whole escalation takes when no speed is given."""

_LONGEST: Final = 300.0
_LOOK_EVERY: Final = 0.2

_ORDER: Final = """
query Order($id: ID!) { petition(id: $id) { handling { workOrders {
  id suggestion { department { id name } }
} } } }"""

_CLOCK: Final = """
query Clock($id: ID!) { petition(id: $id) { handling { deadlines {
  kind label reminded level dueAt ledger { at move note dueAt }
  explanation { text levelThreeAt }
} } } }"""

_TOLD: Final = """
query Told($id: ID!) { petition(id: $id) { timeline(first: 100) { edges { node { at service type label } } } } }"""

_BOARD: Final = """
query Board { lateClocks(levels: [3], first: 5) { edges { node {
  label level dueAt lateForWorkingDays responsibleLabel department { name } tellsLabels petition { title trackingCode }
} } } }"""

_LEVELS: Final[Mapping[int, str]] = {
    1: "level 1 (一级督办): the department's head hears of it",
    2: "level 2 (二级督办): the street's leader hears of it",
    3: "level 3 (三级督办): the district supervisor, the district's leader and the board",
}


async def _screened(player: Player) -> str:
    representative, committee = player.token(Role.REPRESENTATIVE), player.token(Role.STREET_COMMITTEE)
    filed = await player.act(
        "Representative Hui Bi (惠碧)",
        "records: the street lamps in the lane are out",
        "submitPetition",
        {"words": "二中批发巷路灯坏了一周，晚上没人敢走。", "channel": "visit", "community": "community-73"},
        token=representative,
        selection="petitionId",
    )
    petition: str = filed["petitionId"]
    steps: list[Step] = [
        (
            "Street committee of Huangtupo (黄土坡)",
            "takes it on",
            "acceptPetition",
            {"title": "二中批发巷路灯不亮", "category": "municipal", "extent": "STREET"},
            committee,
        ),
        ("Representative", "LISTEN 听", "listenToPetition", {"said": "居民反映路灯一周不亮"}, representative),
        (
            "Community 73 (七十三社区)",
            "LOOK 看",
            "lookAtPetition",
            {"findings": "五盏路灯不亮"},
            player.token(Role.COMMUNITY),
        ),
        (
            "Street committee",
            "DELIBERATE 议",
            "deliberateOnPetition",
            {"outcome": "应修复", "participants": 4},
            committee,
        ),
        (
            "Street committee",
            "HANDLE 办: hands it over (转办)",
            "handOverPetition",
            {"request": "请修复二中批发巷五盏路灯", "deadlineClass": "ORDINARY"},
            committee,
        ),
    ]
    await player.act_on({"petitionId": petition}, steps, selection="petition { id }")
    return petition


async def _assigned(player: Player, petition: str) -> str:
    committee = player.token(Role.STREET_COMMITTEE)
    [order] = (await player.ask(_ORDER, committee, {"id": petition}))["petition"]["handling"]["workOrders"]
    step: Step = ("Street committee", "assigns it (交办) to the housing bureau", "assignWorkOrder", {}, committee)
    about = {"workOrderId": order["id"], "department": "housing", "reason": "路灯由住建部门负责"}
    await player.act_on(about, [step], selection="workOrder { id }", petition=petition)
    return order["id"]


async def _clock(player: Player, petition: str) -> dict[str, Any]:
    answer = await player.ask(_CLOCK, player.token(Role.DISTRICT_SUPERVISOR), {"id": petition})
    deadlines = answer["petition"]["handling"]["deadlines"]
    return next(it for it in deadlines if it["kind"] == "ACKNOWLEDGEMENT")


async def _escalated(player: Player, petition: str, clock: DomainClock, speed: float) -> None:
    """Tell each thing that happens to the clock until level 3.

    :raises DemoError: it does not happen in twice the time that it should take.
    """
    told = len((await _clock(player, petition))["ledger"])
    until = asyncio.get_running_loop().time() + 2 * _LONGEST
    while True:
        shown = await _clock(player, petition)
        for entry in shown["ledger"][told:]:
            reminder = entry["move"] == "REMINDED"
            says = "a reminder (80 %)" if reminder else _LEVELS[int(entry["note"].removeprefix("level "))]
            console.print(f"      {in_shanghai(entry['at'])}  [yellow]⏰ {escape(says)}[/yellow]")
        told = len(shown["ledger"])
        if shown["level"] == max(_LEVELS):
            return
        if asyncio.get_running_loop().time() > until:
            raise DemoError(
                f"level 3 was not reached at {speed:.0f} times real time; it is {clock():%Y-%m-%d %H:%M} UTC"
            )
        await asyncio.sleep(_LOOK_EVERY)


def _speed(clock: DomainClock, third: datetime) -> float:
    """Return the speed that was asked for, or one at which level 3 is reached in less than a minute.

    :raises DemoError: it is no number, or would take too long.
    """
    left = max((third - clock()).total_seconds(), 1.0)
    given = os.environ.get("SPEED", "")
    try:
        speed = float(given) if given else left / _WAIT_FOR
    except ValueError:
        speed = 0.0
    if not left / _LONGEST <= speed <= left * 10:
        raise DemoError(
            f"SPEED={given} will not do: level 3 is {left / 86400:.1f} days away. Give {left / _LONGEST:.0f} or more "
            f"(which takes {_LONGEST / 60:.0f} minutes), {left / _WAIT_FOR:.0f} for {_WAIT_FOR:.0f} seconds, or none."
        )
    return speed


async def play(player: Player) -> None:
    """Play the case.

    :raises DemoError: the system answered otherwise than it should, or its time cannot be sped up from here.
    """
    named = os.environ.get("THROUGH_TRAIN_DOMAIN_CLOCK")
    if not named:
        raise DemoError("THROUGH_TRAIN_DOMAIN_CLOCK must name the file of the running system's domain clock.")
    file = Path(named)
    clock = DomainClock(file)
    console.print("\n[bold]A petition that nobody takes up: reminder, levels 1 to 3, the board[/bold]")
    petition = await _screened(player)
    order = await _assigned(player, petition)
    shown = await _clock(player, petition)
    console.print(f"\n[bold]The clock explains itself[/bold] ({escape(shown['label'])})")
    for line in shown["explanation"]["text"].splitlines():
        console.print(f"      {escape(line)}")
    speed = _speed(clock, datetime.fromisoformat(shown["explanation"]["levelThreeAt"]))
    console.print(f"\n[bold]Nobody acknowledges it.[/bold] The domain's time now runs {speed:,.0f} times faster.")
    set_pace(file, speed, lasting=timedelta(seconds=3 * _LONGEST))
    try:
        await _escalated(player, petition, clock, speed)
    finally:
        set_pace(file, 1)
    await _pressed(player, petition, order)
    console.print(
        f"\n  It is {in_shanghai(clock().isoformat())} in the domain now, and time goes on from there like real time; "
        "`make clean-data` begins anew.\n"
    )


async def _board(player: Player) -> None:
    board = await player.ask(_BOARD, player.token(Role.DISTRICT_SUPERVISOR), {})
    console.print("\n[bold]The supervisor's board, level 3[/bold]")
    for edge in board["lateClocks"]["edges"]:
        late = edge["node"]
        whom = late["department"]["name"] if late["department"] else late["responsibleLabel"]
        what = f"{late['petition']['trackingCode']} {late['petition']['title']}: {late['label']}"
        late_for = f"{late['lateForWorkingDays']:.1f} working days late; told: {'、'.join(late['tellsLabels'])}"
        console.print(f"      {escape(what)}  [yellow]{escape(whom)}[/yellow]  {escape(late_for)}")


async def _pressed(player: Player, petition: str, order: str) -> None:
    supervisor, department = player.token(Role.DISTRICT_SUPERVISOR), player.token(Role.DEPARTMENT)
    await _board(player)
    pressed = await player.act(
        "District supervisor (区人大常委会督办)",
        "presses by hand (督办), with an instruction that must be answered",
        "pressPetition",
        {"petitionId": petition, "instruction": "请于两个工作日内签收并说明延误原因。"},
        token=supervisor,
        selection="instruction { id }",
    )
    about = {"workOrderId": order}
    step: Step = (
        "The housing bureau",
        "acknowledges at last (签收): the clock stops",
        "acknowledgeWorkOrder",
        {},
        department,
    )
    await player.act_on(about, [step], selection="workOrder { id }")
    answer: Step = (
        "The housing bureau",
        "answers the instruction",
        "answerInstruction",
        {"words": "因人员调整漏收，已签收，明日进场维修。"},
        department,
    )
    await player.act_on({"instructionId": pressed["instruction"]["id"]}, [answer], selection="instruction { id }")
    await player.picture(petition)
    told = await player.ask(_TOLD, supervisor, {"id": petition})
    console.print("\n[bold]What the record says of its clocks[/bold]")
    for edge in told["petition"]["timeline"]["edges"]:
        entry = edge["node"]
        if entry["service"] == "DISPATCH" and entry["type"].split(".")[0] in {"clock", "petition"}:
            console.print(f"      {in_shanghai(entry['at'])}  {escape(entry['label'])}  [dim]{entry['type']}[/dim]")
