"""Feedback's events, topic `petition.feedback.v1` (state-machine.md, Feedback)."""

from typing import Annotated, ClassVar

from msgspec import Meta

from services.contracts.event import Event
from services.contracts.fields import CaseId, Cycle, Day, DepartmentCode, GroundCode
from services.contracts.vocabulary import Source, VisitMeans


class FeedbackEvent(Event, frozen=True, kw_only=True):
    """An event of feedback's about one case."""

    SOURCE: ClassVar[Source] = Source.FEEDBACK
    case_id: CaseId


class VisitScheduled(FeedbackEvent, frozen=True, kw_only=True):
    """A return visit is due within its clock's time."""

    TYPE: ClassVar[str] = "visit.scheduled"


class VisitAttempted(FeedbackEvent, frozen=True, kw_only=True):
    """The resident was not met; `attempt` counts, one a day."""

    TYPE: ClassVar[str] = "visit.attempted"
    attempt: Annotated[int, Meta(description="Which attempt it was; there are three before it counts as not reached.")]
    means: Annotated[VisitMeans, Meta(description="How the visit was made.")]


class VisitRecorded(FeedbackEvent, frozen=True, kw_only=True):
    """The return visit's three answers; all absent when the resident was not reached after the third attempt."""

    TYPE: ClassVar[str] = "visit.recorded"
    means: Annotated[VisitMeans, Meta(description="How the visit was made.")]
    reached: Annotated[bool, Meta(description="Whether the resident was met; if not, the three answers are absent.")]
    responded: Annotated[bool | None, Meta(description="Was I contacted?")] = None
    solved: Annotated[bool | None, Meta(description="Is it solved?")] = None
    satisfied: Annotated[bool | None, Meta(description="Am I satisfied?")] = None
    ledger_proposed: Annotated[
        bool, Meta(description="Whether the visitor proposes the ledger instead of another cycle.")
    ] = False


class PetitionClosed(FeedbackEvent, frozen=True, kw_only=True):
    """Final: visited, and nothing speaks against closing."""

    TYPE: ClassVar[str] = "petition.closed"


class PetitionReopened(FeedbackEvent, frozen=True, kw_only=True):
    """The matter goes round again. `new_cycle` is this cycle plus one; `supervised` from the second time on."""

    TYPE: ClassVar[str] = "petition.reopened"
    new_cycle: Cycle
    cause: Annotated[
        str,
        Meta(description="NOT_SOLVED, LEDGER_REFUSED or LEDGER_UNANSWERED; else the id of a reference entry `ground`."),
    ]
    supervised: Annotated[bool, Meta(description="Whether the district supervisor watches from now on.")]


class PetitionLedgered(FeedbackEvent, frozen=True, kw_only=True):
    """What honestly cannot be done now is on the ledger, with a responsible department and a review date."""

    TYPE: ClassVar[str] = "petition.ledgered"
    department: DepartmentCode
    ground: GroundCode
    review_on: Annotated[Day, Meta(description="When it is looked at again.")]


class CaseRecalled(FeedbackEvent, frozen=True, kw_only=True):
    """The reply was sent back before a visit: the case waits for the next reply."""

    TYPE: ClassVar[str] = "case.recalled"


class CaseCancelled(FeedbackEvent, frozen=True, kw_only=True):
    """Final: the petition was withdrawn."""

    TYPE: ClassVar[str] = "case.cancelled"
