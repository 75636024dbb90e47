"""Case 1 of the report, played through the gateway: a blocked sewer, from a resident's words to a closed case.

Every step says who acts, what they do, and what each of the three services now knows. It needs a running system
(`make run`) and the development issuer's keys.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
from rich.console import Console
from rich.markup import escape

from services.contracts.vocabulary import Role
from services.kernel.auth.development import sign
from services.kernel.calendar import SHANGHAI

_console: Final = Console(highlight=False, soft_wrap=True)

_PICTURE: Final = """
query Picture($id: ID!) {
  petition(id: $id) {
    trackingCode stateLabel deadlines { label dueAt }
    handling { workOrders { stateLabel department { name } } deadlines { label dueAt } }
    stageLabel
    evaluation { stateLabel deadlines { label dueAt } }
  }
}"""

_WHOLE: Final = """
query Whole($id: ID!) {
  petition(id: $id) {
    title stateLabel stageLabel
    handling { workOrders { state reply { words measures } department { name } } }
    evaluation { stateLabel visits { reached responded solved satisfied } }
    timeline(first: 100) { edges { node { at service label stageLabel byRole } } }
  }
}"""


def _in_shanghai(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(SHANGHAI).strftime("%m-%d %H:%M")


class DemoError(Exception):
    """The system answered otherwise than it should."""


@dataclass
class Player:
    """Plays people: sends their requests, and reads everything after what was last written."""

    url: str
    keys: Path
    session: aiohttp.ClientSession
    positions: list[str] = field(default_factory=list)
    step: int = 0

    def token(self, role: Role) -> str:
        """Return the token of a role's demo user."""
        return sign(self.keys, role)

    async def ask(self, document: str, token: str | None, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request.

        :raises DemoError: it was refused, or answered in part.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if self.positions:
            headers["Read-After"] = self.positions[-1]
        body = {"query": document, "variables": dict(variables)}
        async with self.session.post(self.url, json=body, headers=headers) as response:
            answer = await response.json()
        if answer.get("errors"):
            raise DemoError("; ".join(str(error["message"]) for error in answer["errors"]))
        return answer["data"]

    async def act(
        self, who: str, says: str, mutation: str, given: Mapping[str, Any], *, token: str | None, selection: str
    ) -> dict[str, Any]:
        """Do one mutation and say who did what."""
        self.step += 1
        input_type = mutation[0].upper() + mutation[1:] + "Input"
        document = f"mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ {selection} position }} }}"
        done = await self.ask(document, token, {"input": {**given, "idempotencyKey": str(uuid4())}})
        self.positions.append(done[mutation]["position"])
        _console.print(f"\n[bold]{self.step:2}. {escape(who)}[/bold]: {escape(says)}  [dim]{mutation}[/dim]")
        return done[mutation]

    async def picture(self, petition: str) -> None:
        """Print what each service knows now."""
        shown = (await self.ask(_PICTURE, self.token(Role.STREET_COMMITTEE), {"id": petition}))["petition"]
        handling, evaluation = shown["handling"], shown["evaluation"]
        orders = [
            f"{order['stateLabel']} {order['department']['name'] if order['department'] else ''}".strip()
            for order in (handling["workOrders"] if handling else ())
        ]
        rows = (
            ("intake", shown["stateLabel"], shown["deadlines"]),
            ("dispatch", " | ".join(orders) or "–", handling["deadlines"] if handling else ()),
            (
                "feedback",
                f"{shown['stageLabel']}  {evaluation['stateLabel'] if evaluation else ''}".strip(),
                evaluation["deadlines"] if evaluation else (),
            ),
        )
        for service, state, deadlines in rows:
            due = "  ".join(f"⏱ {d['label']} {_in_shanghai(d['dueAt'])}" for d in deadlines)
            _console.print(f"      {service:9} {escape(state)}  [cyan]{escape(due)}[/cyan]")


async def _intake(player: Player) -> tuple[str, dict[str, Any]]:
    """Play acceptance and screening; return the petition's id and what opens it."""
    representative, committee = player.token(Role.REPRESENTATIVE), player.token(Role.STREET_COMMITTEE)
    filed = await player.act(
        "Representative Hui Bi (惠碧)",
        "records on a visit: the sewer in Erzhong wholesale lane is blocked",
        "submitPetition",
        {
            "words": "二中批发巷下水道堵了三天，污水漫到铺面门口。我叫王小明，电话13800138000。",
            "channel": "through-train",
            "community": "community-73",
            "estate": "erzhong-lane",
            "contact": {"name": "王小明", "phone": "13800138000"},
        },
        token=representative,
        selection="petitionId trackingCode secret",
    )
    petition = filed["petitionId"]
    _console.print(f"      tracking code {filed['trackingCode']}, secret {filed['secret']}")
    await player.picture(petition)
    steps: list[tuple[str, str, str, dict[str, Any], str]] = [
        (
            "Street committee of Huangtupo (黄土坡)",
            "takes it on under a title of its own",
            "acceptPetition",
            {"title": "二中批发巷下水道堵塞", "category": "drainage", "extent": "COMMUNITY"},
            committee,
        ),
        (
            "Representative Hui Bi",
            "LISTEN 听: hears the shopkeepers out",
            "listenToPetition",
            {"said": "商户反映管道堵塞三天，影响经营"},
            representative,
        ),
        (
            "Community 73 (七十三社区)",
            "LOOK 看: finds the place silted up",
            "lookAtPetition",
            {"findings": "主管约十米淤塞，检查井破损一处"},
            player.token(Role.COMMUNITY),
        ),
        (
            "Street committee",
            "DELIBERATE 议: six people weigh it",
            "deliberateOnPetition",
            {"outcome": "情况属实，建议由住建部门疏通并更换井盖", "participants": 6},
            committee,
        ),
        (
            "Street committee",
            "HANDLE 办: hands it over (转办), class ORDINARY",
            "handOverPetition",
            {"request": "请疏通二中批发巷主排水管，更换破损检查井，并答复商户", "deadlineClass": "ORDINARY"},
            committee,
        ),
    ]
    for who, says, mutation, given, token in steps:
        await player.act(
            who, says, mutation, {"petitionId": petition, **given}, token=token, selection="petition { id }"
        )
        await player.picture(petition)
    return petition, filed


async def _dispatch(player: Player, petition: str) -> None:
    """Play assignment and handling."""
    committee, department = player.token(Role.STREET_COMMITTEE), player.token(Role.DEPARTMENT)
    query = """query($id: ID!) { petition(id: $id) { handling { workOrders {
        id suggestion { explanation department { id name } } } } } }"""
    [order] = (await player.ask(query, committee, {"id": petition}))["petition"]["handling"]["workOrders"]
    suggested = order["suggestion"]["department"]
    _console.print(f"      routing: {escape(order['suggestion']['explanation'])}")
    steps: list[tuple[str, str, str, dict[str, Any], str]] = [
        (
            "Street committee",
            f"assigns it (交办) to {suggested['name']}",
            "assignWorkOrder",
            {"department": suggested["id"]},
            committee,
        ),
        ("The department", "acknowledges (签收)", "acknowledgeWorkOrder", {}, department),
        ("The department", "starts work", "startWorkOrder", {}, department),
        (
            "The department",
            "replies in plain words",
            "replyToWorkOrder",
            {"words": "管道已疏通，破损井盖已更换，现排水正常。", "measures": "高压疏通十米，更换检查井盖一处"},
            department,
        ),
    ]
    for who, says, mutation, given, token in steps:
        await player.act(
            who, says, mutation, {"workOrderId": order["id"], **given}, token=token, selection="workOrder { id }"
        )
        await player.picture(petition)


async def _feedback(player: Player, petition: str, filed: Mapping[str, Any]) -> None:
    """Play the return visit and closing, and look at the whole as the resident does."""
    await player.act(
        "Representative Hui Bi",
        "visits the shopkeeper: contacted, solved, satisfied",
        "recordVisit",
        {
            "petitionId": petition,
            "means": "IN_PERSON",
            "reached": True,
            "responded": True,
            "solved": True,
            "satisfied": True,
            "comment": "商户表示满意",
        },
        token=player.token(Role.REPRESENTATIVE),
        selection="petition { id }",
    )
    await player.picture(petition)
    await player.act(
        "Street committee",
        "closes it (办结)",
        "closePetition",
        {"petitionId": petition},
        token=player.token(Role.STREET_COMMITTEE),
        selection="petition { id }",
    )
    await player.picture(petition)
    opening = "mutation($input: OpenPetitionInput!) { openPetition(input: $input) { token } }"
    given = {"trackingCode": filed["trackingCode"], "secret": filed["secret"]}
    token = (await player.ask(opening, None, {"input": given}))["openPetition"]["token"]
    whole = (await player.ask(_WHOLE, token, {"id": petition}))["petition"]
    _console.print("\n[bold]What the resident sees with code and secret[/bold]")
    for edge in whole["timeline"]["edges"]:
        entry = edge["node"]
        _console.print(
            f"      {_in_shanghai(entry['at'])}  {entry['stageLabel']}  {entry['label']}"
            f"  [dim]{entry['service'].lower()}[/dim]"
        )
    [order] = whole["handling"]["workOrders"]
    _console.print(f"      答复 {escape(order['reply']['words'])}")


async def play(url: str, keys: Path) -> None:
    """Play the case.

    :raises DemoError: the system answered otherwise than it should.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        player = Player(url, keys, session)
        _console.print("\n[bold]Case 1: a blocked sewer in Erzhong wholesale lane (二中批发巷)[/bold]")
        petition, filed = await _intake(player)
        await _dispatch(player, petition)
        await _feedback(player, petition, filed)
        _console.print(f'\n  see it again: query {{ petition(id: "{petition}") {{ … }} }} at {url}\n')


def main() -> None:
    """Play the case against the system that the environment names."""
    url = os.environ.get("THROUGH_TRAIN_GATEWAY_URL", "http://127.0.0.1:4000/graphql")
    keys = Path(os.environ.get("THROUGH_TRAIN_KEYS_FOLDER", ".data/keys"))
    try:
        asyncio.run(play(url, keys))
    except aiohttp.ClientError:
        sys.exit(f"Nothing answers at {url}: start the system with `make run` first.")
    except DemoError as error:
        sys.exit(f"The demo stopped: {error}")


if __name__ == "__main__":
    main()
