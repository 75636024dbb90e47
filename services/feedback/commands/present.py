"""The petition and its present case, locked, for whoever it belongs to."""

from services.feedback.domain.case import Case, Petition
from services.feedback.store import petitions
from services.kernel.access import Actor, Rule, require_own
from services.kernel.errors import NotFound
from services.kernel.ids import PetitionId
from services.kernel.transaction import Transaction


async def own(tx: Transaction, petition_id: PetitionId, by: Actor, rule: Rule) -> tuple[Petition, Case]:
    """Lock a petition of the actor's own and return it with its present case.

    :raises NotFound: unknown here, not the actor's, or without a reply that could be asked about.
    """
    petition = await petitions.lock(tx, petition_id)
    require_own(by, petition.head.scope, rule, "This petition")
    if petition.case is None:
        raise NotFound("A reply to this petition")
    return petition, petition.case
