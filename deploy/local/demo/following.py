"""Following a petition live, as any client can: over graphql-transport-ws at the gateway, going on after a break."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final, cast

import aiohttp
import msgspec

from deploy.local.demo.errors import DemoError
from deploy.local.demo.story import FOLLOW, Update

_PATIENCE: Final = 30.0
_AGAIN_AFTER: Final = 0.2
_PASSING: Final = frozenset({"UNAVAILABLE", "RATE_LIMITED", "INTERNAL"})


class BrokenOff(Exception):
    """The connection ended; the story goes on behind the last cursor."""


async def follow(
    session: aiohttp.ClientSession, url: str, sent: Callable[[], dict[str, str]], petition: str
) -> AsyncGenerator[Update]:
    """Yield a petition's story from its beginning, each entry once, through any number of broken connections.

    :param sent: returns what takes the place of headers when a connection is opened: who one is, what one has written.

    :raises DemoError: it was refused, or could not be taken up again for half a minute.
    """
    cursor: str | None = None
    loop = asyncio.get_running_loop()
    away_since: float | None = None
    while True:
        try:
            async with aclosing(_connected(session, url, sent(), petition, cursor)) as updates:
                async for update in updates:
                    away_since = None
                    if update is not None:
                        cursor = update.cursor
                        yield update
        except (BrokenOff, aiohttp.ClientError, TimeoutError) as error:
            away_since = loop.time() if away_since is None else away_since
            if loop.time() - away_since > _PATIENCE:
                raise DemoError(f"the live view broke off and could not be taken up again ({error})") from error
        await asyncio.sleep(_AGAIN_AFTER)


async def _connected(
    session: aiohttp.ClientSession, url: str, sent: dict[str, str], petition: str, cursor: str | None
) -> AsyncGenerator[Update | None]:
    """Yield None once the connection stands, and then the updates."""
    async with session.ws_connect(url, protocols=["graphql-transport-ws"], heartbeat=20) as socket:
        await socket.send_json({"type": "connection_init", "payload": sent})
        if (await _message(socket))["type"] != "connection_ack":
            raise BrokenOff("the connection was not acknowledged")
        yield None
        asked = {"query": FOLLOW, "variables": {"id": petition, "after": cursor}}
        await socket.send_json({"id": "1", "type": "subscribe", "payload": asked})
        while True:
            message = await _message(socket)
            if message["type"] == "ping":
                await socket.send_json({"type": "pong"})
            elif message["type"] == "next":
                yield _update(message["payload"])
            elif message["type"] in {"error", "complete"}:
                raise _refusal(message.get("payload") or ())


def _update(payload: dict[str, Any]) -> Update:
    """Read an update; a service that is away leaves its part of the petition out, which is no end."""
    data: dict[str, Any] = payload.get("data") or {}
    if not data.get("petitionTimeline"):
        raise _refusal(payload.get("errors") or ())
    return msgspec.convert(data["petitionTimeline"], Update)


def _refusal(errors: Any) -> Exception:
    listed = cast("list[dict[str, Any]]", list(errors))
    codes = {str(error.get("extensions", {}).get("code")) for error in listed}
    said = "; ".join(str(error.get("message")) for error in listed) or "it ended"
    return BrokenOff(said) if codes <= _PASSING else DemoError(f"the live view was refused: {said}")


async def _message(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    received = await socket.receive()
    if received.type is not aiohttp.WSMsgType.TEXT:
        raise BrokenOff(f"the connection was closed with {socket.close_code}")
    return received.json()
