"""Petitions under way while faults strike: each goes its whole path, or one of the shorter ones, by real commands."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.client import PATIENCE, Client
from tests.support import people as p
from tests.support.district import eventually

_ORDERS: Final = "query($id: ID!) { petition(id: $id) { handling { workOrders { id state } } } }"
_CASE: Final = "query($id: ID!) { petition(id: $id) { evaluation { state } } }"


async def file(client: Client, within: float = PATIENCE) -> str:
    """File a petition and return its id."""
    done = await client.do(
        p.SUBMIT,
        "representative",
        within=within,
        words="二中批发巷下水道堵了，污水漫到门口。",
        channel="visit",
        community="community-73",
        estate="erzhong-lane",
    )
    return done["petitionId"]


async def accept(client: Client, petition: str) -> None:
    """Accept a petition that was filed."""
    await client.do(
        p.ACCEPT, "street_committee", petitionId=petition, title="二中批发巷下水道堵塞", category="drainage"
    )


async def screen(client: Client, petition: str) -> None:
    """Accept, listen, look and deliberate."""
    await accept(client, petition)
    await client.do(p.LISTEN, "representative", petitionId=petition, said="商户反映管道堵了三天")
    await client.do(p.LOOK, "community", petitionId=petition, findings="主管淤塞约十米")
    await client.do(p.DELIBERATE, "street_committee", petitionId=petition, outcome="由住建局疏通", participants=6)


async def hand_over(client: Client) -> str:
    """File, screen and hand over; return the petition's id."""
    petition = await file(client)
    await screen(client, petition)
    await client.do(p.HAND_OVER, "street_committee", petitionId=petition, request="请疏通主排水管并检查淤塞原因")
    return petition


async def reply(client: Client, petition: str) -> None:
    """Bring a petition that was handed over to its reply."""
    order = await until_ordered(client, petition)
    await client.do(p.ASSIGN, "street_committee", workOrderId=order, department="housing")
    await client.do(p.ACKNOWLEDGE, "department", workOrderId=order)
    await client.do(p.START, "department", workOrderId=order)
    await client.do(p.REPLY, "department", workOrderId=order, words="管道已疏通。", measures="高压疏通十米")


async def evaluate(client: Client, petition: str) -> None:
    """Visit a resident whose petition has a result, and close it."""
    await until_awaiting(client, petition)
    await client.do(
        p.VISIT,
        "representative",
        petitionId=petition,
        means="PHONE",
        reached=True,
        responded=True,
        solved=True,
        satisfied=True,
    )
    await client.do(p.CLOSE, "street_committee", petitionId=petition)


async def handled(client: Client) -> str:
    """Walk the whole path through all three services."""
    petition = await hand_over(client)
    await reply(client, petition)
    await evaluate(client, petition)
    return petition


async def solved_on_spot(client: Client) -> str:
    """Walk the path without a department."""
    petition = await file(client)
    await screen(client, petition)
    await client.do(p.ON_SPOT, "street_committee", petitionId=petition, measures="网格员当场疏通")
    await evaluate(client, petition)
    return petition


async def until_ordered(client: Client, petition: str, within: float = PATIENCE) -> str:
    """Wait until dispatch has opened the petition's work order, and return its id."""

    async def ordered() -> str | None:
        answer = await client.ask(_ORDERS, role="district_supervisor", within=within, id=petition)
        found: Any = (answer.data or {}).get("petition") or {}
        orders = (found.get("handling") or {}).get("workOrders") or []
        return orders[-1]["id"] if orders else None

    return await eventually(ordered, within)


async def until_awaiting(client: Client, petition: str, within: float = PATIENCE) -> None:
    """Wait until feedback has scheduled the petition's return visit."""

    async def awaiting() -> bool:
        answer = await client.ask(_CASE, role="representative", within=within, id=petition)
        found: Any = (answer.data or {}).get("petition") or {}
        return (found.get("evaluation") or {}).get("state") == "AWAITING_VISIT"

    await eventually(awaiting, within)


Path = Callable[[Client], Awaitable[str]]
PATHS: Final[tuple[Path, ...]] = (handled, solved_on_spot)


@dataclass
class Load:
    """Petitions that are under way."""

    client: Client
    finished: list[str] = field(default_factory=list)
    _ends: asyncio.Event = field(default_factory=asyncio.Event)

    async def more(self, commands: int, within: float = PATIENCE) -> None:
        """Wait until so many further commands have been acknowledged."""
        goal = len(self.client.ledger.acknowledged) + commands

        async def reached() -> bool:
            return len(self.client.ledger.acknowledged) >= goal

        await eventually(reached, within)

    async def one_after_another(self, paths: Iterator[Path]) -> None:
        """Begin a petition whenever the last is finished, until the load ends."""
        while not self._ends.is_set():
            self.finished.append(await next(paths)(self.client))

    def end(self) -> None:
        """Begin no further petition."""
        self._ends.set()


@asynccontextmanager
async def load(client: Client, *, workers: int = 2) -> AsyncGenerator[Load]:
    """Keep petitions under way while the block runs; at its end, finish those that were begun."""
    running = Load(client)
    paths: Iterator[Path] = itertools.cycle(PATHS)
    async with asyncio.TaskGroup() as people:
        for _ in range(workers):
            people.create_task(running.one_after_another(paths))
        try:
            yield running
        finally:
            running.end()
