"""The table of doors: for every field of every type that a service shows, who may use or see it.

Each service writes its own in `domain/access.py`. The schema is built from it (a field without a row stops the
service from starting), docs/access.md is printed from it, and tests/system/doors tries every row with every role.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.contracts.vocabulary import Role
from services.kernel.access import Rule, may

EVERYBODY: Final = Rule(frozenset(Role) - {Role.SYSTEM}, "public reference data and one's own identity")
OPERATE: Final = may(Role.OPERATOR, says="events that are held up: list, replay, discard: the operator")


class Bounds(StrEnum):
    """What a root field's answer is bounded by, besides the role."""

    OWN = "own"
    """It is about one object, which must be the actor's own: a foreign one is answered like an unknown one."""

    OWN_LIST = "own, as a list"
    """It lists or counts the actor's own and leaves the rest out."""

    NONE = "none"
    """The role alone bounds it: reference data, oneself, what anyone may begin, what an operator does anywhere."""


@dataclass(frozen=True, slots=True)
class Door:
    """Who may pass. Without a rule: whoever sees the object that the field belongs to."""

    rule: Rule | None
    bounds: Bounds = Bounds.NONE


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: some fields of one type, or (without fields) references to it from other services."""

    type: str
    fields: tuple[str, ...]
    door: Door


def own(type_: str, rule: Rule, fields: str) -> Row:
    """Return a row of root fields that are about one object of the actor's own."""
    return Row(type_, tuple(fields.split()), Door(rule, Bounds.OWN))


def own_list(type_: str, rule: Rule, fields: str) -> Row:
    """Return a row of root fields that list the actor's own."""
    return Row(type_, tuple(fields.split()), Door(rule, Bounds.OWN_LIST))


def anything(type_: str, rule: Rule, fields: str) -> Row:
    """Return a row of root fields that are bounded by the role alone."""
    return Row(type_, tuple(fields.split()), Door(rule))


def within(type_: str, fields: str) -> Row:
    """Return a row of fields that are for whoever sees the object."""
    return Row(type_, tuple(fields.split()), Door(None))


def shown_to(type_: str, rule: Rule, fields: str) -> Row:
    """Return a row of fields that are null for those of the object's readers whom the rule does not name."""
    return Row(type_, tuple(fields.split()), Door(rule, Bounds.OWN))


def reference(type_: str, rule: Rule, bounds: Bounds = Bounds.OWN) -> Row:
    """Return the row of references to an entity that other services make."""
    return Row(type_, (), Door(rule, bounds))


@dataclass(frozen=True, slots=True)
class Doors:
    """A service's table."""

    fields: Mapping[tuple[str, str], Door]
    references: Mapping[str, Door]


class RepeatedDoorError(Exception):
    """A field has two rows: which of them counts would depend on their order."""


def doors(*rows: Row | Iterable[Row]) -> Doors:
    """Return a table.

    :raises RepeatedDoorError: a field or a reference has two rows.
    """
    fields: dict[tuple[str, str], Door] = {}
    references: dict[str, Door] = {}
    for row in _flat(rows):
        for name in row.fields:
            if (row.type, name) in fields:
                raise RepeatedDoorError(f"{row.type}.{name} has two rows")
            fields[row.type, name] = row.door
        if not row.fields:
            if row.type in references:
                raise RepeatedDoorError(f"references to {row.type} have two rows")
            references[row.type] = row.door
    return Doors(fields, references)


def _flat(rows: Iterable[Row | Iterable[Row]]) -> Iterable[Row]:
    for row in rows:
        if isinstance(row, Row):
            yield row
        else:
            yield from row


SHARED: Final = (
    anything("Query", EVERYBODY, "_service"),
    within("_Service", "sdl"),
    within("PageInfo", "hasNextPage endCursor"),
    within(
        "Deadline",
        "kind state startedAt dueAt level reminded policyVersion warning ledger label explanation",
    ),
    within("ClockEntry", "at move by dueAt note"),
    within("DeadlineExplanation", "unit steps reminderAt levelOneAt levelTwoAt levelThreeAt text"),
    within("DeadlineStep", "kind since until countedFrom amount restDays madeUpDays dueAt text"),
    within("ParkedEvent", "petitionId source sequence type eventId reason detail topic partition offset parkedAt"),
    within("ParkedEventPage", "nodes pageInfo"),
    within("DiscardedEvent", "petitionId source sequence type eventId error by because at"),
    within("DiscardedEventPage", "nodes pageInfo"),
    within("ParkedPayload", "applied parked"),
)
"""Rows of the types that every service has from the kernel."""


def operating(service: str) -> tuple[Row, ...]:
    """Return the rows of a service's fields for its operator."""
    title = service.capitalize()
    return (
        anything("Query", OPERATE, f"{service}Parked {service}Discarded"),
        anything("Mutation", OPERATE, f"replay{title}Parked discard{title}Parked"),
    )
