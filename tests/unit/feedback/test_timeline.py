"""The timeline: causality first, then time; and pages that joined are the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.event import SYSTEM
from services.contracts.feedback import CaseRecalled
from services.contracts.vocabulary import Source
from services.feedback.domain.timeline import BEGINNING, Entry, Place, Told, merge

START = datetime(2026, 11, 24, tzinfo=UTC)
EVENT = CaseRecalled(by=SYSTEM, case_id=UUID(int=0))
Streams = Mapping[Source, Sequence[Entry]]


@st.composite
def histories(draw: st.DrawFn) -> Streams:
    """Three services that act in turn and hear of each other late or never, by clocks that are not in step."""
    streams: dict[Source, list[Entry]] = {source: [] for source in Source}
    heard: dict[Source, dict[Source, int]] = {source: {} for source in Source}
    for number in range(draw(st.integers(0, 25))):
        source = draw(st.sampled_from(list(Source)))
        for other in Source:
            if other is not source and draw(st.booleans()):
                # A service that hears of an event has, by its inbox, heard of all that the event's producer had.
                _hear(streams, heard, source, other, len(streams[other]))
        entry = Entry(
            source=source,
            sequence=len(streams[source]) + 1,
            id=UUID(int=draw(st.integers(0, 2**32)) << 32 | number),
            at=START + timedelta(seconds=draw(st.integers(-3, 3))),
            recorded_at=START,
            cycle=1,
            event=EVENT,
            seen=dict(heard[source]),
        )
        streams[source].append(entry)
    return streams


def _hear(
    streams: Mapping[Source, list[Entry]],
    heard: dict[Source, dict[Source, int]],
    listener: Source,
    speaker: Source,
    told: int,
) -> None:
    known = heard[listener].get(speaker, 0)
    if told <= known:
        return
    heard[listener][speaker] = told
    for entry in streams[speaker][known:told]:
        for source, sequence in entry.seen.items():
            if source is not listener:
                _hear(streams, heard, listener, source, sequence)


def behind(streams: Streams, place: Place) -> Streams:
    """Return what is left to tell after a place."""
    return {s: [e for e in entries if e.sequence > place.get(s, 0)] for s, entries in streams.items()}


def whole(streams: Streams) -> list[Told]:
    return merge(streams, BEGINNING, sum(map(len, streams.values())))


@given(histories())
def test_nothing_stands_before_what_it_knew_of(streams: Streams) -> None:
    told: dict[Source, int] = dict.fromkeys(Source, 0)
    for step in whole(streams):
        entry = step.entry
        assert entry.sequence == told[entry.source] + 1
        assert all(told[source] >= sequence for source, sequence in entry.seen.items())
        told[entry.source] = entry.sequence
        assert {s: step.place.get(s, 0) for s in Source} == told
    assert told == {source: len(entries) for source, entries in streams.items()}


@given(histories(), st.integers(1, 7))
def test_pages_joined_are_the_whole(streams: Streams, first: int) -> None:
    pages, place = list[Told](), BEGINNING
    while page := merge({s: e[:first] for s, e in behind(streams, place).items()}, place, first):
        pages += page
        place = page[-1].place
    assert [t.entry for t in pages] == [t.entry for t in whole(streams)]


@given(histories())
def test_where_nothing_was_known_time_decides(streams: Streams) -> None:
    unaware = {s: [replace(e, seen={}, at=START) for e in entries] for s, entries in streams.items()}
    told = [t.entry for t in whole(unaware)]
    for earlier, later in pairwise(told):
        if earlier.source is not later.source:
            waiting = next(e for e in unaware[later.source] if e.sequence == later.sequence)
            assert earlier.id < waiting.id or earlier.sequence < len(unaware[earlier.source])


@given(histories(), st.sets(st.tuples(st.sampled_from(list(Source)), st.integers(1, 12))))
def test_leaving_entries_out_keeps_the_others_in_a_causal_order(
    streams: Streams, hidden: set[tuple[Source, int]]
) -> None:
    shown = {s: [e for e in entries if (s, e.sequence) not in hidden] for s, entries in streams.items()}
    told = [t.entry for t in whole(shown)]
    assert len(told) == sum(map(len, shown.values()))
    place = {id(entry): n for n, entry in enumerate(told)}
    for entry in told:
        for source, sequence in entry.seen.items():
            earlier = [e for e in shown[source] if e.sequence <= sequence]
            assert all(place[id(e)] < place[id(entry)] for e in earlier)


def test_of_two_that_did_not_know_of_each_other_the_earlier_comes_first() -> None:
    late = Entry(Source.INTAKE, 1, UUID(int=1), START + timedelta(seconds=1), START, 1, EVENT)
    early = Entry(Source.DISPATCH, 1, UUID(int=2), START, START, 1, EVENT)
    twin = Entry(Source.FEEDBACK, 1, UUID(int=0), START, START, 1, EVENT)
    streams = {Source.INTAKE: [late], Source.DISPATCH: [early], Source.FEEDBACK: [twin]}
    assert [t.entry for t in merge(streams, BEGINNING, 9)] == [twin, early, late]


def test_a_clock_that_is_slow_does_not_turn_cause_and_effect_round() -> None:
    cause = Entry(Source.INTAKE, 1, UUID(int=1), START + timedelta(hours=1), START, 1, EVENT)
    effect = Entry(Source.DISPATCH, 1, UUID(int=2), START, START, 1, EVENT, {Source.INTAKE: 1})
    streams = {Source.INTAKE: [cause], Source.DISPATCH: [effect]}
    assert [t.entry for t in merge(streams, BEGINNING, 9)] == [cause, effect]
