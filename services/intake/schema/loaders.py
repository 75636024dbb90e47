"""Batched reads within one request: a page of references costs one statement, not one each."""

from collections.abc import Sequence

from strawberry.dataloader import DataLoader

from services.intake.domain.petition import Petition
from services.intake.queries import petitions
from services.intake.queries.petitions import Remark
from services.intake.vault import Vault
from services.kernel.graphql.context import Context
from services.kernel.graphql.loaders import loader
from services.kernel.ids import PetitionId


def petition_loader(context: Context[Vault]) -> DataLoader[PetitionId, Petition | None]:
    """Return this request's loader of petitions by id."""

    async def load(ids: list[PetitionId]) -> Sequence[Petition | None]:
        found = await petitions.by_ids(context.reader, ids)
        return [found.get(petition_id) for petition_id in ids]

    return loader(context, "petition", load)


def remark_loader(context: Context[Vault]) -> DataLoader[PetitionId, list[Remark]]:
    """Return this request's loader of remarks by petition."""

    async def load(ids: list[PetitionId]) -> Sequence[list[Remark]]:
        found = await petitions.remarks(context.reader, ids)
        return [found.get(petition_id, []) for petition_id in ids]

    return loader(context, "remark", load)
