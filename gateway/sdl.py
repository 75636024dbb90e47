"""Schemas as syntax: each place by its coordinate, what is written there, and the schema without some places."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final, TypeAlias, cast

from graphql import (
    ArgumentNode,
    ConstDirectiveNode,
    DefinitionNode,
    DirectiveDefinitionNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    EnumTypeExtensionNode,
    EnumValueDefinitionNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputObjectTypeExtensionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    ListValueNode,
    NamedTypeNode,
    Node,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    SchemaDefinitionNode,
    SchemaExtensionNode,
    StringValueNode,
    TypeDefinitionNode,
    TypeExtensionNode,
    UnionTypeDefinitionNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

_Member: TypeAlias = FieldDefinitionNode | InputValueDefinitionNode | EnumValueDefinitionNode

SCHEMA: Final = "schema"
"""The coordinate of the schema definition itself."""
_COMPOSERS: Final = ("join__", "link__")
"""How everything begins that the composer puts into a supergraph for the gateway's eyes alone."""


_REMEMBERED: Final = 16
"""Texts whose syntax is kept: a comparison looks at each several times, and reading one takes a fifth of a second."""


@lru_cache(_REMEMBERED)
def parsed(text: str) -> DocumentNode:
    return parse(text, no_location=True)


@lru_cache(_REMEMBERED)
def api_of(supergraph: str) -> DocumentNode:
    """Return what clients see of a supergraph: without the composer's own definitions and what is inaccessible."""
    document = parsed(supergraph)
    hidden = {place for place, node in places(document).items() if _is_hidden(place, node)}
    return cast("DocumentNode", visit(without(document, hidden), _WithoutTheComposersDirectives()))


class _WithoutTheComposersDirectives(Visitor):
    def enter_directive(self, node: ConstDirectiveNode, *_: object) -> object:
        return self.REMOVE if _is_the_composers(node.name.value) else None


def _is_the_composers(name: str) -> bool:
    return name.startswith(_COMPOSERS) or name == "link"


def _is_hidden(place: str, node: Node) -> bool:
    return _is_the_composers(place.removeprefix("@")) or "@inaccessible" in directives(node)


def places(document: DocumentNode) -> dict[str, Node]:
    """Return every place by its coordinate: `schema`, `Type`, `Type.field`, `Type.field(argument:)`, `@directive`.

    What a definition and its extensions say of a type is at one place.
    """
    found: dict[str, Node] = {}
    for definition in document.definitions:
        place = place_of(definition)
        if place is not None:
            found[place] = _extended(found[place], definition) if place in found else definition
            found.update(_within(definition, place))
    return found


def _extended(known: Node, more: Node) -> Node:
    both = cast("tuple[TypeDefinitionNode, ...]", (known, more))
    return replace(both[0], directives=tuple(one for node in both for one in node.directives or ()))


def place_of(definition: Node) -> str | None:
    match definition:
        case SchemaDefinitionNode() | SchemaExtensionNode():
            return SCHEMA
        case DirectiveDefinitionNode():
            return f"@{definition.name.value}"
        case TypeDefinitionNode() | TypeExtensionNode():
            return definition.name.value
        case _:
            return None


def _within(definition: DefinitionNode, place: str) -> Iterator[tuple[str, Node]]:
    if isinstance(definition, DirectiveDefinitionNode):
        yield from _arguments(definition, place)
    for member in _members(definition):
        inside = f"{place}.{member.name.value}"
        yield inside, member
        if isinstance(member, FieldDefinitionNode):
            yield from _arguments(member, inside)


def _members(definition: DefinitionNode) -> tuple[_Member, ...]:
    match definition:
        case EnumTypeDefinitionNode() | EnumTypeExtensionNode():
            return definition.values or ()
        case (
            ObjectTypeDefinitionNode()
            | ObjectTypeExtensionNode()
            | InterfaceTypeDefinitionNode()
            | InterfaceTypeExtensionNode()
            | InputObjectTypeDefinitionNode()
            | InputObjectTypeExtensionNode()
        ):
            return cast("tuple[_Member, ...]", definition.fields or ())
        case _:
            return ()


def _arguments(owner: FieldDefinitionNode | DirectiveDefinitionNode, place: str) -> Iterator[tuple[str, Node]]:
    return ((f"{place}({one.name.value}:)", one) for one in owner.arguments or ())


def directives(node: Node) -> set[str]:
    """Return the directives of a place, each in one spelling whatever the order of its arguments and its blanks.

    What a `@link` imports counts one by one, since a further import changes nothing for those that are there.
    """
    found: set[str] = set()
    for directive in cast("tuple[ConstDirectiveNode, ...]", getattr(node, "directives", None) or ()):
        name, arguments = directive.name.value, {one.name.value: one for one in directive.arguments or ()}
        imports = arguments.pop("import", None) if name == "link" else None
        written = sorted(f"{key}: {_plain(one.value)}" for key, one in arguments.items())
        spelled = f"@{name}({', '.join(written)})" if written else f"@{name}"
        found.add(spelled)
        if isinstance(imports, ArgumentNode) and isinstance(imports.value, ListValueNode):
            found.update(f"{spelled} importing {print_ast(one)}" for one in imports.value.values)
    return found


def _plain(value: Node) -> str:
    if isinstance(value, StringValueNode):
        value = StringValueNode(value=" ".join(value.value.split()))
    return print_ast(value)


def reason_of(node: Node) -> str | None:
    """Return why a place is deprecated, or None if it is not; empty if it says nothing."""
    for directive in cast("tuple[ConstDirectiveNode, ...]", getattr(node, "directives", None) or ()):
        if directive.name.value == "deprecated":
            values = [one.value for one in directive.arguments or () if one.name.value == "reason"]
            return values[0].value if values and isinstance(values[0], StringValueNode) else ""
    return None


def roots(document: DocumentNode) -> dict[str, str]:
    """Return the types of the root operations: `{"query": "Query", …}`."""
    return {
        one.operation.value: one.type.name.value
        for definition in document.definitions
        if isinstance(definition, SchemaDefinitionNode | SchemaExtensionNode)
        for one in definition.operation_types or ()
    }


def without(document: DocumentNode, gone: set[str]) -> DocumentNode:
    """Return a schema without some places; members of unions go with their types."""
    if not gone:
        return document
    definitions = (one for one in document.definitions if place_of(one) not in gone)
    return replace(document, definitions=tuple(_thinned(one, gone) for one in definitions))


def _thinned(definition: DefinitionNode, gone: set[str]) -> DefinitionNode:
    place = place_of(definition)
    if isinstance(definition, UnionTypeDefinitionNode):
        return replace(definition, types=tuple(one for one in definition.types or () if one.name.value not in gone))
    if isinstance(definition, EnumTypeDefinitionNode):
        return replace(
            definition, values=tuple(one for one in definition.values or () if f"{place}.{one.name.value}" not in gone)
        )
    fields = tuple(one for one in _members(definition) if f"{place}.{one.name.value}" not in gone)
    if not fields:
        return definition
    return replace(
        cast("ObjectTypeDefinitionNode", definition), fields=tuple(_less(one, place, gone) for one in fields)
    )


def _less(field: _Member, place: str | None, gone: set[str]) -> FieldDefinitionNode:
    if not isinstance(field, FieldDefinitionNode):
        return cast("FieldDefinitionNode", field)
    inside = f"{place}.{field.name.value}"
    kept = tuple(one for one in field.arguments or () if f"{inside}({one.name.value}:)" not in gone)
    return replace(field, arguments=kept)


def unused_types(document: DocumentNode) -> set[str]:
    """Return the types that no operation can meet."""
    leads_to: dict[str, set[str]] = {}
    for definition in document.definitions:
        if isinstance(definition, TypeDefinitionNode | TypeExtensionNode):
            leads_to.setdefault(definition.name.value, set()).update(_names_in(definition))
            for interface in cast("Iterable[NamedTypeNode]", getattr(definition, "interfaces", None) or ()):
                leads_to.setdefault(interface.name.value, set()).add(definition.name.value)
    met: set[str] = set()
    open_ends = set(roots(document).values())
    while open_ends:
        name = open_ends.pop()
        met.add(name)
        open_ends |= leads_to.get(name, set()) - met
    return leads_to.keys() - met


def _names_in(definition: TypeDefinitionNode | TypeExtensionNode) -> set[str]:
    names: set[str] = set()

    class Names(Visitor):
        def enter_named_type(self, node: NamedTypeNode, *_: object) -> None:
            names.add(node.name.value)

    visit(definition, Names())
    return names
