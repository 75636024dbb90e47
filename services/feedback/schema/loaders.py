"""Batched reads within one request: a page of references costs one statement, not one each."""

from collections.abc import Sequence

from strawberry.dataloader import DataLoader

from services.contracts.vocabulary import Role
from services.feedback.domain.timeline import HIDDEN_FROM_RESIDENTS
from services.feedback.queries import petitions, timelines
from services.feedback.queries.petitions import Known
from services.feedback.queries.timelines import Page, Wanted
from services.kernel.access import Actor
from services.kernel.graphql.context import Context
from services.kernel.graphql.loaders import loader
from services.kernel.ids import PetitionId


def petition_loader(context: Context[None]) -> DataLoader[PetitionId, Known | None]:
    """Return this request's loader of petitions by id."""

    async def load(ids: list[PetitionId]) -> Sequence[Known | None]:
        found = await petitions.by_ids(context.reader, ids)
        return [found.get(petition_id) for petition_id in ids]

    return loader(context, "petition", load)


def hidden_from(actor: Actor) -> tuple[str, ...]:
    """Return the types of event that are not told to an actor."""
    return HIDDEN_FROM_RESIDENTS if actor.roles <= {Role.RESIDENT} else ()


def timeline_loader(context: Context[None]) -> DataLoader[Wanted, Page]:
    """Return this request's loader of timeline pages, as the actor's role sees them."""
    hidden = hidden_from(context.actor)

    async def load(wanted: list[Wanted]) -> Sequence[Page]:
        return await timelines.pages(context.reader, wanted, hidden)

    return loader(context, "timeline", load)
