"""Who may do and see what: role × scope, deny by default (domain.md, "Who may do and see what").

A rule is a set of roles. What is a role's own is the same everywhere, and is decided from the token's claims and the
scope that every event carries, so that each service can decide alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from uuid import UUID

from services.contracts.event import Who
from services.contracts.vocabulary import Role
from services.kernel.errors import Forbidden, NotFound, Unauthenticated


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, from a verified token. Without a token: the role ANYONE alone."""

    subject: str
    roles: frozenset[Role]
    street: str | None = None
    community: str | None = None
    placements: frozenset[str] = frozenset()
    representative: str | None = None
    department: str | None = None
    petition: UUID | None = None

    def acting_as(self, roles: frozenset[Role]) -> Who:
        """Return who stands in the record when one of `roles` allowed the act."""
        held = sorted(self.roles & roles)
        return Who(role=held[0] if held else Role.ANYONE, subject=self.subject)


ANYONE: Final = Actor("anyone", frozenset({Role.ANYONE}))


@dataclass(frozen=True, slots=True)
class Scope:
    """The attributes of a petition that roles are matched against; every event carries them."""

    petition: UUID
    street: str
    community: str
    lead: str | None = None
    cohandlers: tuple[str, ...] = ()
    followers: tuple[str, ...] = ()


def _represents(actor: Actor, scope: Scope) -> bool:
    """Tell whether a representative recorded or follows it, is placed in its community, or lives there."""
    return actor.representative in scope.followers or scope.community in {*actor.placements, actor.community}


def _of_street(actor: Actor, scope: Scope) -> bool:
    return actor.street is not None and actor.street == scope.street


def _handles(actor: Actor, scope: Scope) -> bool:
    return actor.department is not None and (actor.department == scope.lead or actor.department in scope.cohandlers)


def _everything(_actor: Actor, _scope: Scope) -> bool:
    return True


OWN: Final[Mapping[Role, Callable[[Actor, Scope], bool]]] = MappingProxyType(
    {
        Role.RESIDENT: lambda actor, scope: actor.petition == scope.petition,
        Role.REPRESENTATIVE: _represents,
        Role.STATION_STAFF: lambda actor, scope: scope.community in actor.placements,
        Role.COMMUNITY: lambda actor, scope: actor.community is not None and actor.community == scope.community,
        Role.STREET_COMMITTEE: _of_street,
        Role.DEPARTMENT: _handles,
        Role.DEPARTMENT_HEAD: _handles,
        Role.DISTRICT_SUPERVISOR: _everything,
        Role.INTEGRATOR: lambda actor, scope: _of_street(actor, scope) or _handles(actor, scope),
    }
)
"""What "own" means for each role that can see petitions. Absent roles own nothing."""

OWN_MEANS: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.RESIDENT: "the one petition that tracking code and secret opened (claim `petition`)",
        Role.REPRESENTATIVE: "petitions recorded or followed by them (`representative`), those of the communities of "
        "their placements (`placements`) and of their residence (`community`)",
        Role.STATION_STAFF: "petitions of the communities of their station or room (`placements`)",
        Role.COMMUNITY: "petitions of their community (`community`)",
        Role.STREET_COMMITTEE: "petitions of their street (`street`)",
        Role.DEPARTMENT: "petitions where it leads or co-handles now, and its own work orders of earlier cycles "
        "(`department`)",
        Role.DEPARTMENT_HEAD: "the department's (`department`)",
        Role.DISTRICT_SUPERVISOR: "all of the district",
        Role.INTEGRATOR: "petitions of the street or department of its grant (`street`, `department`)",
    }
)
"""The same in words, with the token's claims; for the documentation."""

READERS: Final = frozenset(OWN)
"""Every role that may read petitions of its own."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The roles that may use an operation, and the sentence that the documentation prints."""

    roles: frozenset[Role]
    says: str = field(default="", compare=False)


NOBODY: Final = Rule(frozenset(), "nobody")


def may(*roles: Role, says: str = "") -> Rule:
    """Return a rule that reads like a sentence: `may(Role.DEPARTMENT)`."""
    return Rule(frozenset(roles), says)


def require(actor: Actor, rule: Rule) -> Who:
    """Return who acts, if the role has the operation at all.

    :raises Unauthenticated: nobody has signed in.
    :raises Forbidden: none of the actor's roles has the operation.
    """
    if actor.roles & rule.roles or Role.ANYONE in rule.roles:
        return actor.acting_as(rule.roles)
    needed = ", ".join(sorted(rule.roles))
    if actor.roles == ANYONE.roles:
        raise Unauthenticated(f"Sign in first: this needs a token with one of the roles {needed}.")
    raise Forbidden(f"This needs one of the roles {needed}.")


def owns(actor: Actor, scope: Scope, roles: frozenset[Role] = READERS) -> bool:
    """Tell whether the petition is the actor's own in one of `roles`."""
    return any(OWN[role](actor, scope) for role in actor.roles & roles if role in OWN)


def require_own(actor: Actor, scope: Scope, rule: Rule, what: str) -> None:
    """Refuse a foreign object in the words of an unknown one.

    :raises NotFound: the object is not the actor's own in any role that has the operation.
    """
    if not owns(actor, scope, rule.roles):
        raise NotFound(what)


def owner(actor: Actor, scope: Scope, rule: Rule) -> Who:
    """Return who acts on a petition of their own: in a role in which it is their own, whatever others they have."""
    return actor.acting_as(
        frozenset(role for role in actor.roles & rule.roles if owns(actor, scope, frozenset({role})))
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """What an actor's own petitions have in common, for lists: everything, or any of the named attributes."""

    everything: bool
    streets: tuple[str, ...]
    communities: tuple[str, ...]
    follower: str | None
    departments: tuple[str, ...]


def reach(actor: Actor, rule: Rule) -> Reach:
    """Return how far an actor's lists reach in the roles that have the operation."""
    roles = actor.roles & rule.roles
    in_placements = roles & {Role.REPRESENTATIVE, Role.STATION_STAFF}
    communities = {*(actor.placements if in_placements else ())}
    if roles & {Role.COMMUNITY, Role.REPRESENTATIVE} and actor.community:
        communities.add(actor.community)
    return Reach(
        everything=Role.DISTRICT_SUPERVISOR in roles,
        streets=(actor.street,) if roles & {Role.STREET_COMMITTEE, Role.INTEGRATOR} and actor.street else (),
        communities=tuple(sorted(communities)),
        follower=actor.representative if Role.REPRESENTATIVE in roles else None,
        departments=(actor.department,)
        if roles & {Role.DEPARTMENT, Role.DEPARTMENT_HEAD, Role.INTEGRATOR} and actor.department
        else (),
    )
