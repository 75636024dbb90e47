"""The vocabulary as GraphQL enums: registered once, so that every subgraph says the same."""

import inspect
from enum import StrEnum
from typing import Any, Final

import strawberry

from services.contracts.labels import LABELS
from services.contracts.vocabulary import (
    Audience,
    CaseState,
    ClockKind,
    ClockState,
    DeadlineClass,
    Extent,
    LimitUnit,
    PetitionKind,
    PetitionState,
    Phase,
    Responsible,
    ScreeningStep,
    Source,
    Stage,
    Urgency,
    VenueKind,
    VisitMeans,
    WorkOrderState,
)
from services.kernel.inbox import Reason
from services.kernel.ledger import StepKind

_SHOWN: Final[tuple[type[StrEnum], ...]] = (
    Audience,
    CaseState,
    ClockKind,
    ClockState,
    DeadlineClass,
    Extent,
    LimitUnit,
    PetitionKind,
    PetitionState,
    Phase,
    Responsible,
    ScreeningStep,
    Stage,
    Urgency,
    VenueKind,
    VisitMeans,
    WorkOrderState,
)


def register() -> None:
    """Make the vocabulary known to Strawberry, described by its own docstrings."""
    for vocabulary in _SHOWN:
        strawberry.enum(vocabulary, description=inspect.getdoc(vocabulary))
        definition: Any = vars(vocabulary)["__strawberry_definition__"]
        for value in definition.values:
            # Where people read a code they read its label; elsewhere the code's own words are all there is.
            plain = (value.name.replace("_", " ").capitalize(),) * 2
            value.description = f"{LABELS.get((vocabulary, value.name), plain)[1]}."
    strawberry.enum(Source, name="Service", description=inspect.getdoc(Source))
    strawberry.enum(StepKind, name="DeadlineStepKind", description=inspect.getdoc(StepKind))
    strawberry.enum(Reason, name="ParkedReason", description=inspect.getdoc(Reason))
