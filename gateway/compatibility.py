"""The gate of the GraphQL contract: what of the present schema breaks who relies on the released one.

Clients rely on the API, and the composition of a rolling upgrade on each service's part: its fields, keys and other
directives. docs/compatibility.md says the rules to people.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from graphql import DocumentNode, GraphQLError, GraphQLSchema, build_ast_schema, parse, validate
from graphql.utilities import BreakingChangeType, DangerousChangeType, SafeChangeType, find_schema_changes

from gateway import sdl
from services.kernel.graphql import deprecation


@dataclass(frozen=True, slots=True)
class Operation:
    """A registered document: `name` says which file it is, for people."""

    name: str
    body: str


@dataclass(frozen=True, slots=True)
class Contract:
    """All that others rely on: SDL of the services by name, the supergraph, operations by their ids, error codes."""

    services: Mapping[str, str]
    supergraph: str
    operations: Mapping[str, Operation] = field(default_factory=dict[str, Operation])
    codes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """What breaks where, and what would be right."""

    what: str
    instead: str

    def __str__(self) -> str:
        return f"{self.what} {self.instead}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found; `removed` are the places whose time had come."""

    refusals: tuple[Refusal, ...]
    removed: frozenset[str]


_REMOVE: Final = (
    "Deprecate it with a reason and a date, and remove it in the next major version, once the date is past."
)
_ANOTHER: Final = "Add another of a new name beside it, and deprecate this one."
_OPTIONAL: Final = "Make it optional, or give it the default by which everything stays as it was."
_DEFAULT: Final = "Leave it: who says nothing is answered as before. Let clients choose by a new argument or field."
_CODE: Final = "Leave it in the list: clients go by it, and services of the release may still say it."
_DIRECTIVE: Final = "Leave its definition as it was; only more may be added."
_INSTEAD: Final = {
    BreakingChangeType.TYPE_REMOVED: "Deprecate every field that leads to it; it may go when they are gone.",
    BreakingChangeType.TYPE_CHANGED_KIND: "Add a type of a new name, and deprecate what leads to this one.",
    BreakingChangeType.TYPE_REMOVED_FROM_UNION: "Leave it in; clients ask for it by name.",
    BreakingChangeType.VALUE_REMOVED_FROM_ENUM: _REMOVE,
    BreakingChangeType.REQUIRED_INPUT_FIELD_ADDED: _OPTIONAL,
    BreakingChangeType.IMPLEMENTED_INTERFACE_REMOVED: "Leave it; clients ask for the type through the interface.",
    BreakingChangeType.FIELD_REMOVED: _REMOVE,
    BreakingChangeType.FIELD_CHANGED_KIND: _ANOTHER,
    BreakingChangeType.REQUIRED_ARG_ADDED: _OPTIONAL,
    BreakingChangeType.ARG_REMOVED: _REMOVE,
    BreakingChangeType.ARG_CHANGED_KIND: _ANOTHER,
    BreakingChangeType.DIRECTIVE_REMOVED: _DIRECTIVE,
    BreakingChangeType.DIRECTIVE_ARG_REMOVED: _DIRECTIVE,
    BreakingChangeType.REQUIRED_DIRECTIVE_ARG_ADDED: _DIRECTIVE,
    BreakingChangeType.DIRECTIVE_REPEATABLE_REMOVED: _DIRECTIVE,
    BreakingChangeType.DIRECTIVE_LOCATION_REMOVED: _DIRECTIVE,
    DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE: _DEFAULT,
    DangerousChangeType.INPUT_FIELD_DEFAULT_VALUE_CHANGE: _DEFAULT,
    SafeChangeType.ARG_DEFAULT_VALUE_ADDED: _DEFAULT,
    SafeChangeType.INPUT_FIELD_DEFAULT_VALUE_ADDED: _DEFAULT,
}
"""What to do instead of each refused change. What is not here is allowed: clients are told to take a member of an enum
or union that they do not know as something else, and what is optional and new is asked for by nobody yet."""

_MAY_BE_ADDED: Final = ("@key", "@shareable", "@tag", "@provides", "@deprecated", "@specifiedBy", "@link")
"""What offers more than before, or says more. Any other directive takes something away or moves it."""


def judge(old: Contract, new: Contract, *, released: dt.date, today: dt.date) -> Verdict:
    """Compare the present contract with the one that was released on a day."""
    api_before, api_now = sdl.api_of(old.supergraph), sdl.api_of(new.supergraph)
    time_had_come, early = _removed(api_before, api_now, today)
    expected = sdl.without(api_before, time_had_come)
    time_had_come |= sdl.unused_types(expected) - sdl.places(api_now).keys()
    expected = sdl.without(api_before, time_had_come)
    found = [*early.values(), *_changes(sdl.without(expected, set(early)), api_now)]
    told = {one.what for one in found}
    by_sentence: dict[Refusal, list[str]] = {}
    for name in sorted(old.services):
        if old.services[name] == new.services.get(name):
            continue
        for refusal in _changes_of_service(name, old, new, time_had_come | early.keys()):
            if refusal.what not in told:
                by_sentence.setdefault(refusal, []).append(name)
    found += [Refusal(f"{', '.join(names)}: {one.what}", one.instead) for one, names in by_sentence.items()]
    found += _badly_deprecated(api_before, api_now, released + deprecation.NOTICE)
    found += _broken_operations(old, new, expected, api_now)
    found += [Refusal(f"The error code {code} was removed.", _CODE) for code in sorted(old.codes - new.codes)]
    return Verdict(tuple(found), frozenset(time_had_come))


def _removed(before: DocumentNode, now: DocumentNode, today: dt.date) -> tuple[set[str], dict[str, Refusal]]:
    """Tell which deprecated places are gone: those whose time had come, and those that went too early."""
    present, time_had_come, early = sdl.places(now), set[str](), dict[str, Refusal]()
    for place, node in sdl.places(before).items():
        reason = sdl.reason_of(node)
        if place in present or reason is None:
            continue
        told = deprecation.read(reason)
        if told is not None and told.goes <= today:
            time_had_come.add(place)
        elif told is not None:
            what = f"{place} was removed before its time: it was promised until {told.goes.isoformat()}."
            early[place] = Refusal(what, "Put it back, and remove it when that day has come.")
    return time_had_come, early


def _changes(before: DocumentNode, now: DocumentNode) -> Iterator[Refusal]:
    if before is now:
        return  # read from the same text
    for change in find_schema_changes(
        build_ast_schema(before, assume_valid=True), build_ast_schema(now, assume_valid=True)
    ):
        instead = _INSTEAD.get(change.type)
        if instead is not None:
            yield Refusal(change.description, instead)
    operations = sdl.roots(now)
    for operation, name in sdl.roots(before).items():
        if operations.get(operation) != name:
            yield Refusal(f"{name} is the type of each {operation} no longer.", "Leave the schema's root types.")


def _changes_of_service(name: str, old: Contract, new: Contract, gone: set[str]) -> Iterator[Refusal]:
    if name not in new.services:
        yield Refusal("The service was removed.", "Move what it answers step by step, and remove it last.")
        return
    before, now = sdl.parsed(old.services[name]), sdl.parsed(new.services[name])
    places = sdl.places(now)
    missing = {place for place in sdl.places(before).keys() - places.keys() - gone if _is_type_or_field(place)}
    moved = _moved(missing, new)
    for place, owners in sorted(moved.items()):
        if place.split(".")[0] in moved and "." in place:
            continue  # its whole type moved, which is said
        yield Refusal(
            f"{place} is answered by {', '.join(owners)} now, and here no longer.",
            "Let both answer it (@shareable) for a version, and take it away here in the next major one.",
        )
    kept = sdl.without(before, gone | moved.keys())
    yield from _changes(kept, now)
    for place, node in sdl.places(kept).items():
        if place in places:
            yield from _changes_of_directives(place, sdl.directives(node), sdl.directives(places[place]))


def _moved(missing: set[str], new: Contract) -> dict[str, list[str]]:
    """Return the services that have what is missing in one."""
    found: dict[str, list[str]] = {}
    for name, text in new.services.items() if missing else ():
        for place in missing & sdl.places(sdl.parsed(text)).keys():
            found.setdefault(place, []).append(name)
    return found


def _is_type_or_field(place: str) -> bool:
    return place != sdl.SCHEMA and "(" not in place and "@" not in place


def _changes_of_directives(place: str, before: set[str], now: set[str]) -> Iterator[Refusal]:
    for gone in sorted(before - now):
        if gone.startswith("@deprecated") and _is_postponed(gone, now):
            continue
        yield Refusal(f"{place} has lost {gone}.", _INSTEAD_OF_LOSING.get(gone.split("(")[0], _KEEP))
    for more in sorted(now - before):
        if not more.startswith(_MAY_BE_ADDED):
            yield Refusal(f"{place} has gained {more}.", "It takes away what others rely on: add another place for it.")


_KEEP: Final = "Leave it as it was: others are composed and planned by it."
_INSTEAD_OF_LOSING: Final = {
    "@key": "Leave it: others hand the entity out by it. Add the other key beside it.",
    "@shareable": "Leave it: others answer the same.",
    "@deprecated": "Leave what was told: only its date may be postponed.",
}


def _is_postponed(before: str, now: set[str]) -> bool:
    """Whether a deprecation says the same as before, with a later day."""
    [old] = _deprecations({before})
    return any(
        one is not None and old is not None and one.instead == old.instead and one.goes > old.goes
        for one in _deprecations(now)
    )


def _deprecations(directives: set[str]) -> list[deprecation.Deprecation | None]:
    document = parse("\n".join(f"scalar A{n} {one}" for n, one in enumerate(sorted(directives))) or "scalar A")
    reasons = (sdl.reason_of(definition) for definition in document.definitions)
    return [deprecation.read(reason) for reason in reasons if reason is not None]


def _badly_deprecated(before: DocumentNode, now: DocumentNode, first: dt.date) -> Iterator[Refusal]:
    """Tell of deprecations of another form than ours, and of new ones that give too little notice."""
    known = {place: sdl.reason_of(node) for place, node in sdl.places(before).items()}
    for place, node in sdl.places(now).items():
        reason = sdl.reason_of(node)
        if reason is None or reason == known.get(place):
            continue
        told = deprecation.read(reason)
        if told is None:
            form = deprecation.until(first, "Use this or that.")
            yield Refusal(f"{place} is deprecated with {reason!r}.", f"Say what to use, and until when: {form!r}")
        elif told.goes < first and known.get(place) is None:
            what = f"{place} is deprecated until {told.goes.isoformat()}, which is too soon."
            days = deprecation.NOTICE.days
            yield Refusal(what, f"Give {days} days from the version that says so: {first.isoformat()} or later.")


def _broken_operations(old: Contract, new: Contract, before: DocumentNode, api_now: DocumentNode) -> Iterator[Refusal]:
    if not old.operations and not new.operations:
        return
    expected, now = build_ast_schema(before, assume_valid=True), build_ast_schema(api_now, assume_valid=True)
    for name, operation in new.operations.items():
        for problem in problems_of(operation, now)[:1]:
            yield Refusal(f"{operation.name} ({name[:12]}…) does not fit the schema: {problem}", "Clients send its id.")
    for name, operation in old.operations.items():
        if name in new.operations or problems_of(operation, expected):
            continue  # what it asks for has gone in its time
        problems = problems_of(operation, now)
        why = f"does not fit the schema: {problems[0]}" if problems else "is registered no longer."
        yield Refusal(f"{operation.name} ({name[:12]}…) {why}", "Clients send its id: keep it, and add others.")


def problems_of(operation: Operation, schema: GraphQLSchema) -> list[str]:
    """Return why a schema cannot answer a document."""
    try:
        return [error.message for error in validate(schema, parse(operation.body))]
    except GraphQLError as error:
        return [error.message]
