"""A due date explained: the steps of its reckoning in sentences, in Chinese and English, with times in Shanghai."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from services.contracts.reference import Policy
from services.contracts.vocabulary import ClockKind, LimitUnit
from services.kernel.calendar import SHANGHAI
from services.kernel.clocks import Clock, Level, firings, reckoning
from services.kernel.ledger import Step, StepKind
from services.kernel.terms import Terms

_WEEKDAYS: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_LISTED: Final = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One step as people read it: `amount` in working days or hours, and the days that counted otherwise than usual."""

    step: Step
    amount: float
    rest_days: tuple[date, ...]
    made_up_days: tuple[date, ...]
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a due date came about, and when the clock reminds and escalates."""

    unit: LimitUnit
    lines: tuple[Line, ...]
    reminder_at: datetime
    level_1_at: datetime
    level_2_at: datetime
    level_3_at: datetime
    zh: str
    en: str


def explain(clock: Clock, terms: Terms) -> Explanation:
    """Explain a clock's due date by the present calendar; a clock that is still to follow it, as it will be."""
    reckoned = reckoning(clock, terms)
    clock, steps = replace(clock, due_at=reckoned.due_at, paused=reckoned.paused), reckoned.steps
    if clock.paused_at is not None:
        standing = Step(StepKind.PAUSE, clock.paused_at, None, clock.due_at, timedelta(0), clock.due_at)
        steps = (*steps, standing)
    lines = tuple(_line(clock, step, terms) for step in steps)
    at = firings(clock, terms)
    reminder, first, second, third = (at[level] for level in (Level.REMINDED, Level.FIRST, Level.SECOND, Level.THIRD))
    zh, en = _levels(clock, terms.version(clock.policy_version), at)
    return Explanation(
        unit=clock.unit,
        lines=lines,
        reminder_at=reminder,
        level_1_at=first,
        level_2_at=second,
        level_3_at=third,
        zh="\n".join([f"时限政策第{clock.policy_version}版。", *(line.zh for line in lines), zh]),
        en="\n".join([f"Deadline policy, version {clock.policy_version}.", *(line.en for line in lines), en]),
    )


def _levels(clock: Clock, policy: Policy, at: Mapping[Level, datetime]) -> tuple[str, str]:
    if clock.paused_at is not None:
        return "停止计时期间不提醒、不督办。", "While it stands still, it neither reminds nor escalates."
    reminder, first, second, third = (at[level] for level in (Level.REMINDED, Level.FIRST, Level.SECOND, Level.THIRD))
    percent, two, three = policy.reminder_percent, policy.second_level_working_days, policy.third_level_working_days
    return (
        (
            f"提醒（{percent}%）：{_zh(reminder)}；一级督办（到期）：{_zh(first)}；"
            f"二级（逾期{two}个工作日）：{_zh(second)}；三级（逾期{three}个工作日）：{_zh(third)}。"
        ),
        (
            f"Reminder ({percent} %): {_en(reminder)}; level 1 (due): {_en(first)}; level 2 ({two} working days late): "
            f"{_en(second)}; level 3 ({three} working days late): {_en(third)}."
        ),
    )


def _line(clock: Clock, step: Step, terms: Terms) -> Line:
    by_days = clock.unit is LimitUnit.WORKING_DAYS or step.kind is StepKind.LEAST
    rest = terms.calendar.rest_days_between(step.counted_from, step.due_at) if by_days else ()
    made_up = terms.calendar.made_up_between(step.counted_from, step.due_at) if by_days else ()
    zh, en = _sentences(clock, step, by_days=by_days)
    if rest:
        zh += f"其间{len(rest)}天不计：{_listed(rest)}。"
        en += f" {'1 day does' if len(rest) == 1 else f'{len(rest)} days do'} not count: {_listed(rest)}."
    if made_up:
        zh += f"调休上班计入：{_listed(made_up)}。"
        en += f" Worked although at a weekend: {_listed(made_up)}."
    return Line(step, step.span / (timedelta(days=1) if by_days else timedelta(hours=1)), rest, made_up, zh, en)


def _sentences(clock: Clock, step: Step, *, by_days: bool) -> tuple[str, str]:
    span_zh, span_en = _span(step.span, by_days=by_days)
    since_zh, since_en, due_zh, due_en = _zh(step.since), _en(step.since), _zh(step.due_at), _en(step.due_at)
    match step.kind:
        case StepKind.LIMIT if clock.kind is ClockKind.LEDGER_REVIEW:
            return f"{since_zh}起计时，复查定于{due_zh}。", f"Started {since_en}; the review is set for {due_en}."
        case StepKind.LIMIT:
            return (
                f"{since_zh}起计时，限{span_zh}，到期{due_zh}。",
                f"Started {since_en}; the limit is {span_en}, so due {due_en}.",
            )
        case StepKind.PAUSE if step.until is None:
            return (
                f"{since_zh}起等待居民补充，停止计时；恢复后到期日按停止的时间顺延。",
                f"Stands still since {since_en}, waiting for the resident; the due date moves by as much.",
            )
        case StepKind.PAUSE:
            until = step.until or step.since
            return (
                f"{since_zh}至{_zh(until)}停止计时，计{span_zh}，到期顺延至{due_zh}。",
                f"Stood still from {since_en} to {_en(until)}, which is {span_en}, so due {due_en}.",
            )
        case StepKind.LEAST:
            return (
                f"{since_zh}答复退回，至少留{span_zh}，到期{due_zh}。",
                f"Reply sent back {since_en}: at least {span_en} are left, so due {due_en}.",
            )


def _span(span: timedelta, *, by_days: bool) -> tuple[str, str]:
    amount = span / timedelta(days=1) if by_days else span / timedelta(hours=1)
    shown = f"{amount:.2f}".rstrip("0").rstrip(".")
    one = shown == "1"
    if by_days:
        return f"{shown}个工作日", f"{shown} working day{'' if one else 's'}"
    return f"{shown}小时", f"{shown} hour{'' if one else 's'}"


def _zh(at: datetime) -> str:
    day, time = _of_the_day(at)
    return f"{day:%Y-%m-%d}（{_WEEKDAYS[day.weekday()]}）{time}"


def _en(at: datetime) -> str:
    day, time = _of_the_day(at)
    return f"{day:%a %Y-%m-%d} {time}"


def _of_the_day(at: datetime) -> tuple[date, str]:
    """Return day and time in Shanghai; midnight is the end of the day that is over, as it is with deadlines."""
    local = at.astimezone(SHANGHAI)
    if (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0):
        return local.date() - timedelta(days=1), "24:00"
    return local.date(), f"{local:%H:%M}"


def _listed(days: tuple[date, ...]) -> str:
    shown = ", ".join(day.isoformat() for day in days[:_LISTED])
    return shown if len(days) <= _LISTED else f"{shown}, …"
