"""The envelope as its readers see it: the headers of a message, CloudEvents 1.0 in Kafka's binary mode.

services/kernel/envelope.py writes and reads them; tests/unit/contracts holds both against each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_UUID: Final = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_STREAM: Final = "(intake|dispatch|feedback):[1-9][0-9]*"
_INSTANT: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
"""Written out, since a reader may well pass over `format`; each is an RFC 3339 instant."""


@dataclass(frozen=True, slots=True)
class Header:
    """One header; its value is always text in UTF-8."""

    name: str
    means: str
    required: bool = True
    pattern: str | None = None
    format: str | None = None
    values: tuple[str, ...] = ()

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        given: dict[str, Any] = {"description": self.means, "type": "string", "minLength": 1}
        if self.format:
            given["format"] = self.format
        if self.pattern:
            given["pattern"] = self.pattern
        if len(self.values) == 1:
            given["const"] = self.values[0]
        elif self.values:
            given["enum"] = list(self.values)
        return given


@dataclass(frozen=True, slots=True)
class Envelope:
    """The headers that a family's messages have."""

    name: str
    title: str
    headers: tuple[Header, ...]

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of all headers together. Others may come: readers pass over what they do not know."""
        return {
            "title": self.title,
            "description": "Every header's value is text in UTF-8. What is not required is absent when it is empty.",
            "type": "object",
            "properties": {header.name: header.schema() for header in self.headers},
            "required": [header.name for header in self.headers if header.required],
        }


def _standard(
    sources: Sequence[str], subject: Header, numbered: str, *, source: str | None = None
) -> tuple[Header, ...]:
    return (
        Header("ce_specversion", "The version of CloudEvents.", values=("1.0",)),
        Header("ce_id", "The event's own id, the same whenever it is published again.", pattern=_UUID, format="uuid"),
        Header("ce_source", "Who wrote it.", values=tuple(sources), pattern=source),
        Header("ce_type", "What happened: a past fact.", pattern="^[a-z_]+[.][a-z_]+$"),
        subject,
        Header("ce_time", "When it happened, by the domain's clock.", pattern=_INSTANT, format="date-time"),
        Header(
            "ce_recordedtime", "When it was written down, by the system's clock.", pattern=_INSTANT, format="date-time"
        ),
        Header("ce_dataschema", "The `$id` of the data's JSON Schema; it ends in the major version.", format="uri"),
        Header("content-type", "What the value is.", values=("application/json",)),
        Header(
            "ce_sequence",
            f"{numbered} Ten digits, so that text sorts as numbers do.",
            pattern="^[0-9]{10}$",
        ),
    )


def _causes() -> tuple[Header, ...]:
    return (
        Header("ce_correlationid", "The request that began it all."),
        Header("ce_causationid", "The event that caused it, or else that request."),
    )


TRACE: Final = Header(
    "traceparent",
    "W3C Trace Context of the sending, for operators; only where it is sampled.",
    required=False,
    pattern="^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
)

_CYCLE: Final = Header(
    "ce_cycle",
    "How many times the matter has gone round; the first is 1.",
    pattern="^[0-9]{1,5}$",
)

_SOURCES: Final = ("/intake", "/dispatch", "/feedback")

PETITION: Final = Envelope(
    "petition",
    "The envelope of what concerns a petition",
    (
        *_standard(
            _SOURCES,
            Header("ce_subject", "The petition, which is the message's key too.", pattern=_UUID, format="uuid"),
            "Its number among the events of this subject and source: from 1, without gaps.",
        ),
        Header(
            "ce_seen",
            "What of this petition the writer had seen of the other sources: their sequences, such as "
            "`intake:7,feedback:3`.",
            required=False,
            pattern=f"^{_STREAM}(,{_STREAM})*$",
        ),
        *_causes(),
        _CYCLE,
        Header("ce_street", "The petition's street.", required=False),
        Header("ce_community", "The petition's community.", required=False),
        Header("ce_lead", "The department in charge.", required=False),
        Header("ce_cohandlers", "Departments that handle a part, with commas between.", required=False),
        Header("ce_followers", "Representatives who follow the petition, with commas between.", required=False),
        TRACE,
    ),
)

REFERENCE: Final = Envelope(
    "reference",
    "The envelope of a reference entry",
    (
        *_standard(
            ("/intake", "/dispatch"),
            Header("ce_subject", "The entry, as `kind:id`, which is the message's key too.", pattern="^[a-z_]+:.+$"),
            "Its number among the states of this entry: from 1; older ones may be gone.",
        ),
        *_causes(),
        Header("ce_cycle", "Always 0.", values=("0",)),
        TRACE,
    ),
)

DEPARTMENT: Final = Envelope(
    "department",
    "The envelope of a department's feed",
    (
        *_standard(
            (),
            Header("ce_subject", "The petition, which is the message's key too.", pattern=_UUID, format="uuid"),
            "Its number in this department's feed, of whatever petition: from 1, without gaps.",
            source="^/dispatch/departments/[^/]+$",
        ),
        _CYCLE,
    ),
)
