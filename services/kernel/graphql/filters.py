"""Filters by the district's codes: an unknown one is said to be so, where an empty list would seem an answer."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.contracts import reference as r
from services.kernel.errors import InvalidInput
from services.kernel.graphql.context import Info

LISTED: Final[Mapping[str, tuple[type[r.Entry], str]]] = MappingProxyType(
    {
        "street": (r.Street, "streets"),
        "community": (r.Community, "communities"),
        "category": (r.Category, "categories"),
        "department": (r.Department, "departments"),
    }
)
"""The kind of each filter's codes, and the query that lists them."""


async def check_filters(info: Info, **codes: str | None) -> None:
    """Refuse filters by what has never been; retired codes still filter, since what is stored names them.

    :raises InvalidInput: naming the filter and the query that lists its codes.
    """
    if not any(code is not None for code in codes.values()):
        return
    references = await info.context.runtime.references.get()
    for field, code in codes.items():
        kind, query = LISTED[field]
        if code is not None and references.ever(kind, code) is None:
            raise InvalidInput(field, f"There is no such {field}; the query {query} lists them.")
