"""Who looked at contact data, and erasing it: personal data as those see it who answer for it."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import ID

from services.contracts.vocabulary import Role
from services.intake.commands import erasure
from services.intake.queries import contact_looks
from services.intake.queries.contact_looks import Wanted
from services.intake.schema.payload import petition_id
from services.kernel.access import Actor, Rule
from services.kernel.errors import NotFound
from services.kernel.graphql.context import Context, Info
from services.kernel.graphql.filters import check_filters
from services.kernel.graphql.types import (
    After,
    First,
    PageInfo,
    cursor,
    idempotency_key,
    page_size,
    parse_cursor,
    parse_instant,
)
from services.kernel.ids import PetitionId, parse_uuid


@strawberry.type(description="That somebody looked at a resident's contact data; not what they saw.")
class ContactLook:
    """A look."""

    id: ID = strawberry.field(description="Its id.")
    petition_id: ID = strawberry.field(description="Whose contact data it was.")
    street: ID = strawberry.field(description="The petition's street.")
    at: datetime = strawberry.field(description="When.")
    role: str = strawberry.field(description="In which role.")
    subject: str | None = strawberry.field(description="Who it was, as their token says.")
    purpose: str = strawberry.field(description="What they said it was for.")

    def sees(self, context: Context[Any], rule: Rule) -> bool:
        """Tell whether somebody who sees the look is let in by a rule for one of its fields."""
        return bool(context.actor.roles & rule.roles)


@strawberry.type(description="A look in a list.")
class ContactLookEdge:
    """An edge."""

    node: ContactLook = strawberry.field(description="The look.")
    cursor: str = strawberry.field(description="Give this as `after` to go on behind it.")


@strawberry.type(description="A page of looks, the latest first.")
class ContactLookConnection:
    """A connection."""

    edges: list[ContactLookEdge] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where it ends.")


@strawberry.type(
    description="That personal data was erased. Backups made before still hold the wrapped key, and can be opened as "
    "long as its master key exists anywhere (decision 30)."
)
class ErasureReceipt:
    """A receipt."""

    id: ID = strawberry.field(description="Its id; the event that tells everybody carries it.")
    petition_id: ID = strawberry.field(description="The petition, whose masked story stays.")
    erased_at: datetime = strawberry.field(description="When.")
    by: str = strawberry.field(description="Who did it.")
    because: str = strawberry.field(description="Why.")
    originals: int = strawberry.field(description="How many submissions in the resident's own words were destroyed: 1.")
    additions: int = strawberry.field(description="How many additions in the resident's own words were destroyed.")
    contacts: int = strawberry.field(description="How many records of contact data were destroyed: 1.")
    phone_hashes: int = strawberry.field(description="How many keyed hashes of phone numbers were destroyed: 1 or 0.")
    wrapped_key_sha256: str = strawberry.field(
        description="The SHA-256, in hexadecimal, of the wrapped key that was destroyed: it tells a backup that has it."
    )


@strawberry.input(description="Personal data is erased for good; repeated, the first receipt is the answer.")
class ErasePersonalDataInput:
    """Whose, and why."""

    petition_id: ID = strawberry.field(description="The petition's id.")
    because: str = strawberry.field(
        description=f"Why, at most {erasure.LONGEST_BECAUSE} characters; kept with your name, masked."
    )
    idempotency_key: str | None = idempotency_key()


@strawberry.type(description="What was erased.")
class ErasePersonalDataPayload:
    """The outcome."""

    receipt: ErasureReceipt = strawberry.field(description="The receipt.")
    position: str = strawberry.field(description="Send it as `Read-After` to read this change everywhere.")


def _whose(actor: Actor, wanted: ID | None) -> PetitionId | None:
    """Return whose looks are listed: for a resident their own, for the supervisor those asked for, or everybody's.

    :raises NotFound: the petition is not the resident's.
    """
    petition = petition_id(wanted) if wanted is not None else None
    if Role.DISTRICT_SUPERVISOR in actor.roles:
        return petition
    if actor.petition is None or petition not in {None, actor.petition}:
        raise NotFound("This petition")
    return PetitionId(actor.petition)


@strawberry.type
class PersonalDataQuery:
    """Who looked."""

    @strawberry.field(description="Looks at contact data, the latest first; a resident sees those at their own.")
    async def contact_looks(
        self,
        info: Info,
        petition_id: Annotated[ID | None, strawberry.argument(description="Only at this petition's.")] = None,
        street: Annotated[ID | None, strawberry.argument(description="Only at petitions of this street.")] = None,
        subject: Annotated[str | None, strawberry.argument(description="Only by this person, by `subject`.")] = None,
        since: Annotated[datetime | None, strawberry.argument(description="Only from this instant on.")] = None,
        before: Annotated[datetime | None, strawberry.argument(description="Only before this instant.")] = None,
        first: First = 20,
        after: After = None,
    ) -> ContactLookConnection | None:
        """Return a page."""
        actor = info.context.actor
        if Role.DISTRICT_SUPERVISOR not in actor.roles:
            subject = None
        await check_filters(info, street=street)
        parts = parse_cursor(after, parts=2)
        place = (parse_instant(parts[0]), parse_uuid(parts[1], "after")) if parts else None
        wanted = Wanted(_whose(actor, petition_id), subject, street, since, before, place, page_size(first))
        found, more = await contact_looks.page(info.context.reader, wanted)
        edges = [
            ContactLookEdge(
                node=ContactLook(
                    id=ID(str(it.id)),
                    petition_id=ID(str(it.petition_id)),
                    street=ID(it.street),
                    at=it.at,
                    role=it.role,
                    subject=it.subject,
                    purpose=it.purpose,
                ),
                cursor=cursor(it.at.isoformat(), str(it.id)),
            )
            for it in found
        ]
        end = edges[-1].cursor if edges else None
        return ContactLookConnection(edges=edges, page_info=PageInfo(has_next_page=more, end_cursor=end))


@strawberry.type
class PersonalDataMutation:
    """Erasing."""

    @strawberry.mutation(
        description="Destroy a petition's key, and with it the resident's words and contact data, here and by an event "
        "wherever they were copied. The masked story stays, and goes on."
    )
    async def erase_personal_data(self, info: Info, input: ErasePersonalDataInput) -> ErasePersonalDataPayload | None:
        """Erase."""
        context: Context[Any] = info.context
        petition = petition_id(input.petition_id)
        it = await context.mutate(
            info.field_name,
            input,
            input.idempotency_key,
            erasure.Receipt,
            lambda tx: erasure.erase_personal_data(tx, petition, input.because, by=context.actor, now=context.now()),
        )
        receipt = ErasureReceipt(
            id=ID(str(it.id)),
            petition_id=ID(str(it.petition_id)),
            erased_at=it.erased_at,
            by=it.by.subject,
            because=it.because,
            originals=it.originals,
            additions=it.additions,
            contacts=it.contacts,
            phone_hashes=it.phone_hashes,
            wrapped_key_sha256=it.wrapped_key_sha256,
        )
        return ErasePersonalDataPayload(receipt=receipt, position=it.position)
