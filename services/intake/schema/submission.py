"""Submitting, opening, adding to and withdrawing a petition, and looking at contact data, as mutations."""

import strawberry
from strawberry import ID

from services.intake.commands import contact, opening, submission
from services.intake.schema import inputs
from services.intake.schema.payload import PetitionPayload, changed, petition_id, run
from services.intake.vault import Contact, Vault
from services.kernel.graphql.context import Context, Info
from services.kernel.ids import show_tracking_code


@strawberry.type(description="What a resident needs to come back: keep both safe, the secret is not shown again.")
class SubmitPetitionPayload:
    """The answer to a submission."""

    petition_id: ID = strawberry.field(description="Its id in every service.")
    tracking_code: str = strawberry.field(description="The code that people follow it by.")
    secret: str = strawberry.field(description="Opens it, with the code, without an account.")
    position: str = strawberry.field(description="Send it as `Read-After` to read this change everywhere.")


@strawberry.type(description="A token for one petition, for one hour.")
class OpenPetitionPayload:
    """The answer to an opening."""

    petition_id: ID = strawberry.field(description="The petition.")
    token: str = strawberry.field(description="Send it as `Authorization: Bearer …`.")
    expires_in_seconds: int = strawberry.field(description="How long it lasts.")


@strawberry.type(description="How a resident can be reached.")
class ContactDetails:
    """Contact data."""

    name: str = strawberry.field(description="The name; may be empty.")
    phone: str = strawberry.field(description="The phone number; may be empty.")


@strawberry.type
class SubmissionMutation:
    """What residents, and those who record for them, do."""

    @strawberry.mutation(description="Say what is wrong; a tracking code comes at once.")
    async def submit_petition(self, info: Info, input: inputs.SubmitPetitionInput) -> SubmitPetitionPayload | None:
        """Take a petition in."""
        context: Context[Vault] = info.context
        vault = context.runtime.extra
        given = input.contact or inputs.ContactInput()
        cmd = submission.SubmitPetition(
            kind=input.kind,
            channel=input.channel,
            community=input.community,
            estate=input.estate,
            words=input.words,
            contact=Contact(given.name, given.phone),
        )
        done = await changed(
            info,
            input,
            lambda tx, references: submission.submit_petition(
                tx, cmd, references, vault, by=context.actor, now=context.now()
            ),
            only_decides=False,
        )
        return SubmitPetitionPayload(
            petition_id=ID(str(done.petition.head.id)),
            tracking_code=show_tracking_code(done.petition.tracking_code),
            secret=vault.secret(done.petition.head.id),
            position=done.position,
        )

    @strawberry.mutation(description="Open one's petition with tracking code and secret.")
    async def open_petition(self, info: Info, input: inputs.OpenPetitionInput) -> OpenPetitionPayload | None:
        """Return a token for the petition."""
        context: Context[Vault] = info.context
        opened = await opening.open_petition(
            context.reader,
            input.tracking_code,
            input.secret,
            context.runtime.extra,
            origin=context.origin,
            audience=context.runtime.settings.audience,
        )
        return OpenPetitionPayload(
            petition_id=ID(str(opened.petition_id)),
            token=opened.token,
            expires_in_seconds=opening.LIFETIME_SECONDS,
        )

    @strawberry.mutation(description="Take one's petition back, until the reply.")
    async def withdraw_petition(self, info: Info, input: inputs.WithdrawPetitionInput) -> PetitionPayload | None:
        """Withdraw."""
        actor, now, petition = info.context.actor, info.context.now(), petition_id(input.petition_id)
        return await run(
            info,
            input,
            lambda tx, references: submission.withdraw_petition(
                tx, petition, input.reason, references, by=actor, now=now
            ),
            only_decides=True,
        )

    @strawberry.mutation(description="Add to what was said, until the reply.")
    async def add_information(self, info: Info, input: inputs.AddInformationInput) -> PetitionPayload | None:
        """Add information."""
        context: Context[Vault] = info.context
        petition, vault = petition_id(input.petition_id), context.runtime.extra
        return await run(
            info,
            input,
            lambda tx, _: submission.add_information(
                tx, petition, input.words, vault, by=context.actor, now=context.now()
            ),
            only_decides=False,
        )

    @strawberry.mutation(
        description="Look at a resident's contact data; who looked, when and what for is recorded.",
    )
    async def look_up_contact(self, info: Info, input: inputs.LookUpContactInput) -> ContactDetails | None:
        """Return contact data and record the look."""
        context: Context[Vault] = info.context
        petition = petition_id(input.petition_id)
        # No idempotency key: its answer would be kept, and contact data is kept sealed or not at all.
        shown = await context.mutate(
            info.field_name,
            input,
            None,
            contact.Shown,
            lambda tx: contact.look_up_contact(
                tx, petition, input.purpose, context.runtime.extra, by=context.actor, now=context.now()
            ),
        )
        return ContactDetails(name=shown.name, phone=shown.phone)
