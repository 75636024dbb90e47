"""Loaders of one request: what its fields ask for one by one is read in one statement."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from services.kernel.graphql.context import Context

Key = TypeVar("Key")
Value = TypeVar("Value")


def loader(
    context: Context[Any], name: str, load: Callable[[list[Key]], Awaitable[Sequence[Value]]]
) -> DataLoader[Key, Value]:
    """Return the request's loader of this name, made on first use with `load`."""
    return context.loaders.setdefault(name, DataLoader(load_fn=load))
