"""The AsyncAPI 3.0 document of all events, as Through Train writes them.

It is the product's own document, so its operations send; who reads the topics takes them the other way round. Dead
letters are left out: they are between a service and its operator.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from services.contracts.examples import examples_of
from services.contracts.families import FAMILIES, Family, definition_name, type_of
from services.contracts.labels import EVENT_LABELS
from services.contracts.schema import components, description, major_of, value_of

_BINDING: Final = "0.5.0"
_SCHEMAS: Final = "#/components/schemas/{name}"
_CORRELATION: Final = "ce_correlationid"
_DESCRIPTION: Final = """Petitions from a resident's words to an evaluated result, as the events of three services.

Messages are CloudEvents 1.0 in Kafka's binary mode: the envelope is headers, the value is the event's data as JSON.
Each event comes at least once, and in order for a subject and source: what has a `ce_sequence` that is not greater than
the last that was applied of the same subject and source is a repetition. In a department's feed the order, and with it
the last number, is the whole feed's. Readers pass over fields, headers and event types that they do not know."""


def document(version: str) -> dict[str, Any]:
    """Return the document.

    :param version: of the contracts, as they were last released.
    """
    return {
        "asyncapi": "3.0.0",
        "id": "urn:through-train:events",
        "info": {
            "title": "Through Train (直通车): events",
            "version": version,
            "description": _DESCRIPTION,
            "tags": [{"name": "cloudevents", "description": "CloudEvents 1.0, Kafka's binary mode"}],
        },
        "defaultContentType": "application/json",
        "servers": {"installation": _server()},
        "channels": {family.name: _channel(family) for family in FAMILIES},
        "operations": {f"write-{family.name}": _operation(family) for family in FAMILIES},
        "components": {
            "messages": {
                message_name(family, event): _message(family, event) for family in FAMILIES for event in family.events
            },
            "schemas": {**_envelopes(), **_data()},
            "securitySchemes": {
                "account": {
                    "type": "scramSha512",
                    "description": "An account of the broker's, which the installation's operator gives; it may read "
                    "the topics that were agreed, and nothing else.",
                }
            },
        },
    }


def message_name(family: Family, event: type[Any]) -> str:
    """Return the name of an event's message: its source, type and major version, as its schema has them."""
    type_name = type_of(event)
    return f"{family.folder}.{type_name}.{major_of(family.dataschema(type_name))}"


def _server() -> Mapping[str, Any]:
    return {
        "host": "{host}:{port}",
        "protocol": "kafka-secure",
        "title": "An installation's Kafka",
        "description": "Each installation has its own, and says which topics an account may read.",
        "variables": {
            "host": {"default": "kafka.example", "description": "Where the installation's broker is reached."},
            "port": {"default": "9094", "description": "Its port."},
        },
        "security": [{"$ref": "#/components/securitySchemes/account"}],
    }


def _channel(family: Family) -> Mapping[str, Any]:
    policy = "compact" if family.compacted else "delete"
    given: dict[str, Any] = {
        "address": family.topic,
        "title": family.title,
        "description": family.summary,
        "messages": {
            message_name(family, event): {"$ref": f"#/components/messages/{message_name(family, event)}"}
            for event in family.events
        },
        "bindings": {
            "kafka": {
                "partitions": family.partitions,
                "topicConfiguration": {"cleanup.policy": [policy], "retention.ms": -1},
                "bindingVersion": _BINDING,
            }
        },
    }
    if family.ends:
        given["x-ends"] = family.ends.isoformat()
    if family.parameters:
        given["parameters"] = {
            parameter.name: {"description": parameter.means, "examples": list(parameter.examples)}
            for parameter in family.parameters
        }
    return given


def _operation(family: Family) -> Mapping[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{family.name}"},
        "title": f"Through Train writes {family.topic}",
        "summary": "Who reads the topic receives these.",
    }


def _message(family: Family, event: type[Any]) -> Mapping[str, Any]:
    type_name = type_of(event)
    zh, en = EVENT_LABELS.get(type_name, ("", ""))
    key: dict[str, Any] = {"type": "string", "description": family.key}
    if family.key_format:
        key["format"] = family.key_format
    correlated = any(header.name == _CORRELATION for header in family.envelope.headers)
    return {
        "name": type_name,
        "title": f"{en} ({zh})" if en else type_name,
        "summary": _first_sentence(event),
        "description": description(event),
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "allOf": [{"$ref": _SCHEMAS.format(name=_envelope_name(family))}],
            "properties": {
                "ce_source": _only(family.source, pattern="{" in family.source),
                "ce_type": _only(type_name),
                "ce_dataschema": _only(family.dataschema(type_name)),
            },
        },
        "payload": {"$ref": _SCHEMAS.format(name=definition_name(family, event))},
        **({"correlationId": {"location": f"$message.header#/{_CORRELATION}"}} if correlated else {}),
        "bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}},
        "examples": _examples(family, event),
    }


def _only(value: str, *, pattern: bool = False) -> Mapping[str, Any]:
    if not pattern:
        return {"type": "string", "const": value}
    before, _, rest = value.partition("{")
    return {"type": "string", "pattern": f"^{before}[^/]+{rest.partition('}')[2]}$"}


def _examples(family: Family, event: type[Any]) -> Sequence[Mapping[str, Any]]:
    return [
        {"name": f"example-{number}", "headers": dict(example.headers), "payload": value_of(example)}
        for number, example in enumerate(examples_of(family, event), 1)
    ]


def _envelopes() -> Mapping[str, Any]:
    return {_envelope_name(family): family.envelope.schema() for family in FAMILIES}


def _data() -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for family in FAMILIES:
        renamed = {event.__name__: definition_name(family, event) for event in family.events}
        for name, schema in components(family.events, _SCHEMAS).items():
            whole = _without_discriminator(schema)
            if found.setdefault(renamed.get(name, name), whole) != whole:
                raise AssertionError(f"two definitions are called {name}: give one family a prefix")
    return dict(sorted(found.items()))


def _without_discriminator(schema: Any) -> Any:
    """Return a schema as AsyncAPI takes it: a discriminator there would have to name schemas."""
    if isinstance(schema, Mapping):
        given = cast(Mapping[str, Any], schema)
        return {name: _without_discriminator(inner) for name, inner in given.items() if name != "discriminator"}
    if isinstance(schema, list):
        return [_without_discriminator(inner) for inner in cast(list[Any], schema)]
    return schema


def _envelope_name(family: Family) -> str:
    return f"{family.envelope.name}-envelope"


def _first_sentence(event: type[Any]) -> str:
    return " ".join((event.__doc__ or "").split()).partition(". ")[0].rstrip(".") + "."
