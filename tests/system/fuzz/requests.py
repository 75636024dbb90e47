"""Requests by chance: documents from the schema, with real and odd values in them, and what chance makes of those."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any, Final

import graphql
from graphql import (
    ArgumentNode,
    DocumentNode,
    FloatValueNode,
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NameNode,
    Node,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse_type,
    print_ast,
    value_from_ast_untyped,
    visit,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st
from hypothesis_graphql import Mode, from_schema

from tests.support.odd_texts import FAITHFUL, NO_CODES, NO_CURSORS, NOTHING, REFUSED
from tests.system.fuzz.known import BY_NAME, FITTING, GROUNDS, LIVE_BY_NAME, Names

ODD: Final = tuple(text[:2_000] for text in (*FAITHFUL.values(), *REFUSED.values(), *NOTHING, *NO_CODES))
DAYS: Final = (
    *("2026-11-24", "2026-12-01", "2027-01-01", "2028-02-29", "1900-01-01", "2199-12-31"),
    *("0001-01-01", "9999-12-31", "2027-02-29", "2026-W48-2", "20261124", "26-1-1", "", "now", "2026-11-24T00:00"),
)
INSTANTS: Final = (
    *("2026-11-24T02:00:00Z", "2027-01-01T00:00:00+08:00", "2026-11-24T10:00:00.123456+08:00"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-24T02:00:00", "2026-11-24T24:00:00Z"),
    *("2026-12-31T23:59:60Z", "2026-11-24T02:00:00+99:99", "1969-12-31", "-271821-04-20T00:00:00Z", "", "tomorrow"),
)
JUNK: Final = (
    *("{", "}", "(", ")", "[", "]", "...", "@include(if: true)", "@skip(if: $v0)", "@defer", "$", "!", "&", "|"),
    *('"""', '"', "#", "\\", "\0", "\ufeff", "𠮷", "1e400", "-0", "0x1F", "null", "true", "on Petition", "query"),
    *("fragment f on Query { ...f }", "mutation", "subscription", "__schema { types { name } }", "__typename", "a: b:"),
    *("_entities(representations: [])", "input: {}", ", ,", "\u202e", "\ud800", "9" * 400),
)
_TOKEN: Final = re.compile(
    r'"""(?:[^"]|"(?!""))*"""|"(?:\\.|[^"\\])*"|[A-Za-z_][A-Za-z0-9_]*|\.\.\.|-?[0-9][0-9.eE+-]*|\S'
)


@dataclass(frozen=True)
class Surface:
    """One address that is fuzzed, and the schema that it shows, as SDL."""

    name: str
    url: str
    sdl: str
    roles: Mapping[str, Sequence[str]]
    """Who may use each root field; everybody, where nobody is named."""
    referable: Sequence[str] = ()

    @cached_property
    def schema(self) -> GraphQLSchema:
        """The schema."""
        return graphql.build_schema(self.sdl)

    @property
    def fields(self) -> list[str]:
        """The root fields, queries and mutations."""
        roots = (self.schema.query_type, self.schema.mutation_type)
        return [name for root in roots if root is not None for name in root.fields if name != "_service"]


@dataclass(frozen=True)
class Request:
    """What is sent, before what it names is exchanged for what it is."""

    surface: str
    by: str
    kind: str
    about: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        """Return it in a line."""
        return f"{self.surface} by {self.by} ({self.kind}): {self.body[:1_500]!r} {dict(self.headers) or ''}"


def _node(value: object) -> ValueNode:
    """Return a value as a literal; what has none is a string."""
    match value:
        case bool():
            return graphql.BooleanValueNode(value=value)
        case int():
            return IntValueNode(value=str(value))
        case float():
            return FloatValueNode(value=repr(value))
        case list():
            return ListValueNode(values=tuple(_node(one) for one in value))
        case dict():
            fields = (ObjectFieldNode(name=NameNode(value=k), value=_node(v)) for k, v in value.items())
            return ObjectValueNode(fields=tuple(fields))
        case None:
            return graphql.NullValueNode()
        case _:
            return StringValueNode(value=str(value))


OTHER: Final[tuple[Any, ...]] = (0, 17, -1, 2**31, 1.5, True, None, [], {}, ["x"], {"a": 1}, "x")
_WORDS: Final = ("下水道堵了，污水漫到门口", "已疏通", "Please hurry.", "路灯不亮", "见附件", "x", "属供排水公司管网")
_NUMBERS: Final = ("1", "2", "3", "5", "20", "100", "0", "-1", "101", "2147483647")
_SANE_DAYS: Final = ("2027-02-15", "2027-03-01", "2027-01-04")
_SANE_INSTANTS: Final = ("2027-06-01T00:00:00+08:00", "2027-03-01T02:00:00Z", "2027-01-04T02:00:00Z")


@dataclass(frozen=True)
class Chance:
    """What a request is made by: chance, and how often it is to be wrong.

    Hypothesis makes the documents. What stands in them is chosen evenly: its own choices prefer the first of each list.
    """

    by: Random
    wrong: float

    def errs(self) -> bool:
        """Tell whether something is to be wrong here."""
        return self.by.random() < self.wrong

    def one(self, of: Sequence[Any]) -> Any:
        """Return one of a list."""
        return self.by.choice(of)

    def value(self, type_: str, name: str, about: str, names: Names, surface: Surface) -> ValueNode:
        """Return a value of a scalar type for an argument or input field of a name."""
        match type_:
            case "Date":
                return _node(self.one((*DAYS, *OTHER)) if self.errs() else self.one(_SANE_DAYS))
            case "DateTime":
                return _node(self.one((*INSTANTS, *OTHER)) if self.errs() else self.one(_SANE_INSTANTS))
            case "_Any":
                return _node(self.one(OTHER) if self.errs() else self._reference(names, surface))
            case "Int":
                return IntValueNode(value=self.one(_NUMBERS if self.errs() else _NUMBERS[:6]))
            case _:
                return StringValueNode(value=self._text(name, about, names))

    def _text(self, name: str, about: str, names: Names) -> str:
        if self.errs():
            return self.one(NO_CURSORS if name == "after" and self.errs() else ODD)[:2_000]
        if name == "after":
            cursors = names.of("cursor", about)
            whole = [cursor for cursor in cursors if ", mutated" not in cursor]
            return self.one((cursors if self.errs() else whole) or names.of("cursor"))
        if name == "ground" and about in GROUNDS and self.by.random() < 0.8:
            return self.one(GROUNDS[about])
        live = [text for kind in LIVE_BY_NAME.get(name, ()) for text in self._fitting(kind, about, names)]
        return self.one([*BY_NAME.get(name, ()), *live] or _WORDS)

    def _fitting(self, kind: str, about: str, names: Names) -> list[str]:
        fitting = FITTING.get(about, ()) if self.by.random() < 0.8 else ()
        return names.of(kind, *fitting)

    def _reference(self, names: Names, surface: Surface) -> dict[str, Any]:
        type_ = self.one([*surface.referable, "Nothing"]) if self.errs() else self.one(surface.referable)
        known = {"Petition": names.of("petition"), "WorkOrder": names.of("order")}
        id_ = self.one(known.get(type_) or BY_NAME.get(type_.lower(), ["rep-hui-bi"]))
        return {"__typename": type_, "id": self.one(ODD)[:300] if self.errs() else id_}


def _placeholder(value: ValueNode) -> st.SearchStrategy[ValueNode]:
    return st.just(value)


_SCALARS: Final = {
    "Date": _placeholder(StringValueNode(value="")),
    "DateTime": _placeholder(StringValueNode(value="")),
    "_Any": _placeholder(StringValueNode(value="")),
}


class _Values(Visitor):
    """Puts real and odd values where there are meaningless ones, and leaves out what may be left out."""

    def __init__(self, chance: Chance, about: str, names: Names, surface: Surface, info: TypeInfo) -> None:
        super().__init__()
        self.chance, self.about, self.known, self.surface, self.info = chance, about, names, surface, info
        self.path: list[str] = []

    def _enter(self, node: ArgumentNode | ObjectFieldNode, given: GraphQLArgument | GraphQLInputField | None) -> Any:
        nothing = isinstance(node.value, graphql.NullValueNode) and not self.chance.errs()
        optional = given is not None and not isinstance(given.type, GraphQLNonNull)
        if nothing or (optional and self.chance.by.random() < 0.5):
            return graphql.REMOVE
        self.path.append(node.name.value)
        return None

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        return self._enter(node, self.info.get_argument())

    def leave_argument(self, *_: Any) -> None:
        self.path.pop()

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> Any:
        of = graphql.get_named_type(self.info.get_parent_input_type())
        fields = of.fields if isinstance(of, GraphQLInputObjectType) else {}
        return self._enter(node, fields.get(node.name.value))

    def leave_object_field(self, *_: Any) -> None:
        self.path.pop()

    def _value(self, *_: Any) -> ValueNode | None:
        type_ = graphql.get_named_type(self.info.get_input_type())
        if type_ is None or not self.path or type_.name not in {"String", "ID", "Int", *_SCALARS}:
            return None
        return self.chance.value(type_.name, self.path[-1], self.about, self.known, self.surface)

    enter_string_value = enter_int_value = _value


def _itself(document: DocumentNode) -> DocumentNode:
    return document


@st.composite
def documents(draw: st.DrawFn, surface: Surface, names: Names, fields: Sequence[str], chance: Chance) -> DocumentNode:
    """Draw a document about root fields; now and then one that violates the schema, about any field."""
    right = chance.by.random() > 0.1
    document: DocumentNode = draw(
        from_schema(
            surface.schema,
            fields=tuple(fields) if right else None,  # not every field can be asked wrongly
            custom_scalars=_SCALARS,
            print_ast=_itself,
            mode=Mode.POSITIVE if right else Mode.NEGATIVE,
        )
    )
    info = TypeInfo(surface.schema)
    return visit(document, TypeInfoVisitor(info, _Values(chance, fields[0], names, surface, info)))


def _with_variables(surface: Surface, document: DocumentNode, chance: Chance) -> tuple[DocumentNode, dict[str, Any]]:
    """Move some arguments into variables, whose values may then be of any kind."""
    variables: dict[str, Any] = {}
    defined: list[VariableDefinitionNode] = []
    info = TypeInfo(surface.schema)

    class Move(Visitor):
        def enter_argument(self, node: ArgumentNode, *_: Any) -> Node | None:
            argument = info.get_argument()
            if argument is None or chance.by.random() < 0.3:
                return None
            name = f"v{len(defined)}"
            variable = VariableNode(name=NameNode(value=name))
            type_ = parse_type(str(argument.type))
            defined.append(VariableDefinitionNode(variable=variable, type=type_, directives=()))
            variables[name] = value_from_ast_untyped(node.value)
            return ArgumentNode(name=node.name, value=variable)

    moved = visit(document, TypeInfoVisitor(info, Move()))
    operations = [it for it in moved.definitions if isinstance(it, OperationDefinitionNode)]
    if not defined or not operations:
        return document, {}
    first = operations[0]
    whole = OperationDefinitionNode(
        operation=first.operation,
        name=first.name,
        variable_definitions=tuple(defined),
        directives=first.directives,
        selection_set=first.selection_set,
    )
    for name in variables:
        if chance.errs():
            variables[name] = chance.one((*OTHER, *ODD))
    return DocumentNode(definitions=(whole, *(it for it in moved.definitions if it is not first))), variables


def _torn(text: str, by: Random) -> str:
    """Return what is left of a document of which tokens were lost, doubled, exchanged or added."""
    tokens: list[str] = _TOKEN.findall(text)
    for _ in range(by.randint(1, 3)):
        at, other = by.randrange(len(tokens) + 1), by.randrange(len(tokens) + 1)
        match by.randrange(6):
            case 0 if not by.randrange(3):
                tokens = tokens[:at]
            case 1:
                tokens = tokens[:at] + tokens[at + 1 :]
            case 2:
                tokens = tokens[:at] + tokens[at : at + 3] * 2 + tokens[at + 3 :]
            case 3 if max(at, other) < len(tokens):
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case _:
                tokens = [*tokens[:at], by.choice(JUNK), *tokens[at:]]
    return " ".join(tokens) or "{"


def _body(body: dict[str, Any], by: Random) -> str:
    """Return a body whose parts are of other kinds, or whose JSON is broken."""
    for _ in range(by.randint(0, 2)):
        body = {**body, by.choice(["query", "variables", "operationName", "extensions", "more"]): by.choice(OTHER)}
    sent = json.dumps(body)
    if by.random() < 0.6:
        at = by.randrange(len(sent))
        sent = sent[:at] + by.choice(["", "\0", "}", "]", '"', "\\ud800", "NaN", "1e999"]) + sent[at + 1 :]
    return sent


@st.composite
def requests(draw: st.DrawFn, surfaces: Sequence[Surface], names: Names) -> Request:
    """Draw a request."""
    by = draw(st.randoms(use_true_random=True))
    # Half of them are right but for their moment, so that they come past the doors; some are wrong nearly everywhere.
    chance = Chance(by, by.choice([0.0, 0.0, 0.0, 0.0, 0.02, 0.05, 0.2, 0.4]))
    surface: Surface = by.choice(surfaces)
    fields = [by.choice(surface.fields)]
    if by.random() < 0.05:
        fields.append(by.choice(surface.fields))
    document = draw(documents(surface, names, sorted(set(fields)), chance))
    variables: dict[str, Any] = {}
    kind = "literals"
    if by.random() < 0.5:
        kind = "variables"
        document, variables = _with_variables(surface, document, chance)
    text = print_ast(document)
    body: dict[str, Any] = {"query": text, "variables": variables}
    sent = json.dumps(body)
    if by.random() < 0.12:
        kind, sent = "torn", json.dumps({**body, "query": _torn(text, by)})
    elif by.random() < 0.05:
        kind, sent = "body", _body(body, by)
    return Request(
        surface.name, _sender(surface, names, fields[0], by), kind, ",".join(fields), sent, _headers(names, by)
    )


def _sender(surface: Surface, names: Names, about: str, by: Random) -> str:
    """Return who sends it: mostly somebody who may."""
    allowed = surface.roles.get(about, ())
    holders = [name for name in names.holders if name.split(",")[0].split(" of ")[0] in allowed]
    own = [name for name in holders if ", foreign" not in name]
    return by.choice(by.choice([own, own, own, own, holders, names.holders]) or names.holders)


def _headers(names: Names, by: Random) -> dict[str, str]:
    position = by.choice(names.of("position"))
    return by.choice(
        [
            *({},) * 15,
            {"Read-After": position},
            {"Read-After": position},
            {"Read-After": by.choice(["x", "", "%%%", "aW50YWtlOjE6MQ", "A" * 5_000])},
            {"Read-After": position, "Read-After-Deadline": by.choice(["0", "9" * 30, "-1", "x"])},
            {"X-Request-Id": by.choice(["x", "a b", "%0a", "x" * 500, '{"level":"error"}'])},
            {"Accept-Language": by.choice(["en", "zh-CN;q=0.5", "*;q=2", "x" * 1_000])},
        ]
    )


def drawn(surfaces: Sequence[Surface], names: Names, cases: int, seed: int | None) -> list[Request]:
    """Draw so many requests; without a seed always the same ones.

    In a process of its own: Hypothesis takes the whole process's chance for its own, of which the services live too.
    """
    found: list[Request] = []

    @settings(
        max_examples=cases,
        derandomize=seed is None,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(request=requests(surfaces, names))
    def each(request: Request) -> None:
        found.append(request)

    (each if seed is None else hypothesis_seed(seed)(each))()
    return found
