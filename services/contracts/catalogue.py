"""Every event that exists, by source and type name; topics; decoding. What is not here is unknown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from services.contracts import clocks, departments, dispatch, feedback, intake, reference
from services.contracts.departments import DepartmentEvent
from services.contracts.event import Data, Event
from services.contracts.vocabulary import Source

MAJOR: Final = 1

_OWN: Final[Mapping[Source, tuple[type[Event], ...]]] = MappingProxyType(
    {
        Source.INTAKE: (
            intake.PetitionSubmitted,
            intake.PetitionAccepted,
            intake.PetitionRejected,
            intake.PetitionListened,
            intake.PetitionLooked,
            intake.PetitionDeliberated,
            intake.PetitionStepSkipped,
            intake.PetitionReadied,
            intake.PetitionResolvedOnSpot,
            intake.PetitionScreeningResumed,
            intake.PetitionFollowed,
            intake.PetitionInformationAdded,
            intake.PetitionWithdrawn,
            intake.PetitionPersonalDataErased,
        ),
        Source.DISPATCH: (
            dispatch.WorkOrderOpened,
            dispatch.WorkOrderAssigned,
            dispatch.WorkOrderAcknowledged,
            dispatch.WorkOrderDeclined,
            dispatch.WorkOrderReferredForRuling,
            dispatch.WorkOrderRuled,
            dispatch.WorkOrderStarted,
            dispatch.WorkOrderInformationRequested,
            dispatch.WorkOrderResumed,
            dispatch.WorkOrderReplied,
            dispatch.PetitionReplied,
            dispatch.WorkOrderReplyReturned,
            dispatch.WorkOrderCancelled,
            dispatch.PetitionPressed,
            dispatch.PetitionInstructionAnswered,
        ),
        Source.FEEDBACK: (
            feedback.VisitScheduled,
            feedback.VisitAttempted,
            feedback.VisitRecorded,
            feedback.PetitionClosed,
            feedback.PetitionReopened,
            feedback.PetitionLedgered,
            feedback.CaseRecalled,
            feedback.CaseCancelled,
        ),
    }
)

EVENTS: Final[Mapping[Source, Mapping[str, type[Event]]]] = MappingProxyType(
    {source: MappingProxyType({e.TYPE: e for e in (*own, *clocks.CLOCK_EVENTS)}) for source, own in _OWN.items()}
)
DEPARTMENT_EVENTS: Final[Mapping[str, type[DepartmentEvent]]] = MappingProxyType(
    {e.TYPE: e for e in departments.DEPARTMENT_EVENTS}
)
"""What a department's feed tells, by type name."""

REFERENCE_SOURCES: Final = (Source.INTAKE, Source.DISPATCH)

_DECODERS: Final[dict[type[Event], msgspec.json.Decoder[Event]]] = {
    e: msgspec.json.Decoder(e)
    for e in (*{t for types in EVENTS.values() for t in types.values()}, reference.ReferenceRecorded)
}
_ENCODER: Final = msgspec.json.Encoder()


class UnknownEventError(Exception):
    """The source has no event of this type, or none of this major version."""


def petition_topic(source: Source, prefix: str = "") -> str:
    """Return the topic that carries a source's petition events."""
    return f"{prefix}petition.{source.value}.v{MAJOR}"


def reference_topic(source: Source, prefix: str = "") -> str:
    """Return the compacted topic that carries a source's reference entries."""
    return f"{prefix}reference.{source.value}.v{MAJOR}"


def department_topic(code: str, prefix: str = "") -> str:
    """Return the topic of a department's feed."""
    return f"{prefix}department.{code}.feed.v{MAJOR}"


def department_dataschema(type_name: str) -> str:
    """Return the name of a schema of the departments' feeds; it ends in the major version."""
    return f"urn:through-train:department:{type_name}:v{MAJOR}"


def dataschema(source: Source, type_name: str) -> str:
    """Return the schema's name as the envelope carries it; it ends in the major version."""
    return f"urn:through-train:{source.value}:{type_name}:v{MAJOR}"


def definition(source: Source, type_name: str, schema: str) -> type[Event]:
    """Return the definition of an event.

    :raises UnknownEventError: neither a definition nor this major version of it is known.
    """
    if type_name == reference.ReferenceRecorded.TYPE and source in REFERENCE_SOURCES:
        found: type[Event] | None = reference.ReferenceRecorded
    else:
        found = EVENTS[source].get(type_name)
    if found is None:
        raise UnknownEventError(f"{source.value} has no event {type_name!r}")
    if schema != dataschema(source, type_name):
        raise UnknownEventError(f"{type_name!r} is of schema {schema!r}; this reader knows v{MAJOR}")
    return found


def decode(definition_: type[Event], data: bytes | str) -> Event:
    """Parse an event's JSON data into its definition.

    :raises msgspec.ValidationError: the data does not fit the definition.
    """
    return _DECODERS[definition_].decode(data)


def encode(event: Data) -> bytes:
    """Return an event's data as JSON."""
    return _ENCODER.encode(event)
