"""Intake's subgraph."""

import strawberry

from services.contracts.vocabulary import Source
from services.intake.domain import access
from services.intake.schema.acceptance import AcceptanceMutation
from services.intake.schema.coverage import CoverageQuery
from services.intake.schema.followers import FollowersMutation
from services.intake.schema.personal_data import PersonalDataMutation, PersonalDataQuery
from services.intake.schema.petition import Petition, PetitionQuery
from services.intake.schema.reference import Community, ReferenceQuery, Representative, Street
from services.intake.schema.screening import ScreeningMutation
from services.intake.schema.submission import SubmissionMutation
from services.intake.schema.terms import TermsMutation, TermsQuery
from services.kernel.graphql.context import Info
from services.kernel.graphql.subgraph import subgraph


@strawberry.type(description="Who asks, as the token says.")
class Me:
    """The actor."""

    subject: str = strawberry.field(description="The token's subject.")
    roles: list[str] = strawberry.field(description="The roles it carries.")
    street: str | None = strawberry.field(description="The street that it is bound to.")
    community: str | None = strawberry.field(description="The community that it is bound to.")
    department: str | None = strawberry.field(description="The department that it is bound to.")


@strawberry.type
class IdentityQuery:
    """Oneself."""

    @strawberry.field(description="Who am I?")
    async def me(self, info: Info) -> Me | None:
        """Return the actor."""
        actor = info.context.actor
        roles = sorted(role.value for role in actor.roles)
        return Me(
            subject=actor.subject,
            roles=roles,
            street=actor.street,
            community=actor.community,
            department=actor.department,
        )


schema = subgraph(
    Source.INTAKE,
    *access.DOORS,
    queries=(IdentityQuery, PetitionQuery, ReferenceQuery, CoverageQuery, TermsQuery, PersonalDataQuery),
    mutations=(
        SubmissionMutation,
        AcceptanceMutation,
        ScreeningMutation,
        FollowersMutation,
        TermsMutation,
        PersonalDataMutation,
    ),
    types=(Petition, Street, Community, Representative),
)
