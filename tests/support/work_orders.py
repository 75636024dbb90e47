"""Petitions at dispatch, brought to a state by the rules themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from services.contracts.dispatch import Suggestion
from services.contracts.event import Who
from services.contracts.vocabulary import (
    CaseState,
    ClockKind,
    DeadlineClass,
    PetitionState,
    Role,
    Urgency,
    WorkOrderState,
)
from services.dispatch.domain import assignment, following, handling, ruling, supervision
from services.dispatch.domain.assignment import HandedOver
from services.dispatch.domain.supervision import Elsewhere
from services.dispatch.domain.work_order import Act, Petition, WorkOrder
from services.kernel.access import Scope
from services.kernel.head import Decision
from services.kernel.ids import PetitionId, new_tracking_code
from tests.support.terms import TERMS

S = WorkOrderState
BY: Final = Who(role=Role.DEPARTMENT, subject="someone")
SUPERVISOR: Final = Who(role=Role.DISTRICT_SUPERVISOR, subject="supervisor")
NOW: Final = datetime(2026, 11, 24, 2, tzinfo=UTC)
"""A Tuesday, 10:00 in Shanghai; the fortnight after it has no holiday."""
SUGGESTED: Final = Suggestion(department="housing", rule="r-drainage", explanation="依据规则。 By rule.")


def handed_over(cycle: int = 1, **other: Any) -> HandedOver:
    """Return what screening asks for in case 1."""
    given: dict[str, Any] = {
        "scope": Scope(PetitionId(uuid4()), "huangtupo", "community-73", followers=("rep-hui-bi",)),
        "cycle": cycle,
        "tracking_code": new_tracking_code(),
        "title": "二中批发巷下水道堵塞",
        "category": "drainage",
        "urgency": Urgency.NORMAL,
        "request": "请疏通",
        "deadline_class": DeadlineClass.SIMPLE,
        **other,
    }
    return HandedOver(**given)


def pending() -> Petition:
    """Return a petition whose order waits for assignment."""
    decision = assignment.open_order(None, handed_over(), SUGGESTED, TERMS, now=NOW)
    assert decision is not None
    return decision.state


def order_of(petition: Petition) -> WorkOrder:
    """Return the petition's latest order."""
    return petition.orders[-1]


def do(petition: Petition, act: Act, *, now: datetime = NOW, **other: Any) -> Decision[Petition]:
    """Do an act with the latest order by the rule that stands for it."""
    order = order_of(petition)
    common: dict[str, Any] = {"terms": TERMS, "by": BY, "now": now}
    match act:
        case Act.ASSIGN:
            given = {"department": "housing", "deadline_class": order.deadline_class, "reason": "", **other}
            return assignment.assign(petition, order, **given, **common)
        case Act.DECLINE_FIRST | Act.DECLINE_SECOND:
            given = {"ground": "NOT_OURS", "reason": "非本单位职责", "proposed": None, **other}
            return assignment.decline(petition, order, **given, **common)
        case Act.RULE:
            return ruling.rule(petition, order, **{"department": "housing", "reason": "主管", **other}, **common)
        case Act.ACKNOWLEDGE:
            return handling.acknowledge(petition, order, **common)
        case Act.START:
            return handling.start(petition, order, **common)
        case Act.ASK_RESIDENT:
            return handling.ask(petition, order, question="在几号铺面？", **common)
        case Act.RESUME:
            return handling.resume(petition, order, expired=False, terms=TERMS, now=now)
        case Act.REPLY:
            return handling.reply(petition, order, words="已疏通", measures="高压疏通", **common)
        case Act.SEND_BACK:
            return handling.send_back(petition, order, ground="INCOMPLETE", reason="不全", **common)
        case Act.CANCEL:
            decision = following.withdraw(petition, TERMS, now=now)
            assert decision is not None
            return decision


def after(petition: Petition, *acts: Act, now: datetime = NOW) -> Petition:
    """Return the petition after acts, one after another."""
    for act in acts:
        petition = do(petition, act, now=now).state
    return petition


def elsewhere(intake: PetitionState = PetitionState.READY, case: CaseState | None = None) -> Elsewhere:
    """Return what dispatch knows of a petition from the others."""
    scope = Scope(PetitionId(uuid4()), "huangtupo", "community-73", followers=("rep-hui-bi",))
    return Elsewhere(scope, new_tracking_code(), "堵塞", "drainage", intake, case)


def press(petition: Petition, known: Elsewhere | None = None, *, now: datetime = NOW) -> Decision[Petition]:
    """Press a petition as the supervisor."""
    given: dict[str, Any] = {"words": "三日内到现场", "terms": TERMS, "by": SUPERVISOR, "now": now}
    return supervision.press(petition, known or elsewhere(), **given)


PATHS: Final[dict[WorkOrderState, tuple[Act, ...]]] = {
    S.PENDING: (),
    S.ASSIGNED: (Act.ASSIGN,),
    S.UNDER_RULING: (Act.ASSIGN, Act.DECLINE_FIRST, Act.ASSIGN, Act.DECLINE_SECOND),
    S.ACKNOWLEDGED: (Act.ASSIGN, Act.ACKNOWLEDGE),
    S.IN_PROGRESS: (Act.ASSIGN, Act.ACKNOWLEDGE, Act.START),
    S.REPLIED: (Act.ASSIGN, Act.ACKNOWLEDGE, Act.START, Act.REPLY),
    S.CANCELLED: (Act.ASSIGN, Act.CANCEL),
}
"""The shortest way to each state."""


def in_state(state: WorkOrderState) -> Petition:
    """Return a petition whose order came to a state by real acts."""
    return after(pending(), *PATHS[state])


def running(petition: Petition) -> set[ClockKind]:
    """Return the kinds of the petition's open clocks."""
    return {clock.kind for clock in petition.head.clocks if clock.is_open}


def hours(number: float) -> timedelta:
    """Return a span of hours."""
    return timedelta(hours=number)
