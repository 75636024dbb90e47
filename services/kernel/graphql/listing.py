"""Pages of reference entries: they lie in memory, in the order of their codes, so a page is cut out there."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Generic, TypeVar

import strawberry

from services.contracts.reference import Entry
from services.kernel.entries import is_id
from services.kernel.errors import InvalidInput
from services.kernel.graphql.types import PageInfo, cursor, page_size, parse_cursor

EntryType = TypeVar("EntryType", bound=Entry)
Item = TypeVar("Item")


@strawberry.type(description="An entry of a page, with where it stands.")
class Edge(Generic[Item]):
    """An edge."""

    node: Item = strawberry.field(description="The entry.")
    cursor: str = strawberry.field(description="Give this as `after` to go on behind it.")


@strawberry.type(description="A page of entries in use, in the order of their codes.")
class Connection(Generic[Item]):
    """A connection."""

    edges: list[Edge[Item]] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where it ends.")


def page_of(
    entries: Iterable[EntryType], show: Callable[[EntryType], Item], *, first: int, after: str | None
) -> Connection[Item]:
    """Return a page of entries that come in the order of their codes.

    :raises InvalidInput: a page size or a cursor that cannot be.
    """
    size, place = page_size(first), parse_cursor(after)
    if place is not None and not is_id(place[0]):
        raise InvalidInput("after", "after must be a cursor as this list returned it.")
    behind = (entry for entry in entries if place is None or entry.id > place[0])
    found = list(islice(behind, size + 1))
    edges = [Edge(node=show(entry), cursor=cursor(entry.id)) for entry in found[:size]]
    end = edges[-1].cursor if edges else None
    return Connection(edges=edges, page_info=PageInfo(has_next_page=len(found) > size, end_cursor=end))
