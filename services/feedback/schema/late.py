"""The supervisor's board: what is late in all three services, by whom, at which level, how long; and its figures."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import ID

from services.contracts.labels import label
from services.contracts.vocabulary import Audience, ClockKind, ClockState, Responsible, Source
from services.feedback.domain.late import LEVELS, Part, board_of, figures_of, lateness, narrowed
from services.feedback.queries import late as queries
from services.feedback.queries.late import Figure, Late, Place
from services.feedback.queries.petitions import Known
from services.feedback.schema.loaders import petition_loader
from services.feedback.schema.petition import Petition, own_petition
from services.feedback.schema.references import Department, Street, department
from services.kernel.errors import InvalidInput
from services.kernel.graphql.context import Info
from services.kernel.graphql.filters import check_filters
from services.kernel.graphql.types import (
    After,
    First,
    Locale,
    PageInfo,
    cursor,
    page_size,
    parse_cursor,
    parse_instant,
)
from services.kernel.ids import ClockId, parse_uuid
from services.kernel.terms import Terms


@strawberry.type(description="A clock that has reached a level and is not stopped yet.")
class LateClock:
    """An entry of the board."""

    it: strawberry.Private[Late]
    id: ID = strawberry.field(description="The clock's id.")
    petition: Petition | None = strawberry.field(
        description="The petition; null for the district's leaders, who are shown no petition."
    )
    service: Source = strawberry.field(description="The service whose clock it is.")
    kind: ClockKind = strawberry.field(description="What it measures.")
    cycle: int = strawberry.field(description="The petition's round; 0 before a work order was opened.")
    state: ClockState = strawberry.field(description="RUNNING, or PAUSED while the resident is asked.")
    level: int = strawberry.field(description="The level that it has reached, 1 to 3.")
    tells: list[Audience] = strawberry.field(description="Who was told when it reached that level.")
    responsible: Responsible = strawberry.field(description="Whom it measures.")
    department: Department | None = strawberry.field(description="The department that it measures, if it does one.")
    street: Street = strawberry.field(description="The petition's street.")
    due_at: datetime = strawberry.field(description="Since when it is late.")
    late_for_working_days: float = strawberry.field(
        description="For how many working days, by the calendar; until its pause if it is paused."
    )
    late_for_hours: float = strawberry.field(
        description="For how many hours of all days, in which urgent matters are counted."
    )

    @strawberry.field(description="What it measures, for people.")
    def label(self, locale: Locale = "zh-CN") -> str:
        """Return the kind's label."""
        return label(self.it.kind, locale)

    @strawberry.field(description="Whom it measures, for people.")
    def responsible_label(self, locale: Locale = "zh-CN") -> str:
        """Return the label of who is responsible."""
        return label(self.it.responsible, locale)

    @strawberry.field(description="Who was told, for people, in the order of `tells`.")
    def tells_labels(self, locale: Locale = "zh-CN") -> list[str]:
        """Return the labels of those who were told."""
        return [label(who, locale) for who in self.it.tells]


@strawberry.type(description="A late clock in its place on the board.")
class LateClockEdge:
    """An edge."""

    node: LateClock = strawberry.field(description="The clock.")
    cursor: str = strawberry.field(description="Give this as `after` to go on behind it.")


@strawberry.type(description="A page of the board: level 3 first, and in each level the longest late first.")
class LateClockConnection:
    """A connection."""

    edges: list[LateClockEdge] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where it ends.")


@strawberry.type(description="How much is late, of one street, one who is responsible, and one level.")
class LateFigure:
    """A count."""

    it: strawberry.Private[Figure]
    street: Street = strawberry.field(description="The street.")
    responsible: Responsible = strawberry.field(description="Who is responsible.")
    department: Department | None = strawberry.field(description="Which department, if it is one.")
    level: int = strawberry.field(description="The level that the clocks have reached, 1 to 3.")
    count: int = strawberry.field(description="How many clocks.")
    oldest_due_at: datetime = strawberry.field(description="Since when the oldest of them is late.")
    oldest_late_for_working_days: float = strawberry.field(
        description="For how many working days that is, by the calendar."
    )

    @strawberry.field(description="Who is responsible, for people.")
    def responsible_label(self, locale: Locale = "zh-CN") -> str:
        """Return the label of who is responsible."""
        return label(self.it.responsible, locale)


OfStreet = Annotated[ID | None, strawberry.argument(description="Only of this street.")]
OfDepartment = Annotated[ID | None, strawberry.argument(description="Only what measures this department.")]
Levels = Annotated[list[int] | None, strawberry.argument(description="Only at these levels, of 1 to 3.")]


def _levels(levels: list[int] | None) -> tuple[int, ...]:
    if levels is None:
        return LEVELS
    if unknown := sorted(set(levels) - {*LEVELS}):
        raise InvalidInput("levels", f"There is no level {unknown[0]}; levels are 1, 2 and 3.")
    return tuple(level for level in LEVELS if level in levels)


def _place(after: str | None) -> Place | None:
    parts = parse_cursor(after, parts=3)
    if parts is None:
        return None
    level, due_at, clock_id = parts
    if level not in map(str, LEVELS):
        raise InvalidInput("after", "after must be a cursor as this list returned it.")
    return Place(int(level), parse_instant(due_at), ClockId(parse_uuid(clock_id, "after")))


def _wanted(parts: list[Part], street: str | None, department: str | None, levels: list[int] | None) -> list[Part]:
    """Return what of the actor's own parts of the board is asked for."""
    asked = _levels(levels)
    found = [narrowed(part, street=street, department=department, levels=asked) for part in parts]
    return [part for part in found if part is not None and part.levels]


@strawberry.type
class LateQuery:
    """The board."""

    @strawberry.field(
        description="What is late in all three services: open clocks that reached a level and are past their date.",
    )
    async def late_clocks(
        self,
        info: Info,
        levels: Levels = None,
        street: OfStreet = None,
        department: OfDepartment = None,
        kind: Annotated[ClockKind | None, strawberry.argument(description="Only what measures this.")] = None,
        first: First = 20,
        after: After = None,
    ) -> LateClockConnection | None:
        """Return a page."""
        context, now = info.context, info.context.now()
        size, place = page_size(first), _place(after)
        await check_filters(info, street=street, department=department)
        parts = _wanted(board_of(context.actor), street, department, levels)
        wanted = [queries.Wanted(part, now, kind, place, size) for part in parts]
        found, more = await queries.page(context.reader, wanted, size)
        terms = (await context.runtime.references.get()).terms
        known = await petition_loader(context).load_many([late.petition_id for late in found])
        edges = [_edge(info, late, k, terms, now) for late, k in zip(found, known, strict=True)]
        return LateClockConnection(
            edges=edges, page_info=PageInfo(has_next_page=more, end_cursor=edges[-1].cursor if edges else None)
        )

    @strawberry.field(
        description="How much is late, by street, who is responsible, and level. Leaders see the whole district's.",
    )
    async def late_figures(
        self, info: Info, levels: Levels = None, street: OfStreet = None, department: OfDepartment = None
    ) -> list[LateFigure] | None:
        """Return the counts."""
        context, now = info.context, info.context.now()
        await check_filters(info, street=street, department=department)
        parts = _wanted(figures_of(context.actor), street, department, levels)
        found = await queries.figures(context.reader, parts, now)
        terms = (await context.runtime.references.get()).terms
        return [_figure(figure, terms, now) for figure in found]


def _edge(info: Info, late: Late, known: Known | None, terms: Terms, now: datetime) -> LateClockEdge:
    how_late = lateness(late.place.due_at, late.paused_at, terms, now=now)
    node = LateClock(
        it=late,
        id=ID(str(late.place.clock_id)),
        petition=own_petition(info, known),
        service=late.source,
        kind=late.kind,
        cycle=late.cycle,
        state=late.state,
        level=late.place.level,
        tells=list(late.tells),
        responsible=late.responsible,
        department=department(late.department),
        street=Street(id=ID(late.street)),
        due_at=late.place.due_at,
        late_for_working_days=how_late.working_days,
        late_for_hours=how_late.hours,
    )
    place = late.place
    return LateClockEdge(node=node, cursor=cursor(str(place.level), place.due_at.isoformat(), str(place.clock_id)))


def _figure(figure: Figure, terms: Terms, now: datetime) -> LateFigure:
    return LateFigure(
        it=figure,
        street=Street(id=ID(figure.street)),
        responsible=figure.responsible,
        department=department(figure.department),
        level=figure.level,
        count=figure.number,
        oldest_due_at=figure.oldest,
        oldest_late_for_working_days=lateness(figure.oldest, None, terms, now=now).working_days,
    )
