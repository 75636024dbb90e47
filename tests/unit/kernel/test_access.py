"""What is whose own, for every role: the table of domain.md, decided from claims and scope alone."""

from dataclasses import replace
from uuid import uuid4

import pytest

from services.contracts.vocabulary import Role
from services.kernel.access import ANYONE, OWN, Actor, Scope, may, owns, reach, require, require_own
from services.kernel.errors import Forbidden, NotFound, Unauthenticated

SCOPE = Scope(uuid4(), "huangtupo", "community-73", "housing", ("water",), ("rep-hui-bi",))


def actor(role: Role, **claims: object) -> Actor:
    return replace(Actor("someone", frozenset({role})), **claims)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "foreign"),
    [
        (actor(Role.RESIDENT, petition=SCOPE.petition), actor(Role.RESIDENT, petition=uuid4())),
        (actor(Role.REPRESENTATIVE, representative="rep-hui-bi"), actor(Role.REPRESENTATIVE, representative="other")),
        (
            actor(Role.REPRESENTATIVE, placements=frozenset({"community-73"})),
            actor(Role.REPRESENTATIVE, placements=frozenset({"maan"})),
        ),
        (
            actor(Role.STATION_STAFF, placements=frozenset({"community-73"})),
            actor(Role.STATION_STAFF, placements=frozenset({"maan"})),
        ),
        (actor(Role.COMMUNITY, community="community-73"), actor(Role.COMMUNITY, community="maan")),
        (actor(Role.STREET_COMMITTEE, street="huangtupo"), actor(Role.STREET_COMMITTEE, street="dewu")),
        (actor(Role.DEPARTMENT, department="housing"), actor(Role.DEPARTMENT, department="civil-affairs")),
        (actor(Role.DEPARTMENT, department="water"), actor(Role.DEPARTMENT)),
        (actor(Role.DEPARTMENT_HEAD, department="housing"), actor(Role.DEPARTMENT_HEAD, department="transport")),
        (actor(Role.INTEGRATOR, street="huangtupo"), actor(Role.INTEGRATOR, street="dewu")),
        (actor(Role.DISTRICT_SUPERVISOR), actor(Role.DISTRICT_LEADER)),
    ],
)
def test_a_role_owns_its_own_and_nothing_else(own: Actor, foreign: Actor) -> None:
    assert owns(own, SCOPE)
    assert not owns(foreign, SCOPE)


@pytest.mark.parametrize("role", [r for r in Role if r not in OWN])
def test_roles_without_a_meaning_of_own_own_nothing(role: Role) -> None:
    everything = actor(
        role, street="huangtupo", community="community-73", department="housing", petition=SCOPE.petition
    )
    assert not owns(everything, SCOPE)


@pytest.mark.parametrize("role", list(OWN))
def test_a_token_without_claims_owns_nothing_but_the_supervisors(role: Role) -> None:
    assert owns(actor(role), SCOPE) is (role is Role.DISTRICT_SUPERVISOR)


def test_a_missing_token_and_a_missing_role_are_told_apart() -> None:
    rule = may(Role.DEPARTMENT)
    with pytest.raises(Unauthenticated):
        require(ANYONE, rule)
    with pytest.raises(Forbidden):
        require(actor(Role.COMMUNITY), rule)
    assert require(actor(Role.DEPARTMENT), rule).role is Role.DEPARTMENT


def test_a_foreign_object_is_unknown() -> None:
    with pytest.raises(NotFound):
        require_own(actor(Role.DEPARTMENT, department="transport"), SCOPE, may(Role.DEPARTMENT), "This petition")


def test_a_role_that_the_rule_does_not_name_does_not_help() -> None:
    both = replace(
        actor(Role.DEPARTMENT, department="transport"), roles=frozenset({Role.DEPARTMENT, Role.DISTRICT_SUPERVISOR})
    )
    assert not owns(both, SCOPE, frozenset({Role.DEPARTMENT}))


def test_lists_reach_no_further_than_the_claims() -> None:
    assert reach(actor(Role.STREET_COMMITTEE, street="dewu"), may(Role.STREET_COMMITTEE)).streets == ("dewu",)
    nothing = reach(actor(Role.STREET_COMMITTEE, street="dewu"), may(Role.DEPARTMENT))
    assert (nothing.everything, nothing.streets, nothing.communities, nothing.departments) == (False, (), (), ())
