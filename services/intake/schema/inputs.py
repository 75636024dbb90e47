"""Inputs of intake's mutations. Codes are as the public lists give them."""

import strawberry
from strawberry import ID

from services.contracts.vocabulary import DeadlineClass, Extent, PetitionKind, ScreeningStep, Urgency
from services.kernel.graphql.types import idempotency_key

_PETITION = "The petition's id."


@strawberry.input(description="How a resident can be reached; sealed, and shown to nobody who does not need it.")
class ContactInput:
    """Contact data."""

    name: str = strawberry.field(default="", description="The name, at most 100 characters.")
    phone: str = strawberry.field(default="", description="A phone number, at most 30 characters.")


@strawberry.input(description="What somebody says is wrong.")
class SubmitPetitionInput:
    """A submission."""

    words: str = strawberry.field(description="In their own words, at most 5000 characters; sealed.")
    kind: PetitionKind = strawberry.field(default=PetitionKind.DEMAND, description="Demand, suggestion or dispute.")
    channel: ID = strawberry.field(description="The way in.")
    community: ID = strawberry.field(description="The community that it is about.")
    estate: ID | None = strawberry.field(default=None, description="The estate, lane or building.")
    contact: ContactInput | None = strawberry.field(default=None, description="How to reach the resident.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="What opens a petition without an account.")
class OpenPetitionInput:
    """Tracking code and secret."""

    tracking_code: str = strawberry.field(description="The tracking code, in any case, with or without hyphen.")
    secret: str = strawberry.field(description="The secret that was given with it.")


@strawberry.input(description="The committee's decision to take a petition on.")
class AcceptPetitionInput:
    """An acceptance."""

    petition_id: ID = strawberry.field(description=_PETITION)
    title: str = strawberry.field(description="A title without personal data, at most 120 characters.")
    category: ID = strawberry.field(description="What it is about.")
    urgency: Urgency = strawberry.field(default=Urgency.NORMAL, description="Whether it is urgent.")
    extent: Extent = strawberry.field(default=Extent.COMMUNITY, description="How far the matter reaches.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="A rejection, at acceptance or as the outcome of screening.")
class RejectPetitionInput:
    """A rejection."""

    petition_id: ID = strawberry.field(description=_PETITION)
    ground: ID = strawberry.field(description="A ground that fits: REJECT_ACCEPTANCE or REJECT_SCREENING.")
    reason: str = strawberry.field(description="For the resident, at most 1000 characters.")
    referral: ID | None = strawberry.field(default=None, description="Where to go; some grounds need it.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="LISTEN: what was said, and by whom.")
class ListenToPetitionInput:
    """Step one."""

    petition_id: ID = strawberry.field(description=_PETITION)
    said: str = strawberry.field(description="At most 4000 characters.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="LOOK: what was found at the place.")
class LookAtPetitionInput:
    """Step two."""

    petition_id: ID = strawberry.field(description=_PETITION)
    findings: str = strawberry.field(description="At most 4000 characters.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="DELIBERATE: what those who weighed it came to.")
class DeliberateOnPetitionInput:
    """Step three."""

    petition_id: ID = strawberry.field(description=_PETITION)
    outcome: str = strawberry.field(description="At most 4000 characters.")
    participants: int = strawberry.field(description="How many took part, 1 to 10000.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="The fast track: LOOK or DELIBERATE left out.")
class SkipScreeningStepInput:
    """A skipped step."""

    petition_id: ID = strawberry.field(description=_PETITION)
    step: ScreeningStep = strawberry.field(description="LOOK or DELIBERATE.")
    ground: ID = strawberry.field(description="A ground for SKIP_STEP.")
    reason: str = strawberry.field(description="Why, at most 1000 characters.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="HANDLE: the request to a department.")
class HandOverPetitionInput:
    """A handing over."""

    petition_id: ID = strawberry.field(description=_PETITION)
    request: str = strawberry.field(description="What is asked, at most 4 kB, without phone or identity numbers.")
    department: ID | None = strawberry.field(default=None, description="A proposal; without one, routing suggests.")
    deadline_class: DeadlineClass = strawberry.field(
        default=DeadlineClass.ORDINARY, description="How long handling may take."
    )
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="HANDLE: solved on the spot.")
class ResolvePetitionOnSpotInput:
    """A matter solved on the spot."""

    petition_id: ID = strawberry.field(description=_PETITION)
    measures: str = strawberry.field(description="What was done, at most 4000 characters.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(
    description="HANDLE's fourth outcome, a candidate for the annual projects: reserved, not yet offered."
)
class NominatePetitionInput:
    """A nomination."""

    petition_id: ID = strawberry.field(description=_PETITION)
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="A representative takes on following a petition.")
class FollowPetitionInput:
    """Following."""

    petition_id: ID = strawberry.field(description=_PETITION)
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="The resident takes a petition back.")
class WithdrawPetitionInput:
    """A withdrawal."""

    petition_id: ID = strawberry.field(description=_PETITION)
    reason: str | None = strawberry.field(default=None, description="Why, if they like; at most 1000 characters.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="The resident adds to what was said.")
class AddInformationInput:
    """An addition."""

    petition_id: ID = strawberry.field(description=_PETITION)
    words: str = strawberry.field(description="At most 5000 characters; sealed.")
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="A look at contact data.")
class LookUpContactInput:
    """A look."""

    petition_id: ID = strawberry.field(description=_PETITION)
    purpose: str = strawberry.field(
        description="What for, at most 200 characters; recorded, and shown to the resident."
    )
