"""The HTTP door of a subgraph: token, request id, the body, `Read-After`, then Strawberry; each within its time."""

import asyncio
import json
from http import HTTPStatus
from typing import Any, Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.http import process_result
from strawberry.types import ExecutionResult

from services.kernel.db import UNREACHABLE, unavailable
from services.kernel.errors import InvalidInput, Refusal, Unauthenticated, Unavailable
from services.kernel.graphql import body, headers
from services.kernel.graphql.context import Context, Runtime

LONGEST_SECONDS: Final = 14.0
"""How long a request may take: a little less than the gateway waits, so that it hears the answer."""


class Endpoint:
    """The ASGI app of a subgraph's one address.

    :param longest: how many seconds a request may take, its body's arrival included.
    """

    def __init__(self, schema: Any, runtime: Runtime[Any], *, longest: float = LONGEST_SECONDS) -> None:
        self._schema = schema
        self._runtime = runtime
        self._longest = longest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; refusals at the door are GraphQL errors like all others."""
        request = Request(scope, receive)
        request_id = headers.request_id(request.headers)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        bound = asyncio.timeout(self._longest)
        try:
            async with bound:
                response = await self._answer(request, request_id)
        except Refusal as refusal:
            response = _refused(refusal)
        except UNREACHABLE:
            response = _refused(_too_long(self._longest) if bound.expired() else unavailable())
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request, request_id: str) -> Response:
        body.check_envelope(request)
        actor = await self._runtime.verifier.actor(request.headers.get("authorization"))
        asked = await body.read(request)
        await headers.wait(self._runtime, request.headers, actor)
        context: Context[Any] = Context(self._runtime, actor, request_id, headers.origin(request))
        result = await self._schema.execute(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
        )
        return _said(process_result(result), 400 if _never_began(result) else 200)


def _never_began(result: ExecutionResult) -> bool:
    """Tell whether the document or its variables were wrong: then HTTP says so too, as the gateway does."""
    return result.data is None and bool(result.errors) and not any(error.path for error in result.errors or ())


_STATUS: Final[dict[type[Refusal], int]] = {Unauthenticated: 401, Unavailable: 503, InvalidInput: 400}


def _too_long(seconds: float) -> Unavailable:
    return Unavailable(
        f"This took longer than {seconds:g} seconds and was broken off; repeat a mutation with the same idempotencyKey."
    )


def _refused(refusal: Refusal) -> Response:
    error = {"message": refusal.message, "extensions": refusal.extensions}
    status = refusal.status if isinstance(refusal, body.UnreadableRequest) else _STATUS.get(type(refusal), 200)
    allowed = {"Allow": "POST"} if status == HTTPStatus.METHOD_NOT_ALLOWED else None
    return _said({"data": None, "errors": [error]}, status, allowed)


def _said(answer: object, status: int, fields: dict[str, str] | None = None) -> Response:
    # What an error quotes may be half of a surrogate pair, which is no UTF-8: then it stays escaped, as JSON allows.
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")
    return Response(text, status, fields, "application/json")
