"""What happened in the cases that the examples tell: the report's, with invented private details."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from services.contracts import clocks, dispatch, feedback, intake
from services.contracts.event import SYSTEM, Event, Who
from services.contracts.vocabulary import (
    Audience,
    ClockKind,
    DeadlineClass,
    Extent,
    PetitionKind,
    Phase,
    Role,
    ScreeningStep,
    Source,
    Urgency,
    VisitMeans,
)

I, D, F = Source.INTAKE, Source.DISPATCH, Source.FEEDBACK  # noqa: E741 - a column of a table


@dataclass(frozen=True, slots=True)
class Fact:
    """An event of a case: in whose stream, at which place in it, when (UTC), what."""

    source: Source
    sequence: int
    when: str
    event: Event


@dataclass(frozen=True, slots=True)
class Story:
    """A petition, whose it is, and some of what happened to it, in order."""

    petition: UUID
    street: str
    community: str
    facts: Sequence[Fact]
    followers: tuple[str, ...] = ()
    lead: str | None = None


def at(text: str) -> datetime:
    """Return an instant that is written in UTC, without saying so."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


_COMMITTEE: Final = Who(role=Role.STREET_COMMITTEE, subject="s-1042")
_SUPERVISOR: Final = Who(role=Role.DISTRICT_SUPERVISOR, subject="s-0007")
_HOUSING: Final = Who(role=Role.DEPARTMENT, subject="housing-31")
_POLICE: Final = Who(role=Role.DEPARTMENT, subject="public-security-18")
_CIVIL_AFFAIRS: Final = Who(role=Role.DEPARTMENT, subject="civil-affairs-4")
_HUI_BI: Final = Who(role=Role.REPRESENTATIVE, subject="s-2001")
_HUANG_MEIPING: Final = Who(role=Role.REPRESENTATIVE, subject="s-2017")
_OPERATOR: Final = Who(role=Role.OPERATOR, subject="s-0900")
_VISITOR: Final = Who(role=Role.REPRESENTATIVE, subject="s-2003")

_SEWER: Final = UUID("01a20b23-6a00-7d52-9f0e-3c5b8a7d4e21")
SEWER_ORDER: Final = UUID("01a211c5-b7a0-7a6e-8d21-5b0c93e1f7a4")
_SEWER_CASE: Final = UUID("01a25e9b-d280-7c0d-b8e4-6a17d20c95f3")
_SEWER_RESIDENT: Final = Who(role=Role.RESIDENT, subject=f"petition:{_SEWER}")
_HOUSEHOLD: Final = UUID("01a1e73b-8500-7e19-a2f3-91d46c08be52")
HOUSEHOLD_ORDER: Final = UUID("01a1edab-7800-7b38-9c6d-0e7f8a3b1d94")
_HOUSEHOLD_CASE: Final = UUID("01a2309e-2400-7f02-8b95-c3a1704d2e68")
_ESTATE: Final = UUID("01a1ae95-9100-7d83-b07a-2f95c8e6a310")
_ESTATE_CASE: Final = UUID("01a1c32f-0100-7a5b-8e0f-d17b3964c0a7")
INSTRUCTION: Final = UUID("01a22a04-fe20-7c94-a5d8-7e3f0b6219c4")
_LAMP: Final = UUID("01a20cc8-8e80-7e90-8b4c-7a2f60c1d9ee")
LAMP_ORDER: Final = UUID("01a210a5-5380-7153-9a6f-38c5d2f7e01b")
_LAMP_CASE: Final = UUID("01a215cb-af80-7266-8f12-a4d07b95c38e")
_LAMP_RESIDENT: Final = Who(role=Role.RESIDENT, subject=f"petition:{_LAMP}")
CLOCK: Final = UUID("01a211ee-ea80-7e71-b96a-4d8f2c1a7e05")

SEWER_MATTER: Final = dispatch.Matter(
    tracking_code="F0NH36R1HZ",
    title="二中批发巷下水道堵塞",
    category="drainage",
    urgency=Urgency.NORMAL,
    request="请疏通二中批发巷主管道，并更换破损的管段",
)
HOUSEHOLD_MATTER: Final = dispatch.Matter(
    tracking_code="4T9XM2C7BE",
    title="马鞍老街住房无门牌号，无法落户",
    category="household-registration",
    urgency=Urgency.NORMAL,
    request="请为马鞍老街46栋住房解决门牌和落户问题",
)

SEWER: Final = Story(
    petition=_SEWER,
    street="huangtupo",
    community="community-73",
    followers=("rep-hui-bi",),
    facts=(
        Fact(
            *(I, 1, "2026-11-24T01:20"),
            intake.PetitionSubmitted(
                by=_HUI_BI,
                tracking_code="F0NH36R1HZ",
                kind=PetitionKind.DEMAND,
                channel="through-train",
                estate="erzhong-lane",
                representative="rep-hui-bi",
            ),
        ),
        Fact(
            *(I, 3, "2026-11-24T03:05"),
            intake.PetitionAccepted(
                by=_COMMITTEE,
                title="二中批发巷下水道堵塞",
                category="drainage",
                urgency=Urgency.NORMAL,
                extent=Extent.BUILDING,
            ),
        ),
        Fact(I, 6, "2026-11-24T06:30", intake.PetitionListened(by=_HUI_BI)),
        Fact(I, 7, "2026-11-25T02:10", intake.PetitionLooked(by=Who(role=Role.COMMUNITY, subject="s-3073"))),
        Fact(I, 8, "2026-11-25T07:00", intake.PetitionDeliberated(by=_COMMITTEE, participants=9)),
        Fact(
            *(I, 9, "2026-11-25T08:15"),
            intake.PetitionReadied(
                by=_COMMITTEE,
                tracking_code="F0NH36R1HZ",
                title="二中批发巷下水道堵塞",
                category="drainage",
                urgency=Urgency.NORMAL,
                request="请疏通二中批发巷主管道，并更换破损的管段",
                department="housing",
                deadline_class=DeadlineClass.ORDINARY,
            ),
        ),
        Fact(
            *(D, 1, "2026-11-25T08:15"),
            dispatch.WorkOrderOpened(
                by=SYSTEM,
                work_order_id=SEWER_ORDER,
                deadline_class=DeadlineClass.ORDINARY,
                suggestion=dispatch.Suggestion(
                    department="housing",
                    rule="r-drainage",
                    explanation="建议由区住房和城乡建设局承办：街道转办时提出。 The District Housing and Urban-Rural "
                    "Development Bureau is suggested: proposed when it was handed over.",
                ),
            ),
        ),
        Fact(
            *(D, 3, "2026-11-25T09:00"),
            dispatch.WorkOrderAssigned(
                by=_COMMITTEE,
                work_order_id=SEWER_ORDER,
                department="housing",
                deadline_class=DeadlineClass.ORDINARY,
                suggested=True,
                matter=SEWER_MATTER,
            ),
        ),
        Fact(
            *(D, 7, "2026-11-26T00:40"),
            dispatch.WorkOrderAcknowledged(by=_HOUSING, work_order_id=SEWER_ORDER, department="housing"),
        ),
        Fact(D, 9, "2026-11-26T01:30", dispatch.WorkOrderStarted(by=_HOUSING, work_order_id=SEWER_ORDER)),
        Fact(
            *(D, 10, "2026-11-27T02:00"),
            dispatch.WorkOrderInformationRequested(by=_HOUSING, work_order_id=SEWER_ORDER),
        ),
        Fact(I, 11, "2026-11-27T10:12", intake.PetitionInformationAdded(by=_SEWER_RESIDENT)),
        Fact(
            *(D, 13, "2026-11-27T10:12"),
            dispatch.WorkOrderResumed(
                by=SYSTEM,
                work_order_id=SEWER_ORDER,
                expired=False,
                handling_due_at=at("2026-12-17T09:00"),
            ),
        ),
        Fact(
            *(D, 16, "2026-12-10T06:20"),
            dispatch.WorkOrderReplied(by=_HOUSING, work_order_id=SEWER_ORDER, department="housing"),
        ),
        Fact(
            *(D, 17, "2026-12-10T06:20"),
            dispatch.PetitionReplied(
                by=_HOUSING,
                work_order_id=SEWER_ORDER,
                department="housing",
                category="drainage",
                title="二中批发巷下水道堵塞",
                handler="housing-31",
            ),
        ),
        Fact(F, 1, "2026-12-10T06:20", feedback.VisitScheduled(by=SYSTEM, case_id=_SEWER_CASE)),
        Fact(
            *(F, 3, "2026-12-11T08:30"),
            feedback.VisitAttempted(by=_VISITOR, case_id=_SEWER_CASE, attempt=1, means=VisitMeans.PHONE),
        ),
        Fact(
            *(F, 4, "2026-12-14T02:45"),
            feedback.VisitRecorded(
                by=_VISITOR,
                case_id=_SEWER_CASE,
                means=VisitMeans.IN_PERSON,
                reached=True,
                responded=True,
                solved=True,
                satisfied=True,
            ),
        ),
        Fact(F, 7, "2026-12-15T01:10", feedback.PetitionClosed(by=_COMMITTEE, case_id=_SEWER_CASE)),
    ),
)

HOUSEHOLD: Final = Story(
    petition=_HOUSEHOLD,
    street="fenghuang",
    community="maan",
    followers=("rep-huang-meiping",),
    lead="civil-affairs",
    facts=(
        Fact(
            *(I, 7, "2026-11-18T03:30"),
            intake.PetitionStepSkipped(by=_COMMITTEE, step=ScreeningStep.LOOK, ground="SELF_EVIDENT"),
        ),
        Fact(
            *(D, 7, "2026-11-20T02:15"),
            dispatch.WorkOrderDeclined(
                by=_POLICE,
                work_order_id=HOUSEHOLD_ORDER,
                department="public-security",
                ground="NOT_OURS",
                proposed="civil-affairs",
                nth=2,
            ),
        ),
        Fact(
            *(D, 8, "2026-11-20T02:15"),
            dispatch.WorkOrderReferredForRuling(by=_POLICE, work_order_id=HOUSEHOLD_ORDER, responsible="housing"),
        ),
        Fact(
            *(D, 12, "2026-11-23T01:40"),
            dispatch.WorkOrderRuled(
                by=_SUPERVISOR,
                work_order_id=HOUSEHOLD_ORDER,
                department="civil-affairs",
                relieved="housing",
                deadline_class=DeadlineClass.ORDINARY,
                matter=HOUSEHOLD_MATTER,
            ),
        ),
        Fact(
            *(D, 24, "2026-12-02T07:05"),
            dispatch.WorkOrderReplyReturned(by=_COMMITTEE, work_order_id=HOUSEHOLD_ORDER, department="civil-affairs"),
        ),
        Fact(F, 3, "2026-12-02T07:05", feedback.CaseRecalled(by=SYSTEM, case_id=_HOUSEHOLD_CASE)),
    ),
)

ESTATE: Final = Story(
    petition=_ESTATE,
    street="dewu",
    community="zhiyuan",
    followers=("rep-dewu-001",),
    lead="housing",
    facts=(
        Fact(
            *(I, 4, "2026-11-09T03:00"),
            intake.PetitionFollowed(by=Who(role=Role.REPRESENTATIVE, subject="s-2044"), representative="rep-dewu-001"),
        ),
        Fact(
            *(I, 9, "2026-11-10T02:00"),
            intake.PetitionResolvedOnSpot(by=_COMMITTEE, title="职院安置小区9号楼无人管理", category="housing-estate"),
        ),
        Fact(
            *(F, 5, "2026-11-13T08:00"),
            feedback.PetitionReopened(
                by=SYSTEM, case_id=_ESTATE_CASE, new_cycle=2, cause="NOT_SOLVED", supervised=False
            ),
        ),
        Fact(I, 12, "2026-11-13T08:00", intake.PetitionScreeningResumed(by=SYSTEM)),
        Fact(
            *(D, 9, "2026-11-30T01:15"),
            dispatch.PetitionPressed(by=_SUPERVISOR, instruction_id=INSTRUCTION, department="housing"),
        ),
        Fact(
            *(D, 11, "2026-12-01T06:50"),
            dispatch.PetitionInstructionAnswered(by=_HOUSING, instruction_id=INSTRUCTION),
        ),
        Fact(
            *(F, 14, "2026-12-21T02:30"),
            feedback.PetitionLedgered(
                by=_COMMITTEE,
                case_id=_ESTATE_CASE,
                department="housing",
                ground="NO_FUNDS",
                review_on=date(2027, 6, 1),
            ),
        ),
    ),
)

LAMP: Final = Story(
    petition=_LAMP,
    street="huangtupo",
    community="community-73",
    lead="urban-management",
    facts=(
        Fact(I, 12, "2026-11-26T04:30", intake.PetitionWithdrawn(by=_LAMP_RESIDENT)),
        Fact(D, 8, "2026-11-26T04:30", dispatch.WorkOrderCancelled(by=SYSTEM, work_order_id=LAMP_ORDER)),
        Fact(F, 3, "2026-11-26T04:30", feedback.CaseCancelled(by=SYSTEM, case_id=_LAMP_CASE)),
        Fact(
            *(I, 14, "2026-11-30T02:00"),
            intake.PetitionPersonalDataErased(by=_OPERATOR, receipt=UUID("01a22a2e-3100-7b1d-9e83-c06a417d2f9b")),
        ),
    ),
)

QUARREL: Final = Story(
    petition=UUID("01a20c76-28c0-7a07-b3d9-64c1f0a82e75"),
    street="hongyan",
    community="dongfeng-west",
    facts=(
        Fact(
            *(I, 3, "2026-11-24T08:05"),
            intake.PetitionRejected(by=_COMMITTEE, phase=Phase.ACCEPTANCE, ground="IN_LITIGATION", referral="COURT"),
        ),
    ),
)

_CLOCKS_OF: Final = {I: ClockKind.SCREENING, D: ClockKind.HANDLING, F: ClockKind.RETURN_VISIT}
_MEASURES: Final = {I: None, D: SEWER_ORDER, F: _SEWER_CASE}


def _life_of_a_clock(source: Source) -> Sequence[Fact]:
    """Return everything that can happen to a clock, as it may to one of a source's."""
    clock: dict[str, Any] = {"clock_id": CLOCK, "kind": _CLOCKS_OF[source], "about": _MEASURES[source]}
    first, moved = at("2026-12-16T09:00"), at("2026-12-17T09:00")
    told = (Audience.DEPARTMENT_HEAD,) if source is D else (Audience.STREET_COMMITTEE,)
    return (
        Fact(
            source, 21, "2026-11-25T09:00", clocks.ClockStarted(by=_COMMITTEE, due_at=first, policy_version=1, **clock)
        ),
        Fact(source, 22, "2026-11-27T02:00", clocks.ClockPaused(by=_HOUSING, due_at=first, **clock)),
        Fact(source, 23, "2026-11-27T10:12", clocks.ClockResumed(by=SYSTEM, due_at=first, **clock)),
        Fact(source, 24, "2026-12-01T01:00", clocks.ClockMoved(by=SYSTEM, was_due_at=first, due_at=moved, **clock)),
        Fact(source, 25, "2026-12-14T09:00", clocks.ClockReminded(by=SYSTEM, due_at=moved, **clock)),
        Fact(
            source, 26, "2026-12-17T09:00", clocks.ClockEscalated(by=SYSTEM, level=1, tells=told, due_at=moved, **clock)
        ),
        Fact(source, 27, "2026-12-18T02:00", clocks.ClockStopped(by=_HOUSING, overdue=True, due_at=moved, **clock)),
    )


CLOCKS: Final = tuple(
    Story(
        petition=_SEWER,
        street="huangtupo",
        community="community-73",
        followers=("rep-hui-bi",),
        lead="housing",
        facts=_life_of_a_clock(source),
    )
    for source in Source
)

STORIES: Final = (SEWER, HOUSEHOLD, ESTATE, LAMP, QUARREL, *CLOCKS)
