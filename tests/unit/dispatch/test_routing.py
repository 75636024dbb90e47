"""Routing: category and place, priority before place before nearness, and a sentence that says why."""

import random

import pytest

from services.contracts.catalogue import REFERENCE_SOURCES
from services.contracts.reference import Department, Name, RoutingRule
from services.dispatch.commands.lookup import routing_table
from services.dispatch.domain.routing import Table, by_history, by_screening, suggest
from services.kernel.reference import collect
from tests.support.references import beginnings

SMALL = routing_table(collect([entry for source in REFERENCE_SOURCES for entry in beginnings(source)]))
NAME = Name(zh="规则", en="rule")


def rule(
    rule_id: str,
    department: str,
    priority: int = 10,
    category: str | None = None,
    street: str | None = None,
    community: str | None = None,
) -> RoutingRule:
    return RoutingRule(
        id=rule_id,
        name=NAME,
        priority=priority,
        department=department,
        category=category,
        street=street,
        community=community,
    )


def table(*rules: RoutingRule) -> Table:
    shuffled = random.sample(rules, len(rules))
    return Table(shuffled, SMALL.departments, SMALL.categories, SMALL.streets, SMALL.communities)


@pytest.mark.parametrize(
    ("category", "street", "community", "department", "by"),
    [
        ("drainage", "huangtupo", "community-73", "housing", "r-drainage"),
        ("household-registration", "fenghuang", "maan", "civil-affairs", "r-addresses"),
        ("neighbour-dispute", "huangtupo", "renmin-west", "public-order", "r-dispute"),
        ("other", "dewu", "zhiyuan", "office-dewu", "r-office-dewu"),
        ("municipal", "hongyan", "dongfeng-west", "housing", "r-municipal"),
    ],
)
def test_the_table_of_the_small_district(category: str, street: str, community: str, department: str, by: str) -> None:
    found = suggest(SMALL, category, street, community)
    assert (found.department, found.rule) == (department, by)


def test_the_explanation_names_rule_condition_and_department_in_both_languages() -> None:
    said = suggest(SMALL, "drainage", "huangtupo", "community-73").explanation
    for part in ("r-drainage", "排水管网", "Sewers and drainage", "区住房和城乡建设局", "District Housing"):
        assert part in said


def test_the_lower_priority_wins_before_everything_else() -> None:
    found = suggest(
        table(rule("near", "water", 10, community="community-73", category="drainage"), rule("wide", "housing", 5)),
        "drainage",
        "huangtupo",
        "community-73",
    )
    assert found.rule == "wide"


def test_among_equals_the_narrower_place_wins() -> None:
    rules = table(
        rule("district", "housing", category="drainage"),
        rule("street", "water", street="huangtupo"),
        rule("community", "transport", community="community-73"),
        rule("elsewhere", "environment", community="maan"),
    )
    assert suggest(rules, "drainage", "huangtupo", "community-73").rule == "community"
    assert suggest(rules, "drainage", "huangtupo", "renmin-west").rule == "street"
    assert suggest(rules, "drainage", "dewu", "zhiyuan").rule == "district"


def test_a_parent_matches_after_the_category_itself_and_before_any() -> None:
    rules = [
        rule("a-any", "water"),
        rule("b-parent", "transport", category="municipal"),
        rule("c-exact", "housing", category="drainage"),
    ]
    assert suggest(table(*rules), "drainage", "huangtupo", "community-73").rule == "c-exact"
    assert suggest(table(*rules[:2]), "drainage", "huangtupo", "community-73").rule == "b-parent"
    assert suggest(table(*rules[:1]), "drainage", "huangtupo", "community-73").rule == "a-any"


def test_a_child_does_not_match_its_parent() -> None:
    assert suggest(table(rule("x", "housing", category="drainage")), "municipal", "dewu", "zhiyuan").department is None


def test_a_rule_for_a_department_that_is_gone_is_passed_over() -> None:
    rules = table(rule("gone", "abolished", 1), rule("here", "housing", 2))
    assert suggest(rules, "drainage", "dewu", "zhiyuan").rule == "here"


def test_what_screening_proposed_wins_and_the_rule_is_mentioned() -> None:
    found = suggest(SMALL, "drainage", "huangtupo", "community-73", by_screening("water-utility"))
    assert (found.department, found.rule) == ("water-utility", None)
    for part in (
        "街道转办时提出",
        "proposed when it was handed over",
        "r-drainage",
        "供排水公司",
        "区住房和城乡建设局",
    ):
        assert part in found.explanation
    agreed = suggest(SMALL, "drainage", "huangtupo", "community-73", by_screening("housing"))
    assert (agreed.department, agreed.rule) == ("housing", "r-drainage")


def test_a_proposal_that_does_not_exist_is_no_proposal() -> None:
    found = suggest(SMALL, "drainage", "huangtupo", "community-73", by_history("abolished"))
    assert found.department == "housing"


def test_without_a_rule_there_is_no_suggestion_but_a_sentence() -> None:
    found = suggest(table(), "drainage", "huangtupo", "community-73")
    assert (found.department, found.rule) == (None, None)
    assert "No routing rule fits" in found.explanation
    assert suggest(table(), "unknown", "x", "y", by_history("housing")).department == "housing"


def test_equal_rules_are_told_apart_by_their_id_whatever_their_order() -> None:
    rules = [rule(f"r{n}", "housing", category="drainage") for n in range(5)]
    for _ in range(5):
        assert suggest(table(*rules), "drainage", "dewu", "zhiyuan").rule == "r0"


def test_retired_departments_are_not_in_the_table() -> None:
    retired = Department(id="old", name=NAME, retired=True)
    assert "old" not in routing_table(collect([retired])).departments
