"""A department's feed for whoever has no Kafka: the same events as on its topic, in the same order and numbers."""

from datetime import datetime
from typing import Final

import msgspec
import strawberry
from strawberry import ID
from strawberry.scalars import JSON

from services.contracts import catalogue
from services.contracts.vocabulary import Role
from services.dispatch.domain.department_feed import Numbered, tell
from services.dispatch.outlets import feed_source
from services.dispatch.queries import department_feed
from services.dispatch.queries.department_feed import Wanted
from services.kernel.access import Actor
from services.kernel.errors import InvalidInput
from services.kernel.graphql.context import Info
from services.kernel.graphql.loaders import loader
from services.kernel.graphql.types import PageInfo, cursor, page_size, parse_cursor

_DIGITS: Final = 18


@strawberry.type(
    description="An event of a department's feed, as it lies on the topic department.<code>.feed.v1: a CloudEvent."
)
class DepartmentFeedEvent:
    """An event of the feed."""

    id: ID = strawberry.field(description="The event's id, the same wherever it is told.")
    source: str = strawberry.field(description="Who says it: /dispatch/departments/ and the department's code.")
    type: str = strawberry.field(description="Its type, a past fact, such as work_order.assigned.")
    subject: ID = strawberry.field(description="The petition that it is about.")
    time: datetime = strawberry.field(description="When it happened.")
    recorded_time: datetime = strawberry.field(description="When it was recorded, by the system's clock.")
    sequence: int = strawberry.field(description="Its number in this department's feed, without a gap from 1 on.")
    cycle: int = strawberry.field(description="The round that it belongs to: reopening begins the next.")
    dataschema: str = strawberry.field(description="The name of the JSON Schema that `data` follows.")
    data: JSON = strawberry.field(description="What is told, as the schema says.")


@strawberry.type(description="An event of a department's feed, with where it stands.")
class DepartmentFeedEdge:
    """An edge."""

    node: DepartmentFeedEvent = strawberry.field(description="The event.")
    cursor: str = strawberry.field(
        description="Give this as `after` to go on behind it. It stays good for as long as the feed exists."
    )


@strawberry.type(description="A page of a department's feed, the oldest first.")
class DepartmentFeed:
    """A page."""

    edges: list[DepartmentFeedEdge] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where it ends.")


def reads(actor: Actor, department: str) -> bool:
    """Tell whether somebody whom the table of doors lets pass reads this department's feed or queue."""
    return department == actor.department or Role.DISTRICT_SUPERVISOR in actor.roles


def feed_cursor(department: str, number: int) -> str:
    """Return the place behind an event of a department's feed or queue."""
    return cursor(department, str(number))


def number_behind(after: str | None, department: str) -> int | None:
    """Return the number that a cursor of this department's stands for, or None without one.

    :raises InvalidInput: it is none of this department's.
    """
    parts = parse_cursor(after, parts=2)
    if parts is None:
        return None
    of, number = parts
    if of != department or not (number.isascii() and number.isdigit() and len(number) <= _DIGITS):
        raise InvalidInput("after", "after must be a cursor as it was returned for this department.")
    return int(number)


async def page(info: Info, department: str, *, first: int, after: str | None) -> DepartmentFeed:
    """Return a page of a department's feed, to somebody who `reads` it.

    :raises InvalidInput: a page size or a cursor that cannot be.
    """
    size, behind = page_size(first), number_behind(after, department)

    async def load(wanted: list[Wanted]) -> list[list[Numbered]]:
        return await department_feed.pages(info.context.reader, wanted)

    found = await loader(info.context, "department_feed", load).load(Wanted(department, behind or 0, size + 1))
    if behind and not found and behind > await department_feed.last(info.context.reader, department):
        raise InvalidInput("after", "after is ahead of this feed, as if of another installation; begin without.")
    edges = [DepartmentFeedEdge(node=_shown(it), cursor=feed_cursor(department, it.number)) for it in found[:size]]
    end = edges[-1].cursor if edges else after
    return DepartmentFeed(edges=edges, page_info=PageInfo(has_next_page=len(found) > size, end_cursor=end))


def _shown(it: Numbered) -> DepartmentFeedEvent:
    told = tell(it)
    return DepartmentFeedEvent(
        id=ID(str(it.id)),
        source=feed_source(it.department),
        type=told.TYPE,
        subject=ID(str(it.petition)),
        time=it.at,
        recorded_time=it.recorded_at,
        sequence=it.number,
        cycle=it.cycle,
        dataschema=catalogue.department_dataschema(told.TYPE),
        data=msgspec.json.decode(catalogue.encode(told)),
    )
