"""Grounds as acts cite them: each has a list of the acts that it is for."""

from services.contracts.reference import Ground
from services.kernel.errors import InvalidInput
from services.kernel.reference import References


def known_ground(code: str, use: str, references: References) -> Ground:
    """Return a ground that may be cited for an act.

    :raises InvalidInput: unknown, or for other acts; the message lists those that fit.
    """
    ground = references.find(Ground, code)
    if ground is None or use not in ground.uses:
        fitting = ", ".join(g.id for g in references.all(Ground) if use in g.uses)
        raise InvalidInput("ground", f"{code!r} is no ground for this; possible: {fitting}.")
    return ground
