"""The timeline as clients see it: entries, pages, and places in it."""

from datetime import datetime

import strawberry
from strawberry import ID

from services.contracts.clocks import ClockEscalated, ClockEvent
from services.contracts.labels import event_label, label
from services.contracts.vocabulary import ClockKind, Source, Stage
from services.feedback.domain import stage as stages
from services.feedback.domain.timeline import Place, Told
from services.feedback.schema.references import Department, department
from services.kernel.errors import InvalidInput
from services.kernel.graphql.types import Locale, PageInfo, cursor, parse_cursor


@strawberry.type(description="One event of the petition's story.")
class TimelineEntry:
    """An entry."""

    it: strawberry.Private[Told]
    id: ID = strawberry.field(description="The event's id.")

    @strawberry.field(description="The service that it happened in.")
    def service(self) -> Source:
        """Return the source."""
        return self.it.entry.source

    @strawberry.field(description="Its number among the service's events about this petition.")
    def sequence(self) -> int:
        """Return the sequence."""
        return self.it.entry.sequence

    @strawberry.field(description="The event's type, a past fact.")
    def type(self) -> str:
        """Return the type."""
        return self.it.entry.event.TYPE

    @strawberry.field(description="What happened, for people.")
    def label(self, locale: Locale = "zh-CN") -> str:
        """Return the type's label."""
        return event_label(self.it.entry.event.TYPE, locale)

    @strawberry.field(description="The stage of the five-people method (五民工作法) that it belongs to.")
    def stage(self) -> Stage:
        """Return the stage."""
        return stages.stage_of(self.it.entry.event)

    @strawberry.field(description="The stage, for people.")
    def stage_label(self, locale: Locale = "zh-CN") -> str:
        """Return the stage's label."""
        return label(stages.stage_of(self.it.entry.event), locale)

    @strawberry.field(description="When it happened.")
    def at(self) -> datetime:
        """Return the domain's time."""
        return self.it.entry.at

    @strawberry.field(description="When it was written down.")
    def recorded_at(self) -> datetime:
        """Return the system's time."""
        return self.it.entry.recorded_at

    @strawberry.field(description="The round that it belongs to.")
    def cycle(self) -> int:
        """Return the cycle."""
        return self.it.entry.cycle

    @strawberry.field(description="In which role it was done; `system` is the product itself.")
    def by_role(self) -> str:
        """Return the role."""
        return self.it.entry.event.by.role.value

    @strawberry.field(description="The department that it names, if any.")
    def department(self) -> Department | None:
        """Return a reference to the department."""
        return department(getattr(self.it.entry.event, "department", None))

    @strawberry.field(description="What the clock measures; for clock events.")
    def clock(self) -> ClockKind | None:
        """Return the clock's kind."""
        event = self.it.entry.event
        return event.kind if isinstance(event, ClockEvent) else None

    @strawberry.field(description="The level that the clock reached, 1 to 3; for clock.escalated.")
    def level(self) -> int | None:
        """Return the level."""
        event = self.it.entry.event
        return event.level if isinstance(event, ClockEscalated) else None


@strawberry.type(description="An entry in its place.")
class TimelineEdge:
    """An edge."""

    node: TimelineEntry = strawberry.field(description="The entry.")
    cursor: str = strawberry.field(description="Give this as `after` to go on behind it.")


@strawberry.type(description="A page of the story, from its beginning: no event stands before one that it knew of.")
class TimelineConnection:
    """A connection."""

    edges: list[TimelineEdge] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where it ends.")


_SOURCES = (Source.INTAKE, Source.DISPATCH, Source.FEEDBACK)


def timeline_cursor(place: Place) -> str:
    """Return a place in the story as clients carry it."""
    return cursor(*(str(place.get(source, 0)) for source in _SOURCES))


def place_of(after: str | None) -> tuple[tuple[Source, int], ...]:
    """Return the place that a cursor names; the story's beginning without one.

    :raises InvalidInput: it is none of ours.
    """
    parts = parse_cursor(after, parts=len(_SOURCES))
    if parts is None:
        return ()
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise InvalidInput("after", "after must be a cursor as this list returned it.")
    return tuple((source, int(part)) for source, part in zip(_SOURCES, parts, strict=True))


def entry_of(told: Told) -> TimelineEntry:
    """Return an entry as clients see it."""
    return TimelineEntry(it=told, id=ID(str(told.entry.id)))
