"""Who may sign tokens: each issuer with its own keys, the roles it may give, and where its tokens say what.

An issuer is bound to its keys and roles, so that a key that signs for residents cannot make a supervisor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, get_args

from services.contracts.vocabulary import Role
from services.kernel.auth.key_sets import Place

DEVELOPMENT_ISSUER: Final = "https://through-train.local/development"
INTAKE_ISSUER: Final = "https://through-train.local/intake"

Claim = Literal["roles", "street", "community", "placements", "representative", "department"]
"""What an organisation says of its people besides `sub`; another issuer may keep it elsewhere in its tokens."""

CLAIMS: Final[Mapping[Claim, str]] = MappingProxyType({name: name for name in get_args(Claim)})

RESIDENTS: Final = frozenset({Role.RESIDENT})
ORGANISATION_ROLES: Final = frozenset(Role) - RESIDENTS - {Role.ANYONE, Role.SYSTEM}


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who may sign: its name, where its public keys are, the roles it may give.

    `claims` says under which name, or dotted path, its tokens carry each of our claims.
    """

    name: str
    keys: Place
    roles: frozenset[Role]
    claims: Mapping[Claim, str] = field(default_factory=lambda: CLAIMS)
