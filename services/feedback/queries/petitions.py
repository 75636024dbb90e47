"""What feedback knows of petitions: many by id, for entity references and for the cases of a desk's page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.contracts.vocabulary import Stage
from services.feedback.domain.case import Petition
from services.feedback.store.petitions import COLUMNS, petition_of
from services.kernel.access import Actor, Rule, Scope, owns
from services.kernel.db import Connection, Row
from services.kernel.ids import PetitionId

BY_IDS: Final = f"""
-- petitions.by_ids: what is decided here, with what the others' events say, for a batch of petitions
SELECT wanted.petition_id AS id, {COLUMNS}, known.stage,
       known.street AS known_street, known.community AS known_community, known.lead AS known_lead,
       known.cohandlers AS known_cohandlers, known.followers AS known_followers
FROM unnest((SELECT $1::uuid[])) AS wanted (petition_id)
LEFT JOIN own.petition ON petition.petition_id = wanted.petition_id
LEFT JOIN view.petition AS known ON known.petition_id = wanted.petition_id
WHERE petition.petition_id IS NOT NULL OR known.petition_id IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class Known:
    """A petition here: what feedback decided (absent before a reply), its stage, and its scope as the others say it."""

    id: PetitionId
    petition: Petition | None
    stage: Stage
    scope: Scope | None

    def is_own(self, actor: Actor, rule: Rule) -> bool:
        """Tell whether the petition is the actor's own.

        The others' events know of a new department before the next reply does, and then the former one is out. Only
        where the view lacks a petition does what the last reply said count.
        """
        scope = self.scope or (self.petition.head.scope if self.petition else None)
        return scope is not None and owns(actor, scope, rule.roles)


async def by_ids(reader: Connection, ids: Sequence[PetitionId]) -> dict[PetitionId, Known]:
    """Return those of the petitions that feedback has heard of."""
    return {row["id"]: _known(row) for row in await reader.fetch(BY_IDS, ids)}


def _known(row: Row) -> Known:
    scope = None
    # Intake's events say where it is: without them the view tells nobody's petition.
    if row["known_street"] is not None:
        scope = Scope(
            petition=row["id"],
            street=row["known_street"],
            community=row["known_community"],
            lead=row["known_lead"],
            cohandlers=tuple(row["known_cohandlers"]),
            followers=tuple(row["known_followers"]),
        )
    petition = petition_of(row) if row["petition_id"] is not None else None
    # Where the view lacks it, a petition that has a case is being evaluated.
    return Known(row["id"], petition, Stage(row["stage"]) if row["stage"] else Stage.EVALUATE, scope)
