"""An event as it was told: the same whether it was read from a service's history or from a topic."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from deploy.audit.place import Row

_BEYOND_SEQUENCES: Final = 2**31
_BEYOND_CYCLES: Final = 2**15
_REQUIRED: Final = (
    *("specversion", "id", "source", "type", "subject", "time", "dataschema"),
    *("recordedtime", "sequence", "correlationid", "causationid", "cycle"),
)


class UnreadableError(Exception):
    """A message that is no event of this system."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event. `seen`: how far its producer had followed each other service when it decided."""

    service: str
    subject: str
    sequence: int
    id: UUID
    type: str
    cycle: int
    at: datetime
    recorded: datetime
    seen: Mapping[str, int]
    correlation: str
    causation: str
    street: str
    community: str
    lead: str | None
    cohandlers: tuple[str, ...]
    followers: tuple[str, ...]
    data: Mapping[str, Any]

    def __str__(self) -> str:
        """Return what a sentence calls it."""
        return f"{self.type} {self.service}:{self.sequence}"

    @property
    def of_clock(self) -> bool:
        """Whether it is about a clock."""
        return self.type.startswith("clock.")


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as it lies on a topic."""

    told: Told
    partition: int
    offset: int


def differences(one: Told, other: Told) -> list[str]:
    """Return the names of what two tellings of an event do not have in common."""
    return [f.name for f in fields(Told) if getattr(one, f.name) != getattr(other, f.name)]


def parse_seen(text: str) -> dict[str, int]:
    """Parse `intake:7,dispatch:3`."""
    pairs = (part.rpartition(":") for part in text.split(",") if part)
    return {service: int(sequence) for service, _, sequence in pairs}


def from_row(service: str, row: Row) -> Told:
    """Return an event of a service's history about a petition."""
    return Told(
        service=service,
        subject=str(row["aggregate_id"]),
        sequence=row["sequence"],
        id=row["event_id"],
        type=row["type"],
        cycle=row["cycle"],
        at=row["happened_at"],
        recorded=row["recorded_at"],
        seen=parse_seen(row["seen"]),
        correlation=row["correlation_id"],
        causation=row["causation_id"],
        street=row["street"],
        community=row["community"],
        lead=row["lead"],
        cohandlers=tuple(row["cohandlers"]),
        followers=tuple(row["followers"]),
        data=json.loads(row["data"]),
    )


def from_message(service: str, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> Told:
    """Return an event as a message of a service's topic carries it: CloudEvents 1.0 in Kafka's binary mode.

    :raises UnreadableError: it is none of that service's.
    """
    try:
        texts = {name: text.decode() for name, text in headers}
        of = {name.removeprefix("ce_"): text for name, text in texts.items() if name.startswith("ce_")}
        told = Told(
            service=of["source"].removeprefix("/"),
            subject=of["subject"],
            sequence=int(of["sequence"]),
            id=UUID(of["id"]),
            type=of["type"],
            cycle=int(of["cycle"]),
            at=datetime.fromisoformat(of["time"]),
            recorded=datetime.fromisoformat(of["recordedtime"]),
            seen=parse_seen(of.get("seen", "")),
            correlation=of["correlationid"],
            causation=of["causationid"],
            street=of.get("street", ""),
            community=of.get("community", ""),
            lead=of.get("lead"),
            cohandlers=_listed(of.get("cohandlers")),
            followers=_listed(of.get("followers")),
            data=_data(value),
        )
        lacking = [name for name in _REQUIRED if not of[name]]
        written_as_ids_are = str(UUID(told.subject)) == told.subject
    except (KeyError, ValueError) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from None
    if lacking:
        raise UnreadableError(f"{lacking[0]} is empty")
    if of["specversion"] != "1.0":
        raise UnreadableError("specversion is not 1.0")
    if told.at.tzinfo is None:
        raise UnreadableError("time has no offset")
    if not written_as_ids_are:
        raise UnreadableError("the subject is not written as ids are")
    if not (1 <= told.sequence < _BEYOND_SEQUENCES and 0 <= told.cycle < _BEYOND_CYCLES):
        raise UnreadableError("sequence or cycle is out of range")
    if any("\0" in name or b"\0" in text for name, text in headers):
        raise UnreadableError("a header contains the character U+0000")
    if told.service != service:
        raise UnreadableError(f"an event of {told.service} on {service}'s topic")
    if key is None or key.decode(errors="replace") != told.subject:
        raise UnreadableError("the key is not the subject")
    return told


def _data(value: bytes | None) -> Mapping[str, Any]:
    """Return the data; what is no JSON object is as good as nothing, and differs from whatever was recorded."""
    try:
        data: Any = json.loads(value or b"")
    except ValueError:
        return {}
    return cast(Mapping[str, Any], data) if isinstance(data, dict) else {}


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()
