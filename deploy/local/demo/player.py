"""Playing people against a running system: their requests, and what each service knows after them."""

from collections.abc import Mapping, Sequence
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

console: Final = Console(highlight=False, soft_wrap=True)

_PICTURE: Final = """
query Picture($id: ID!) {
  petition(id: $id) {
    trackingCode stateLabel deadlines { label dueAt }
    handling { workOrders { stateLabel department { name } } deadlines { label dueAt } }
    stageLabel
    evaluation { stateLabel deadlines { label dueAt } }
  }
}"""

Step = tuple[str, str, str, Mapping[str, Any], str]
"""Who acts, what they do in words, the mutation, its input beside the id, and the token."""


def in_shanghai(instant: str) -> str:
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
        console.print(f"\n[bold]{self.step:2}. {escape(who)}[/bold]: {escape(says)}  [dim]{mutation}[/dim]")
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
            due = "  ".join(f"⏱ {d['label']} {in_shanghai(d['dueAt'])}" for d in deadlines)
            console.print(f"      {service:9} {escape(state)}  [cyan]{escape(due)}[/cyan]")

    async def act_on(
        self, about: Mapping[str, str], steps: Sequence[Step], *, selection: str, petition: str | None = None
    ) -> None:
        """Do several acts on one petition or work order, with a picture after each if a petition is given."""
        for who, says, mutation, given, token in steps:
            await self.act(who, says, mutation, {**about, **given}, token=token, selection=selection)
            if petition is not None:
                await self.picture(petition)
