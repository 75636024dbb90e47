"""What has changed in a JSON Schema so that a reader breaks: of the new or of the old, whoever of them it is.

Schemas are compared as the definitions give them: objects, lists, unions, codes and single values. A keyword that
nothing is known about must stay as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

Schema = Mapping[str, Any]

V2: Final = "or release v2 beside v1"
_WORDS: Final = frozenset(
    {"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "deprecated", "discriminator"}
)
"""What no reader decides by. A discriminator repeats what the members of its union say of themselves."""

_COMPARED_APART: Final = frozenset({"properties", "required", "anyOf", "enum", "const", "default"})
_NONE: Final = object()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change that would break somebody: of what, where in it, what was, what is, and what would be right."""

    what: str
    where: str
    was: str
    now: str
    right: str

    def __str__(self) -> str:
        where = f", {self.where}" if self.where else ""
        return f"{self.what}{where}: was {self.was}, is {self.now}. {self.right[0].upper()}{self.right[1:]}."


@dataclass(frozen=True, slots=True)
class Place:
    """Where in what one is: an event's field, or an envelope's header."""

    what: str
    noun: str = "field"
    path: str = ""

    def field(self, name: str) -> "Place":
        """Return the place of a field in here."""
        return Place(self.what, self.noun, f"{self.path}.{name}" if self.path else name)

    def part(self, suffix: str) -> "Place":
        """Return the place of a list's items or a union's member."""
        return Place(self.what, self.noun, f"{self.path}{suffix}")

    def refusal(self, was: str, now: str, right: str) -> Refusal:
        """Return the refusal of what has changed here."""
        return Refusal(self.what, f"{self.noun} `{self.path}`" if self.path else "", was, now, right)


@dataclass(frozen=True, slots=True)
class Side:
    """A schema of the release or of the present, and the document that its references are resolved in."""

    schema: Schema
    root: Schema

    def at(self, schema: Schema) -> "Side":
        """Return a part of it, with what it refers to."""
        return Side(_resolved(schema, self.root), self.root)


def breaking(place: Place, old: Side, new: Side) -> Iterator[Refusal]:
    """Yield what has changed so that a reader breaks."""
    old, new = old.at(old.schema), new.at(new.schema)
    was, now = old.schema, new.schema
    if "anyOf" in was or "anyOf" in now:
        yield from _unions(place, old, new)
        was, now = ({name: v for name, v in side.items() if "anyOf" in side} for side in (was, now))
        yield from _keywords(place, Side(was, old.root), Side(now, new.root))
        return
    yield from _keywords(place, old, new)
    yield from _codes(place, was, now)
    if (items_was := _items(old)) and (items_now := _items(new)):
        yield from breaking(place.part("[]"), items_was, items_now)
    yield from _properties(place, old, new)


def _keywords(place: Place, old: Side, new: Side) -> Iterator[Refusal]:
    was, now = old.schema, new.schema
    coded = _values(was) is not None or _values(now) is not None
    apart = _COMPARED_APART | {"items"} if _items(old) and _items(new) else _COMPARED_APART
    for keyword in sorted(was.keys() | now.keys()):
        said_by_codes = coded and keyword == "type"
        if keyword in _WORDS or keyword in apart or said_by_codes:
            continue
        if _meant(was.get(keyword), old.root) == _meant(now.get(keyword), new.root):
            continue
        before, after = (
            f"of {keyword} {shown(side[keyword])}" if keyword in side else f"without {keyword}" for side in (was, now)
        )
        yield place.refusal(before, after, f"keep it, add an optional {place.noun} beside it, {V2}")


def fields_of(path: str, old: Side | None, new: Side) -> Iterator[tuple[str, Schema | None, Schema]]:
    """Yield every field of the present, however deep: where it is, how it was released (None: it is new), how it is.

    What is within a new field is new as a whole, and not gone through.
    """
    new = new.at(new.schema)
    old = old.at(old.schema) if old else None
    was: Mapping[str, Schema] = _of(old) if old else {}
    for name, schema in _of(new).items():
        inner = f"{path}.{name}" if path else name
        yield inner, was.get(name), schema
        if old and name in was:
            yield from fields_of(inner, old.at(was[name]), new.at(schema))
    if old and (items_was := _items(old)) and (items_now := _items(new)):
        yield from fields_of(f"{path}[]", items_was, items_now)
    if old and "anyOf" in old.schema:
        members_was, members_now = _members(old), _members(new)
        for name in sorted(members_was.keys() & members_now.keys()):
            yield from fields_of(f"{path}{_suffix(name)}", members_was[name], members_now[name])


def _properties(place: Place, old: Side, new: Side) -> Iterator[Refusal]:
    if ("properties" in old.schema) != ("properties" in new.schema) and old.schema.get("type") == new.schema.get(
        "type"
    ):
        before, after = ("named" if "properties" in side.schema else "any at all" for side in (old, new))
        yield place.part(".*").refusal(before, after, f"keep it, add an optional {place.noun} beside it, {V2}")
        return
    was, now = _of(old), _of(new)
    must_was, must_now = _required(old), _required(new)
    for name, schema in was.items():
        inside = place.field(name)
        if name not in now:
            alike = [n for n in now.keys() - was.keys() if without_words(now[n]) == without_words(schema)]
            gone = f"gone (or called `{alike[0]}` now)" if len(alike) == 1 else "gone"
            yield inside.refusal("there", gone, f"keep it and write it, {V2}")
            continue
        if name in must_was and name not in must_now:
            right = f"who reads by the release refuses what lacks it: keep it required, {V2}"
            yield inside.refusal("required", "optional", right)
        elif name not in must_was and name in must_now:
            yield inside.refusal("optional", "required", f"what was written before may lack it: keep it optional, {V2}")
        elif schema.get("default", _NONE) != now[name].get("default", _NONE):
            before, after = (f"by default {shown(side.get('default'))}" for side in (schema, now[name]))
            yield inside.refusal(before, after, f"whoever leaves it out has meant this: keep it, {V2}")
        yield from breaking(inside, Side(schema, old.root), Side(now[name], new.root))
    for name in sorted(must_now - was.keys()):
        right = f"what was written before lacks it: make it optional, {V2}"
        yield place.field(name).refusal("not there", "required", right)


def _codes(place: Place, was: Schema, now: Schema) -> Iterator[Refusal]:
    old, new = _values(was), _values(now)
    if old == new:
        return
    if old is None or new is None:
        before, after = ("any value" if values is None else f"one of {shown(values)}" for values in (old, new))
        yield place.refusal(before, after, f"keep it, {V2}")
        return
    if len(old) == len(new) == 1:
        yield place.refusal(shown(old), shown(new), f"readers go by it: keep it, {V2}")
        return
    if gone := [value for value in old if value not in new]:
        right = f"what was written before may say it: keep it, {V2}"
        yield place.refusal(f"allowed to say {shown(gone)}", "not any more", right)
    if added := [value for value in new if value not in old]:
        right = f"who reads by the release refuses new codes: use an optional {place.noun} or a new event, {V2}"
        yield place.refusal(f"never {shown(added)}", "allowed to be", right)


def _unions(place: Place, old: Side, new: Side) -> Iterator[Refusal]:
    was, now = _members(old), _members(new)
    for name in sorted(was.keys() - now.keys()):
        yield place.refusal(
            f"allowed to be {name}", "not any more", f"what was written before may be it: keep it, {V2}"
        )
    for name in sorted(now.keys() - was.keys()):
        right = f"who reads by the release refuses it: add an optional {place.noun} or a new event, {V2}"
        yield place.refusal(f"never {name}", "allowed to be", right)
    for name in sorted(was.keys() & now.keys()):
        yield from breaking(place.part(_suffix(name)), was[name], now[name])


def _suffix(member: str) -> str:
    return f"({member.strip('`')})" if member.startswith("`") else ""


def _members(side: Side) -> Mapping[str, Side]:
    """Return a union's members by what tells them apart: an object's tag, else the kind of value.

    The definitions allow no two members that neither tells apart. What is no union has one member.
    """
    schemas: Sequence[Schema] = side.schema.get("anyOf", (side.schema,))
    return {_identity(member): member for schema in schemas for member in [side.at(schema)]}


def _identity(member: Side) -> str:
    tags = [str(values[0]) for schema in _of(member).values() if (values := _values(schema)) and len(values) == 1]
    return f"`{tags[0]}`" if tags else str(member.schema.get("type", "string"))


def _items(side: Side) -> Side | None:
    """Return what each of a list's items is; None if that is not said, or said by true or false for all at once."""
    items = side.schema.get("items")
    return side.at(cast(Schema, items)) if isinstance(items, Mapping) else None


def _of(side: Side) -> Mapping[str, Schema]:
    return side.schema.get("properties", {})


def _required(side: Side) -> set[str]:
    return set(side.schema.get("required", ()))


def _values(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Return a schema with what it refers to; beside a reference stand only words and a default."""
    while "$ref" in schema:
        meant: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            meant = meant[part]
        schema = {**cast(Schema, meant), **{name: value for name, value in schema.items() if name != "$ref"}}
    return schema


def _meant(value: Any, root: Schema, within: frozenset[str] = frozenset()) -> Any:
    """Return a keyword's value with what it refers to in its place: the same reference may mean something else now.

    A reference within itself stays one.
    """
    if isinstance(value, list):
        return [_meant(one, root, within) for one in cast(list[Any], value)]
    if not isinstance(value, Mapping):
        return value
    schema = cast(Schema, value)
    if (ref := schema.get("$ref")) is not None and ref not in within:
        return _meant(without_words(_resolved(schema, root)), root, within | {ref})
    return {name: _meant(one, root, within) for name, one in schema.items()}


def without_words(schema: Schema) -> dict[str, Any]:
    """Return a schema without what no reader decides by."""
    return {name: value for name, value in schema.items() if name not in _WORDS}


def shown(value: Any) -> str:
    """Return a value of a schema as a sentence has it."""
    if isinstance(value, list):
        return ", ".join(shown(one) for one in cast(list[Any], value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {shown(one)}" for name, one in cast(Mapping[str, Any], value).items())
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"`{value}`" if isinstance(value, str) else str(value)
