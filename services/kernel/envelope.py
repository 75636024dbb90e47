"""The envelope: CloudEvents 1.0 in Kafka's binary mode, with the extensions of architecture.md, Events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.contracts.vocabulary import Source
from services.kernel.access import Scope
from services.kernel.head import Seen
from services.kernel.history import parse_seen, show_seen

Headers = Sequence[tuple[str, bytes]]
_SEQUENCE_DIGITS: Final = 10
_PREFIX: Final = "ce_"
_VERSION: Final = "1.0"
_ALWAYS: Final = (("ce_specversion", _VERSION.encode()), ("content-type", b"application/json"))
_REQUIRED: Final = (
    *("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_dataschema"),
    *("ce_recordedtime", "ce_sequence", "ce_correlationid", "ce_causationid", "ce_cycle"),
)


class UnreadableError(Exception):
    """The message is no event of ours: a header is missing or malformed. It can only go to the dead letters."""


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

    Empty attributes are left out: CloudEvents has no empty values. An instant needs its offset.
    """
    headers = [*_ALWAYS, *((_PREFIX + name, _shown(value)) for name, value in attributes.items() if value != "")]
    return attributes["subject"].encode(), data, headers


def _shown(value: str | datetime) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if value.tzinfo is None:
        raise ValueError("an instant without an offset is none")
    return value.isoformat().replace("+00:00", "Z").encode()


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
    try:
        # All of them are text, also those that are not ours: what cannot be read could not be parked.
        told = {name.lower(): text.decode() for name, text in headers}
        if missing := [name for name in _REQUIRED if not told.get(name)]:
            raise UnreadableError(f"the header {missing[0]} is missing")  # noqa: TRY301
        envelope = _read(told)
    except UnreadableError:
        raise
    except Exception as error:  # whatever the bytes are, the outcome is the same: unreadable, and why
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    if key is None or key.decode(errors="replace") != envelope.subject:
        raise UnreadableError("the message's key is not its subject")
    return envelope, value or b""


def _read(told: Mapping[str, str]) -> Envelope:
    if (version := told["ce_specversion"]) != _VERSION:
        raise UnreadableError(f"ce_specversion is {version!r}, not {_VERSION!r}")
    time = datetime.fromisoformat(told["ce_time"])
    if time.tzinfo is None:
        raise UnreadableError("ce_time has no offset")
    sequence, cycle = int(told["ce_sequence"]), int(told["ce_cycle"])
    if not (1 <= sequence < 2**31 and 0 <= cycle < 2**15):
        raise UnreadableError("ce_sequence or ce_cycle is out of range")
    return Envelope(
        id=UUID(told["ce_id"]),
        source=Source(told["ce_source"].removeprefix("/")),
        type=told["ce_type"],
        subject=told["ce_subject"],
        time=time,
        recorded=datetime.fromisoformat(told["ce_recordedtime"]),
        dataschema=told["ce_dataschema"],
        sequence=sequence,
        seen=parse_seen(told.get("ce_seen", "")),
        correlation=told["ce_correlationid"],
        causation=told["ce_causationid"],
        cycle=cycle,
        street=told.get("ce_street", ""),
        community=told.get("ce_community", ""),
        lead=told.get("ce_lead"),
        cohandlers=_listed(told.get("ce_cohandlers")),
        followers=_listed(told.get("ce_followers")),
    )


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()
