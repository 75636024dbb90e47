"""Following something live, as clients do: over graphql-transport-ws, at the gateway or a service."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from tests.support.district import PATIENCE, District

TIMELINE: Final = """subscription($id: ID!, $after: String) { petitionTimeline(petitionId: $id, after: $after) {
  cursor entry { id service sequence type } } }"""
QUEUE: Final = """subscription($of: ID, $after: String) { departmentQueue(department: $of, after: $after) {
  cursor event { id type workOrder { id state } petition { id } } } }"""


@dataclass(frozen=True)
class Ended:
    """How it ended: `complete`, `error` with the errors' codes, or `closed` with the connection's."""

    how: str
    codes: list[Any] = field(default_factory=list[Any])


@dataclass
class Following:
    """One subscription on a connection of its own."""

    socket: aiohttp.ClientWebSocketResponse
    cursor: str | None = None

    async def message(self, within: float = PATIENCE) -> Any:
        """Return what is told next (the subscription's field), or how it ended."""
        async with asyncio.timeout(within):  # receive's own begins anew with every ping
            received = await self.socket.receive()
        if received.type is not aiohttp.WSMsgType.TEXT:
            return Ended("closed", [self.socket.close_code])
        message = received.json()
        payload = message.get("payload")
        if message["type"] != "next":
            return Ended(message["type"], [one["extensions"]["code"] for one in payload or ()])
        if errors := payload.get("errors"):
            return Ended("error", [one["extensions"]["code"] for one in errors])
        (told,) = payload["data"].values()
        self.cursor = told["cursor"]
        return told

    async def take(self, number: int) -> list[dict[str, Any]]:
        """Return so many that are told next."""
        told = [await self.message() for _ in range(number)]
        assert not [one for one in told if isinstance(one, Ended)], told
        return told

    async def until(self, type_: str) -> list[dict[str, Any]]:
        """Return what is told up to the first event of a type."""
        told: list[dict[str, Any]] = []
        while not told or (told[-1].get("entry") or told[-1].get("event") or {}).get("type") != type_:
            told += await self.take(1)
        return told

    async def end(self) -> Ended:
        """Return how it ends, passing over what is told before."""
        while not isinstance(message := await self.message(), Ended):
            pass
        return message


@asynccontextmanager
async def following(
    district: District,
    document: str,
    *,
    role: str | None = None,
    token: str | None = None,
    url: str | None = None,
    read_after: str | None = None,
    **variables: Any,
) -> AsyncGenerator[Following]:
    """Subscribe, at the gateway or at `url`."""
    token = token or (district.token(role) if role else None)
    params = {"Authorization": f"Bearer {token}"} if token else {}
    if read_after:
        params["Read-After"] = read_after
    async with district.session.ws_connect(url or district.url, protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json({"type": "connection_init", "payload": params})
        async with asyncio.timeout(PATIENCE):
            first = await socket.receive()
        if first.type is aiohttp.WSMsgType.TEXT:
            assert first.json()["type"] == "connection_ack"
            body = {"query": document, "variables": variables}
            await socket.send_json({"id": "1", "type": "subscribe", "payload": body})
        yield Following(socket)
