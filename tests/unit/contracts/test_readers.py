"""The gate's verdict is what really happens: an event's next releases, read by today's reader and the other way round.

Readers are the definitions themselves, and what a department may use: a validator by the schema of the release.
"""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from services.contracts import baseline
from services.contracts.event import Who
from services.contracts.families import FAMILIES, type_of
from services.contracts.intake import PetitionAccepted
from services.contracts.schema_changes import Place, Side, breaking
from services.contracts.vocabulary import Extent, Urgency

RELEASED = baseline.contracts(baseline.BASELINE)
FILE: Final = "intake/petition.accepted.v1.json"
WRITTEN: Final[dict[str, Any]] = RELEASED.schemas[FILE]["examples"][0]

MoreUrgency = StrEnum("Urgency", {"NORMAL": "NORMAL", "URGENT": "URGENT", "CRITICAL": "CRITICAL"})
LessUrgency = StrEnum("Urgency", {"URGENT": "URGENT"})
FIELDS: Final[Sequence[tuple[str, Any]]] = (
    ("by", Who),
    ("title", str),
    ("category", str),
    ("urgency", Urgency),
    ("extent", Extent),
)

Change = dict[str, Any]
"""A field's name, and its next type; with a default as a pair, and None for a field that is gone."""

EVOLUTIONS: Final[dict[str, tuple[Change, dict[str, Any], bool]]] = {
    "an optional field is added": ({"floor": (int | None, None)}, {"floor": 3}, True),
    "an optional list is added": ({"tags": (tuple[str, ...], ())}, {"tags": ["night"]}, True),
    "nothing changes": ({}, {}, True),
    "a required field is added": ({"floor": int}, {"floor": 3}, False),
    "a field is removed": ({"extent": None}, {}, False),
    "a field is renamed": ({"extent": None, "reach": Extent}, {"reach": "STREET"}, False),
    "a text becomes a number": ({"category": int}, {"category": 7}, False),
    "a text may be absent": ({"category": (str, "other")}, {}, False),
    "a text may be null": ({"category": str | None}, {"category": None}, False),
    "a code is added": ({"urgency": MoreUrgency}, {"urgency": "CRITICAL"}, False),
    "a code is taken away": ({"urgency": LessUrgency}, {"urgency": "URGENT"}, False),
    "a code becomes any text": ({"urgency": str}, {"urgency": "very"}, False),
    "an instant takes the place of a text": ({"title": msgspec.Raw}, {"title": 1}, False),
}


def next_release(change: Change) -> type[msgspec.Struct]:
    fields: list[Any] = []
    for name, type_ in [*((n, change.get(n, t)) for n, t in FIELDS), *((n, t) for n, t in change.items())]:
        if type_ is None or any(name == known[0] for known in fields):
            continue
        fields.append((name, *type_) if isinstance(type_, tuple) else (name, type_))
    return msgspec.defstruct("PetitionAccepted", fields, kw_only=True, rename="camel", omit_defaults=True)


def is_read(reader: type[Any], written: dict[str, Any]) -> bool:
    try:
        msgspec.json.decode(json.dumps(written), type=reader)
    except msgspec.ValidationError:
        return False
    return True


def fits(written: dict[str, Any]) -> bool:
    try:
        Draft202012Validator(RELEASED.schemas[FILE]).validate(written)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("evolution", EVOLUTIONS)
def test_what_the_gate_allows_is_read_both_ways_and_what_it_refuses_is_not(evolution: str) -> None:
    change, says, allowed = EVOLUTIONS[evolution]
    following = next_release(change)
    gone = [name for name, type_ in change.items() if type_ is None]
    left = {name: value for name, value in WRITTEN.items() if name not in gone}
    if change.get("category") == (str, "other"):
        del left["category"]
    new = {**left, **says}
    assert is_read(following, new), "the new writer's own reader"
    new_reader_reads_old = is_read(following, {**WRITTEN, "urgency": "NORMAL"})
    old_reader_reads_new = is_read(PetitionAccepted, new)
    assert fits(new) == old_reader_reads_new, "a validator by the released schema goes with the definition"
    assert (new_reader_reads_old and old_reader_reads_new) is allowed

    schema = msgspec.json.schema(following)
    refused = list(breaking(Place("`petition.accepted.v1` of intake"), old_side(), Side(schema, schema)))
    assert (not refused) is allowed, [str(one) for one in refused]


def old_side() -> Side:
    return Side(RELEASED.schemas[FILE], RELEASED.schemas[FILE])


DEFINITIONS: Final = {
    f"{family.folder}/{type_of(event)}.v1.json": event for family in FAMILIES for event in family.events
}


@pytest.mark.parametrize("file", [name for name in RELEASED.schemas if not name.startswith("envelope/")])
def test_what_was_written_at_the_release_is_read_today_and_later_fields_are_passed_over(file: str) -> None:
    """Who reads by the release is today's reader, as long as the gate holds; what it reads has grown."""
    for example in RELEASED.schemas[file]["examples"]:
        read = msgspec.json.decode(json.dumps(example), type=DEFINITIONS[file])
        assert json.loads(msgspec.json.encode(read)) == example
        later = with_later_fields(example)
        Draft202012Validator(RELEASED.schemas[file]).validate(later)
        assert msgspec.json.decode(json.dumps(later), type=DEFINITIONS[file]) == read


def with_later_fields(value: Any) -> Any:
    """Put a field that the release does not know into each object, however deep."""
    if isinstance(value, dict):
        return {
            **{name: with_later_fields(inner) for name, inner in value.items()},
            "cameLater": {"with": ["anything"]},
        }
    return [with_later_fields(inner) for inner in value] if isinstance(value, list) else value
