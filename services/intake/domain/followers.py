"""Who follows a petition to its end: the representative who recorded it, and those who took it on."""

from dataclasses import replace

from services.contracts.event import Who
from services.contracts.intake import PetitionFollowed
from services.intake.domain.petition import Act, Petition, move
from services.kernel.head import Decision, decided


def follow(petition: Petition, representative: str, *, by: Who) -> Decision[Petition] | None:
    """Add a representative to those whose own the petition is, wherever they are placed later.

    Who follows it already has what they ask for, whatever has become of the petition: None.

    :raises InvalidState: the petition is over.
    """
    scope = petition.head.scope
    if representative in scope.followers:
        return None
    moved = move(petition, Act.FOLLOW)
    scope = replace(scope, followers=(*scope.followers, representative))
    # The event carries the scope as it is from now on: who is new is told of it like everybody else.
    moved = replace(moved, head=replace(moved.head, scope=scope))
    return decided(moved, PetitionFollowed(by=by, representative=representative))
