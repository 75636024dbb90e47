"""The timeline: the three services' events of one petition as one story.

Its order is a linear extension of what each producer had seen (no event stands before one that it knew of), then by
time, then by id. A place in it is how far each service's sequence has been told, so it survives a rebuild of the view.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from services.contracts.event import Event
from services.contracts.vocabulary import Source
from services.kernel.head import Seen

Place = Mapping[Source, int]
"""How far each source's sequence has been told; absent means not at all."""

BEGINNING: Final[Place] = MappingProxyType({})

HIDDEN_FROM_RESIDENTS: Final = (
    "clock.started",
    "clock.reminded",
    "clock.escalated",
    "clock.paused",
    "clock.resumed",
    "clock.moved",
    "clock.stopped",
    "work_order.opened",
    "work_order.declined",
    "work_order.referred_for_ruling",
    "work_order.replied",
    "petition.pressed",
    "petition.instruction_answered",
    "case.recalled",
    "case.cancelled",
)
"""The office's inner workings: clocks, who passes the order to whom, who presses whom, and what another event already
tells residents (the petition's reply, the reply sent back, their own withdrawal)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as the timeline tells it; `seen` is what its producer had applied of the other services."""

    source: Source
    sequence: int
    id: UUID
    at: datetime
    recorded_at: datetime
    cycle: int
    event: Event
    seen: Seen = field(default_factory=dict[Source, int])


@dataclass(frozen=True, slots=True)
class Told:
    """An entry and the place right after it."""

    entry: Entry
    place: Place


def merge(streams: Mapping[Source, Sequence[Entry]], after: Place, most: int) -> list[Told]:
    """Return the next `most` entries.

    :param streams: each source's entries behind `after`, ascending by sequence; at least `most` where there are as
        many. Entries may be missing (a reader who does not see all): those that remain keep their order.
    """
    heads = dict.fromkeys(streams, 0)
    place, told = dict(after), list[Told]()
    while len(told) < most:
        waiting = {s: entries[heads[s]] for s, entries in streams.items() if heads[s] < len(entries)}
        if not waiting:
            break
        free = [e for e in waiting.values() if not _behind(e, waiting)]
        # Nothing is free only if a producer claims to have seen its own future: then time must decide.
        entry = min(free or waiting.values(), key=lambda e: (e.at, e.id))
        heads[entry.source] += 1
        place[entry.source] = entry.sequence
        told.append(Told(entry, dict(place)))
    return told


def _behind(entry: Entry, waiting: Mapping[Source, Entry]) -> bool:
    """Tell whether something that the entry's producer had seen is still to be told."""
    return any(
        source is not entry.source and (first := waiting.get(source)) is not None and first.sequence <= sequence
        for source, sequence in entry.seen.items()
    )
