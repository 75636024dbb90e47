"""The HTTP door of a subgraph: token, request id, the body, `Read-After`, then Strawberry; each within its time."""

import asyncio
import json
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.http import process_result
from strawberry.types import ExecutionResult

from services.kernel import metrics, tracing
from services.kernel.db import UNREACHABLE, unavailable
from services.kernel.errors import InvalidInput, Refusal, Unauthenticated, Unavailable
from services.kernel.graphql import body, headers
from services.kernel.graphql.context import Context, Runtime
from services.kernel.graphql.documents import root_of

LONGEST_SECONDS: Final = 14.0
"""How long a request may take: a little less than the gateway waits, so that it hears the answer."""


@dataclass(slots=True)
class _Course:
    """What is counted of a request: its root field, and its outcome by code."""

    operation: str = "none"
    outcome: str = "BROKEN_OFF"


class Endpoint:
    """The ASGI app of a subgraph's one address.

    :param longest: how many seconds a request may take, its body's arrival included.
    """

    def __init__(self, schema: Any, runtime: Runtime[Any], *, longest: float = LONGEST_SECONDS) -> None:
        self._schema = schema
        self._runtime = runtime
        self._longest = longest
        roots = (schema._schema.query_type, schema._schema.mutation_type)
        self._roots = frozenset(name for root in roots if root is not None for name in root.fields)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; refusals at the door are GraphQL errors like all others."""
        request = Request(scope, receive)
        request_id = headers.request_id(request.headers)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        course, began = _Course(), time.perf_counter()
        with self._runtime.traces.request("none", request.headers.get(tracing.HEADER)) as span:
            try:
                response = await self._bounded(request, request_id, course)
            except ClientDisconnect:
                return
            except Exception:
                course.outcome = "INTERNAL"  # the server answers 500 and logs it
                raise
            finally:
                span.update_name(course.operation)
                span.set_attribute(tracing.CORRELATION, request_id)
                tracing.outcome(span, course.outcome, failed=course.outcome in _FAILURES)
                counted = metrics.REQUESTS.labels(self._runtime.source.value, course.operation, course.outcome)
                counted.observe(time.perf_counter() - began)
            await response(scope, receive, send)

    async def _bounded(self, request: Request, request_id: str, course: _Course) -> Response:
        bound = asyncio.timeout(self._longest)
        try:
            async with bound:
                return await self._answer(request, request_id, course)
        except Refusal as error:
            refusal = error
        except UNREACHABLE:
            refusal = _too_long(self._longest) if bound.expired() else unavailable()
        course.outcome = refusal.code
        return _refused(refusal)

    async def _answer(self, request: Request, request_id: str, course: _Course) -> Response:
        body.check_envelope(request)
        actor = await self._runtime.verifier.actor(request.headers.get("authorization"))
        asked = await body.read(request)
        root = root_of(asked.query, asked.operation_name)
        course.operation = root if root in self._roots or root == "several" else "none"
        await headers.wait(self._runtime, request.headers, actor)
        context: Context[Any] = Context(self._runtime, actor, request_id, headers.origin(request))
        result = await self._schema.execute(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
        )
        course.outcome = _code_of(result)
        return _said(process_result(result), 400 if _never_began(result) else 200)


_FAILURES: Final = frozenset({"INTERNAL", "UNAVAILABLE", "BROKEN_OFF"})


def _code_of(result: ExecutionResult) -> str:
    if not result.errors:
        return "OK"
    return str((result.errors[0].extensions or {}).get("code", "INTERNAL"))


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
