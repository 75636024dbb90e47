"""JSON Schemas (2020-12) of events and envelopes, from the definitions."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from services.contracts import vocabulary
from services.contracts.event import Data
from services.contracts.examples import Example, examples_of
from services.contracts.families import FAMILIES, Family, type_of
from services.contracts.headers import Envelope
from services.contracts.labels import LABELS
from services.contracts.occasions import OCCASIONS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_MAJOR: Final = re.compile(r"v\d+$")


def event_schema(family: Family, event: type[Data]) -> dict[str, Any]:
    """Return an event's schema; its `$id` is what the envelope names as `ce_dataschema`."""
    (root,), components = msgspec.json.schema_components([event], ref_template="#/$defs/{name}")
    whole = components.pop(root["$ref"].rpartition("/")[2])
    type_name = type_of(event)
    return {
        "$schema": DIALECT,
        "$id": family.dataschema(type_name),
        **whole,
        "title": type_name,
        "description": description(event),
        "examples": [value_of(example) for example in examples_of(family, event)],
        "$defs": described(components),
    }


def envelope_schema(envelope: Envelope) -> dict[str, Any]:
    """Return the schema of a message's headers, as an object of their names and texts."""
    shown = (
        dict(example.headers) for f in FAMILIES if f.envelope is envelope for example in examples_of(f, f.events[0])
    )
    return {
        "$schema": DIALECT,
        "$id": f"urn:through-train:envelope:{envelope.name}:v1",
        **envelope.schema(),
        "examples": [next(shown)],
    }


def components(events: Sequence[type[Data]], template: str) -> dict[str, Any]:
    """Return the schemas of several events and of all that they contain, by name, for one document."""
    _, found = msgspec.json.schema_components(events, ref_template=template)
    return described(found)


def described(schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return schemas in the order of their names; codes that people read are said in words."""
    return {name: _with_words(name, schema) for name, schema in sorted(schemas.items())}


def description(event: type[Data]) -> str:
    """Return what an event says, and when it is written."""
    return f"{' '.join((event.__doc__ or '').split())} {OCCASIONS[type_of(event)]}"


def major_of(dataschema: str) -> str:
    """Return a schema's major version, such as `v1`, which its file is named by."""
    found = _MAJOR.search(dataschema)
    if found is None:
        raise AssertionError(f"{dataschema} does not end in a major version")
    return found[0]


def value_of(example: Example) -> Any:
    """Return an example's value as JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(example.event))


def _with_words(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    said = " ".join(str(schema.get("description", "")).split())
    codes: object = getattr(vocabulary, name, None)
    if isinstance(codes, type) and issubclass(codes, StrEnum):
        words = [(code, LABELS[codes, code.value]) for code in codes if (codes, code.value) in LABELS]
        said += "".join(f"\n- `{code.value}`: {zh}, {en}" for code, (zh, en) in words)
    return {**schema, "description": said} if said else dict(schema)
