"""An event of another service's as it arrived: read from its topic, and kept for as long as it is held up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from services.contracts import catalogue
from services.contracts.event import Event
from services.contracts.vocabulary import Source
from services.kernel.envelope import Envelope, Headers, UnreadableError, from_message
from services.kernel.kafka import Record

Key = tuple[UUID, Source, int]
"""What identifies an event: aggregate, source, sequence."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event as it came from its partition; `aggregate` is the one that it is about."""

    envelope: Envelope
    aggregate: UUID
    data: bytes
    headers: Headers
    topic: str
    partition: int
    offset: int

    @property
    def key(self) -> Key:
        """What identifies the event."""
        return self.aggregate, self.envelope.source, self.envelope.sequence

    @property
    def place(self) -> tuple[str, int, int]:
        """Where it lies: topic, partition, offset."""
        return self.topic, self.partition, self.offset

    def decode(self) -> tuple[type[Event], Event]:
        """Return what kind of event it is, and what it says.

        :raises UnknownEventError, ValidationError, DecodeError: this version does not know the event.
        """
        kind = catalogue.definition(self.envelope.source, self.envelope.type, self.envelope.dataschema)
        return kind, catalogue.decode(kind, self.data)


def arrived(
    key: bytes | None, value: bytes | None, headers: Headers, topic: str, partition: int, offset: int
) -> Arrived:
    """Read a message.

    :raises UnreadableError: it is not an event about an aggregate of ours.
    """
    envelope, data = from_message(key, value, headers)
    try:
        aggregate = UUID(envelope.subject)
    except ValueError:
        raise UnreadableError(f"the subject {envelope.subject!r} is not the id of an aggregate") from None
    return Arrived(envelope, aggregate, data, tuple(headers), topic, partition, offset)


def read(record: Record, prefix: str) -> Arrived:
    """Read a message of one of the petition topics, whose names begin with a prefix.

    :raises UnreadableError: it is not an event that could be applied, or even be parked.
    """
    came = arrived(record.key, record.value, record.headers, record.topic, record.partition, record.offset)
    # An event on somebody else's topic would move a stream that its true source numbers.
    if record.topic != catalogue.petition_topic(came.envelope.source, prefix):
        raise UnreadableError(f"an event of {came.envelope.source.value} on another source's topic")
    # What could not be written down, or not be found again under its name, could not even be parked.
    if any("\0" in name or b"\0" in value for name, value in record.headers):
        raise UnreadableError("a header contains the character U+0000")
    if came.envelope.subject != str(came.aggregate):
        raise UnreadableError(f"the subject {came.envelope.subject!r} is not written as ids are")
    return came


def show_headers(headers: Headers) -> str:
    """Return headers as they are stored, in JSON."""
    return msgspec.json.encode([(name, value.decode()) for name, value in headers]).decode()


def stored(row: Mapping[str, Any]) -> Arrived:
    """Return an event that was stored: aggregate_id, headers, data, topic, partition and offset of a row."""
    headers: Sequence[tuple[str, bytes]] = [
        (name, value.encode()) for name, value in msgspec.json.decode(row["headers"], type=list[tuple[str, str]])
    ]
    envelope, data = from_message(str(row["aggregate_id"]).encode(), bytes(row["data"]), headers)
    return Arrived(envelope, row["aggregate_id"], data, headers, row["topic"], row["partition"], row["offset"])
