"""Intake's mutations, thin: parse, hand to a command, answer."""

from typing import Any

import strawberry
from strawberry import ID

from services.contracts.vocabulary import Phase
from services.intake.commands import acceptance, contact, opening, screening, submission
from services.intake.commands.answers import Changed
from services.intake.domain import access
from services.intake.schema import inputs
from services.intake.schema.petition import Petition
from services.intake.vault import Contact, Vault
from services.kernel.errors import InvalidState
from services.kernel.graphql.context import Context, Guard, Info
from services.kernel.ids import PetitionId, parse_uuid, show_tracking_code


@strawberry.type(description="A petition as the mutation left it.")
class PetitionPayload:
    """The usual answer."""

    petition: Petition = strawberry.field(description="The petition.")
    position: str = strawberry.field(description="Send it as `Read-After` to read this change everywhere.")


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


def _payload(changed: Changed) -> PetitionPayload:
    petition = Petition(it=changed.petition, id=ID(str(changed.petition.head.id)))
    return PetitionPayload(petition=petition, position=changed.position)


def _id(given: ID) -> PetitionId:
    return PetitionId(parse_uuid(given, "petitionId"))


def _by(rule: Any) -> list[Any]:
    return [Guard(rule)]


@strawberry.type
class Mutation:
    """The acts of intake."""

    @strawberry.mutation(extensions=_by(access.SUBMIT), description="Say what is wrong; a tracking code comes at once.")
    async def submit_petition(self, info: Info, input: inputs.SubmitPetitionInput) -> SubmitPetitionPayload:
        """Take a petition in."""
        context: Context[Vault] = info.context
        references = await context.runtime.references.get()
        given = input.contact or inputs.ContactInput()
        cmd = submission.SubmitPetition(
            kind=input.kind,
            channel=input.channel,
            community=input.community,
            estate=input.estate,
            words=input.words,
            contact=Contact(given.name, given.phone),
        )
        changed = await context.mutate(
            "submitPetition",
            input,
            input.idempotency_key,
            Changed,
            lambda tx: submission.submit_petition(
                tx, cmd, references, context.runtime.extra, by=context.actor, now=context.now()
            ),
        )
        head = changed.petition.head
        return SubmitPetitionPayload(
            petition_id=ID(str(head.id)),
            tracking_code=show_tracking_code(changed.petition.tracking_code),
            secret=context.runtime.extra.secret(head.id),
            position=changed.position,
        )

    @strawberry.mutation(extensions=_by(access.OPEN), description="Open one's petition with tracking code and secret.")
    async def open_petition(self, info: Info, input: inputs.OpenPetitionInput) -> OpenPetitionPayload:
        """Return a token for the petition."""
        context: Context[Vault] = info.context
        opened = await opening.open_petition(
            context.reader,
            input.tracking_code,
            input.secret,
            context.runtime.extra,
            audience=context.runtime.settings.audience,
            now=context.now(),
        )
        return OpenPetitionPayload(
            petition_id=ID(str(opened.petition_id)),
            token=opened.token,
            expires_in_seconds=opening.LIFETIME_SECONDS,
        )

    @strawberry.mutation(extensions=_by(access.DECIDE), description="Take a petition on; screening begins.")
    async def accept_petition(self, info: Info, input: inputs.AcceptPetitionInput) -> PetitionPayload:
        """Accept."""
        context: Context[Vault] = info.context
        references = await context.runtime.references.get()
        cmd = acceptance.AcceptPetition(
            _id(input.petition_id), input.title, input.category, input.urgency, input.extent
        )
        return _payload(
            await context.mutate(
                "acceptPetition",
                input,
                input.idempotency_key,
                Changed,
                lambda tx: acceptance.accept_petition(tx, cmd, references, by=context.actor, now=context.now()),
            )
        )

    @strawberry.mutation(extensions=_by(access.DECIDE), description="Turn a petition down before screening.")
    async def reject_petition(self, info: Info, input: inputs.RejectPetitionInput) -> PetitionPayload:
        """Reject at acceptance."""
        return await _reject(info, input, Phase.ACCEPTANCE, "rejectPetition")

    @strawberry.mutation(extensions=_by(access.DECIDE), description="HANDLE: decline after screening, with a ground.")
    async def decline_petition(self, info: Info, input: inputs.RejectPetitionInput) -> PetitionPayload:
        """Reject after screening."""
        return await _reject(info, input, Phase.SCREENING, "declinePetition")

    @strawberry.mutation(extensions=_by(access.LISTEN), description="LISTEN: record what was said.")
    async def listen_to_petition(self, info: Info, input: inputs.ListenToPetitionInput) -> PetitionPayload:
        """Step one of screening."""
        context: Context[Vault] = info.context
        petition_id = _id(input.petition_id)
        return _payload(
            await context.mutate(
                "listenToPetition",
                input,
                input.idempotency_key,
                Changed,
                lambda tx: screening.listen(tx, petition_id, input.said, by=context.actor, now=context.now()),
            )
        )

    @strawberry.mutation(extensions=_by(access.TAKE_PART), description="LOOK: record what was found at the place.")
    async def look_at_petition(self, info: Info, input: inputs.LookAtPetitionInput) -> PetitionPayload:
        """Step two of screening."""
        context: Context[Vault] = info.context
        petition_id = _id(input.petition_id)
        return _payload(
            await context.mutate(
                "lookAtPetition",
                input,
                input.idempotency_key,
                Changed,
                lambda tx: screening.look(tx, petition_id, input.findings, by=context.actor, now=context.now()),
            )
        )

    @strawberry.mutation(extensions=_by(access.TAKE_PART), description="DELIBERATE: record the outcome.")
    async def deliberate_on_petition(self, info: Info, input: inputs.DeliberateOnPetitionInput) -> PetitionPayload:
        """Step three of screening."""
        context: Context[Vault] = info.context
        petition_id = _id(input.petition_id)
        return _payload(
            await context.mutate(
                "deliberateOnPetition",
                input,
                input.idempotency_key,
                Changed,
                lambda tx: screening.deliberate(
                    tx, petition_id, input.outcome, input.participants, by=context.actor, now=context.now()
                ),
            )
        )

    @strawberry.mutation(extensions=_by(access.DECIDE), description="Leave LOOK or DELIBERATE out, with a ground.")
    async def skip_screening_step(self, info: Info, input: inputs.SkipScreeningStepInput) -> PetitionPayload:
        """The fast track."""
        context: Context[Vault] = info.context
        references = await context.runtime.references.get()
        cmd = screening.SkipStep(_id(input.petition_id), input.step, input.ground, input.reason)
        return _payload(
            await context.mutate(
                "skipScreeningStep",
                input,
                input.idempotency_key,
                Changed,
                lambda tx: screening.skip_step(tx, cmd, references, by=context.actor, now=context.now()),
            )
        )

    @strawberry.mutation(extensions=_by(access.DECIDE), description="HANDLE: hand over to a department.")
    async def hand_over_petition(self, info: Info, input: inputs.HandOverPetitionInput) -> PetitionPayload:
        """Make the petition READY."""
        context: Context[Vault] = info.context
        references = await context.runtime.references.get()
        cmd = screening.HandOver(_id(input.petition_id), input.request, input.department, input.deadline_class)
        return _payload(
            await context.mutate(
                "handOverPetition",
                input,
                input.idempotency_key,
                Changed,
                lambda tx: screening.hand_over(tx, cmd, references, by=context.actor, now=context.now()),
            )
        )

    @strawberry.mutation(extensions=_by(access.DECIDE), description="HANDLE: solved on the spot.")
    async def resolve_petition_on_spot(self, info: Info, input: inputs.ResolvePetitionOnSpotInput) -> PetitionPayload:
        """Record a solution."""
        context: Context[Vault] = info.context
        references = await context.runtime.references.get()
        petition_id = _id(input.petition_id)
        return _payload(
            await context.mutate(
                "resolvePetitionOnSpot",
                input,
                input.idempotency_key,
                Changed,
                lambda tx: screening.resolve_on_spot(
                    tx, petition_id, input.measures, references, by=context.actor, now=context.now()
                ),
            )
        )

    @strawberry.mutation(
        extensions=_by(access.DECIDE),
        description="HANDLE: a candidate for the annual projects. The name is reserved; it is refused for now.",
    )
    async def nominate_petition(self, input: inputs.NominatePetitionInput) -> PetitionPayload:
        """Refuse: annual projects are not offered yet."""
        _id(input.petition_id)
        possible = ["HAND_OVER", "RESOLVE_ON_SPOT", "DECLINE"]
        raise InvalidState("NOMINATE", "SCREENING", possible, "annual projects are not open for candidates yet")

    @strawberry.mutation(extensions=_by(access.RESIDENT), description="Take one's petition back, until the reply.")
    async def withdraw_petition(self, info: Info, input: inputs.WithdrawPetitionInput) -> PetitionPayload:
        """Withdraw."""
        context: Context[Vault] = info.context
        references = await context.runtime.references.get()
        petition_id = _id(input.petition_id)
        return _payload(
            await context.mutate(
                "withdrawPetition",
                input,
                input.idempotency_key,
                Changed,
                lambda tx: submission.withdraw_petition(
                    tx, petition_id, input.reason, references, by=context.actor, now=context.now()
                ),
            )
        )

    @strawberry.mutation(extensions=_by(access.RESIDENT), description="Add to what was said, until the reply.")
    async def add_information(self, info: Info, input: inputs.AddInformationInput) -> PetitionPayload:
        """Add information."""
        context: Context[Vault] = info.context
        petition_id = _id(input.petition_id)
        return _payload(
            await context.mutate(
                "addInformation",
                input,
                input.idempotency_key,
                Changed,
                lambda tx: submission.add_information(
                    tx, petition_id, input.words, context.runtime.extra, by=context.actor, now=context.now()
                ),
            )
        )

    @strawberry.mutation(
        extensions=_by(access.CONTACT),
        description="Look at a resident's contact data; who looked, when and what for is recorded.",
    )
    async def look_up_contact(self, info: Info, input: inputs.LookUpContactInput) -> ContactDetails:
        """Return contact data and record the look."""
        context: Context[Vault] = info.context
        petition_id = _id(input.petition_id)
        shown = await context.mutate(
            "lookUpContact",
            input,
            None,
            contact.Shown,
            lambda tx: contact.look_up_contact(
                tx, petition_id, input.purpose, context.runtime.extra, by=context.actor, now=context.now()
            ),
        )
        return ContactDetails(name=shown.name, phone=shown.phone)


async def _reject(info: Info, given: inputs.RejectPetitionInput, phase: Phase, name: str) -> PetitionPayload:
    context: Context[Vault] = info.context
    references = await context.runtime.references.get()
    cmd = acceptance.RejectPetition(_id(given.petition_id), phase, given.ground, given.reason, given.referral)
    return _payload(
        await context.mutate(
            name,
            given,
            given.idempotency_key,
            Changed,
            lambda tx: acceptance.reject_petition(tx, cmd, references, by=context.actor, now=context.now()),
        )
    )
