"""Listen, look, deliberate, handle (一听二看三议四办) as mutations."""

import strawberry

from services.intake.commands import screening
from services.intake.schema import inputs
from services.intake.schema.payload import PetitionPayload, petition_id, run
from services.kernel.graphql.context import Info


@strawberry.type
class ScreeningMutation:
    """The steps of screening."""

    @strawberry.mutation(description="LISTEN: record what was said.")
    async def listen_to_petition(self, info: Info, input: inputs.ListenToPetitionInput) -> PetitionPayload | None:
        """Step one."""
        actor, now, petition = info.context.actor, info.context.now(), petition_id(input.petition_id)
        return await run(
            info, input, lambda tx, _: screening.listen(tx, petition, input.said, by=actor, now=now), only_decides=True
        )

    @strawberry.mutation(description="LOOK: record what was found at the place.")
    async def look_at_petition(self, info: Info, input: inputs.LookAtPetitionInput) -> PetitionPayload | None:
        """Step two."""
        actor, now, petition = info.context.actor, info.context.now(), petition_id(input.petition_id)
        return await run(
            info,
            input,
            lambda tx, _: screening.look(tx, petition, input.findings, by=actor, now=now),
            only_decides=True,
        )

    @strawberry.mutation(description="DELIBERATE: record the outcome.")
    async def deliberate_on_petition(
        self, info: Info, input: inputs.DeliberateOnPetitionInput
    ) -> PetitionPayload | None:
        """Step three."""
        actor, now, petition = info.context.actor, info.context.now(), petition_id(input.petition_id)
        return await run(
            info,
            input,
            lambda tx, _: screening.deliberate(tx, petition, input.outcome, input.participants, by=actor, now=now),
            only_decides=True,
        )

    @strawberry.mutation(description="Leave LOOK or DELIBERATE out, with a ground.")
    async def skip_screening_step(self, info: Info, input: inputs.SkipScreeningStepInput) -> PetitionPayload | None:
        """The fast track."""
        actor, now = info.context.actor, info.context.now()
        cmd = screening.SkipStep(petition_id(input.petition_id), input.step, input.ground, input.reason)
        return await run(
            info,
            input,
            lambda tx, references: screening.skip_step(tx, cmd, references, by=actor, now=now),
            only_decides=True,
        )

    @strawberry.mutation(description="HANDLE: hand over to a department.")
    async def hand_over_petition(self, info: Info, input: inputs.HandOverPetitionInput) -> PetitionPayload | None:
        """Make the petition READY."""
        actor, now = info.context.actor, info.context.now()
        cmd = screening.HandOver(petition_id(input.petition_id), input.request, input.department, input.deadline_class)
        return await run(
            info,
            input,
            lambda tx, references: screening.hand_over(tx, cmd, references, by=actor, now=now),
            only_decides=True,
        )

    @strawberry.mutation(description="HANDLE: solved on the spot.")
    async def resolve_petition_on_spot(
        self, info: Info, input: inputs.ResolvePetitionOnSpotInput
    ) -> PetitionPayload | None:
        """Record a solution."""
        actor, now, petition = info.context.actor, info.context.now(), petition_id(input.petition_id)
        return await run(
            info,
            input,
            lambda tx, references: screening.resolve_on_spot(
                tx, petition, input.measures, references, by=actor, now=now
            ),
            only_decides=True,
        )

    @strawberry.mutation(
        description="HANDLE: a candidate for the annual projects. The name is reserved; it is refused for now.",
    )
    async def nominate_petition(self, info: Info, input: inputs.NominatePetitionInput) -> PetitionPayload | None:
        """Refuse: annual projects are not offered yet."""
        actor, petition = info.context.actor, petition_id(input.petition_id)
        return await run(info, input, lambda tx, _: screening.nominate(tx, petition, by=actor), only_decides=True)
