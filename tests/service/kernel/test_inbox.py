"""The inbox on a real database: once each, in order, after what was seen; one stream parks, the others go on."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.contracts import catalogue
from services.contracts.dispatch import WorkOrderAcknowledged, WorkOrderReplied, WorkOrderStarted
from services.contracts.event import Event, Who
from services.contracts.feedback import PetitionClosed, VisitScheduled
from services.contracts.vocabulary import Role, Source
from services.kernel.arrivals import Arrived, arrived
from services.kernel.envelope import Envelope, to_message
from services.kernel.errors import InvalidInput, NotFound
from services.kernel.inbox import Discard, Handlers, Inbox, Replay
from services.kernel.tracing import untraced
from services.kernel.transaction import Database, Transaction, open_database
from tests.support.servers import Servers, template

BY = Who(role=Role.DEPARTMENT, subject="someone")
NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
SOURCES = frozenset({Source.DISPATCH, Source.FEEDBACK})


@dataclass
class Bad:
    """Sequences whose reaction or projection fails for good."""

    reaction: set[int] = field(default_factory=set)
    projection: set[int] = field(default_factory=set)


@dataclass
class Desk:
    """An inbox on a database of its own, and what it did."""

    database: Database
    inbox: Inbox
    bad: Bad
    statements: list[str]

    async def rows(self, query: str, *args: object) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in await self.database.reader.fetch(query, *args)]

    async def effects(self, petition: UUID, what: str = "reaction") -> list[tuple[str, int]]:
        """Return what was committed, in the order in which it was done."""
        query = "SELECT source, sequence FROM own.effect WHERE petition = $1 AND what = $2 ORDER BY nth"
        return await self.rows(query, petition, what)

    async def progress(self, petition: UUID) -> list[tuple[str, int, int]]:
        query = "SELECT source, received, applied FROM own.progress WHERE aggregate_id = $1 ORDER BY source"
        return await self.rows(query, petition)

    async def parked(self, petition: UUID) -> list[tuple[str, int, str]]:
        query = "SELECT source, sequence, reason FROM own.parked WHERE aggregate_id = $1 ORDER BY source, sequence"
        return await self.rows(query, petition)


async def _nothing() -> None:
    """These handlers keep nothing in memory."""


@pytest.fixture
async def desk(servers: Servers) -> AsyncGenerator[Desk]:
    name = f"inbox_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(servers.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template('intake')} OWNER intake")
    await admin.close()
    statements: list[str] = []
    database = await open_database(
        servers.dsns["intake"].rsplit("/", 1)[0] + f"/{name}",
        connections=4,
        application="test",
        observe=statements.append,
    )
    await database.reader.execute(
        "CREATE TABLE own.effect (nth serial, what text, petition uuid, source text, sequence int)"
    )
    bad = Bad()

    async def effect(tx: Transaction, what: str, meta: Envelope) -> None:
        insert = "INSERT INTO own.effect (what, petition, source, sequence) VALUES ($1, $2, $3, $4)"
        await tx.connection.execute(insert, what, UUID(meta.subject), meta.source.value, meta.sequence)

    async def react(tx: Transaction, event: Event, meta: Envelope) -> None:
        await effect(tx, "reaction", meta)
        if meta.sequence in bad.reaction:
            raise LookupError("a rule that this event violates")
        assert tx.seen[meta.source] == meta.sequence

    async def project_many(tx: Transaction, events: Sequence[tuple[Event, Envelope]]) -> None:
        if any(meta.sequence in bad.projection for _, meta in events):
            raise LookupError("a projection that this event breaks")
        for _, meta in events:
            await effect(tx, "projection", meta)

    reactions: dict[tuple[Source, type[Event]], Any] = {
        (source, event): react for source in SOURCES for event in catalogue.EVENTS[source].values()
    }
    handlers = Handlers(reactions, frozenset(), [project_many])
    yield Desk(database, Inbox(database, SOURCES, handlers, _nothing, untraced("feedback")), bad, statements)
    await database.close()


def event(
    petition: UUID, source: Source, sequence: int, seen: dict[Source, int] | None = None, **other: Any
) -> Arrived:
    """Return an event as a broker would hand it over."""
    order = uuid4()
    data: Event = (
        [
            WorkOrderAcknowledged(by=BY, work_order_id=order, department="housing"),
            WorkOrderStarted(by=BY, work_order_id=order),
            WorkOrderReplied(by=BY, work_order_id=order, department="housing"),
        ][sequence % 3]
        if source is Source.DISPATCH
        else [VisitScheduled(by=BY, case_id=order), PetitionClosed(by=BY, case_id=order)][sequence % 2]
    )
    fields: dict[str, Any] = {
        "id": uuid4(),
        "source": source,
        "type": data.TYPE,
        "subject": str(petition),
        "time": NOW,
        "recorded": NOW,
        "dataschema": catalogue.dataschema(source, data.TYPE),
        "sequence": sequence,
        "seen": seen or {},
        "correlation": "c",
        "causation": "c",
        "cycle": 1,
        "street": "huangtupo",
        "community": "community-73",
        **other,
    }
    key, value, headers = to_message(Envelope(**fields), catalogue.encode(data))
    return arrived(key, value, headers, "topic", 0, sequence)


D, F = Source.DISPATCH, Source.FEEDBACK


async def test_a_batch_takes_effect_once_and_in_order(desk: Desk) -> None:
    petition = uuid4()
    batch = [event(petition, D, n) for n in (1, 2, 3)]
    await desk.inbox.apply(batch)
    await desk.inbox.apply(batch)
    await desk.inbox.apply([*batch, *batch])
    assert await desk.effects(petition) == [(D, 1), (D, 2), (D, 3)]
    assert await desk.effects(petition, "projection") == [(D, 1), (D, 2), (D, 3)]
    assert await desk.progress(petition) == [("dispatch", 3, 3), ("feedback", 0, 0)]
    assert await desk.rows("SELECT source, applied FROM view.progress") == [("dispatch", 3)]


async def test_a_batch_is_one_transaction(servers: Servers, desk: Desk) -> None:
    petition = uuid4()
    desk.statements.clear()
    await desk.inbox.apply([event(petition, D, n) for n in range(1, 20)])
    assert sum(s.startswith("BEGIN") for s in desk.statements) == 1
    assert sum("inbox.lock:" in s for s in desk.statements) == 1


async def test_what_was_consumed_by_an_earlier_version_does_not_stand_for_what_is_now(desk: Desk) -> None:
    petition = uuid4()
    await desk.database.reader.execute(
        "INSERT INTO own.progress (aggregate_id, source) VALUES ($1, 'once'), ($1, 'long-ago')", petition
    )
    await desk.inbox.apply([event(petition, D, 1)])
    assert await desk.effects(petition) == [(D, 1)]


async def test_an_event_twice_in_one_batch_takes_effect_once(desk: Desk) -> None:
    petition = uuid4()
    one = event(petition, D, 1)
    await desk.inbox.apply([one, one, event(petition, D, 2), one])
    assert await desk.effects(petition) == [(D, 1), (D, 2)]


async def test_a_gap_parks_what_follows_until_it_is_filled(desk: Desk) -> None:
    petition = uuid4()
    await desk.inbox.apply([event(petition, D, 1), event(petition, D, 3), event(petition, D, 4)])
    assert await desk.parked(petition) == [("dispatch", 3, "GAP"), ("dispatch", 4, "GAP")]
    assert await desk.progress(petition) == [("dispatch", 1, 1), ("feedback", 0, 0)]
    await desk.inbox.apply([event(petition, D, 3)])
    await desk.inbox.apply([event(petition, D, 2)])
    assert await desk.effects(petition) == [(D, n) for n in (1, 2, 3, 4)]
    assert await desk.parked(petition) == []
    assert await desk.progress(petition) == [("dispatch", 4, 4), ("feedback", 0, 0)]


async def test_an_event_waits_for_what_its_producer_had_seen(desk: Desk) -> None:
    petition = uuid4()
    await desk.inbox.apply([event(petition, F, 1, {D: 2}), event(petition, F, 2)])
    assert await desk.parked(petition) == [("feedback", 1, "WAITING"), ("feedback", 2, "WAITING")]
    assert await desk.progress(petition) == [("dispatch", 0, 0), ("feedback", 2, 0)]
    await desk.inbox.apply([event(petition, D, 1)])
    assert await desk.effects(petition) == [(D, 1)]
    await desk.inbox.apply([event(petition, D, 2)])
    assert await desk.effects(petition) == [(D, 1), (D, 2), (F, 1), (F, 2)]
    assert await desk.parked(petition) == []


async def test_what_was_seen_of_a_source_that_is_not_consumed_is_skipped(desk: Desk) -> None:
    petition = uuid4()
    await desk.inbox.apply([event(petition, D, 1, {Source.INTAKE: 9})])
    assert await desk.effects(petition) == [(D, 1)]


async def test_every_order_of_arrival_ends_alike(desk: Desk) -> None:
    for order in permutations(range(4)):
        petition = uuid4()
        events = [
            event(petition, D, 1),
            event(petition, F, 1, {D: 1}),
            event(petition, D, 2, {F: 1}),
            event(petition, F, 2, {D: 2}),
        ]
        for index in order:
            await desk.inbox.apply([events[index]])
        assert await desk.effects(petition) == [(D, 1), (F, 1), (D, 2), (F, 2)]
        assert await desk.progress(petition) == [("dispatch", 2, 2), ("feedback", 2, 2)]
        assert await desk.parked(petition) == []


async def test_poison_parks_its_own_stream_and_nothing_else(desk: Desk) -> None:
    bad, good = uuid4(), uuid4()
    desk.bad.reaction = {2}
    batch = [
        event(bad, D, 1),
        event(good, D, 1),
        event(bad, D, 2),
        event(bad, D, 3),
        event(bad, F, 1),
        event(good, F, 1),
    ]
    await desk.inbox.apply(batch)
    assert await desk.parked(bad) == [("dispatch", 2, "POISON"), ("dispatch", 3, "WAITING")]
    assert await desk.parked(good) == []
    assert await desk.progress(bad) == [("dispatch", 3, 1), ("feedback", 1, 1)]
    assert await desk.progress(good) == [("dispatch", 1, 1), ("feedback", 1, 1)]
    # What the bad event had written before it failed is gone.
    assert await desk.effects(bad) == [(D, 1), (F, 1)]
    [(detail, topic, offset)] = await desk.rows(
        'SELECT detail, topic, "offset" FROM own.parked WHERE reason = $1', "POISON"
    )
    assert (detail, topic, offset) == ("LookupError", "topic", 2)


async def test_poison_is_not_tried_again_by_itself(desk: Desk) -> None:
    petition = uuid4()
    desk.bad.reaction = {1}
    await desk.inbox.apply([event(petition, D, 1)])
    desk.bad.reaction = set()
    await desk.inbox.apply([event(petition, D, 2)])
    await desk.inbox.apply([event(petition, D, 1)])
    assert await desk.effects(petition) == []
    assert await desk.parked(petition) == [("dispatch", 1, "POISON"), ("dispatch", 2, "WAITING")]


async def test_a_projection_that_fails_parks_the_event_that_broke_it(desk: Desk) -> None:
    bad, good = uuid4(), uuid4()
    desk.bad.projection = {2}
    await desk.inbox.apply([event(good, D, 1), event(bad, D, 1), event(bad, D, 2)])
    assert await desk.parked(bad) == [("dispatch", 2, "POISON")]
    assert await desk.parked(good) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "work_order.invented"},
        {"dataschema": "urn:through-train:dispatch:work_order.acknowledged:v2"},
    ],
)
async def test_what_this_reader_does_not_know_is_parked_not_dropped(desk: Desk, wrong: dict[str, Any]) -> None:
    petition = uuid4()
    await desk.inbox.apply([event(petition, D, 3, **wrong), event(petition, D, 1), event(petition, D, 2)])
    assert await desk.parked(petition) == [("dispatch", 3, "POISON")]
    assert await desk.effects(petition) == [(D, 1), (D, 2)]


async def test_a_service_must_account_for_every_event(desk: Desk) -> None:
    with pytest.raises(ValueError, match=r"neither reacted to nor ignored: dispatch/clock\.escalated"):
        Inbox(desk.database, frozenset({D}), Handlers({}, frozenset(), []), _nothing, untraced("feedback"))


def tried_again(petition: UUID) -> Replay:
    return Replay(petition, by="operator:li", because="the cause was mended")


def passed_over(petition: UUID, source: Source, sequence: int) -> Discard:
    return Discard(petition, source, sequence, by="operator:li", because="wrong by its author's own word")


async def test_a_replay_takes_on_what_was_poison_and_all_behind_it(desk: Desk) -> None:
    petition = uuid4()
    desk.bad.reaction = {2}
    await desk.inbox.apply([event(petition, D, n) for n in (1, 2, 3)] + [event(petition, F, 1, {D: 3})])
    assert await desk.inbox.replay(tried_again(petition)) == 0
    assert await desk.parked(petition) == [
        ("dispatch", 2, "POISON"),
        ("dispatch", 3, "WAITING"),
        ("feedback", 1, "WAITING"),
    ]
    desk.bad.reaction = set()
    assert await desk.inbox.replay(tried_again(petition)) == 3
    assert await desk.effects(petition) == [(D, 1), (D, 2), (D, 3), (F, 1)]
    assert await desk.effects(petition, "projection") == [(D, 1), (D, 2), (D, 3), (F, 1)]
    assert await desk.parked(petition) == []
    replays = await desk.rows("SELECT replayed_by, because, applied FROM own.replayed ORDER BY replayed_at")
    assert replays == [("operator:li", "the cause was mended", applied) for applied in (0, 3)]
    with pytest.raises(NotFound):
        await desk.inbox.replay(tried_again(petition))


async def test_what_is_discarded_has_no_effect_and_holds_up_nothing(desk: Desk) -> None:
    petition = uuid4()
    desk.bad.reaction = {2}
    await desk.inbox.apply([event(petition, D, n) for n in (1, 2, 3)])
    assert await desk.inbox.discard(passed_over(petition, D, 2)) == 1
    assert await desk.effects(petition) == [(D, 1), (D, 3)]
    assert await desk.progress(petition) == [("dispatch", 3, 3), ("feedback", 0, 0)]
    assert await desk.parked(petition) == []
    [kept] = await desk.rows(
        "SELECT source, sequence, error, discarded_by, because, data IS NOT NULL FROM own.discarded"
    )
    error = "LookupError"
    assert kept == ("dispatch", 2, error, "operator:li", "wrong by its author's own word", True)
    # Again, by the operator or by the broker: nothing more happens.
    assert await desk.inbox.discard(passed_over(petition, D, 2)) == 0
    await desk.inbox.apply([event(petition, D, 2)])
    assert await desk.effects(petition) == [(D, 1), (D, 3)]


async def test_an_event_that_never_came_can_be_passed_over_when_others_wait_for_it(desk: Desk) -> None:
    behind, elsewhere = uuid4(), uuid4()
    await desk.inbox.apply([event(behind, D, 2), event(elsewhere, F, 1, {D: 1})])
    with pytest.raises(InvalidInput, match="may just be late"):
        await desk.inbox.discard(passed_over(behind, D, 1))
    assert await desk.parked(behind) == [("dispatch", 2, "GAP")]
    await desk.database.reader.execute("UPDATE own.parked SET parked_at = parked_at - interval '301 seconds'")
    assert await desk.inbox.discard(passed_over(behind, D, 1)) == 1
    assert await desk.inbox.discard(passed_over(elsewhere, D, 1)) == 1
    assert await desk.effects(behind) == [(D, 2)]
    assert await desk.effects(elsewhere) == [(F, 1)]
    assert await desk.rows("SELECT DISTINCT error, data FROM own.discarded") == [("it never arrived", None)]
    # One comes after all: it has no effect any more, and is kept.
    await desk.inbox.apply([event(behind, D, 1), event(behind, D, 3)])
    assert await desk.effects(behind) == [(D, 2), (D, 3)]
    kept = await desk.rows("SELECT aggregate_id FROM own.discarded WHERE data IS NOT NULL")
    assert kept == [(behind,)]


@pytest.mark.parametrize(("source", "sequence"), [(D, 1), (D, 3), (D, 4), (F, 1), (Source.INTAKE, 1)])
async def test_only_what_holds_others_up_can_be_passed_over(desk: Desk, source: Source, sequence: int) -> None:
    petition = uuid4()
    await desk.inbox.apply([event(petition, D, 1), event(petition, D, 3)])
    with pytest.raises(InvalidInput, match="Next in their streams are dispatch:2, feedback:1"):
        await desk.inbox.discard(passed_over(petition, source, sequence))
    assert await desk.parked(petition) == [("dispatch", 3, "GAP")]
    assert await desk.rows("SELECT count(*) FROM own.discarded") == [(0,)]


async def test_two_who_discard_at_once_are_both_told_that_it_is_done(desk: Desk) -> None:
    petition = uuid4()
    desk.bad.reaction = {1}
    await desk.inbox.apply([event(petition, D, 1), event(petition, D, 2)])
    results = await asyncio.gather(*(desk.inbox.discard(passed_over(petition, D, 1)) for _ in range(4)))
    assert sorted(results) == [0, 0, 0, 1]
    assert await desk.effects(petition) == [(D, 2)]


async def test_discarding_one_poison_shows_the_next(desk: Desk) -> None:
    petition = uuid4()
    desk.bad.reaction = {1, 2}
    await desk.inbox.apply([event(petition, D, n) for n in (1, 2, 3)])
    assert await desk.inbox.discard(passed_over(petition, D, 1)) == 0
    assert await desk.parked(petition) == [("dispatch", 2, "POISON"), ("dispatch", 3, "WAITING")]
    assert await desk.progress(petition) == [("dispatch", 3, 1), ("feedback", 0, 0)]


async def test_operators_consumers_and_duplicates_at_once_leave_one_effect_each(desk: Desk) -> None:
    petition = uuid4()
    desk.bad.reaction = {1}
    events = [event(petition, D, n) for n in range(1, 8)]
    await desk.inbox.apply(events[:4])
    desk.bad.reaction = set()
    results = await asyncio.gather(
        *(desk.inbox.replay(tried_again(petition)) for _ in range(3)),
        *(desk.inbox.apply(events) for _ in range(3)),
        return_exceptions=True,
    )
    assert not [r for r in results if isinstance(r, Exception) and not isinstance(r, NotFound)]
    assert await desk.effects(petition) == [(D, n) for n in range(1, 8)]
    assert await desk.parked(petition) == []


async def test_bad_events_cost_the_others_of_their_batch_one_more_transaction(desk: Desk) -> None:
    bad, good = uuid4(), [uuid4() for _ in range(60)]
    desk.bad.reaction = {2}
    await desk.inbox.apply([event(bad, D, 1)])
    desk.statements.clear()
    await desk.inbox.apply(
        [*(event(one, D, 1) for one in good[:30]), event(bad, D, 2), *(event(one, D, 1) for one in good)]
    )
    assert sum(s.startswith("BEGIN") for s in desk.statements) == 2
    assert [await desk.effects(one) for one in good] == [[(D, 1)]] * 60
    # What comes behind it costs them nothing.
    desk.bad.reaction = set()
    desk.statements.clear()
    await desk.inbox.apply([event(good[0], D, 2), event(bad, D, 3), event(good[1], D, 2)])
    assert sum(s.startswith("BEGIN") for s in desk.statements) == 1


async def test_many_bad_events_in_one_batch_are_parked_in_one_more_pass(desk: Desk) -> None:
    petitions = [uuid4() for _ in range(40)]
    desk.bad.reaction, desk.bad.projection = {2}, {3}
    batch = [event(petition, D, n) for n in (1, 2) for petition in petitions[:20]]
    batch += [event(petition, D, n) for petition in petitions[20:] for n in (1,)]
    await desk.inbox.apply(batch)
    desk.bad.reaction = set()
    desk.statements.clear()
    await desk.inbox.apply([event(petition, D, n) for petition in petitions[20:] for n in (2, 3, 4)])
    assert sum(s.startswith("BEGIN") for s in desk.statements) == 2
    assert all([await desk.parked(p) == [("dispatch", 2, "POISON")] for p in petitions[:20]])
    assert all(
        [await desk.parked(p) == [("dispatch", 3, "POISON"), ("dispatch", 4, "WAITING")] for p in petitions[20:]]
    )
    assert all([await desk.effects(p, "projection") == [(D, 1), (D, 2)] for p in petitions[20:]])
