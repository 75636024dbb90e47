"""The HTTP door of a subgraph: token, request id, body limit, `Read-After`, then Strawberry."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import structlog
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from strawberry import ID, federation
from strawberry.asgi import GraphQL
from strawberry.extensions import (
    AddValidationRules,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
    ValidationCache,
)
from strawberry.federation.schema import FederationAny
from strawberry.tools import merge_types
from strawberry.types import ExecutionContext

from services.contracts.vocabulary import Source
from services.kernel import read_after
from services.kernel.access import NOBODY, Actor, require
from services.kernel.db import UNREACHABLE, unavailable
from services.kernel.doors import SHARED, Doors, Row, doors, operating
from services.kernel.errors import InvalidInput, Refusal, Unauthenticated, Unavailable
from services.kernel.graphql.context import Context, Info, Runtime
from services.kernel.graphql.doors import hang
from services.kernel.graphql.errors import Masked
from services.kernel.graphql.parking import parking_mutation, parking_query
from services.kernel.ids import new_uuid

LARGEST_BODY: Final = 256 * 1024
ADDRESS_HEADER: Final = "x-client-address"
_LONGEST_ADDRESS: Final = 64
MOST_REFERENCES: Final = 1_000
_DEPTH: Final = 20
_ALIASES: Final = 60
_TOKENS: Final = 5_000
_DOCUMENTS: Final = 500
# Made once: each limiter makes new rule classes, and the validation cache goes by the rules it was asked with, so a
# limiter made for each request would mean that nothing is ever found in it.
_LIMITS: Final = [
    *QueryDepthLimiter(max_depth=_DEPTH).validation_rules,
    *MaxAliasesLimiter(max_alias_count=_ALIASES).validation_rules,
]


class _Subgraph(federation.Schema):
    """A schema behind doors, whose errors are logged where they are masked: a refusal is an answer, not an incident."""

    def __init__(self, table: Doors, **parts: Any) -> None:
        self._references = table.references
        cast(Any, super()).__init__(**parts)
        referable = {name for name, known in self.schema_converter.type_map.items() if _resolver(known) is not None}
        hang(self._schema, table, referable=referable)

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

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave the logging to Masked."""


def _resolver(known: Any) -> Any:
    return getattr(getattr(known.definition, "origin", None), "resolve_reference", None)


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
        federation_version="2.9",  # the composer does not know Strawberry's newer default
        extensions=extensions(),
    )


def table_of(source: Source, rows: Sequence[Row]) -> Doors:
    """Return a service's whole table."""
    return doors(rows, SHARED, operating(source.value))


def extensions() -> list[type[SchemaExtension] | Callable[[], SchemaExtension]]:
    """Return the schema extensions of every subgraph; the gateway's limits are stricter."""
    return [
        Masked,
        lambda: ParserCache(maxsize=_DOCUMENTS),
        lambda: ValidationCache(maxsize=_DOCUMENTS),
        lambda: AddValidationRules(_LIMITS),
        lambda: MaxTokensLimiter(max_token_count=_TOKENS),
    ]


class Endpoint(GraphQL[Context[Any], None]):
    """Strawberry's ASGI view with our door in front of it."""

    def __init__(self, schema: Any, runtime: Runtime[Any]) -> None:
        super().__init__(schema, graphql_ide=None, allow_queries_via_get=False, multipart_uploads_enabled=False)
        self._runtime = runtime

    async def run(self, request: Any, context: Any = None, root_value: Any = None) -> Any:  # noqa: ARG002 - ours
        """Answer one request; refusals at the door are GraphQL errors like all others."""
        request_id = request.headers.get("x-request-id") or str(new_uuid())
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            actor = await self._enter(request)
        except Refusal as refusal:
            return _refused(refusal)
        except UNREACHABLE:
            return _refused(unavailable())
        context_: Context[Any] = Context(self._runtime, actor, request_id, _origin(request))
        return await cast(Any, super()).run(request, context_, root_value)

    async def _enter(self, request: Request) -> Actor:
        if int(request.headers.get("content-length") or 0) > LARGEST_BODY:
            raise InvalidInput("body", f"The request is larger than {LARGEST_BODY // 1024} kB.")
        actor = await self._runtime.verifier.actor(request.headers.get("authorization"))
        if positions := request.headers.get(read_after.HEADER):
            await read_after.wait(
                self._runtime.database.reader,
                read_after.parse(positions),
                consumed=self._runtime.consumed,
                applied=self._runtime.applied,
                deadline=_deadline(request),
            )
        return actor

    async def get_context(self, request: Any, response: Any) -> Any:  # noqa: ARG002
        """Return nothing: `run` has made the context already."""
        return None


def _origin(request: Request) -> str:
    """Return the client's address: the gateway tells it, and nobody else reaches a service."""
    given = request.headers.get(ADDRESS_HEADER, "")[:_LONGEST_ADDRESS]
    return given or (request.client.host if request.client else "")


def _deadline(request: Request) -> float:
    given = request.headers.get(read_after.DEADLINE_HEADER)
    try:
        return int(given) / 1000 if given else time.time() + read_after.PATIENCE_SECONDS
    except ValueError:
        raise InvalidInput(read_after.DEADLINE_HEADER, "The deadline must be milliseconds since 1970.") from None


_STATUS: Final[dict[type[Refusal], int]] = {Unauthenticated: 401, Unavailable: 503}


def _refused(refusal: Refusal) -> Response:
    error = {"message": refusal.message, "extensions": refusal.extensions}
    return JSONResponse({"data": None, "errors": [error]}, status_code=_STATUS.get(type(refusal), 200))
