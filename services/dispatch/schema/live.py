"""A department's queue, live."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import ID

from services.contracts.clocks import ClockEscalated, ClockEvent
from services.contracts.dispatch import WorkOrderEvent
from services.contracts.labels import event_label
from services.contracts.reference import Department
from services.contracts.vocabulary import ClockKind
from services.dispatch.domain import access
from services.dispatch.domain.department_feed import Numbered
from services.dispatch.queries import department_feed
from services.dispatch.queries.department_feed import Wanted
from services.dispatch.schema.feed import feed_cursor, number_behind, reads
from services.dispatch.schema.loaders import order_loader, petition_loader
from services.dispatch.schema.petition import Petition
from services.dispatch.schema.work_order import WorkOrder, shown
from services.kernel.access import owns
from services.kernel.errors import InvalidInput, NotFound
from services.kernel.graphql.context import Info
from services.kernel.graphql.following import PAGE, batch, follow
from services.kernel.graphql.types import After, Locale
from services.kernel.ids import WorkOrderId


@strawberry.type(description="Something that happened to a department's work.")
class QueueEvent:
    """An event that concerns a department."""

    it: strawberry.Private[Numbered]
    id: ID = strawberry.field(description="The event's id.")

    @strawberry.field(description="The event's type, a past fact.")
    def type(self) -> str:
        """Return the type."""
        return self.it.event.TYPE

    @strawberry.field(description="What happened, for people.")
    def label(self, locale: Locale = "zh-CN") -> str:
        """Return the type's label."""
        return event_label(self.it.event.TYPE, locale)

    @strawberry.field(description="When it happened.")
    def at(self) -> datetime:
        """Return the domain's time."""
        return self.it.at

    @strawberry.field(description="The round that it belongs to.")
    def cycle(self) -> int:
        """Return the cycle."""
        return self.it.cycle

    @strawberry.field(description="In which role it was done; `system` is the product itself.")
    def by_role(self) -> str:
        """Return the role."""
        return self.it.event.by.role.value

    @strawberry.field(description="What the clock measures; for clock events.")
    def clock(self) -> ClockKind | None:
        """Return the clock's kind."""
        return self.it.event.kind if isinstance(self.it.event, ClockEvent) else None

    @strawberry.field(description="The level that the clock reached, 1 to 3; for clock.escalated.")
    def level(self) -> int | None:
        """Return the level."""
        return self.it.event.level if isinstance(self.it.event, ClockEscalated) else None

    @strawberry.field(
        description="The work order that it is about, as it stands now; null if it is about none, or if the order is "
        "another department's by now."
    )
    async def work_order(self, info: Info) -> WorkOrder | None:
        """Return the order, if it still is the actor's own."""
        event = self.it.event
        about = event.work_order_id if isinstance(event, WorkOrderEvent) else None
        about = event.about if isinstance(event, ClockEvent) else about
        found = await order_loader(info.context).load(WorkOrderId(about)) if about else None
        if found is None or not access.owns_order(info.context.actor, *found, access.READ):
            return None
        return shown(found)

    @strawberry.field(description="The petition that it is about; null if it is another department's by now.")
    async def petition(self, info: Info) -> Petition | None:
        """Return the petition, if it still is the actor's own."""
        known = await petition_loader(info.context).load(self.it.petition)
        if known is None or not owns(info.context.actor, known.scope, access.READ.roles):
            return None
        return Petition(it=known.petition, id=ID(str(self.it.petition)))


@strawberry.type(description="One more step of a department's queue.")
class QueueUpdate:
    """An event in its place, or the place where following began."""

    cursor: str = strawberry.field(description="Give this as `after` to go on behind it, also after a break.")
    event: QueueEvent | None = strawberry.field(
        description="What happened; null in the first answer to a subscription without `after`, which only says where "
        "it begins."
    )


@strawberry.type
class QueueSubscription:
    """The queue, live."""

    @strawberry.subscription(
        description="Whatever happens to a department's work from now on, or from `after` on, each event once, in the "
        "order of publication. Begin it before you read departmentWorkOrders, and nothing is missed between the two. "
        "It ends with the token; after a break, go on from the last cursor."
    )
    async def department_queue(
        self,
        info: Info,
        department: Annotated[
            ID | None, strawberry.argument(description="The department; one's own if none is named.")
        ] = None,
        after: After = None,
    ) -> AsyncGenerator[QueueUpdate, None]:
        """Follow a department's queue.

        :raises NotFound: there is no such department, or it is not the actor's own.
        """
        actor = info.context.actor
        code = department if department is not None else actor.department
        if code is None:
            raise InvalidInput("department", "Name a department: you have none of your own.")
        known = (await info.context.runtime.references.get()).ever(Department, code) is not None
        if not known or not reads(actor, code):
            raise NotFound("This department's queue")
        begins, last = number_behind(after, code), await department_feed.last(info.context.reader, code)
        if begins is not None and begins > last:
            raise InvalidInput("after", "after is ahead of this queue, as if of another installation; begin without.")
        return _Queue(info, code, last if begins is None else begins).updates(begins=begins is None)


class _Queue:
    """How far one follower has been told of one department's queue."""

    def __init__(self, info: Info, department: str, number: int) -> None:
        runtime = info.context.runtime
        self._info = info
        self._department = department
        self._number = number

        async def pages(wanted: list[Wanted]) -> Sequence[list[Numbered]]:
            return await department_feed.pages(runtime.database.reader, wanted)

        self._pages = batch(runtime, "live queues", pages)

    async def updates(self, *, begins: bool) -> AsyncGenerator[QueueUpdate, None]:
        """Yield what comes."""
        if begins:
            yield QueueUpdate(cursor=feed_cursor(self._department, self._number), event=None)
        async for one in follow(self._info.context, self._department, self._next):
            event = QueueEvent(it=one, id=ID(str(one.id)))
            yield QueueUpdate(cursor=feed_cursor(self._department, one.number), event=event)

    async def _next(self) -> tuple[Sequence[Numbered], bool]:
        found = await self._pages.load(Wanted(self._department, self._number, PAGE))
        if found:
            self._number = found[-1].number
        return found, len(found) == PAGE
