"""Feedback's events, topic `petition.feedback.v1` (state-machine.md, Feedback)."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from services.contracts.event import Event
from services.contracts.vocabulary import Source, VisitMeans


class FeedbackEvent(Event, frozen=True, kw_only=True):
    """An event of feedback's about one case."""

    SOURCE: ClassVar[Source] = Source.FEEDBACK
    case_id: UUID


class VisitScheduled(FeedbackEvent, frozen=True, kw_only=True):
    """A return visit is due within its clock's time."""

    TYPE: ClassVar[str] = "visit.scheduled"


class VisitAttempted(FeedbackEvent, frozen=True, kw_only=True):
    """The resident was not met; `attempt` counts, one a day."""

    TYPE: ClassVar[str] = "visit.attempted"
    attempt: int
    means: VisitMeans


class VisitRecorded(FeedbackEvent, frozen=True, kw_only=True):
    """The return visit's three answers; all absent when the resident was not reached after the third attempt."""

    TYPE: ClassVar[str] = "visit.recorded"
    means: VisitMeans
    reached: bool
    responded: bool | None = None
    solved: bool | None = None
    satisfied: bool | None = None
    ledger_proposed: bool = False


class PetitionClosed(FeedbackEvent, frozen=True, kw_only=True):
    """Final: visited, and nothing speaks against closing."""

    TYPE: ClassVar[str] = "petition.closed"


class PetitionReopened(FeedbackEvent, frozen=True, kw_only=True):
    """The matter goes round again. `new_cycle` is this cycle plus one; `supervised` from the second time on."""

    TYPE: ClassVar[str] = "petition.reopened"
    new_cycle: int
    cause: str
    supervised: bool


class PetitionLedgered(FeedbackEvent, frozen=True, kw_only=True):
    """What honestly cannot be done now is on the ledger, with a responsible department and a review date."""

    TYPE: ClassVar[str] = "petition.ledgered"
    department: str
    ground: str
    review_on: date


class CaseRecalled(FeedbackEvent, frozen=True, kw_only=True):
    """The reply was sent back before a visit: the case waits for the next reply."""

    TYPE: ClassVar[str] = "case.recalled"


class CaseCancelled(FeedbackEvent, frozen=True, kw_only=True):
    """Final: the petition was withdrawn."""

    TYPE: ClassVar[str] = "case.cancelled"
