"""The WebSocket door of a subgraph (graphql-transport-ws): subscriptions, for as long as the token counts.

Strawberry speaks the protocol. Nothing waits in memory for a client that does not read: what it follows is read from
the database when it can take more, and the server's pings end the connection of one that has gone silent.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, cast

import structlog
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message, SubscribeMessage
from strawberry.types.unset import UNSET, UnsetType

from services.kernel.access import ANYONE
from services.kernel.db import UNREACHABLE, describe
from services.kernel.errors import InvalidInput, RateLimited, Refusal, Unauthenticated, Unavailable
from services.kernel.graphql import body, headers
from services.kernel.graphql.context import Context, Runtime

log = structlog.get_logger()

LARGEST_MESSAGE: Final = body.LARGEST
MOST_SUBSCRIPTIONS: Final = 20
_INTRODUCTION: Final = timedelta(seconds=10)
_LOOK_SECONDS: Final = 5.0
"""How often it is asked whether a connection's token still counts: its key may be withdrawn at any time."""
_TYPES: Final = ("connection_init", "ping", "pong", "subscribe", "complete")
_INVALID, _FORBIDDEN, _TRY_AGAIN = 4400, 4403, 1013


@dataclass(slots=True)
class Connected(Context[Any]):
    """One connection: its context, what opened it, and the task that ends it with its token."""

    connection_params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    socket: WebSocket | None = None
    watch: asyncio.Task[None] | None = None


class _Adapter(ASGIWebSocketAdapter):
    """A socket that may have been closed already, by the token's end or from afar."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        if self.ws.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnected
        await super().send_json(message)

    async def close(self, code: int, reason: str) -> None:
        if self.ws.application_state is WebSocketState.CONNECTED:
            await super().close(code, reason)


class _Handler(BaseGraphQLTransportWSHandler[Connected, None]):
    """The protocol, for clients that may say anything."""

    async def handle_message(self, message: Message) -> None:
        if not isinstance(cast(object, message), dict) or not isinstance(message.get("id", ""), str):
            await self.handle_invalid_message("A message must be an object, and its id a string")
            return
        if message.get("type") not in _TYPES:
            await self.handle_invalid_message(f"The type of a message is one of {', '.join(_TYPES)}")
            return
        await super().handle_message(message)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        try:
            body.asked_in(message.get("payload"))
            if len(self.operations) >= MOST_SUBSCRIPTIONS:
                raise RateLimited(f"At most {MOST_SUBSCRIPTIONS} operations run on one connection; end one first.")
        except Refusal as refusal:
            error: Any = {"message": refusal.message, "extensions": refusal.extensions}
            await self.send_message({"id": message["id"], "type": "error", "payload": [error]})
            return
        await super().handle_subscribe(message)

    async def handle_task_exception(self, error: Exception) -> None:
        if not isinstance(error, WebSocketDisconnected):
            log.error("subscription failed", error=describe(error))


class Sockets(GraphQL[Connected, None]):
    """The ASGI app of a subgraph's one address, for WebSockets."""

    websocket_adapter_class = _Adapter
    graphql_transport_ws_handler_class = _Handler

    def __init__(self, schema: Any, runtime: Runtime[Any]) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=_INTRODUCTION,
            max_subscriptions_per_connection=None,  # counted by the handler, in our own words
        )
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection to its end."""
        socket = WebSocket(scope, receive, send)
        context = Connected(self._runtime, ANYONE, headers.request_id({}), headers.origin(socket), socket=socket)
        structlog.contextvars.bind_contextvars(request_id=context.request_id)
        try:
            await self.run(socket, context)
        finally:
            if context.watch is not None:
                context.watch.cancel()

    def decode_json(self, data: str | bytes) -> object:
        """Decode a message as strictly as a body."""
        try:
            return body.parsed(data.encode() if isinstance(data, str) else data)
        except (body.UnreadableRequest, UnicodeEncodeError):
            raise json.JSONDecodeError("not JSON that means one thing", "", 0) from None

    async def on_ws_connect(self, context: Connected) -> UnsetType:
        """Let a client in that says who it is, and that this may be relied on.

        :raises ConnectionRejectionError: it may not; the connection is closed.
        """
        said = {k.lower(): v for k, v in context.connection_params.items() if isinstance(v, str)}
        context.request_id = headers.request_id(said)
        context.origin = headers.told_origin(said) or context.origin
        structlog.contextvars.bind_contextvars(request_id=context.request_id)
        try:
            session = await self._runtime.verifier.session(said.get("authorization"))
            await headers.wait(self._runtime, said, session.actor)
        except (Refusal, *UNREACHABLE) as refusal:
            await _turn_away(context, refusal)
            raise ConnectionRejectionError from None
        context.actor = session.actor
        if session.until is not None:
            context.watch = asyncio.create_task(self._watch(context, said.get("authorization"), session.until))
        return UNSET

    async def _watch(self, context: Connected, authorization: str | None, until: float) -> None:
        """End the connection with its token: when that has expired, or its key has been withdrawn."""
        try:
            while True:
                await asyncio.sleep(min(_LOOK_SECONDS, max(0.0, until - time.time())))
                until = (await self._runtime.verifier.session(authorization)).until or until
        except Exception as error:  # whatever it is: nobody watches over the connection any more
            await _turn_away(context, error)


async def _turn_away(context: Connected, refusal: Exception) -> None:
    code, reason = _TRY_AGAIN, "try again later"
    if isinstance(refusal, Unauthenticated):
        code, reason = _FORBIDDEN, "the token is refused, or has expired"
    elif isinstance(refusal, InvalidInput):
        code, reason = _INVALID, f"{refusal.extensions['field']} is not right"
    elif not isinstance(refusal, (Unavailable, *UNREACHABLE)):
        log.error("connection turned away", error=describe(refusal))
    socket = context.socket
    if socket is not None and socket.application_state is WebSocketState.CONNECTED:
        with suppress(RuntimeError):  # it was closed from afar meanwhile
            await socket.close(code, reason)
