"""Batched reads within one request: a page of references costs one statement, not one each."""

from collections.abc import Sequence

from strawberry.dataloader import DataLoader

from services.dispatch.queries import work_orders
from services.dispatch.queries.work_orders import Found, Known
from services.kernel.graphql.context import Context
from services.kernel.graphql.loaders import loader
from services.kernel.ids import PetitionId, WorkOrderId


def petition_loader(context: Context[None]) -> DataLoader[PetitionId, Known | None]:
    """Return this request's loader of what dispatch has of petitions."""

    async def load(ids: list[PetitionId]) -> Sequence[Known | None]:
        found = await work_orders.by_petition(context.reader, ids)
        return [found.get(petition_id) for petition_id in ids]

    return loader(context, "petition", load)


def order_loader(context: Context[None]) -> DataLoader[WorkOrderId, Found | None]:
    """Return this request's loader of work orders by id."""

    async def load(ids: list[WorkOrderId]) -> Sequence[Found | None]:
        found = await work_orders.by_id(context.reader, ids)
        return [found.get(order_id) for order_id in ids]

    return loader(context, "work_order", load)
