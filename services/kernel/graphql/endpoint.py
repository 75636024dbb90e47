"""The HTTP door of a subgraph: token, request id, the body, `Read-After`, then Strawberry; each within its time."""

import asyncio
import json
import re
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final, cast

import structlog
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry import ID, federation
from strawberry.extensions import SchemaExtension, ValidationCache
from strawberry.federation.schema import FederationAny
from strawberry.http import process_result
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError

from services.contracts.vocabulary import Source
from services.kernel import read_after
from services.kernel.access import NOBODY, READERS, Actor, require
from services.kernel.db import UNREACHABLE, unavailable
from services.kernel.doors import SHARED, Doors, Row, doors, operating
from services.kernel.errors import InvalidInput, Refusal, Unauthenticated, Unavailable
from services.kernel.graphql import arguments, body
from services.kernel.graphql.context import Context, Info, Runtime
from services.kernel.graphql.documents import Documents
from services.kernel.graphql.doors import hang
from services.kernel.graphql.errors import all_masked
from services.kernel.graphql.parking import parking_mutation, parking_query
from services.kernel.graphql.places import Asked
from services.kernel.graphql.scalars import SCALARS
from services.kernel.ids import new_uuid

LONGEST_SECONDS: Final = 14.0
"""How long a request may take: a little less than the gateway waits, so that it hears the answer."""
ADDRESS_HEADER: Final = "x-client-address"
_LONGEST_ADDRESS: Final = 64
MOST_REFERENCES: Final = 1_000
_DOCUMENTS: Final = 500
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_MILLISECONDS: Final = re.compile(r"[0-9]{1,15}")


class _Subgraph(federation.Schema):
    """A schema behind doors, whose errors are logged where they are masked: a refusal is an answer, not an incident."""

    def __init__(self, table: Doors, **parts: Any) -> None:
        self._references = table.references
        cast(Any, super()).__init__(**parts)
        arguments.watch(self._schema)
        known = self.schema_converter.type_map
        referable = {name for name, type_ in known.items() if _resolver(type_) is not None}
        seeing = {name for name, type_ in known.items() if hasattr(_origin_of(type_), "sees")}
        hang(self._schema, table, referable=referable, seeing=seeing)

    def entities_resolver(self, info: Info, representations: list[FederationAny]) -> list[FederationAny]:
        """Answer each reference, or refuse it alone: a page of a list loses one entry, not all.

        :raises InvalidInput: too many references, or something that is none.
        """
        if len(representations) > MOST_REFERENCES:
            raise InvalidInput("representations", f"At most {MOST_REFERENCES} references are answered at once.")
        return [self._referred(info, cast(object, given)) for given in representations]

    def _referred(self, info: Info, given: object) -> Any:
        try:
            match given:
                case {"__typename": str(name), "id": str(id_)} if name in self._references:
                    require(info.context.actor, self._references[name].rule or NOBODY)
                    return _resolver(self.schema_converter.type_map[name])(info=info, id=ID(id_))
                case _:
                    known = ", ".join(sorted(self._references))
                    raise InvalidInput("representations", f"A reference has an id and a __typename of {known}.")
        except Refusal as refusal:
            return refusal

    async def execute(self, query: str | None, *args: Any, **named: Any) -> ExecutionResult:
        """Execute a document; every error of the answer has a code from the documented list."""
        asked = Asked(self._schema, query or "", named.get("variable_values") or {})
        try:
            asked.require_operation(named.get("operation_name"))
            result = await super().execute(query, *args, **named)
        except InvalidInput as refusal:
            wrong = GraphQLError(refusal.message, original_error=refusal, extensions=refusal.extensions)
            result = PreExecutionError(data=None, errors=[wrong])
        if result.errors:
            result.errors = all_masked(result.errors, asked)
        return result

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave the logging to the masking."""


def _resolver(known: Any) -> Any:
    return getattr(_origin_of(known), "resolve_reference", None)


def _origin_of(known: Any) -> Any:
    return getattr(known.definition, "origin", None)


def subgraph(
    source: Source, *rows: Row, queries: Sequence[type], mutations: Sequence[type], types: Sequence[type]
) -> federation.Schema:
    """Return a service's federated schema: its own root fields, and what every subgraph has.

    :param rows: the service's table of doors, without what every subgraph has.
    :raises UnguardedFieldError: a field without a row.
    """
    return _Subgraph(
        table_of(source, rows),
        query=merge_types("Query", (*queries, parking_query(source))),
        mutation=merge_types("Mutation", (*mutations, parking_mutation(source))),
        types=list(types),
        config=StrawberryConfig(scalar_map=SCALARS),
        federation_version="2.9",  # the composer does not know Strawberry's newer default
        extensions=extensions(),
    )


def table_of(source: Source, rows: Sequence[Row]) -> Doors:
    """Return a service's whole table."""
    return doors(rows, SHARED, operating(source.value))


def extensions() -> list[type[SchemaExtension] | Callable[[], SchemaExtension]]:
    """Return the schema extensions of every subgraph; the gateway's limits are stricter."""
    return [Documents, lambda: ValidationCache(maxsize=_DOCUMENTS)]


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
        request_id = _request_id(request)
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
        await self._wait(request, actor)
        context: Context[Any] = Context(self._runtime, actor, request_id, _origin(request))
        result = await self._schema.execute(
            asked.query,
            variable_values=asked.variables,
            context_value=context,
            operation_name=asked.operation_name,
        )
        return _said(process_result(result), 400 if _never_began(result) else 200)

    async def _wait(self, request: Request, actor: Actor) -> None:
        """Wait for what `Read-After` names, for whoever may see a petition: to others the time would tell of one."""
        given = request.headers.get(read_after.HEADER)
        if not given:
            return
        positions, deadline = read_after.parse(given), _deadline(request)
        if actor.roles & READERS:
            await read_after.wait(
                self._runtime.database.reader,
                positions,
                consumed=self._runtime.consumed,
                applied=self._runtime.applied,
                deadline=deadline,
            )


def _never_began(result: ExecutionResult) -> bool:
    """Tell whether the document or its variables were wrong: then HTTP says so too, as the gateway does."""
    return result.data is None and bool(result.errors) and not any(error.path for error in result.errors or ())


def _origin(request: Request) -> str:
    """Return the client's address: the gateway tells it, and nobody else reaches a service."""
    given = request.headers.get(ADDRESS_HEADER, "")[:_LONGEST_ADDRESS]
    return given or (request.client.host if request.client else "")


def _request_id(request: Request) -> str:
    """Return the gateway's id of the request, or one of our own: what goes into every event must be short and plain."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else str(new_uuid())


def _deadline(request: Request) -> float:
    given = request.headers.get(read_after.DEADLINE_HEADER)
    if not given:
        return time.time() + read_after.PATIENCE_SECONDS
    if not _MILLISECONDS.fullmatch(given):
        raise body.UnreadableRequest(
            "Read-After-Deadline must be milliseconds since 1970.", field="Read-After-Deadline"
        )
    return int(given) / 1000


_STATUS: Final[dict[type[Refusal], int]] = {Unauthenticated: 401, Unavailable: 503, InvalidInput: 400}


def _too_long(seconds: float) -> Unavailable:
    return Unavailable(
        f"This took longer than {seconds:g} seconds and was broken off; repeat a mutation with the same idempotencyKey."
    )


def _refused(refusal: Refusal) -> Response:
    error = {"message": refusal.message, "extensions": refusal.extensions}
    status = refusal.status if isinstance(refusal, body.UnreadableRequest) else _STATUS.get(type(refusal), 200)
    headers = {"Allow": "POST"} if status == HTTPStatus.METHOD_NOT_ALLOWED else None
    return _said({"data": None, "errors": [error]}, status, headers)


def _said(answer: object, status: int, headers: dict[str, str] | None = None) -> Response:
    # What an error quotes may be half of a surrogate pair, which is no UTF-8: then it stays escaped, as JSON allows.
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")
    return Response(text, status, headers, "application/json")
