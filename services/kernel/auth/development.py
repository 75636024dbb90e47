"""The development issuer: one demo user per role, for local runs only (production settings refuse its tokens).

`python -m services.kernel.auth.development keys FOLDER` creates what is missing of the keys folder;
`… token ROLE --keys FOLDER [--street …]` prints a token and nothing else.
"""

import time
from pathlib import Path
from typing import Annotated, Any, Final

import cyclopts
from joserfc import jwt

from services.contracts.vocabulary import Role
from services.kernel.auth import keys
from services.kernel.auth.tokens import DEVELOPMENT_ISSUER

LIFETIME_SECONDS: Final = 12 * 3600

DEMO_USERS: Final[dict[Role, dict[str, Any]]] = {
    Role.REPRESENTATIVE: {
        "sub": "demo-hui-bi",
        "representative": "rep-hui-bi",
        "placements": ["community-73"],
        "street": "huangtupo",
    },
    Role.STATION_STAFF: {"sub": "demo-station-staff", "placements": ["community-73"], "street": "huangtupo"},
    Role.COMMUNITY: {"sub": "demo-community", "community": "community-73", "street": "huangtupo"},
    Role.STREET_COMMITTEE: {"sub": "demo-street-committee", "street": "huangtupo"},
    Role.DEPARTMENT: {"sub": "demo-department", "department": "housing"},
    Role.DEPARTMENT_HEAD: {"sub": "demo-department-head", "department": "housing"},
    Role.EXPERT: {"sub": "demo-expert"},
    Role.DISTRICT_SUPERVISOR: {"sub": "demo-district-supervisor"},
    Role.DISTRICT_LEADER: {"sub": "demo-district-leader"},
    Role.INTEGRATOR: {"sub": "demo-integrator", "street": "huangtupo"},
    Role.OPERATOR: {"sub": "demo-operator"},
}
"""Claims of the demo user of each role; they fit the seeded reference data."""

app = cyclopts.App(help="The development issuer: keys and tokens for local runs.")


def sign(folder: Path, role: Role, *, audience: str = "through-train", **claims: Any) -> str:
    """Return a token of the development issuer for a role's demo user; `claims` replace or add to its own.

    :raises LookupError: the role has no demo user (residents get tokens from `openPetition`).
    """
    if role not in DEMO_USERS:
        raise LookupError(f"{role.value} has no demo user; choose one of {', '.join(sorted(DEMO_USERS))}")
    now = int(time.time())
    payload = {
        "iss": DEVELOPMENT_ISSUER,
        "aud": audience,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "roles": [role.value],
        **DEMO_USERS[role],
        **claims,
    }
    key = keys.private_key(folder, keys.DEVELOPMENT_PRIVATE)
    return jwt.encode({"alg": "ES256", "kid": key.kid}, payload, key)


@app.command(name="keys")
def create_keys(folder: Path) -> None:
    """Create the key files that are missing from a keys folder."""
    for name in keys.create_missing(folder):
        print(name)


@app.command
def token(
    role: str,
    *,
    folder: Annotated[Path, cyclopts.Parameter(name="--keys")],
    sub: str | None = None,
    street: str | None = None,
    community: str | None = None,
    department: str | None = None,
    representative: str | None = None,
    placement: list[str] | None = None,
) -> None:
    """Print a token for the demo user of a role; the options replace its claims."""
    given = {
        "sub": sub,
        "street": street,
        "community": community,
        "department": department,
        "representative": representative,
        "placements": placement,
    }
    try:
        claims: dict[str, Any] = {name: value for name, value in given.items() if value}
        print(sign(folder, Role(role.lower()), **claims))
    except (ValueError, LookupError):
        raise SystemExit(f"No demo user for {role!r}. Choose one of: {', '.join(sorted(DEMO_USERS))}.") from None


if __name__ == "__main__":
    app()
