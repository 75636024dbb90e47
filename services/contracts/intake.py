"""Intake's events, topic `petition.intake.v1` (state-machine.md, Intake)."""

from typing import Annotated, ClassVar
from uuid import UUID

from msgspec import Meta

from services.contracts.event import Event
from services.contracts.fields import CategoryCode, GroundCode, RepresentativeCode, RequestText, Title, TrackingCode
from services.contracts.vocabulary import (
    DeadlineClass,
    Extent,
    PetitionKind,
    Phase,
    ScreeningStep,
    Source,
    Urgency,
)


class IntakeEvent(Event, frozen=True, kw_only=True):
    """An event of intake's."""

    SOURCE: ClassVar[Source] = Source.INTAKE


class PetitionSubmitted(IntakeEvent, frozen=True, kw_only=True):
    """Somebody said what is wrong; a tracking code was given."""

    TYPE: ClassVar[str] = "petition.submitted"
    tracking_code: TrackingCode
    kind: Annotated[PetitionKind, Meta(description="What it is.")]
    channel: Annotated[str, Meta(description="By which way in it came: the id of a reference entry `channel`.")]
    estate: Annotated[str | None, Meta(description="Where, if it was said: the id of a reference entry `estate`.")] = (
        None
    )
    representative: Annotated[
        str | None, Meta(description="Who recorded it: the id of a reference entry `representative`, if one did.")
    ] = None


class PetitionAccepted(IntakeEvent, frozen=True, kw_only=True):
    """The street committee took the petition on, under a title of its own words."""

    TYPE: ClassVar[str] = "petition.accepted"
    title: Title
    category: CategoryCode
    urgency: Annotated[Urgency, Meta(description="How soon harm would follow.")]
    extent: Annotated[Extent, Meta(description="How far the matter reaches.")]


class PetitionRejected(IntakeEvent, frozen=True, kw_only=True):
    """Final: not taken on, or declined after screening. The reason for the resident stays with intake."""

    TYPE: ClassVar[str] = "petition.rejected"
    phase: Annotated[Phase, Meta(description="Where in intake it was rejected.")]
    ground: GroundCode
    referral: Annotated[
        str | None, Meta(description="Where the resident was told to go: the id of a reference entry `referral`.")
    ] = None


class PetitionListened(IntakeEvent, frozen=True, kw_only=True):
    """LISTEN: what was said, and by whom, has been heard out."""

    TYPE: ClassVar[str] = "petition.listened"


class PetitionLooked(IntakeEvent, frozen=True, kw_only=True):
    """LOOK: the place was seen."""

    TYPE: ClassVar[str] = "petition.looked"


class PetitionDeliberated(IntakeEvent, frozen=True, kw_only=True):
    """DELIBERATE: the meeting, or the people who weighed it, came to an outcome. `participants` is how many."""

    TYPE: ClassVar[str] = "petition.deliberated"
    participants: Annotated[int, Meta(description="How many people took part.")]


class PetitionStepSkipped(IntakeEvent, frozen=True, kw_only=True):
    """The fast track left LOOK or DELIBERATE out, on a ground."""

    TYPE: ClassVar[str] = "petition.step_skipped"
    step: Annotated[ScreeningStep, Meta(description="The step that was left out: LOOK or DELIBERATE.")]
    ground: GroundCode


class PetitionReadied(IntakeEvent, frozen=True, kw_only=True):
    """HANDLE, handed over: what is asked of which department, within which class of deadline."""

    TYPE: ClassVar[str] = "petition.readied"
    tracking_code: TrackingCode
    title: Title
    category: CategoryCode
    urgency: Annotated[Urgency, Meta(description="How soon harm would follow.")]
    request: RequestText
    department: Annotated[
        str | None,
        Meta(description="The department that screening had in mind: the id of a reference entry `department`."),
    ] = None
    deadline_class: Annotated[DeadlineClass, Meta(description="How long handling may take.")]


class PetitionResolvedOnSpot(IntakeEvent, frozen=True, kw_only=True):
    """HANDLE, solved on the spot; gets its return visit like any other result."""

    TYPE: ClassVar[str] = "petition.resolved_on_spot"
    title: Title
    category: CategoryCode


class PetitionScreeningResumed(IntakeEvent, frozen=True, kw_only=True):
    """A matter solved on the spot was not solved: there is no work order to reopen, so screening goes on."""

    TYPE: ClassVar[str] = "petition.screening_resumed"


class PetitionFollowed(IntakeEvent, frozen=True, kw_only=True):
    """A representative took on following the petition to its end; from this event on they are among its followers."""

    TYPE: ClassVar[str] = "petition.followed"
    representative: RepresentativeCode


class PetitionInformationAdded(IntakeEvent, frozen=True, kw_only=True):
    """The resident added to what was said; the words stay with intake."""

    TYPE: ClassVar[str] = "petition.information_added"


class PetitionWithdrawn(IntakeEvent, frozen=True, kw_only=True):
    """Final: the resident took the petition back before a reply."""

    TYPE: ClassVar[str] = "petition.withdrawn"


class PetitionPersonalDataErased(IntakeEvent, frozen=True, kw_only=True):
    """The resident's words and contact data were erased at intake: whoever has copied any erases the copy.

    `receipt` is what intake's receipt for it is found by.
    """

    TYPE: ClassVar[str] = "petition.personal_data_erased"
    receipt: Annotated[UUID, Meta(description="What intake's receipt for it is found by.")]
