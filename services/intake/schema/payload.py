"""How intake's mutations run and answer: parse, hand to a command, show the petition as it now stands."""

from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from strawberry import ID

from services.intake.commands.answers import Changed
from services.intake.schema.petition import Petition
from services.intake.vault import Vault
from services.kernel.graphql.context import Context, Info
from services.kernel.ids import PetitionId, parse_uuid
from services.kernel.reference import References
from services.kernel.transaction import Transaction


@strawberry.type(description="A petition as the mutation left it.")
class PetitionPayload:
    """The usual answer."""

    petition: Petition = strawberry.field(description="The petition.")
    position: str = strawberry.field(description="Send it as `Read-After` to read this change everywhere.")


def petition_id(given: ID) -> PetitionId:
    """Return the petition that an input names.

    :raises InvalidInput: it is not an id.
    """
    return PetitionId(parse_uuid(given, "petitionId"))


Command = Callable[[Transaction, References], Awaitable[Changed]]


async def changed(info: Info, given: Any, command: Command, *, only_decides: bool) -> Changed:
    """Run a command under the mutation's own name and the input's idempotency key (see Mutations.run)."""
    context: Context[Vault] = info.context
    references = await context.runtime.references.get()
    return await context.mutate(
        info.field_name,
        given,
        given.idempotency_key,
        Changed,
        lambda tx: command(tx, references),
        only_decides=only_decides,
    )


async def run(info: Info, given: Any, command: Command, *, only_decides: bool) -> PetitionPayload:
    """Run a command and show the petition as it left it."""
    done = await changed(info, given, command, only_decides=only_decides)
    petition = Petition(it=done.petition, id=ID(str(done.petition.head.id)))
    return PetitionPayload(petition=petition, position=done.position)
