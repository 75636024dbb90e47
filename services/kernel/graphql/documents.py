"""Documents: parsed and measured before anything walks through them, and remembered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)
from strawberry.extensions import SchemaExtension

from services.kernel.errors import InvalidInput

MOST_TOKENS: Final = 5_000
MOST_LEVELS: Final = 20
MOST_NESTED: Final = 60
MOST_ALIASES: Final = 60
MOST_FIELDS: Final = 3_000
MOST_DEFINITIONS: Final = 100
_REMEMBERED: Final = 500


@dataclass(frozen=True, slots=True)
class _Size:
    """A selection with its fragments spread out. `nested` also counts fragments, which are no levels of the answer."""

    levels: int = 0
    nested: int = 0
    aliases: int = 0
    fields: int = 0


@lru_cache(maxsize=_REMEMBERED)
def parsed(text: str) -> DocumentNode:
    """Parse a document that is within the limits, which are looser than the gateway's: it asks for references too.

    :raises InvalidInput: it is larger than it may be.
    :raises graphql.GraphQLSyntaxError: it is none.
    """
    document = parse(text, max_tokens=MOST_TOKENS)
    try:
        _measure(document)
    except RecursionError:  # fragments within fragments
        raise _too_much("nested", "levels", MOST_NESTED) from None
    return document


@lru_cache(maxsize=_REMEMBERED)
def root_of(text: str, name: str | None) -> str:
    """Return the one root field of an operation, `several` if it has more, or `none` if there is no such operation.

    What it returns is a client's word until it is found among the schema's.
    """
    try:
        document = parsed(text)
    except (GraphQLError, InvalidInput):
        return "none"
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        if name is None or (definition.name is not None and definition.name.value == name):
            fields = {s.name.value if isinstance(s, FieldNode) else "" for s in definition.selection_set.selections}
            return fields.pop() or "several" if len(fields) == 1 else "several"
    return "none"


def _measure(document: DocumentNode) -> None:
    if len(document.definitions) > MOST_DEFINITIONS:  # validation holds each fragment against each other
        raise _too_much(str(len(document.definitions)), "operations and fragments", MOST_DEFINITIONS)
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    known: dict[str, _Size] = {}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            size = _size(definition.selection_set, fragments, known, frozenset())
            for found, most, what in (
                (size.levels, MOST_LEVELS, "levels"),
                (size.nested, MOST_NESTED, "levels with its fragments"),
                (size.aliases, MOST_ALIASES, "aliases"),
                (size.fields, MOST_FIELDS, "fields"),
            ):
                if found > most:
                    raise _too_much(str(found), what, most)


def _too_much(found: str, what: str, most: int) -> InvalidInput:
    return InvalidInput("query", f"The document has {found} {what}; {most} are allowed.")


def _size(
    selected: SelectionSetNode | None,
    fragments: Mapping[str, FragmentDefinitionNode],
    known: dict[str, _Size],
    within: frozenset[str],
) -> _Size:
    """Measure a selection. Each fragment is measured once: spreading one out in another doubles it each time."""
    levels = nested = aliases = fields = 0
    for selection in selected.selections if selected else ():
        if isinstance(selection, FragmentSpreadNode):
            inner = _spread(selection.name.value, fragments, known, within)
        else:
            inner = _size(getattr(selection, "selection_set", None), fragments, known, within)
        is_field = isinstance(selection, FieldNode)
        levels = max(levels, inner.levels + is_field)
        nested = max(nested, inner.nested + 1)
        aliases += inner.aliases + (isinstance(selection, FieldNode) and selection.alias is not None)
        fields += inner.fields + is_field
    return _Size(levels, nested, aliases, fields)


def _spread(
    name: str, fragments: Mapping[str, FragmentDefinitionNode], known: dict[str, _Size], within: frozenset[str]
) -> _Size:
    if name not in fragments or name in within:  # validation says so
        return _Size()
    if name not in known:
        known[name] = _size(fragments[name].selection_set, fragments, known, within | {name})
    return known[name]


class Documents(SchemaExtension):
    """Lets Strawberry parse within the limits, and each text once."""

    def on_parse(self) -> Iterator[None]:
        """Parse the document."""
        self.execution_context.graphql_document = parsed(self.execution_context.query or "")
        yield
