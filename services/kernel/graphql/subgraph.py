"""A subgraph's schema: behind doors, with references that are answered one by one, and errors that are masked."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Final, cast

from graphql import GraphQLError
from strawberry import ID, federation
from strawberry.extensions import SchemaExtension, ValidationCache
from strawberry.federation.schema import FederationAny
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError

from services.contracts.vocabulary import Source
from services.kernel.access import NOBODY, require
from services.kernel.doors import SHARED, Doors, Row, doors, operating
from services.kernel.errors import InvalidInput, Refusal
from services.kernel.graphql import arguments
from services.kernel.graphql.context import Info
from services.kernel.graphql.documents import Documents
from services.kernel.graphql.doors import hang
from services.kernel.graphql.errors import all_masked
from services.kernel.graphql.parking import parking_mutation, parking_query
from services.kernel.graphql.places import Asked
from services.kernel.graphql.scalars import SCALARS

MOST_REFERENCES: Final = 1_000
_DOCUMENTS: Final = 500


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

    @property
    def has_subscriptions(self) -> bool:
        """Whether anything can be followed live."""
        return self._schema.subscription_type is not None

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
            asked.refuse_subscription(named.get("operation_name"))
            result = await super().execute(query, *args, **named)
        except InvalidInput as refusal:
            result = _never_begun(refusal)
        return _masked(result, asked)

    async def stream(self, query: str | None, *args: Any, **named: Any) -> AsyncGenerator[Any]:
        """Carry out a subscription, and nothing else; every error of its answers has a code from our list."""
        return self._streamed(query, *args, **named)

    async def _streamed(self, query: str | None, *args: Any, **named: Any) -> AsyncGenerator[Any]:
        asked = Asked(self._schema, query or "", named.get("variable_values") or {})
        try:
            asked.require_subscription(named.get("operation_name"))
        except (GraphQLError, InvalidInput) as refusal:
            yield _masked(_never_begun(refusal), asked)
            return
        async with aclosing(await super().stream(query, *args, **named)) as results:
            async for result in results:
                yield _masked(cast(ExecutionResult, result), asked)

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave the logging to the masking."""


def _never_begun(refusal: GraphQLError | InvalidInput) -> PreExecutionError:
    if isinstance(refusal, InvalidInput):
        refusal = GraphQLError(refusal.message, original_error=refusal, extensions=refusal.extensions)
    return PreExecutionError(data=None, errors=[refusal])


def _masked(result: ExecutionResult, asked: Asked) -> ExecutionResult:
    if result.errors:
        result.errors = all_masked(result.errors, asked)
    return result


def _resolver(known: Any) -> Any:
    return getattr(_origin_of(known), "resolve_reference", None)


def _origin_of(known: Any) -> Any:
    return getattr(known.definition, "origin", None)


def subgraph(
    source: Source,
    *rows: Row,
    queries: Sequence[type],
    mutations: Sequence[type],
    types: Sequence[type],
    subscriptions: Sequence[type] = (),
) -> federation.Schema:
    """Return a service's federated schema: its own root fields, and what every subgraph has.

    :param rows: the service's table of doors, without what every subgraph has.
    :raises UnguardedFieldError: a field without a row.
    """
    return _Subgraph(
        table_of(source, rows),
        query=merge_types("Query", (*queries, parking_query(source))),
        mutation=merge_types("Mutation", (*mutations, parking_mutation(source))),
        subscription=merge_types("Subscription", tuple(subscriptions)) if subscriptions else None,
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
