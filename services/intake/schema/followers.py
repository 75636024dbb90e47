"""Following a petition, as a mutation."""

import strawberry

from services.intake.commands import followers
from services.intake.schema import inputs
from services.intake.schema.payload import PetitionPayload, petition_id, run
from services.kernel.graphql.context import Info


@strawberry.type
class FollowersMutation:
    """What representatives take on."""

    @strawberry.mutation(
        description="Take on following a petition to its end: from now on it is one's own in every service and list, "
        "wherever one is placed later. Following it again changes nothing, and is answered alike."
    )
    async def follow_petition(self, info: Info, input: inputs.FollowPetitionInput) -> PetitionPayload | None:
        """Add oneself to those who follow it."""
        actor, now, petition = info.context.actor, info.context.now(), petition_id(input.petition_id)
        return await run(
            info,
            input,
            lambda tx, references: followers.follow(tx, petition, references, by=actor, now=now),
            only_decides=True,
        )
