"""What no argument may be, whatever field it is for: checked in one place, so that no field can forget it.

Texts that no column and no event can hold, and codes and ids that are too long for any of ours. What a field asks of
its own arguments it checks itself; days and instants are checked as they are read (scalars.py).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import graphql
from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLSchema

from services.kernel import text
from services.kernel.errors import InvalidInput

LONGEST_ID: Final = 128
"""Characters of a code or an id: more than any has, and little enough to be quoted in an answer."""

_BY_ATTRIBUTE: Final[Callable[..., Any]] = cast(Any, graphql).default_field_resolver

Check = Callable[[Any, str], None]
"""Looks at a value that is not null, under the name of its field."""


def watch(schema: GraphQLSchema) -> None:
    """Let every field of a schema check its arguments before it is resolved.

    A refusal is an InvalidInput that names the field in the input's own spelling, like `contact.name`.
    """
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType) or type_.name.startswith("__"):
            continue
        for field in type_.fields.values():
            checks = {name: check for name, given in field.args.items() if (check := _check(given.type)) is not None}
            if checks:
                field.resolve = _checked(field.resolve or _BY_ATTRIBUTE, checks)
                if field.subscribe is not None:
                    field.subscribe = _checked(field.subscribe, checks)


def _checked(resolve: Callable[..., Any], checks: Mapping[str, Check]) -> Callable[..., Any]:
    def checked(source: Any, info: Any, **arguments: Any) -> Any:
        for name, check in checks.items():
            if (value := arguments.get(name)) is not None:
                check(value, "" if name == "input" else name)
        return resolve(source, info, **arguments)

    return checked


def _check(type_: Any) -> Check | None:
    if isinstance(type_, GraphQLNonNull):
        return _check(cast(Any, type_).of_type)
    if isinstance(type_, GraphQLList):
        return _each(_check(cast(Any, type_).of_type))
    if isinstance(type_, GraphQLInputObjectType):
        return _parts({name: check for name, part in type_.fields.items() if (check := _check(part.type)) is not None})
    return _BY_SCALAR.get(type_.name)


def _each(check: Check | None) -> Check | None:
    if check is None:
        return None

    def each(values: Any, field: str) -> None:
        for value in values:
            if value is not None:
                check(value, field)

    return each


def _parts(checks: Mapping[str, Check]) -> Check:
    def parts(values: Any, field: str) -> None:
        for name, check in checks.items():
            if (value := values.get(name)) is not None:
                check(value, f"{field}.{name}" if field else name)

    return parts


def _text(value: str, field: str) -> None:
    text.storable(value, field)


def _code(value: str, field: str) -> None:
    if len(value) > LONGEST_ID:
        raise InvalidInput(field, f"{field} has {len(value)} characters; no code or id has more than {LONGEST_ID}.")
    text.storable(value, field)


_BY_SCALAR: Final[Mapping[str, Check]] = {"String": _text, "ID": _code}
