"""History and topic: each event recorded once, without a gap, published as it was recorded, in order."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import pairwise
from uuid import UUID

from deploy.audit.dossier import Dossier
from deploy.audit.event import Heard, Told, differences
from deploy.audit.findings import Kind, Notes
from deploy.audit.place import SERVICES


def check_publication(dossier: Dossier, note: Notes) -> int:
    """Check a petition's history in each service against its topic; return how many messages were repetitions."""
    republished = 0
    for service in SERVICES:
        kept = dossier.kept[service]
        heard = dossier.heard.get(service, ())
        _check_history(service, dossier, note)
        by_id = _first_of_each(service, heard, note)
        republished += len(heard) - len(by_id)
        _check_published(service, kept.history, kept.outbox, by_id, note)
        _check_recorded(service, kept.history, by_id, note)
        _check_order(service, heard, note)
    return republished


def _check_history(service: str, dossier: Dossier, note: Notes) -> None:
    kept = dossier.kept[service]
    sequences = [event.sequence for event in kept.history]
    last = max(sequences, default=0)
    stored = 0 if kept.state is None else kept.state["sequence"]
    if kept.state is None and sequences:
        note(Kind.LOST, service, f"{len(sequences)} events are recorded, and the petition itself is not there")
    elif stored != last:
        kind = Kind.LOST if last < stored else Kind.DOUBLED
        note(kind, service, f"the petition has come to sequence {stored}, its history ends at {last}")
    if missing := sorted(set(range(1, last + 1)) - set(sequences)):
        note(Kind.LOST, service, f"the history has no sequence {_listed(missing)} of 1 to {last}")
    ids: dict[UUID, int] = {}
    for event in kept.history:
        if event.id in ids:
            note(Kind.DOUBLED, service, f"sequences {ids[event.id]} and {event.sequence} are one event {event.id}")
        ids.setdefault(event.id, event.sequence)
    for earlier, later in pairwise(kept.history):
        if any(later.seen.get(s, 0) < n for s, n in earlier.seen.items()):
            note(Kind.OUT_OF_ORDER, service, f"{later} had seen less of the other services than {earlier}")


def _first_of_each(service: str, heard: Sequence[Heard], note: Notes) -> dict[UUID, Told]:
    by_id: dict[UUID, Told] = {}
    at: dict[int, Told] = {}
    for message in heard:
        told = message.told
        first = by_id.setdefault(told.id, told)
        if first is not told and (different := differences(first, told)):
            note(Kind.DISAGREE, service, f"{told} was published again with another {', '.join(different)}")
        other = at.setdefault(told.sequence, told)
        if other.id != told.id:
            note(Kind.DOUBLED, service, f"the topic has two events at sequence {told.sequence}: {other}, {told}")
    return by_id


def _check_published(
    service: str, history: Sequence[Told], outbox: Collection[int], by_id: dict[UUID, Told], note: Notes
) -> None:
    for event in history:
        published = by_id.get(event.id)
        if published is None:
            if event.sequence not in outbox:
                note(Kind.LOST, service, f"{event} was never published: it is neither on the topic nor in the outbox")
        elif published.sequence != event.sequence:
            note(Kind.OUT_OF_ORDER, service, f"{event} was published as sequence {published.sequence}")
        elif different := differences(event, published):
            note(Kind.DISAGREE, service, f"{event} was published with another {', '.join(different)}")


def _check_recorded(service: str, history: Sequence[Told], by_id: dict[UUID, Told], note: Notes) -> None:
    recorded = {event.id for event in history}
    at = {event.sequence: event for event in history}
    for told in by_id.values():
        if told.id in recorded:
            continue
        if (stands := at.get(told.sequence)) is None:
            note(Kind.LOST, service, f"{told} was published, and the history does not have it")
        else:
            note(Kind.DOUBLED, service, f"{told} was published with an id that the history does not know; {stands} is")


def _check_order(service: str, heard: Sequence[Heard], note: Notes) -> None:
    partitions: dict[int, list[Told]] = defaultdict(list)
    known: dict[int, set[UUID]] = defaultdict(set)
    for message in heard:  # by partition and offset
        if message.told.id not in known[message.partition]:
            known[message.partition].add(message.told.id)
            partitions[message.partition].append(message.told)
    for partition, first_times in partitions.items():
        for earlier, later in pairwise(first_times):
            if later.sequence < earlier.sequence:
                note(Kind.OUT_OF_ORDER, service, f"partition {partition} of the topic has {later} after {earlier}")


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(n) for n in numbers[:5])
    return f"{shown} and {len(numbers) - 5} more" if len(numbers) > 5 else shown
