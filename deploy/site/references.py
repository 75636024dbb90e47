"""Pages that are written from the contracts: every event, what it is called, and where its schema is."""

from collections.abc import Iterator
from typing import Final

from services.contracts.catalogue import EVENTS, REFERENCE_SOURCES, petition_topic, reference_topic
from services.contracts.event import Event
from services.contracts.labels import EVENT_LABELS
from services.contracts.reference import ReferenceRecorded
from services.contracts.vocabulary import Source

_HEAD: Final = """# Events

What crosses between the services, and what a department's system may read. How an event travels, and what is in its
envelope: [how an event travels](event-journey.md). How to read them: [for integrators](integrators.md#events). Each
type's data has a JSON Schema, which only gains optional fields while the number at its end stays.
"""


def events_page() -> str:
    """Return the page of all events, by topic."""
    return "\n".join((_HEAD, *_topics())) + "\n"


def _topics() -> Iterator[str]:
    for source, events in EVENTS.items():
        yield from _table(petition_topic(source), source, sorted(events.items()))
    for source in REFERENCE_SOURCES:
        yield from _table(reference_topic(source), source, [(ReferenceRecorded.TYPE, ReferenceRecorded)])


def _table(topic: str, source: Source, events: list[tuple[str, type[Event]]]) -> Iterator[str]:
    yield f"## `{topic}`"
    yield ""
    yield "| type | zh | English | what it says |"
    yield "|---|---|---|---|"
    for type_name, event in events:
        zh, en = EVENT_LABELS.get(type_name, ("", ""))
        says = " ".join((event.__doc__ or "").split())
        yield f"| [`{type_name}`](schemas/{source.value}/{type_name}.v1.json) | {zh} | {en} | {says} |"
    yield ""
