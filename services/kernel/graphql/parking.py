"""Events that are held up, for operators: a list, replay and discard, under each service's own names.

The types are the same in every service; root fields bear the service's name, since a gateway asks one service for each.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry import ID, federation

from services.contracts.vocabulary import Source
from services.kernel import parking, text
from services.kernel.errors import InvalidInput
from services.kernel.graphql.context import Info
from services.kernel.graphql.types import After, First, PageInfo, cursor, page_size, parse_cursor
from services.kernel.ids import parse_uuid
from services.kernel.inbox import Discard, Reason, Replay

LONGEST_BECAUSE = 500


@federation.type(shareable=True, description="An event that is held up, without what it says.")
class ParkedEvent:
    """A parked event."""

    petition_id: ID = strawberry.field(description="The petition that it is about.")
    source: Source = strawberry.field(description="The service that published it.")
    sequence: int = strawberry.field(description="Its number among that service's events of the petition.")
    type: str = strawberry.field(description="What it is.")
    event_id: ID = strawberry.field(description="Its id, the same on its topic.")
    reason: Reason = strawberry.field(description="Why it is held up.")
    detail: str = strawberry.field(description="What it waits for, or how applying it failed.")
    topic: str = strawberry.field(description="Where it came from.")
    partition: int = strawberry.field(description="The topic's partition.")
    offset: str = strawberry.field(description="Its offset there, a decimal number.")
    parked_at: datetime = strawberry.field(description="Since when it is held up.")


@federation.type(shareable=True, description="A page of events that are held up, petition by petition.")
class ParkedEventPage:
    """A page."""

    nodes: list[ParkedEvent] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where it ends.")


@federation.type(shareable=True, description="An event that an operator passed over.")
class DiscardedEvent:
    """A discarded event."""

    petition_id: ID = strawberry.field(description="The petition that it is about.")
    source: Source = strawberry.field(description="The service that published it.")
    sequence: int = strawberry.field(description="Its number among that service's events of the petition.")
    type: str | None = strawberry.field(description="What it is; null for one that never arrived.")
    event_id: ID | None = strawberry.field(description="Its id; null for one that never arrived.")
    error: str = strawberry.field(description="How applying it had failed.")
    by: str = strawberry.field(description="Who passed it over.")
    because: str = strawberry.field(description="Why.")
    at: datetime = strawberry.field(description="When.")


@federation.type(shareable=True, description="A page of events that were passed over.")
class DiscardedEventPage:
    """A page."""

    nodes: list[DiscardedEvent] = strawberry.field(description="The page.")
    page_info: PageInfo = strawberry.field(description="Where it ends.")


@strawberry.input(description="What is parked of a petition is tried again.")
class ReplayParkedInput:
    """Which petition."""

    petition_id: ID = strawberry.field(description="The petition.")
    because: str = strawberry.field(description=f"Why, at most {LONGEST_BECAUSE} characters; kept with your name.")


@strawberry.input(
    description="An event is passed over: it counts as applied and has no effect. Repeating it changes nothing."
)
class DiscardParkedInput:
    """Which event, and why."""

    petition_id: ID = strawberry.field(description="The petition.")
    source: Source = strawberry.field(description="The service that published it.")
    sequence: int = strawberry.field(
        description="Its number: the next in its stream, poisonous, or missing while others have waited for minutes."
    )
    because: str = strawberry.field(description=f"Why, at most {LONGEST_BECAUSE} characters; kept with your name.")


@federation.type(shareable=True, description="What came of trying again.")
class ParkedPayload:
    """The outcome."""

    applied: int = strawberry.field(description="How many events have taken effect.")
    parked: list[ParkedEvent] = strawberry.field(
        description="What is still held up of the petition, 100 events at most."
    )


def _event(it: parking.Parked) -> ParkedEvent:
    return ParkedEvent(
        petition_id=ID(str(it.petition)),
        source=it.source,
        sequence=it.sequence,
        type=it.type,
        event_id=ID(it.event_id),
        reason=it.reason,
        detail=it.detail,
        topic=it.topic,
        partition=it.partition,
        offset=str(it.offset),
        parked_at=it.parked_at,
    )


def _discarded(it: parking.Discarded) -> DiscardedEvent:
    return DiscardedEvent(
        petition_id=ID(str(it.petition)),
        source=it.source,
        sequence=it.sequence,
        type=it.type,
        event_id=ID(it.event_id) if it.event_id else None,
        error=it.error,
        by=it.by,
        because=it.because,
        at=it.at,
    )


def _place(after: str | None) -> parking.Place:
    parts = parse_cursor(after, 3)
    if parts is None:
        return parking.START
    petition, source, sequence = parts
    if not sequence.isdecimal() or len(sequence) > 9:
        raise InvalidInput("after", "after must be a cursor as this list returned it.")
    return parse_uuid(petition, "after"), source, int(sequence)


def _info(page: list[Any], more: bool) -> PageInfo:
    end = cursor(*map(str, parking.next_place(page))) if page else None
    return PageInfo(has_next_page=more, end_cursor=end)


async def _outcome(info: Info, petition: UUID, applied: int) -> ParkedPayload:
    still = await parking.parked_of(info.context.reader, petition)
    return ParkedPayload(applied=applied, parked=[_event(it) for it in still])


def parking_query(source: Source) -> type:
    """Return a service's root fields for what is held up and what was passed over."""

    @strawberry.type
    class ParkingQuery:
        @strawberry.field(
            name=f"{source.value}Parked",
            description=f"Events of the other services that {source.value} holds up.",
        )
        async def parked(
            self, info: Info, reason: Reason | None = None, first: First = 20, after: After = None
        ) -> ParkedEventPage | None:
            """Return a page."""
            found = await parking.parked(
                info.context.reader, reason=reason, first=page_size(first) + 1, after=_place(after)
            )
            page = found[:first]
            return ParkedEventPage(nodes=[_event(it) for it in page], page_info=_info(page, len(found) > first))

        @strawberry.field(
            name=f"{source.value}Discarded",
            description=f"Events of the other services that were passed over at {source.value}.",
        )
        async def discarded(self, info: Info, first: First = 20, after: After = None) -> DiscardedEventPage | None:
            """Return a page."""
            found = await parking.discarded(info.context.reader, first=page_size(first) + 1, after=_place(after))
            page = found[:first]
            return DiscardedEventPage(nodes=[_discarded(it) for it in page], page_info=_info(page, len(found) > first))

    return ParkingQuery


def parking_mutation(source: Source) -> type:
    """Return a service's root fields for trying again and for passing over."""

    @strawberry.type
    class ParkingMutation:
        @strawberry.mutation(
            name=f"replay{source.value.capitalize()}Parked",
            description=f"Try again what {source.value} holds up of a petition, poisonous events too.",
        )
        async def replay(self, info: Info, input: ReplayParkedInput) -> ParkedPayload | None:
            """Replay."""
            because = text.required(input.because, "because", longest=LONGEST_BECAUSE)
            petition = parse_uuid(input.petition_id, "petitionId")
            replay = Replay(petition, f"operator:{info.context.actor.subject}", because)
            return await _outcome(info, petition, await info.context.runtime.parking.replay(replay))

        @strawberry.mutation(
            name=f"discard{source.value.capitalize()}Parked",
            description=f"Pass over an event that holds up a petition at {source.value}.",
        )
        async def discard(self, info: Info, input: DiscardParkedInput) -> ParkedPayload | None:
            """Discard."""
            because = text.required(input.because, "because", longest=LONGEST_BECAUSE)
            petition = parse_uuid(input.petition_id, "petitionId")
            if input.source not in info.context.runtime.consumed:
                known = ", ".join(sorted(it.name for it in info.context.runtime.consumed))
                raise InvalidInput("source", f"{source.value} takes events from {known} alone.")
            by = f"operator:{info.context.actor.subject}"
            discard = Discard(petition, input.source, input.sequence, by, because)
            return await _outcome(info, petition, await info.context.runtime.parking.discard(discard))

    return ParkingMutation
