"""Which argument an error of GraphQL's own is about, so that it names its field as our refusals do."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import graphql as _graphql
from graphql import (
    ArgumentNode,
    DefinitionNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    ObjectFieldNode,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)

from services.kernel.errors import InvalidInput
from services.kernel.graphql.documents import parsed

graphql: Any = _graphql  # parts of it are not fully typed

# Of an input that lacks a field, or has one too many, graphql-core names the field in its sentence alone.
_MEMBER: Final = re.compile(r"(?:required|unknown) field '(\w+)'")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came: what errors point into."""

    schema: GraphQLSchema
    text: str
    variables: Mapping[str, Any]

    def require_operation(self, name: str | None) -> None:
        """Refuse a request that does not say which of a document's operations it means; none is taken for it.

        :raises InvalidInput: there is no operation of this name, or without a name not exactly one.
        """
        try:
            definitions = parsed(self.text).definitions
        except (GraphQLError, InvalidInput):
            return  # its own error says so
        operations = [it.name.value if it.name else "" for it in definitions if isinstance(it, OperationDefinitionNode)]
        if (name not in operations) if name else (len(operations) != 1):
            named = ", ".join(sorted(filter(None, operations))) or "none that has a name"
            raise InvalidInput("operationName", f"operationName must name an operation of the document: {named}.")

    def refuse_subscription(self, name: str | None) -> None:
        """Refuse a subscription that was sent by POST.

        :raises InvalidInput: it is one.
        """
        try:
            definitions = parsed(self.text).definitions
        except (GraphQLError, InvalidInput):
            return  # its own error says so
        if _subscribes(definitions, name):
            raise InvalidInput("query", "A subscription is answered over a WebSocket (graphql-transport-ws) alone.")

    def require_subscription(self, name: str | None) -> None:
        """Refuse what is no subscription.

        :raises InvalidInput: it is something else, or does not say which operation it means.
        :raises GraphQLError: it is no document.
        """
        definitions = parsed(self.text).definitions
        self.require_operation(name)
        if not _subscribes(definitions, name):
            raise InvalidInput(
                "query", "Only subscriptions are answered over a WebSocket; send queries and mutations by POST."
            )

    def field_of(self, error: GraphQLError) -> str | None:
        """Return the field that an error is about, in the input's own spelling, or None if it is about none."""
        if not error.nodes:
            return None
        document, node = parsed(self.text), error.nodes[0]
        if isinstance(node, VariableDefinitionNode):
            names = self._of_variable(document, node, error)
        else:
            names = _around(document, node)
        if names and (member := _MEMBER.search(error.message)):
            names.append(member[1])
        return ".".join(names[1:] if len(names) > 1 and names[0] == "input" else names) or None

    def _of_variable(self, document: DocumentNode, defined: VariableDefinitionNode, error: GraphQLError) -> list[str]:
        """Return where a variable is used, and what of its value is wrong."""
        name = defined.variable.name.value
        wanted = getattr(error.original_error, "message", None)
        inside: list[str | int] = []

        def note(it: GraphQLError, path: list[str | int]) -> None:
            if it.message == wanted:
                inside[:] = path
                raise _FoundError

        type_ = graphql.type_from_ast(self.schema, defined.type)
        if type_ is not None and name in self.variables:
            with suppress(_FoundError):  # a list of ten thousand is looked at until the error is met again
                graphql.validate_input_value(self.variables[name], type_, note)
        used = _Uses(name)
        visit(document, used)
        around = _around(document, used.found) if used.found else [name]
        return [*around, *(part for part in inside if isinstance(part, str))]


class _FoundError(Exception):
    """What was looked for has been found."""


class _Uses(Visitor):
    """Finds the first use of a variable."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.found: VariableNode | None = None

    def enter_variable(self, node: VariableNode, _key: Any, parent: Any, *_: Any) -> None:
        if self.found is None and node.name.value == self.name and not isinstance(parent, VariableDefinitionNode):
            self.found = node


class _Enclosing(Visitor):
    """Collects the arguments and input fields around a place, from the outermost."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__()
        self.start, self.end = start, end
        self.names: list[str] = []

    def _enter(self, node: ArgumentNode | ObjectFieldNode) -> None:
        if node.loc is not None and node.loc.start <= self.start and self.end <= node.loc.end:
            self.names.append(node.name.value)

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        self._enter(node)

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> None:
        self._enter(node)


def _around(document: DocumentNode, node: Node) -> list[str]:
    if node.loc is None:
        return []
    enclosing = _Enclosing(node.loc.start, node.loc.end)
    visit(document, enclosing)
    return enclosing.names


def _subscribes(definitions: Sequence[DefinitionNode], name: str | None) -> bool:
    """Tell whether the operation that is meant is a subscription."""
    return any(
        it.operation is OperationType.SUBSCRIPTION
        for it in definitions
        if isinstance(it, OperationDefinitionNode) and (not name or (it.name is not None and it.name.value == name))
    )
