"""What a verified token says of its holder. The signature is good; the claims may still be anything."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast
from uuid import UUID

from services.contracts.vocabulary import Role
from services.kernel.access import Actor
from services.kernel.auth.issuers import Claim, Issuer
from services.kernel.errors import Unauthenticated

_ROLES: Final = {role.value: role for role in Role}
_OURS: Final = ("petition:", "operator:", "command line:")
_NOBODYS: Final = frozenset({"anyone", "system"})
_LONGEST: Final = 255  # OpenID Connect's bound for `sub`


def actor(claims: Mapping[str, Any], issuer: Issuer) -> Actor:
    """Return who holds a token.

    :raises Unauthenticated: no role of ours, one that the issuer may not give, or a claim that cannot be right.
    """
    roles = _roles(claims, issuer)
    subject = _text(claims.get("sub"), "sub")
    if subject is None:
        raise Unauthenticated("The token's claim sub is empty.")
    if Role.RESIDENT not in roles and (subject in _NOBODYS or subject.startswith(_OURS)):
        raise Unauthenticated("The token's claim sub is one that this system gives itself.")
    return Actor(
        subject=subject,
        roles=roles,
        street=_scope(claims, issuer, "street"),
        community=_scope(claims, issuer, "community"),
        placements=frozenset(_texts(claims, issuer, "placements")),
        representative=_scope(claims, issuer, "representative"),
        department=_scope(claims, issuer, "department"),
        petition=_petition(claims) if Role.RESIDENT in roles else None,
    )


def _roles(claims: Mapping[str, Any], issuer: Issuer) -> frozenset[Role]:
    # An organisation has roles of its own, for other systems: those say nothing here.
    named = frozenset(_ROLES[name] for name in _texts(claims, issuer, "roles") if name in _ROLES)
    if forbidden := named - issuer.roles:
        raise Unauthenticated(f"The token's issuer may not give the role {', '.join(sorted(forbidden))}.")
    if not named:
        raise Unauthenticated("The token gives none of this system's roles.")
    return named


def _find(claims: Mapping[str, Any], path: str) -> object:
    """Return the claim of this name, else what the dotted path leads to; None if there is nothing."""
    if path in claims:  # names may contain dots: https://example.org/roles
        return claims[path]
    found: object = claims
    for name in path.split("."):
        found = cast(Mapping[str, object], found).get(name) if isinstance(found, dict) else None
    return found


def _scope(claims: Mapping[str, Any], issuer: Issuer, name: Claim) -> str | None:
    return _text(_find(claims, issuer.claims[name]), name)


def _texts(claims: Mapping[str, Any], issuer: Issuer, name: Claim) -> list[str]:
    found = _find(claims, issuer.claims[name])
    if found is None:
        return []
    if not isinstance(found, list):
        raise Unauthenticated(f"The token's claim {name} must be a list of texts.")
    texts = (_text(item, name) for item in cast(Sequence[object], found))
    return [text for text in texts if text is not None]


def _text(value: object, name: str) -> str | None:
    """Return a text that is fit to be compared and stored; an absent or empty one is None."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isprintable():
        raise Unauthenticated(f"The token's claim {name} must be a text of at most {_LONGEST} printable characters.")
    return value


def _petition(claims: Mapping[str, Any]) -> UUID:
    try:
        return UUID(_text(claims.get("petition"), "petition"))
    except (ValueError, TypeError):
        raise Unauthenticated("The token's claim petition must be the id of a petition.") from None
