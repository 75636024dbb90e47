"""Live views through faults: who resumes by the cursor, at whichever replica, misses nothing and is told nothing twice.

Two replicas of everything; a follower goes to the gateways in turn, and so to the replicas behind them.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import aiohttp
import pytest

from deploy.local.postgres import SERVICES
from tests.faults.check import nothing_lost
from tests.faults.client import Client
from tests.faults.installation import Installation
from tests.faults.load import evaluate, file, hand_over, reply, screen
from tests.support import people as p
from tests.support.district import eventually
from tests.support.following import QUEUE, TIMELINE

pytestmark = [pytest.mark.serial, pytest.mark.system]

_OWN: Final = "SELECT event_id FROM own.event WHERE aggregate_id = $1"
_CONCERNED: Final = """
SELECT event_id FROM own.event WHERE $1 IN (data ->> 'department', data ->> 'relieved')
  AND type LIKE ANY ('{work_order.%,petition.pressed}')
UNION SELECT event_id FROM own.event WHERE lead = $1 AND type IN (
    'work_order.started', 'work_order.information_requested', 'work_order.resumed', 'work_order.referred_for_ruling',
    'petition.instruction_answered')
UNION SELECT event_id FROM own.event WHERE COALESCE(data ->> 'department', lead) = $1 AND type LIKE 'clock.%'
  AND data ->> 'kind' IN ('ACKNOWLEDGEMENT', 'HANDLING', 'INFORMATION', 'INSTRUCTION')"""
_NUMBERS: Final = "SELECT number FROM own.department_feed WHERE department = $1 ORDER BY number"


@dataclass
class Follower:
    """Follows one thing through any fault: after every break it goes on behind its cursor, at the next gateway."""

    installation: Installation
    document: str
    role: str
    variables: dict[str, Any]
    told: list[dict[str, Any]] = field(default_factory=list)
    breaks: Counter[str] = field(default_factory=Counter)
    cursor: str | None = None

    async def follow(self) -> None:
        """Follow until cancelled."""
        async with aiohttp.ClientSession() as session:
            for turn in itertools.count():
                urls = self.installation.urls()
                with suppress(aiohttp.ClientError, TimeoutError, OSError):
                    async with session.ws_connect(urls[turn % len(urls)], protocols=["graphql-transport-ws"]) as socket:
                        await self._listen(socket)
                await asyncio.sleep(0.1)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        token = self.installation.token(self.role)
        await socket.send_json({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        body = {"query": self.document, "variables": {**self.variables, "after": self.cursor}}
        async for message in socket:
            said = message.json()
            match said["type"]:
                case "connection_ack":
                    await socket.send_json({"id": "1", "type": "subscribe", "payload": body})
                case "next" if not said["payload"].get("errors"):
                    (update,) = said["payload"]["data"].values()
                    self.cursor = update["cursor"]
                    event = update.get("entry") or update.get("event")
                    self.told += [event] if event else []
                case "next":
                    self.breaks.update(one["extensions"]["code"] for one in said["payload"]["errors"])
                    return
                case other:
                    self.breaks.update([other])
                    return

    @property
    def ids(self) -> list[UUID]:
        """What was told, by its id, in its order."""
        return [UUID(one["id"]) for one in self.told]


@asynccontextmanager
async def following(*followers: Follower) -> AsyncGenerator[None]:
    """Let them follow while the block runs."""
    tasks = [asyncio.create_task(one.follow()) for one in followers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def story(installation: Installation, petition: str) -> Follower:
    return Follower(installation, TIMELINE, "street_committee", {"id": petition})


async def everything(installation: Installation, petition: str) -> set[UUID]:
    """Return all events of a petition, as the services have recorded them."""
    rows = [row for service in SERVICES for row in await installation.fetch(service, _OWN, UUID(petition))]
    return {row["event_id"] for row in rows}


async def test_nothing_is_missed_or_told_twice_while_replicas_are_killed_and_started(client: Client) -> None:
    installation = client.installation
    known = {row["event_id"] for row in await installation.fetch("dispatch", _CONCERNED, "housing")}
    queues = [Follower(installation, QUEUE, "department", {}) for _ in range(2)]
    petitions = await asyncio.gather(*(file(client) for _ in range(4)))
    stories = [story(installation, petition) for petition in petitions for _ in range(2)]
    async with following(*queues, *stories):
        await eventually(_begun(queues))
        first, second = installation.of("feedback")
        await asyncio.gather(*(screen(client, petition) for petition in petitions))
        await first.kill()
        await asyncio.gather(*(_handed_over(client, petition) for petition in petitions))
        await first.start()
        relay: Any = await eventually(lambda: installation.active_relay("dispatch"))
        replies = asyncio.gather(*(reply(client, petition) for petition in petitions))
        await relay.kill()
        await second.stop()
        await relay.start()
        await replies
        await second.start()
        await installation.terminate("feedback")
        await asyncio.gather(*(evaluate(client, petition) for petition in petitions))
        for petition, follower in zip([one for one in petitions for _ in range(2)], stories, strict=True):
            await eventually(_told(installation, follower, petition), within=60)
        for follower in queues:
            await eventually(_queue_told(installation, follower, known), within=60)
    for follower in (*stories, *queues):
        assert len(follower.ids) == len(set(follower.ids)), "told twice"
    for follower in stories:
        for service in SERVICES:
            sequences = [one["sequence"] for one in follower.told if one["service"] == service]
            assert sequences == sorted(sequences)
    assert queues[0].ids == queues[1].ids
    numbers = [row["number"] for row in await installation.fetch("dispatch", _NUMBERS, "housing")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert sum((follower.breaks for follower in stories), Counter[str]())["UNAVAILABLE"]  # they were broken off
    await nothing_lost(client)


async def test_while_the_broker_is_away_a_queue_waits_and_then_misses_nothing(client: Client) -> None:
    installation = client.installation
    known = {row["event_id"] for row in await installation.fetch("dispatch", _CONCERNED, "housing")}
    queue = Follower(installation, QUEUE, "department", {})
    petition = await hand_over(client)
    async with following(queue):
        await eventually(_begun([queue]))
        await reply(client, petition)
        await installation.stop_broker()
        order = await client.ask(
            "query($id: ID!) { petition(id: $id) { handling { workOrders { id } } } }",
            role="street_committee",
            id=petition,
        )
        (sent_back,) = order.ok()["petition"]["handling"]["workOrders"]
        back: dict[str, Any] = {"workOrderId": sent_back["id"], "ground": "INCOMPLETE", "reason": "请说明井盖"}
        await client.do(p.SEND_BACK, "street_committee", **back)
        await installation.start_broker()
        await eventually(_queue_told(installation, queue, known), within=60)
    assert len(queue.ids) == len(set(queue.ids))
    assert "work_order.reply_returned" in [one["type"] for one in queue.told]
    await nothing_lost(client)


async def _handed_over(client: Client, petition: str) -> None:
    await client.do(p.HAND_OVER, "street_committee", petitionId=petition, request="请疏通主排水管并检查淤塞原因")


def _begun(followers: list[Follower]) -> Any:
    async def begun() -> bool:
        return all(follower.cursor is not None for follower in followers)

    return begun


def _told(installation: Installation, follower: Follower, petition: str) -> Any:
    async def told() -> bool:
        return set(follower.ids) == await everything(installation, petition)

    return told


def _queue_told(installation: Installation, follower: Follower, known: set[UUID]) -> Any:
    async def told() -> bool:
        rows = await installation.fetch("dispatch", _CONCERNED, "housing")
        return set(follower.ids) == {row["event_id"] for row in rows} - known

    return told
