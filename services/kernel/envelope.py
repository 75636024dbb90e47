"""The envelope: CloudEvents 1.0 in Kafka's binary mode, with the extensions of architecture.md, Events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, to_binary_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from services.contracts.vocabulary import Source
from services.kernel.access import Scope
from services.kernel.head import Seen
from services.kernel.history import parse_seen, show_seen

Headers = Sequence[tuple[str, bytes]]
_SEQUENCE_DIGITS: Final = 10
_NEVER_INVENTED: Final = ("ce_id", "ce_time")
"""Headers for which the library would make up a value, another one at each reading."""


class UnreadableError(Exception):
    """The message is no event of ours: a header is missing or malformed. It can only go to the dead letters."""


class _Bytes(JSONFormat):
    """Leaves the data as bytes: decoding is by the event's definition (the library would return bad JSON as text)."""

    def write_data(self, data: Any, datacontenttype: str | None) -> bytes:  # noqa: ARG002
        return data

    def read_data(self, body: bytes, datacontenttype: str | None) -> Any:  # noqa: ARG002
        return body


_FORMAT: Final = _Bytes()


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event's envelope. `sequence` has no gap per subject and source; `time` is the domain's, `recorded` the
    system's.
    """

    id: UUID
    source: Source
    type: str
    subject: str
    time: datetime
    recorded: datetime
    dataschema: str
    sequence: int
    seen: Seen
    correlation: str
    causation: str
    cycle: int
    street: str
    community: str
    lead: str | None = None
    cohandlers: tuple[str, ...] = ()
    followers: tuple[str, ...] = ()

    def scope(self) -> Scope:
        """Return the scope of the petition that the event is about."""
        return Scope(UUID(self.subject), self.street, self.community, self.lead, self.cohandlers, self.followers)


Message = tuple[bytes, bytes, list[tuple[str, bytes]]]
"""Key, value and headers."""


def written(attributes: Mapping[str, Any], data: bytes) -> Message:
    """Return the message of a CloudEvent with JSON data; its key is its subject.

    Empty attributes are left out: CloudEvents has no empty values.
    """
    always = {"specversion": "1.0", "datacontenttype": "application/json"}
    event = CloudEvent({k: v for k, v in {**always, **attributes}.items() if v != ""}, data)
    message = to_binary_event(event, _FORMAT)
    return attributes["subject"].encode(), message.value, list(message.headers.items())


def show_sequence(sequence: int) -> str:
    """Return a sequence as it travels: padded, so that text sorts as numbers do."""
    return f"{sequence:0{_SEQUENCE_DIGITS}d}"


def to_message(envelope: Envelope, data: bytes) -> Message:
    """Return an event's Kafka message."""
    attributes: dict[str, Any] = {
        "id": str(envelope.id),
        "source": f"/{envelope.source.value}",
        "type": envelope.type,
        "subject": envelope.subject,
        "time": envelope.time,
        "recordedtime": envelope.recorded.isoformat(),
        "dataschema": envelope.dataschema,
        "sequence": show_sequence(envelope.sequence),
        "seen": show_seen(envelope.seen),
        "correlationid": envelope.correlation,
        "causationid": envelope.causation,
        "cycle": str(envelope.cycle),
        "street": envelope.street,
        "community": envelope.community,
        "lead": envelope.lead or "",
        "cohandlers": ",".join(envelope.cohandlers),
        "followers": ",".join(envelope.followers),
    }
    return written(attributes, data)


def from_message(key: bytes | None, value: bytes | None, headers: Headers) -> tuple[Envelope, bytes]:
    """Return an event's envelope and data.

    :raises UnreadableError: it is none, or not one of ours.
    """
    named = {name for name, _ in headers}
    if missing := [name for name in _NEVER_INVENTED if name not in named]:
        raise UnreadableError(f"the header {missing[0]} is missing")
    try:
        event = from_binary_event(KafkaMessage(dict(headers), None, value or b""), _FORMAT)
        envelope = _read(event)
    except Exception as error:  # whatever the bytes are, the outcome is the same: unreadable, and why
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    if key is None or key.decode(errors="replace") != envelope.subject:
        raise UnreadableError("the message's key is not its subject")
    return envelope, value or b""


def _read(event: BaseCloudEvent) -> Envelope:
    extra: Mapping[str, Any] = event.get_attributes()
    time = event.get_time()
    subject = event.get_subject()
    schema = event.get_dataschema()
    if time is None or subject is None or schema is None:
        raise ValueError("time, subject and dataschema are required")
    sequence, cycle = int(extra["sequence"]), int(extra["cycle"])
    if not (1 <= sequence < 2**31 and 0 <= cycle < 2**15):
        raise ValueError("sequence or cycle is out of range")
    return Envelope(
        id=UUID(event.get_id()),
        source=Source(event.get_source().removeprefix("/")),
        type=event.get_type(),
        subject=subject,
        time=time,
        recorded=datetime.fromisoformat(extra["recordedtime"]),
        dataschema=schema,
        sequence=sequence,
        seen=parse_seen(extra.get("seen", "")),
        correlation=extra["correlationid"],
        causation=extra["causationid"],
        cycle=cycle,
        street=extra.get("street", ""),
        community=extra.get("community", ""),
        lead=extra.get("lead"),
        cohandlers=_listed(extra.get("cohandlers")),
        followers=_listed(extra.get("followers")),
    )


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()
