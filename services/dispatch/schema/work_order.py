"""The work order as dispatch shows it, and dispatch's desks."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import strawberry
from strawberry import ID, federation

from services.contracts import reference as r
from services.contracts.labels import label
from services.contracts.vocabulary import DeadlineClass, WorkOrderState
from services.dispatch.domain import access
from services.dispatch.domain import work_order as rules
from services.dispatch.domain.access import owns_order
from services.dispatch.queries import work_orders
from services.dispatch.queries.work_orders import Due, Found, Wanted
from services.dispatch.schema.department import Department, Suggestion, department, named, suggestion
from services.dispatch.schema.loaders import order_loader
from services.kernel.access import Rule, owns, reach
from services.kernel.errors import InvalidInput, NotFound
from services.kernel.graphql.context import Context, Info
from services.kernel.graphql.filters import check_filters
from services.kernel.graphql.types import (
    After,
    Deadline,
    First,
    Locale,
    PageInfo,
    cursor,
    deadline,
    page_size,
    parse_cursor,
    parse_instant,
)
from services.kernel.ids import WorkOrderId, parse_uuid
from services.kernel.terms import WORKING_DAY

if TYPE_CHECKING:
    from services.dispatch.schema.petition import Petition

_FARTHEST: Final = 30


@strawberry.type(description="A ground of the district's list.")
class WorkOrderGround:
    """A ground as it was cited."""

    id: ID = strawberry.field(description="Its code.")

    @strawberry.field(description="Its name.")
    async def name(self, info: Info, locale: Locale = "zh-CN") -> str | None:
        """Return the name in a language."""
        return named((await info.context.runtime.references.get()).ever(r.Ground, self.id), locale)


@strawberry.type(description="A department said that the matter is not its own.")
class WorkOrderDecline:
    """A decline."""

    it: strawberry.Private[rules.Decline]
    ground: WorkOrderGround = strawberry.field(description="The ground, from the list.")
    reason: str = strawberry.field(description="What the department said.")
    at: datetime = strawberry.field(description="When.")

    @strawberry.field(description="Who declined.")
    async def department(self, info: Info) -> Department | None:
        """Return the department."""
        return await department(info, self.it.department)

    @strawberry.field(description="Whose matter it would be, as the department sees it.")
    async def proposed(self, info: Info) -> Department | None:
        """Return the proposed department."""
        return await department(info, self.it.proposed)


@strawberry.type(description="A department's answer.")
class WorkOrderReply:
    """A reply."""

    it: strawberry.Private[rules.Reply]
    words: str = strawberry.field(description="In plain words, for the resident.")
    measures: str = strawberry.field(description="What was done.")
    at: datetime = strawberry.field(description="When.")

    @strawberry.field(description="Who answered.")
    async def department(self, info: Info) -> Department | None:
        """Return the department."""
        return await department(info, self.it.department)


@strawberry.type(description="A reply that the street committee sent back.")
class ReturnedReply:
    """A returned reply."""

    ground: WorkOrderGround = strawberry.field(description="The ground, from the list.")
    reason: str = strawberry.field(description="What is missing.")
    at: datetime = strawberry.field(description="When it was sent back.")
    reply: WorkOrderReply = strawberry.field(description="The reply as it was.")


def _reply(it: rules.Reply) -> WorkOrderReply:
    return WorkOrderReply(it=it, words=it.words, measures=it.measures, at=it.at)


@federation.type(keys=["id"], description="What is asked of a department in one cycle of a petition.")
class WorkOrder:
    """A work order that the actor may see."""

    of: strawberry.Private[rules.Petition]
    it: strawberry.Private[rules.WorkOrder]
    id: ID = strawberry.field(description="Its id.")

    @strawberry.field(
        description="The petition that it belongs to; null for a department that handled only an earlier cycle."
    )
    def petition(
        self, info: Info
    ) -> Annotated["Petition", strawberry.lazy("services.dispatch.schema.petition")] | None:
        """Return the petition, which the other services know more of, to those whose it still is."""
        from services.dispatch.schema.petition import Petition

        if not owns(info.context.actor, self.of.head.scope, access.READ.roles):
            return None
        return Petition(it=self.of, id=ID(str(self.of.head.id)))

    @strawberry.field(description="Where it stands.")
    def state(self) -> WorkOrderState | None:
        """Return the state."""
        return self.it.state

    @strawberry.field(description="Where it stands, for people.")
    def state_label(self, locale: Locale = "zh-CN") -> str | None:
        """Return the state's label."""
        return label(self.it.state, locale)

    @strawberry.field(description="Acts that are possible now, whoever may do them.")
    def allowed_acts(self) -> list[str] | None:
        """Return the acts of dispatch's state machine."""
        return [act.value for act in rules.allowed(self.of, self.it)]

    @strawberry.field(description="The round of the petition that it belongs to.")
    def cycle(self) -> int | None:
        """Return the cycle."""
        return self.it.cycle

    @strawberry.field(description="The petition's title.")
    def title(self) -> str | None:
        """Return the title."""
        return self.of.title

    @strawberry.field(description="The code of what the petition is about.")
    def category(self) -> ID | None:
        """Return the category's code."""
        return ID(self.of.category)

    @strawberry.field(description="What is asked of the department.")
    def request(self) -> str | None:
        """Return the request."""
        return self.it.request

    @strawberry.field(description="How long handling may take.")
    def deadline_class(self) -> DeadlineClass | None:
        """Return the class."""
        return self.it.deadline_class

    @strawberry.field(description="Who is responsible; while a ruling is open the first receiver.")
    async def department(self, info: Info) -> Department | None:
        """Return the department."""
        return await department(info, self.it.department)

    @strawberry.field(description="Whether the district supervisor ruled on it; then it cannot be declined.")
    def ruled(self) -> bool | None:
        """Return whether it was ruled on."""
        return self.it.ruled

    @strawberry.field(description="What routing suggested.")
    def suggestion(self) -> Suggestion | None:
        """Return the suggestion."""
        return suggestion(self.it.suggestion)

    @strawberry.field(description="When it was opened.")
    def opened_at(self) -> datetime | None:
        """Return the instant."""
        return self.it.opened_at

    @strawberry.field(description="When the present department was made responsible.")
    def assigned_at(self) -> datetime | None:
        """Return the instant."""
        return self.it.assigned_at

    @strawberry.field(description="When it was acknowledged.")
    def acknowledged_at(self) -> datetime | None:
        """Return the instant."""
        return self.it.acknowledged_at

    @strawberry.field(description="When work began.")
    def started_at(self) -> datetime | None:
        """Return the instant."""
        return self.it.started_at

    @strawberry.field(description="The latest question to the resident.")
    def question(self) -> str | None:
        """Return the question."""
        return self.it.question

    @strawberry.field(description="Whether that question waits for an answer.")
    def question_open(self) -> bool | None:
        """Return whether the resident is being asked."""
        return self.it.asked

    @strawberry.field(description="The reply that stands.")
    def reply(self) -> WorkOrderReply | None:
        """Return the reply."""
        return _reply(self.it.reply) if self.it.reply else None

    @strawberry.field(description="Who declined it and why.")
    def declines(self) -> list[WorkOrderDecline] | None:
        """Return the declines."""
        return [
            WorkOrderDecline(it=d, ground=WorkOrderGround(id=ID(d.ground)), reason=d.reason, at=d.at)
            for d in self.it.declines
        ]

    @strawberry.field(description="Replies that were sent back and why.")
    def returned_replies(self) -> list[ReturnedReply] | None:
        """Return what was sent back."""
        return [
            ReturnedReply(ground=WorkOrderGround(id=ID(b.ground)), reason=b.reason, at=b.at, reply=_reply(b.reply))
            for b in self.it.returns
        ]

    @strawberry.field(description="Its running clocks.")
    def deadlines(self) -> list[Deadline] | None:
        """Return the open clocks."""
        return [deadline(c) for c in self.of.head.clocks if c.is_open and c.about == self.it.id]

    def sees(self, context: Context[None], rule: Rule) -> bool:
        """Tell whether it is the actor's own in one of the rule's roles."""
        return owns_order(context.actor, self.of, self.it, rule)

    @classmethod
    async def resolve_reference(cls, info: Info, id: ID) -> "WorkOrder | None":
        """Resolve a work order that another service names.

        :raises NotFound: unknown, or not the actor's own.
        """
        return await visible(info, id)


def shown(found: Found) -> WorkOrder:
    """Return a work order as clients see it."""
    petition, order = found
    return WorkOrder(of=petition, it=order, id=ID(str(order.id)))


async def visible(info: Info, id: ID) -> WorkOrder:
    """Return a work order as the actor sees it.

    :raises NotFound: unknown, or not the actor's own.
    """
    found = await order_loader(info.context).load(WorkOrderId(parse_uuid(id, "id")))
    if found is None or not owns_order(info.context.actor, *found, access.READ):
        raise NotFound("This work order")
    return shown(found)


@strawberry.type(description="A work order in a list.")
class WorkOrderEdge:
    """An edge."""

    node: WorkOrder = strawberry.field(description="The work order.")
    cursor: str = strawberry.field(description="Give this as `after` to go on behind it.")


@strawberry.type(description="A page of work orders, in the list's own order.")
class WorkOrderConnection:
    """A connection."""

    edges: list[WorkOrderEdge] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where it ends.")


Street = Annotated[ID | None, strawberry.argument(description="Only of this street.")]
OfDepartment = Annotated[ID | None, strawberry.argument(description="Only of this department.")]
Category = Annotated[ID | None, strawberry.argument(description="Only about this, by its code.")]
DueBefore = Annotated[
    datetime | None, strawberry.argument(description="Only with a running clock that is due before this.")
]


async def _page(info: Info, rule: Rule, wanted: Wanted) -> WorkOrderConnection:
    page_size(wanted.first)
    await check_filters(info, street=wanted.street, category=wanted.category)
    found, more = await work_orders.page(info.context.reader, reach(info.context.actor, rule), wanted)
    edges = [WorkOrderEdge(node=shown(one), cursor=cursor(str(one[1].id))) for one in found]
    return WorkOrderConnection(
        edges=edges, page_info=PageInfo(has_next_page=more, end_cursor=edges[-1].cursor if edges else None)
    )


def _after(after: str | None) -> WorkOrderId | None:
    parts = parse_cursor(after)
    return WorkOrderId(parse_uuid(parts[0], "after")) if parts else None


def _after_due(after: str | None) -> tuple[datetime, WorkOrderId] | None:
    parts = parse_cursor(after, parts=2)
    return (parse_instant(parts[0]), WorkOrderId(parse_uuid(parts[1], "after"))) if parts else None


@strawberry.type
class WorkOrderQuery:
    """One work order, and the desks."""

    @strawberry.field(description="One work order.")
    async def work_order(self, info: Info, id: ID) -> WorkOrder | None:
        """Return a work order of the actor's own."""
        return await visible(info, id)

    @strawberry.field(description="Work orders of the actor's own, oldest first.")
    async def work_orders(
        self,
        info: Info,
        states: list[WorkOrderState] | None = None,
        street: Street = None,
        department: OfDepartment = None,
        category: Category = None,
        due_before: DueBefore = None,
        first: First = 20,
        after: After = None,
    ) -> WorkOrderConnection | None:
        """Return a page."""
        await check_filters(info, department=department)
        wanted = Wanted(states, street, department, category, due_before, _after(after), first)
        return await _page(info, access.DESK, wanted)

    @strawberry.field(description="The assignment desk: what waits for a department.")
    async def work_orders_to_assign(
        self,
        info: Info,
        street: Street = None,
        category: Category = None,
        due_before: DueBefore = None,
        first: First = 20,
        after: After = None,
    ) -> WorkOrderConnection | None:
        """Return a page of PENDING orders."""
        wanted = Wanted([WorkOrderState.PENDING], street, None, category, due_before, _after(after), first)
        return await _page(info, access.ASSIGNERS_DESK, wanted)

    @strawberry.field(description="The supervisor's desk: who is responsible has to be ruled on.")
    async def work_orders_to_rule(
        self,
        info: Info,
        street: Street = None,
        due_before: DueBefore = None,
        first: First = 20,
        after: After = None,
    ) -> WorkOrderConnection | None:
        """Return a page of UNDER_RULING orders."""
        wanted = Wanted([WorkOrderState.UNDER_RULING], street, None, None, due_before, _after(after), first)
        return await _page(info, access.RULE, wanted)

    @strawberry.field(
        description="A department's queue: what it has to take, to do and to answer. Its own, if none is named.",
    )
    async def department_work_orders(
        self,
        info: Info,
        department: OfDepartment = None,
        states: list[WorkOrderState] | None = None,
        due_before: DueBefore = None,
        first: First = 20,
        after: After = None,
    ) -> WorkOrderConnection | None:
        """Return a page of the department's open orders, or of those in the given states."""
        await check_filters(info, department=department)
        wanted = Wanted(
            states if states is not None else [s for s in WorkOrderState if s in rules.OPEN],
            None,
            department if department is not None else info.context.actor.department,
            None,
            due_before,
            _after(after),
            first,
        )
        return await _page(info, access.DESK, wanted)

    @strawberry.field(
        description="A department's orders with a running clock that is overdue or due soon, by due date. Its own, if "
        "none is named.",
    )
    async def work_orders_due_soon(
        self,
        info: Info,
        department: OfDepartment = None,
        working_days: Annotated[
            int, strawberry.argument(description="How soon, in working days from now: 0 (overdue) to 30.")
        ] = 2,
        first: First = 20,
        after: After = None,
    ) -> WorkOrderConnection | None:
        """Return a page."""
        context = info.context
        await check_filters(info, department=department)
        code = department if department is not None else context.actor.department
        if code is None:
            raise InvalidInput("department", "Name a department: you have none of your own.")
        if not 0 <= working_days <= _FARTHEST:
            raise InvalidInput("workingDays", f"workingDays must be from 0 to {_FARTHEST}.")
        own = reach(context.actor, access.DUE_SOON)
        if not own.everything and code not in own.departments:
            return WorkOrderConnection(edges=[], page_info=PageInfo(has_next_page=False, end_cursor=None))
        calendar = (await context.runtime.references.get()).terms.calendar
        until = calendar.add(context.now(), WORKING_DAY * working_days)
        due = Due(code, until, _after_due(after), page_size(first))
        found, more = await work_orders.due_soon(context.reader, due)
        edges = [
            WorkOrderEdge(node=shown(one), cursor=cursor(due_at.isoformat(), str(one[1].id))) for one, due_at in found
        ]
        return WorkOrderConnection(
            edges=edges, page_info=PageInfo(has_next_page=more, end_cursor=edges[-1].cursor if edges else None)
        )
