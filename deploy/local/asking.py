"""Asking the gateway as a client does: queries and mutations by POST, subscriptions over a WebSocket."""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse


class NotAnsweringError(Exception):
    """Nothing answers where the gateway should be."""


@dataclass
class Asker:
    """Who asks, and where. `position` is where the last mutation stands: what is asked next knows of it."""

    url: str
    session: aiohttp.ClientSession
    token: str | None = None
    position: str | None = None

    def _headers(self) -> dict[str, str]:
        return {
            **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
            **({"Read-After": self.position} if self.position else {}),
        }

    async def ask(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Send a query or a mutation, and return the whole answer, errors included.

        :raises NotAnsweringError: nobody is there.
        """
        body = {"query": document, "variables": dict(variables)}
        try:
            async with self.session.post(self.url, json=body, headers=self._headers()) as response:
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotAnsweringError(f"Nothing that speaks GraphQL answers at {self.url}.") from error
        self._remember(answer)
        return answer

    def _remember(self, answer: Mapping[str, Any]) -> None:
        data: dict[str, Any] = answer.get("data") or {}
        for payload in data.values():
            position = cast(dict[str, Any], payload).get("position") if isinstance(payload, dict) else None
            self.position = position if isinstance(position, str) else self.position

    async def follow(self, document: str, variables: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """Subscribe, and yield each answer as it comes, errors included, until it ends.

        :raises NotAnsweringError: nobody is there.
        """
        try:
            async with self.session.ws_connect(self.url, protocols=["graphql-transport-ws"], heartbeat=20) as socket:
                await socket.send_json({"type": "connection_init", "payload": self._headers()})
                async for message in socket:
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        break
                    said = json.loads(message.data)
                    match said["type"]:
                        case "connection_ack":
                            body = {"query": document, "variables": dict(variables)}
                            await socket.send_json({"id": "1", "type": "subscribe", "payload": body})
                        case "next":
                            yield said["payload"]
                        case "error":
                            yield {"data": None, "errors": said["payload"]}
                            return
                        case "complete":
                            return
                        case "ping":
                            await socket.send_json({"type": "pong"})
                        case _:
                            pass
                yield {"data": None, "errors": [_closed(socket.close_code)]}
        except (aiohttp.ClientError, OSError) as error:
            raise NotAnsweringError(f"Nothing that speaks GraphQL answers at {self.url}.") from error


def _closed(code: int | None) -> dict[str, Any]:
    refused = code in (4401, 4403)
    return {
        "message": "The token is refused, or has expired." if refused else f"The connection was closed ({code}).",
        "extensions": {"code": "UNAUTHENTICATED" if refused else "UNAVAILABLE"},
    }


def is_subscription(document: str) -> bool:
    """Tell whether a document's operation is a subscription; what is no document is not."""
    try:
        definitions = parse(document).definitions
    except GraphQLError:
        return False
    return any(
        isinstance(one, OperationDefinitionNode) and one.operation is OperationType.SUBSCRIPTION for one in definitions
    )
