"""Accepting and rejecting as mutations."""

import strawberry

from services.contracts.vocabulary import Phase
from services.intake.commands import acceptance
from services.intake.schema import inputs
from services.intake.schema.payload import PetitionPayload, petition_id, run
from services.kernel.graphql.context import Info


@strawberry.type
class AcceptanceMutation:
    """The street committee's first decision, and its last one against a petition."""

    @strawberry.mutation(description="Take a petition on; screening begins.")
    async def accept_petition(self, info: Info, input: inputs.AcceptPetitionInput) -> PetitionPayload | None:
        """Accept."""
        actor, now = info.context.actor, info.context.now()
        cmd = acceptance.AcceptPetition(
            petition_id(input.petition_id), input.title, input.category, input.urgency, input.extent
        )
        return await run(
            info,
            input,
            lambda tx, references: acceptance.accept_petition(tx, cmd, references, by=actor, now=now),
            only_decides=True,
        )

    @strawberry.mutation(description="Turn a petition down before screening.")
    async def reject_petition(self, info: Info, input: inputs.RejectPetitionInput) -> PetitionPayload | None:
        """Reject at acceptance."""
        return await _reject(info, input, Phase.ACCEPTANCE)

    @strawberry.mutation(description="HANDLE: decline after screening, with a ground.")
    async def decline_petition(self, info: Info, input: inputs.RejectPetitionInput) -> PetitionPayload | None:
        """Reject after screening."""
        return await _reject(info, input, Phase.SCREENING)


async def _reject(info: Info, given: inputs.RejectPetitionInput, phase: Phase) -> PetitionPayload:
    actor, now = info.context.actor, info.context.now()
    cmd = acceptance.RejectPetition(petition_id(given.petition_id), phase, given.ground, given.reason, given.referral)
    return await run(
        info,
        given,
        lambda tx, references: acceptance.reject_petition(tx, cmd, references, by=actor, now=now),
        only_decides=True,
    )
