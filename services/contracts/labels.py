"""The one catalogue of labels for codes that people read, in Chinese and English."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.contracts.vocabulary import (
    Audience,
    CaseState,
    ClockKind,
    DeadlineClass,
    PetitionKind,
    PetitionState,
    Responsible,
    ScreeningStep,
    Stage,
    VenueKind,
    WorkOrderState,
)

_LABELS: Final[tuple[tuple[StrEnum, str, str], ...]] = (
    (PetitionKind.DEMAND, "诉求", "Demand"),
    (PetitionKind.SUGGESTION, "建议", "Suggestion"),
    (PetitionKind.DISPUTE, "纠纷", "Dispute"),
    (PetitionState.SUBMITTED, "待受理", "Submitted"),
    (PetitionState.ACCEPTED, "已受理", "Accepted"),
    (PetitionState.SCREENING, "研判中", "In screening"),
    (PetitionState.READY, "已转办", "Handed over"),
    (PetitionState.RESOLVED_ON_SPOT, "现场解决", "Resolved on the spot"),
    (PetitionState.REJECTED, "不予受理", "Rejected"),
    (PetitionState.MERGED, "已合并", "Merged"),
    (PetitionState.WITHDRAWN, "已撤回", "Withdrawn"),
    (ScreeningStep.LISTEN, "听", "Listen"),
    (ScreeningStep.LOOK, "看", "Look"),
    (ScreeningStep.DELIBERATE, "议", "Deliberate"),
    (ScreeningStep.HANDLE, "办", "Handle"),
    (WorkOrderState.PENDING, "待交办", "Awaiting assignment"),
    (WorkOrderState.ASSIGNED, "已交办", "Assigned"),
    (WorkOrderState.UNDER_RULING, "待裁定", "Under ruling"),
    (WorkOrderState.ACKNOWLEDGED, "已签收", "Acknowledged"),
    (WorkOrderState.IN_PROGRESS, "办理中", "In progress"),
    (WorkOrderState.REPLIED, "已答复", "Replied"),
    (WorkOrderState.CANCELLED, "已取消", "Cancelled"),
    (CaseState.AWAITING_VISIT, "待回访", "Awaiting the return visit"),
    (CaseState.VISITED, "已回访", "Visited"),
    (CaseState.CLOSED, "已办结", "Closed"),
    (CaseState.REOPENED, "重新办理", "Reopened"),
    (CaseState.LEDGERED, "挂账", "On the ledger"),
    (CaseState.RECALLED, "答复退回", "Reply sent back"),
    (CaseState.CANCELLED, "已取消", "Cancelled"),
    (ClockKind.ACCEPTANCE, "受理时限", "Acceptance"),
    (ClockKind.SCREENING, "研判时限", "Screening"),
    (ClockKind.ASSIGNMENT, "交办时限", "Assignment"),
    (ClockKind.ACKNOWLEDGEMENT, "签收时限", "Acknowledgement"),
    (ClockKind.HANDLING, "办理时限", "Handling"),
    (ClockKind.RULING, "裁定时限", "Ruling"),
    (ClockKind.INFORMATION, "补充信息时限", "Further information"),
    (ClockKind.RETURN_VISIT, "回访时限", "Return visit"),
    (ClockKind.CLOSING, "办结时限", "Closing"),
    (ClockKind.LEDGER_APPROVAL, "挂账审批时限", "Ledger approval"),
    (ClockKind.LEDGER_REVIEW, "挂账复查", "Ledger review"),
    (ClockKind.INSTRUCTION, "督办答复时限", "Answer to an instruction"),
    (Responsible.DEPARTMENT, "承办单位", "The department"),
    (Responsible.STREET_COMMITTEE, "街道人大工委", "The street committee"),
    (Responsible.DISTRICT_SUPERVISOR, "区人大常委会督办", "The district supervisor"),
    (Audience.DEPARTMENT_HEAD, "承办单位负责人", "The department's head"),
    (Audience.STREET_COMMITTEE, "街道人大工委", "The street committee"),
    (Audience.STREET_LEADER, "街道领导", "The street's leader"),
    (Audience.DISTRICT_SUPERVISOR, "区人大常委会督办", "The district supervisor"),
    (Audience.DISTRICT_LEADER, "区委领导", "The district's leader"),
    (DeadlineClass.URGENT, "紧急", "Urgent"),
    (DeadlineClass.SIMPLE, "简易", "Simple"),
    (DeadlineClass.ORDINARY, "一般", "Ordinary"),
    (DeadlineClass.COMPLEX, "复杂", "Complex"),
    (Stage.RAISE, "民提", "People raise"),
    (Stage.DELIBERATE, "民议", "People deliberate"),
    (Stage.DECIDE, "民决", "People decide"),
    (Stage.HANDLE, "民事民办", "People's affair handled"),
    (Stage.EVALUATE, "民评", "People evaluate"),
    (VenueKind.HALL, "厅", "Hall"),
    (VenueKind.PAVILION, "亭", "Pavilion"),
    (VenueKind.ROOM, "室", "Room"),
    (VenueKind.SQUARE, "广场", "Square"),
    (VenueKind.CORRIDOR, "长廊", "Corridor"),
    (VenueKind.CORNER, "角", "Corner"),
)

LABELS: Final[Mapping[tuple[type[StrEnum], str], tuple[str, str]]] = MappingProxyType(
    {(type(code), code.value): (zh, en) for code, zh, en in _LABELS}
)
"""By type and value: members of different vocabularies with the same spelling are equal as strings."""

EVENT_LABELS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "petition.submitted": ("居民提出", "Submitted"),
        "petition.accepted": ("街道受理", "Accepted"),
        "petition.rejected": ("不予受理", "Rejected"),
        "petition.listened": ("听：听取情况", "Listened"),
        "petition.looked": ("看：实地查看", "Looked"),
        "petition.deliberated": ("议：议事研判", "Deliberated"),
        "petition.step_skipped": ("快速通道：省略一步", "Step skipped"),
        "petition.readied": ("办：转办", "Handed over"),
        "petition.resolved_on_spot": ("办：现场解决", "Resolved on the spot"),
        "petition.screening_resumed": ("重新研判", "Screening resumed"),
        "petition.followed": ("代表跟踪", "A representative follows it"),
        "petition.information_added": ("居民补充", "Information added"),
        "petition.withdrawn": ("居民撤回", "Withdrawn"),
        "petition.personal_data_erased": ("个人信息已删除", "Personal data erased"),
        "work_order.opened": ("待交办", "Work order opened"),
        "work_order.assigned": ("交办", "Assigned"),
        "work_order.acknowledged": ("签收", "Acknowledged"),
        "work_order.declined": ("退办", "Declined"),
        "work_order.referred_for_ruling": ("提请裁定", "Referred for ruling"),
        "work_order.ruled": ("裁定", "Ruled"),
        "work_order.relieved": ("改由他单位承办", "Another department's now"),
        "work_order.started": ("开始办理", "Started"),
        "work_order.information_requested": ("请居民补充", "Information requested"),
        "work_order.resumed": ("继续办理", "Resumed"),
        "work_order.replied": ("部门答复", "Department replied"),
        "petition.replied": ("答复", "Replied"),
        "work_order.reply_returned": ("答复退回", "Reply sent back"),
        "work_order.cancelled": ("工单取消", "Work order cancelled"),
        "petition.pressed": ("督办催办", "Pressed by the supervisor"),
        "petition.instruction_answered": ("督办答复", "Instruction answered"),
        "visit.scheduled": ("安排回访", "Return visit scheduled"),
        "visit.attempted": ("回访未遇", "Visit attempted"),
        "visit.recorded": ("回访评价", "Visit recorded"),
        "petition.closed": ("办结", "Closed"),
        "petition.reopened": ("重新办理", "Reopened"),
        "petition.ledgered": ("挂账", "Put on the ledger"),
        "case.recalled": ("回访撤销", "Case recalled"),
        "case.cancelled": ("评价取消", "Case cancelled"),
        "clock.started": ("计时开始", "Clock started"),
        "clock.reminded": ("到期提醒", "Reminder"),
        "clock.escalated": ("督办升级", "Escalated"),
        "clock.paused": ("计时暂停", "Clock paused"),
        "clock.resumed": ("计时恢复", "Clock resumed"),
        "clock.moved": ("日历调整", "Due date moved by the calendar"),
        "clock.stopped": ("计时结束", "Clock stopped"),
    }
)

CAUSE_LABELS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "NOT_SOLVED": ("未解决", "Not solved"),
        "LEDGER_REFUSED": ("挂账未获批准", "Ledger refused"),
        "LEDGER_UNANSWERED": ("挂账逾期未批", "Ledger not answered in time"),
    }
)
"""Causes of a reopening that are the product's own; all others are grounds, which are reference data."""


def in_language(zh: str, en: str, locale: str) -> str:
    """Return which of two texts a locale asks for: zh… is Chinese, everything else English."""
    return zh if locale.lower().startswith("zh") else en


def label(code: StrEnum, locale: str) -> str:
    """Return a code's label.

    :raises KeyError: a code that people never read.
    """
    return in_language(*LABELS[type(code), code.value], locale)


def event_label(type_name: str, locale: str) -> str:
    """Return an event type's label.

    :raises KeyError: there is no such event.
    """
    return in_language(*EVENT_LABELS[type_name], locale)
