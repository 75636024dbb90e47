"""The families of events: each is one topic's, with one envelope. Documents, catalogue and gate are made from these."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.contracts import catalogue, headers
from services.contracts.event import Data
from services.contracts.headers import Envelope
from services.contracts.reference import ReferenceRecorded
from services.contracts.vocabulary import Source

_PARTITIONS: Final = 12
"""As services create petition topics unless an installation says otherwise."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of a topic's name that differs from topic to topic."""

    name: str
    means: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One topic (or one for each value of its parameters), and what is written on it.

    `folder` is where its schemas lie; `key` says what the message's key is; `prefix` tells the names of its events'
    definitions from others of the same name. `ends` is the day from which on it need not be written any more: announced
    with the release that brings its successor, a year or more ahead.
    """

    name: str
    folder: str
    topic: str
    source: str
    title: str
    summary: str
    events: Sequence[type[Data]]
    dataschema: Callable[[str], str]
    envelope: Envelope
    key: str
    key_format: str | None = None
    partitions: int = _PARTITIONS
    compacted: bool = False
    parameters: tuple[Parameter, ...] = ()
    prefix: str = ""
    ends: date | None = None


def definition_name(family: Family, event: type[Data]) -> str:
    """Return the name of an event's definition, the only one of its name in all documents."""
    return f"{family.prefix}{event.__name__}"


def type_of(event: type[Data]) -> str:
    """Return the name that an event's type travels under."""
    return str(vars(event)["TYPE"])


_PETITION_TITLES: Final = {
    Source.INTAKE: ("What intake decides", "Submitting, accepting, screening, handing over, withdrawing."),
    Source.DISPATCH: ("What dispatch decides", "Assigning, handling, pressing, replying: the departments' work."),
    Source.FEEDBACK: ("What feedback decides", "Return visits, closing, reopening, the ledger."),
}
_REFERENCE_SUMMARIES: Final = {
    Source.INTAKE: "Places, representatives, categories, channels, grounds, deadline policies, calendar days.",
    Source.DISPATCH: "Departments, and the rules that suggest one.",
}


def _petition(source: Source) -> Family:
    title, summary = _PETITION_TITLES[source]
    return Family(
        name=f"petition-{source.value}",
        folder=source.value,
        topic=catalogue.petition_topic(source),
        source=f"/{source.value}",
        title=title,
        summary=summary,
        events=tuple(catalogue.EVENTS[source].values()),
        dataschema=lambda type_name: catalogue.dataschema(source, type_name),
        envelope=headers.PETITION,
        key="The petition's id, the same as `ce_subject`.",
        key_format="uuid",
    )


def _reference(source: Source) -> Family:
    return Family(
        name=f"reference-{source.value}",
        folder=source.value,
        topic=catalogue.reference_topic(source),
        source=f"/{source.value}",
        title=f"Reference entries that {source.value} owns",
        summary=_REFERENCE_SUMMARIES[source],
        events=(ReferenceRecorded,),
        dataschema=lambda type_name: catalogue.dataschema(source, type_name),
        envelope=headers.REFERENCE,
        key="The entry as `kind:id`, the same as `ce_subject`; only the newest of each key is kept.",
        partitions=1,
        compacted=True,
    )


DEPARTMENT: Final = Family(
    name="department",
    folder="department",
    topic=catalogue.department_topic("{code}"),
    source="/dispatch/departments/{code}",
    title="A department's feed",
    summary="What one department needs for its own work orders; each has a topic of its own, which only it may read.",
    events=tuple(catalogue.DEPARTMENT_EVENTS.values()),
    dataschema=catalogue.department_dataschema,
    envelope=headers.DEPARTMENT,
    key="The petition's id, the same as `ce_subject`.",
    key_format="uuid",
    partitions=1,
    parameters=(Parameter("code", "The department, by the id of its reference entry.", ("housing", "civil-affairs")),),
    prefix="Department",
)

FAMILIES: Final[tuple[Family, ...]] = (
    *(_petition(source) for source in Source),
    *(_reference(source) for source in catalogue.REFERENCE_SOURCES),
    DEPARTMENT,
)
