"""The table of doors, hung into a schema: each field is resolved behind its own.

It works on the built schema, field by field, so that nothing can be forgotten: what has no row is refused at start.
"""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, Final, Protocol, cast

import graphql
from graphql import GraphQLField, GraphQLNonNull, GraphQLObjectType, GraphQLSchema

from services.kernel.access import Rule, require
from services.kernel.doors import Doors

Resolve = Callable[..., Any]

_ENTITIES: Final = ("Query", "_entities")
_BY_ATTRIBUTE: Final[Resolve] = cast(Any, graphql).default_field_resolver


class UnguardedFieldError(Exception):
    """The schema and the table of doors do not fit each other."""


class Seen(Protocol):
    """An object some of whose fields are not for all of its readers."""

    def sees(self, context: Any, rule: Rule) -> bool | Awaitable[bool]:
        """Tell whether the object is the actor's own in one of the rule's roles."""
        ...


def hang(schema: GraphQLSchema, doors: Doors, *, referable: set[str], seeing: set[str]) -> None:
    """Hang a table's doors into a schema.

    :param referable: the types that other services may refer to.
    :param seeing: the types whose objects tell whose they are.
    :raises UnguardedFieldError: a field or reference has no row, a row has no field, or a field cannot be hidden.
    """
    roots = {root.name for root in (schema.query_type, schema.mutation_type, schema.subscription_type) if root}
    shown = {
        (name, field_name): field
        for name, type_ in schema.type_map.items()
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__")
        for field_name, field in type_.fields.items()
        if (name, field_name) != _ENTITIES  # each of its answers stands behind the door of its own type
    }
    _compare("field", {".".join(key) for key in shown}, {".".join(key) for key in doors.fields})
    _compare("reference", referable, set(doors.references))
    for (type_name, name), field in shown.items():
        rule = doors.fields[type_name, name].rule
        if type_name in roots:
            if rule is None:
                raise UnguardedFieldError(f"{type_name}.{name} is a root field: its row must name roles")
            _guard(field, rule)
        elif rule is not None:
            if isinstance(cast(object, field.type), GraphQLNonNull):
                raise UnguardedFieldError(f"{type_name}.{name} must be nullable: it is null for some readers")
            if type_name not in seeing:
                raise UnguardedFieldError(f"{type_name} must tell by `sees` whose it is: its {name} is not for all")
            _hide(field, rule)


def _compare(what: str, shown: set[str], rows: set[str]) -> None:
    if missing := sorted(shown - rows):
        raise UnguardedFieldError(f"no row in domain/access.py says who may use the {what} {', '.join(missing)}")
    if dead := sorted(rows - shown):
        raise UnguardedFieldError(f"the row of the {what} {', '.join(dead)} in domain/access.py is of nothing")


def _guard(field: GraphQLField, rule: Rule) -> None:
    roles = ", ".join(sorted(role.value for role in rule.roles))
    field.description = f"{field.description or ''}\n\nFor: {rule.says} ({roles}).".strip()
    field.resolve = _guarded(field.resolve or _BY_ATTRIBUTE, rule)
    if field.subscribe is not None:
        field.subscribe = _guarded(field.subscribe, rule)


def _guarded(resolve: Resolve, rule: Rule) -> Resolve:
    def guarded(source: Any, info: Any, **arguments: Any) -> Any:
        require(info.context.actor, rule)
        return resolve(source, info, **arguments)

    return guarded


def _hide(field: GraphQLField, rule: Rule) -> None:
    roles = ", ".join(sorted(role.value for role in rule.roles))
    field.description = f"{field.description or ''}\n\nFor: {rule.says} ({roles}); null for all others.".strip()
    resolve: Resolve = field.resolve or _BY_ATTRIBUTE

    def shown(source: Seen, info: Any, **arguments: Any) -> Any:
        sees = source.sees(info.context, rule)
        if isawaitable(sees):
            return _after(sees, source, info, arguments)
        return resolve(source, info, **arguments) if sees else None

    async def _after(sees: Awaitable[bool], source: Seen, info: Any, arguments: dict[str, Any]) -> Any:
        if not await sees:
            return None
        answer = resolve(source, info, **arguments)
        return await answer if isawaitable(answer) else answer

    field.resolve = shown
