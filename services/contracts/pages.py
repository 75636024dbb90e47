"""The catalogue of events as Markdown pages, `docs/events`: for people, on any repository's host and on the site."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from services.contracts import vocabulary
from services.contracts.event import Data
from services.contracts.examples import Example, examples_of
from services.contracts.families import FAMILIES, Family, type_of
from services.contracts.headers import Envelope
from services.contracts.labels import EVENT_LABELS, LABELS
from services.contracts.occasions import OCCASIONS
from services.contracts.schema import components, event_schema, major_of, value_of

_SCHEMAS: Final = "../../services/contracts/schemas"
_PARTS: Final = "parts.md"
_REF: Final = "#/$defs/"
_FORMATS: Final = {"uuid": "id (UUID)", "date-time": "instant", "date": "day"}

_ABOUT: Final = (
    "What crosses between the services, and what other systems may read. This catalogue is generated from the events' "
    "definitions. How an event travels: [an event's journey](../event-journey.md). How to read them: [for integrators]"
    "(../integrators.md#events). What will stay as it is: [compatibility](../compatibility.md#events); what came when: "
    "[history](../contracts-history.md)."
)
_FOR_PROGRAMS: Final = (
    "For programs: a [JSON Schema](../../services/contracts/schemas) for each event, and all of it as an [AsyncAPI 3.0 "
    "document](../../services/contracts/asyncapi.json). Each schema's `$id` is what the header `ce_dataschema` says."
)
_ABOUT_ENVELOPES: Final = (
    "Messages are CloudEvents 1.0 in Kafka's binary mode: the envelope is the message's headers, the value is the "
    "event's data as JSON. Headers that you do not know you pass over: there will be more."
)
_ABOUT_PARTS: Final = (
    "What several events have within them. The codes of a list stay those of the list while the major version stays; "
    "what must grow is a [reference entry](reference.md)."
)

_SHARED: Final = MappingProxyType(
    {
        "clock": ("Clocks, of all three services", ("/dispatch",)),
        "reference": ("Reference entries", ("/intake", "/dispatch")),
    }
)
"""Pages of what several topics have, by the first word of its type: the title, and whose examples are shown."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: the events that a family has alone, or those that several families share."""

    name: str
    title: str
    families: Sequence[Family]
    events: Sequence[type[Data]]


def pages() -> Mapping[str, str]:
    """Return the pages by their files' names."""
    described = _pages()
    written = {
        "README.md": _index(described),
        "envelope.md": _envelopes(),
        _PARTS: _parts(),
        **{page.name: _page(page) for page in described},
    }
    return {name: "\n".join(lines).rstrip() + "\n" for name, lines in written.items()}


def _pages() -> Sequence[Page]:
    """Return the pages of events: what a topic has alone, then what several have, by the first word of its type."""
    having: dict[type[Data], list[Family]] = {}
    for family in FAMILIES:
        for event in family.events:
            having.setdefault(event, []).append(family)
    alone = [
        Page(f"{family.name}.md", family.title, [family], events)
        for family in FAMILIES
        if (events := [event for event in family.events if len(having[event]) == 1])
    ]
    shared: dict[str, list[type[Data]]] = {}
    for event, families in having.items():
        if len(families) > 1:
            shared.setdefault(type_of(event).partition(".")[0], []).append(event)
    return alone + [Page(f"{word}.md", _SHARED[word][0], having[events[0]], events) for word, events in shared.items()]


def _index(described: Sequence[Page]) -> Iterator[str]:
    place = {event: page.name for page in described for event in page.events}
    yield from (
        "# Events",
        "",
        _ABOUT,
        "",
        _FOR_PROGRAMS,
        "",
        "## Topics",
        "",
        "| topic | what is on it | key | kept |",
        "|---|---|---|---|",
    )
    for family in FAMILIES:
        kept = "the newest of each key" if family.compacted else "without limit"
        kept += f"; may end on {family.ends}" if family.ends else ""
        yield f"| `{family.topic}` | {family.title}. {family.summary} | {family.key} | {kept} |"
    yield from ("", "Around every event: [its envelope](envelope.md). Within: [codes and parts](parts.md).", "")
    for family in FAMILIES:
        yield from (f"## `{family.topic}`", "", "| type | | what it says |", "|---|---|---|")
        for event in family.events:
            type_name = type_of(event)
            zh, en = EVENT_LABELS.get(type_name, ("", ""))
            label = f"{zh} {en}".strip()
            yield f"| [`{type_name}`]({place[event]}#{_anchor(type_name)}) | {label} | {_says(event)} |"
        yield ""


def _page(page: Page) -> Iterator[str]:
    topics = ", ".join(f"`{family.topic}`" for family in page.families)
    yield from (f"# {page.title}", "", f"On {topics}. [All events](README.md), [the envelope](envelope.md).", "")
    for event in page.events:
        yield from _event(page, event)


def _event(page: Page, event: type[Data]) -> Iterator[str]:
    type_name = type_of(event)
    zh, en = EVENT_LABELS.get(type_name, ("", ""))
    schema = event_schema(page.families[0], event)
    yield from (f"## {type_name}", "")
    if zh:
        yield from (f"**{zh}** · {en}", "")
    yield from (_says(event), "", f"*When:* {OCCASIONS[type_name]}", "")
    links = (
        f"[{each.folder}]({_SCHEMAS}/{each.folder}/{file})"
        for each in page.families
        for file in [f"{type_name}.{major_of(each.dataschema(type_name))}.json"]
    )
    yield from (f"JSON Schema: {', '.join(links)}.", "")
    yield from _fields(schema)
    shown = _examples(page, event)
    yield from ("Such as:", "")
    yield from _message(shown[0])
    if len(shown) > 1:
        yield from ("Other values:", "")
        for example in shown[1:]:
            yield from _json(value_of(example))


def _examples(page: Page, event: type[Data]) -> Sequence[Example]:
    _, sources = _SHARED.get(type_of(event).partition(".")[0], ("", ()))
    families = [family for family in page.families if len(page.families) == 1 or family.source in sources]
    return [example for family in families for example in examples_of(family, event)]


def _message(example: Example) -> Iterator[str]:
    yield from _headers(example)
    yield from _json(value_of(example))


def _headers(example: Example) -> Iterator[str]:
    width = max(len(name) for name in example.headers)
    yield from ("```text", f"{'key':{width}}  {example.key}")
    for name, value in example.headers.items():
        yield f"{name:{width}}  {value}"
    yield from ("```", "")


def _json(value: Any) -> Iterator[str]:
    yield from ("```json", json.dumps(value, ensure_ascii=False, indent=2), "```", "")


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    required = schema.get("required", ())
    yield from ("| field | | type | what it means |", "|---|---|---|---|")
    for name, field in schema["properties"].items():
        needed = "" if name in required else f"optional{_default(field)}"
        yield f"| `{name}` | {needed} | {_type(field)} | {_means(field)} |"
    yield ""


def _default(field: Mapping[str, Any]) -> str:
    default = field.get("default")
    return f", else `{json.dumps(default)}`" if default not in (None, []) else ""


def _means(field: Mapping[str, Any]) -> str:
    said = field.get("description") or next(
        (part["description"] for part in _inside(field) if "description" in part), ""
    )
    return str(said).replace("|", "\\|")


def _inside(field: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return (*field.get("anyOf", ()), *([field["items"]] if "items" in field else []))


def _type(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].removeprefix(_REF)
        return f"[{name}]({_PARTS}#{_anchor(name)})"
    if "anyOf" in field:
        return " or ".join(_type(part) for part in field["anyOf"] if part.get("type") != "null")
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    return _FORMATS.get(field.get("format", ""), str(field["type"]))


def _envelopes() -> Iterator[str]:
    yield from (
        "# The envelope",
        "",
        _ABOUT_ENVELOPES,
        "",
    )
    for envelope in {family.envelope.name: family.envelope for family in FAMILIES}.values():
        yield from _envelope(envelope, [family for family in FAMILIES if family.envelope is envelope])


def _envelope(envelope: Envelope, families: Sequence[Family]) -> Iterator[str]:
    topics = ", ".join(f"`{family.topic}`" for family in families)
    schema = f"{_SCHEMAS}/envelope/{envelope.name}.v1.json"
    yield from (f"## {envelope.title}", "", f"On {topics}; as a [JSON Schema]({schema}).", "")
    yield from ("| header | | what it means |", "|---|---|---|")
    for header in envelope.headers:
        optional = "" if header.required else "optional"
        yield f"| `{header.name}` | {optional} | {header.means}{_values(header.values)} |"
    yield from ("", "Such as:", "")
    yield from _headers(examples_of(families[0], families[0].events[0])[0])


def _values(values: Sequence[str]) -> str:
    if not values:
        return ""
    return f" {'One of' if len(values) > 1 else 'Always'} {', '.join(f'`{value}`' for value in values)}."


def _parts() -> Iterator[str]:
    yield from (
        "# Codes and parts",
        "",
        _ABOUT_PARTS,
        "",
    )
    for name, schema in _all_parts():
        said = str(schema.get("description", "")).partition("\n")[0]
        yield from (f"## {name}", "", said, "")
        if "enum" in schema:
            yield from _codes(name, schema["enum"])
        else:
            yield from _fields(schema)


def _all_parts() -> Sequence[tuple[str, Mapping[str, Any]]]:
    found: dict[str, Mapping[str, Any]] = {}
    for family in FAMILIES:
        events = {event.__name__ for event in family.events}
        within = components(family.events, _REF + "{name}")
        found |= {name: schema for name, schema in within.items() if name not in events}
    return sorted(found.items())


def _codes(name: str, values: Sequence[str]) -> Iterator[str]:
    codes = getattr(vocabulary, name)
    labels = [LABELS.get((codes, value)) for value in values]
    if not any(labels):
        yield from (", ".join(f"`{value}`" for value in values) + ".", "")
        return
    yield from ("| code | zh | English |", "|---|---|---|")
    for value, (zh, en) in zip(values, [label or ("", "") for label in labels], strict=True):
        yield f"| `{value}` | {zh} | {en} |"
    yield ""


def _says(event: type[Data]) -> str:
    return " ".join((event.__doc__ or "").split())


def _anchor(heading: str) -> str:
    """Return the anchor of a heading, as repository hosts and the site make it."""
    return "".join(c for c in heading.lower() if c.isalnum() or c in "_-")
