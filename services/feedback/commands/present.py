"""The petition and its present case, locked, for whoever it belongs to."""

from services.contracts.reference import Ground
from services.feedback.domain.case import Case, Petition
from services.feedback.store import petitions
from services.kernel.access import Actor, Rule, require_own
from services.kernel.db import Transaction
from services.kernel.errors import InvalidInput, NotFound
from services.kernel.ids import PetitionId
from services.kernel.reference import References


async def own(tx: Transaction, petition_id: PetitionId, by: Actor, rule: Rule) -> tuple[Petition, Case]:
    """Lock a petition of the actor's own and return it with its present case.

    :raises NotFound: unknown here, not the actor's, or without a reply that could be asked about.
    """
    petition = await petitions.lock(tx, petition_id)
    require_own(by, petition.head.scope, rule, "This petition")
    if petition.case is None:
        raise NotFound("A reply to this petition")
    return petition, petition.case


def known_ground(ground_id: str, use: str, references: References) -> Ground:
    """Return a ground that may be cited for an act.

    :raises InvalidInput: unknown, or for other acts; the message lists those that fit.
    """
    ground = references.find(Ground, ground_id)
    if ground is None or use not in ground.uses:
        fitting = ", ".join(g.id for g in references.all(Ground) if use in g.uses)
        raise InvalidInput("ground", f"{ground_id!r} is no ground for this; possible: {fitting}.")
    return ground
