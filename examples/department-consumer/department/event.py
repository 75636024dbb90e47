"""An event of the feed as it came, from the topic or by GraphQL alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec


class Unreadable(Exception):
    """What came is no event of a feed; nothing behind it is read before somebody has looked."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event: `data` is JSON that follows `schema`, `sequence` its number in this department's feed."""

    id: str
    source: str
    sequence: int
    type: str
    schema: str
    petition: str
    cycle: int
    time: datetime
    data: bytes


def from_record(value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> Event:
    """Read a Kafka record: a CloudEvent in binary mode, whose attributes are headers.

    :raises Unreadable: it is none.
    """
    said = {name: text.decode() for name, text in headers}
    try:
        return Event(
            id=said["ce_id"],
            source=said["ce_source"],
            sequence=int(said["ce_sequence"]),
            type=said["ce_type"],
            schema=said["ce_dataschema"],
            petition=said["ce_subject"],
            cycle=int(said["ce_cycle"]),
            time=datetime.fromisoformat(said["ce_time"]),
            data=value or b"null",
        )
    except (KeyError, ValueError) as error:
        raise Unreadable(f"a message without a proper {error}") from error


def from_node(node: Mapping[str, Any]) -> Event:
    """Read a node of GraphQL's feed."""
    return Event(
        id=node["id"],
        source=node["source"],
        sequence=node["sequence"],
        type=node["type"],
        schema=node["dataschema"],
        petition=node["subject"],
        cycle=node["cycle"],
        time=datetime.fromisoformat(node["time"]),
        data=msgspec.json.encode(node["data"]),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where to go on reading: the next offset on the topic, or GraphQL's cursor; what is not known stays as it was."""

    offset: int | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in their order, where to go on behind them, and whether that is the end for now."""

    events: Sequence[Event]
    place: Place
    at_end: bool
