"""Routing: which department the table suggests for a category and a place, and the sentence that says why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.contracts.dispatch import Suggestion
from services.contracts.reference import Category, Community, Department, Entry, RoutingRule, Street


@dataclass(frozen=True, slots=True)
class Table:
    """The routing rules, and the names that an explanation needs. Retired entries are left out by whoever fills it."""

    rules: Sequence[RoutingRule]
    departments: Mapping[str, Department]
    categories: Mapping[str, Category]
    streets: Mapping[str, Street]
    communities: Mapping[str, Community]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A department that somebody has named already, and in what capacity: Chinese and English."""

    department: str
    zh: str
    en: str


def by_screening(department: str | None) -> Proposal | None:
    """Return the proposal of the street committee that handed the petition over, if it made one."""
    return Proposal(department, "街道转办时提出", "proposed when it was handed over") if department else None


def by_history(department: str | None) -> Proposal | None:
    """Return the proposal that lies in who handled the last cycle, if anybody did."""
    return Proposal(department, "上一轮的承办单位", "it handled the last cycle") if department else None


def suggest(table: Table, category: str, street: str, community: str, proposed: Proposal | None = None) -> Suggestion:
    """Suggest a department: the proposed one if it exists, else the best rule's, else none.

    The lower priority wins, then the narrower place, then the nearer category: itself, its parents, any.
    """
    line = _line(table, category)
    fitting = [rule for rule in table.rules if _fits(table, rule, line, street, community)]
    best = min(fitting, key=lambda rule: _rank(rule, line), default=None)
    if proposed is not None and proposed.department in table.departments:
        return _proposed(table, proposed, best)
    if best is None:
        return Suggestion(
            explanation=f"没有适用于类别“{_zh(table.categories, category)}”的路由规则，请人工选择承办单位。"
            f" No routing rule fits category {_en(table.categories, category)}: choose a department by hand."
        )
    return Suggestion(department=best.department, rule=best.id, explanation=_by_rule(table, best))


def _line(table: Table, category: str) -> list[str]:
    """Return a category and its parents, nearest first."""
    line = [category]
    while (entry := table.categories.get(line[-1])) is not None and entry.parent and entry.parent not in line:
        line.append(entry.parent)
    return line


def _fits(table: Table, rule: RoutingRule, line: Sequence[str], street: str, community: str) -> bool:
    return (
        rule.department in table.departments
        and (rule.category is None or rule.category in line)
        and (rule.street is None or rule.street == street)
        and (rule.community is None or rule.community == community)
    )


def _rank(rule: RoutingRule, line: Sequence[str]) -> tuple[int, int, int, str]:
    place = 0 if rule.community else 1 if rule.street else 2
    nearness = line.index(rule.category) if rule.category else len(line)
    return rule.priority, place, nearness, rule.id


def _zh(entries: Mapping[str, Entry], code: str) -> str:
    return entries[code].name.zh if code in entries else code


def _en(entries: Mapping[str, Entry], code: str) -> str:
    return entries[code].name.en if code in entries else code


def _condition(table: Table, rule: RoutingRule) -> tuple[str, str]:
    """Return what a rule asks for, in both languages."""
    zh: list[str] = []
    en: list[str] = []
    for label, word, entries, code in (
        ("类别", "category", table.categories, rule.category),
        ("街道", "street", table.streets, rule.street),
        ("社区", "community", table.communities, rule.community),
    ):
        if code is not None:
            zh.append(f"{label}“{_zh(entries, code)}”")
            en.append(f"{word} {_en(entries, code)}")
    return "、".join(zh) or "任何事项", ", ".join(en) or "any matter"


def _by_rule(table: Table, rule: RoutingRule) -> str:
    zh, en = _condition(table, rule)
    department = table.departments[rule.department].name
    return (
        f"依据路由规则 {rule.id}（{zh}，优先级 {rule.priority}），建议由{department.zh}承办。"
        f" Rule {rule.id} ({en}, priority {rule.priority}) suggests the {department.en}."
    )


def _proposed(table: Table, proposed: Proposal, best: RoutingRule | None) -> Suggestion:
    name = table.departments[proposed.department].name
    agrees = best is not None and best.department == proposed.department
    if best is None:
        zh, en = "没有适用的路由规则。", "No routing rule fits."
    elif agrees:
        zh, en = f"路由规则 {best.id} 与此一致。", f"Rule {best.id} says the same."
    else:
        other = table.departments[best.department].name
        zh, en = f"路由规则 {best.id} 则指向{other.zh}。", f"Rule {best.id} points to the {other.en}."
    explanation = f"建议由{name.zh}承办：{proposed.zh}。{zh} The {name.en} is suggested: {proposed.en}. {en}"
    return Suggestion(
        department=proposed.department, rule=best.id if best and agrees else None, explanation=explanation
    )
