"""The independent check on real servers: clean after whole lives, and it names whatever is broken behind its back."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from deploy.audit.check import check
from deploy.audit.commands import Acknowledged
from deploy.audit.findings import Kind, Report
from deploy.audit.living import Audit, Census
from deploy.audit.place import SERVICES, Place, connected
from deploy.local.settings import ROOT
from services.kernel.kafka import Broker, Topic, create_topics, new_producer
from services.kernel.rebuild import rebuild
from services.kernel.service import rebuild_plan
from tests.support.district import District
from tests.support.lives import LIVES, Recorder, closed, rejected, withdrawn
from tests.support.topics import Message, fetch_all, topics


@dataclass(frozen=True)
class Played:
    """A district after some lives, and what its people remember."""

    district: District
    people: Recorder
    petitions: dict[str, UUID]

    @property
    def place(self) -> Place:
        databases = {s: self.district.services[s].settings.database_url.get_secret_value() for s in SERVICES}
        return Place(databases, self.district.servers.bootstrap, self.district.prefix)

    async def report(self, place: Place | None = None, **other: Any) -> Report:
        given: dict[str, Any] = {
            "acknowledged": self.people.acknowledged,
            "attempted": self.people.attempted,
            "now": self.district.time.now,
            "settle_within": 10,
            "between": 0.1,
            **other,
        }
        return await check(place or self.place, **given)


@pytest.fixture(scope="module")
async def played(through_train: District) -> Played:
    """One petition of every kind of life."""
    people = Recorder(through_train)
    return Played(through_train, people, {name: UUID((await live(people)).id) for name, live in LIVES.items()})


async def test_a_system_that_did_everything_right_is_found_clean(played: Played) -> None:
    report = await played.report()
    assert report.clean, str(report)
    assert report.petitions == len(LIVES)
    assert report.messages == report.events > 20 * len(LIVES)


async def test_rebuilt_views_are_found_clean_too(played: Played) -> None:
    for service in played.district.services.values():
        await rebuild(rebuild_plan(service.wiring, service.settings), lambda _: None)
    report = await played.report()
    assert report.clean, str(report)


BRIEF: Final = (closed, withdrawn, rejected) * 2


async def test_a_system_that_is_at_work_is_not_accused(played: Played) -> None:
    people = played.people
    working = asyncio.gather(*(live(people) for live in BRIEF))
    found: list[str] = []
    while not working.done():
        report = await played.report(settle_within=0, looks=3, between=1, acknowledged=(), attempted=None)
        found += map(str, report.findings)
    await working
    assert found == []


async def test_an_event_that_is_under_way_is_no_fault(played: Played) -> None:
    people, dispatch = played.people, played.district.dispatch
    filed = await people.file("representative")
    await people.screen(filed)
    await dispatch.stop()
    try:
        (await people.hand_over(filed)).ok()  # from here its clock is dispatch's to start
        async with connected(played.place.databases) as connections:
            audit = Audit(connections, played.district.time, timedelta(seconds=10))
            gone = await audit.run(looks=2, between=0)
            assert {(f.kind, f.petition) for f in gone.findings} == {(Kind.UNCLOCKED, UUID(filed.id))}, gone
            looking = asyncio.create_task(audit.run(looks=2, between=2))
            await dispatch.start()
            census = await looking
    finally:
        if dispatch.runtime is None:
            await dispatch.start()
    assert census.suspects == 1
    assert census.findings == []


@pytest.fixture(scope="module")
async def at_rest(played: Played) -> Played:
    """The same with its services stopped, so that nobody mends, publishes or fires what a test breaks."""
    for service in played.district.services.values():
        await service.stop()
    return played


@asynccontextmanager
async def _broken(played: Played, service: str, *statements: tuple[str, tuple[object, ...]]) -> AsyncGenerator[Place]:
    """Yield a place where one service's database is a copy in which statements were run."""
    url, copy = played.place.databases[service], f"broken_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(played.district.servers.admin_dsn)
    try:
        await admin.execute(f'CREATE DATABASE {copy} TEMPLATE "{url.rsplit("/", 1)[1]}" OWNER {service}')
        broken = f"{url.rsplit('/', 1)[0]}/{copy}"
        connection = await asyncpg.connect(broken)
        for statement, arguments in statements:
            done = await connection.execute(statement, *arguments)
            assert not done.endswith(" 0"), f"nothing was broken: {done}"
        await connection.close()
        yield replace(played.place, databases={**played.place.databases, service: broken})
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)")
        await admin.close()


AGAIN: Final = """
INSERT INTO own.event (aggregate_id, sequence, event_id, type, cycle, happened_at, data, seen, correlation_id,
                       causation_id, street, community, lead, cohandlers, followers)
SELECT aggregate_id, (SELECT sequence + 1 FROM own.petition WHERE petition_id = $1), gen_random_uuid(), type, cycle,
       happened_at, data, seen, correlation_id, causation_id, street, community, lead, cohandlers, followers
FROM own.event WHERE aggregate_id = $1 AND type = $2 ORDER BY sequence DESC LIMIT 1"""
COUNTED: Final = "UPDATE own.petition SET sequence = sequence + 1 WHERE petition_id = $1"
SWAP: Final = """
UPDATE own.event SET sequence = CASE sequence WHEN $2 THEN $2 + 1000001 ELSE $2 + 1000000 END
WHERE aggregate_id = $1 AND sequence IN ($2, $2 + 1)"""
SWAPPED: Final = "UPDATE own.event SET sequence = sequence - 1000000 WHERE aggregate_id = $1 AND sequence > 1000000"
TIMELINE_AGAIN: Final = """
INSERT INTO view.event SELECT petition_id, source, sequence + 100, event_id, type, cycle, happened_at, recorded_at,
       seen, data FROM view.event WHERE petition_id = $1 AND type = 'petition.replied'"""
ORDER_AGAIN: Final = """
INSERT INTO own.work_order SELECT (jsonb_populate_record(work_order, jsonb_build_object('work_order_id',
       gen_random_uuid()))).* FROM own.work_order WHERE petition_id = $1"""


@dataclass(frozen=True)
class Break:
    """What is done behind the system's back, where and to whose petition, and what the report must say of it."""

    service: str
    life: str
    statements: tuple[str | tuple[str, object], ...]
    kind: Kind
    says: str

    def commands(self, petition: UUID) -> list[tuple[str, tuple[object, ...]]]:
        listed = [s if isinstance(s, tuple) else (s,) for s in self.statements]
        return [(first, (petition, *others)) for first, *others in listed]


_OF = "WHERE petition_id = $1"
BREAKS: Final = {
    "an event is deleted": Break(
        "intake",
        "closed",
        ("DELETE FROM own.event WHERE aggregate_id = $1 AND sequence = 4",),
        Kind.LOST,
        "the history has no sequence 4",
    ),
    "the last event is deleted": Break(
        "feedback",
        "closed",
        ("DELETE FROM own.event WHERE aggregate_id = $1 AND type = 'petition.closed'",),
        Kind.LOST,
        "was published, and the history does not have it",
    ),
    "an event is recorded twice": Break(
        "dispatch",
        "closed",
        ((AGAIN, "work_order.acknowledged"), COUNTED),
        Kind.DOUBLED,
        "is answered under no idempotency key",
    ),
    "two events are swapped": Break(
        "dispatch",
        "closed",
        ((SWAP, 4), SWAPPED),
        Kind.OUT_OF_ORDER,
        "was published as sequence",
    ),
    "an event says something else": Break(
        "intake",
        "closed",
        ('UPDATE own.event SET data = data || \'{"category": "noise"}\' WHERE aggregate_id = $1 AND sequence = 4',),
        Kind.DISAGREE,
        "was published with another data",
    ),
    "the petition is deleted": Break(
        "feedback", "closed", (f"DELETE FROM own.petition {_OF}",), Kind.LOST, "the petition itself is not there"
    ),
    "a line of the timeline is deleted": Break(
        "feedback",
        "closed",
        (f"DELETE FROM view.event {_OF} AND type = 'petition.replied'",),
        Kind.LOST,
        "the timeline lacks petition.replied",
    ),
    "a line of the timeline is told twice": Break(
        "feedback", "closed", (TIMELINE_AGAIN,), Kind.DOUBLED, "the timeline has one event twice"
    ),
    "a late clock is not on the board": Break(
        "feedback", "late", (f"DELETE FROM view.clock {_OF}",), Kind.LOST, "the board lacks the ACCEPTANCE clock"
    ),
    "the board shows another level": Break(
        "feedback", "late", (f"UPDATE view.clock SET level = 1 {_OF}",), Kind.DISAGREE, "level is 1, not 3"
    ),
    "a work order is deleted": Break(
        "dispatch", "closed", (f"DELETE FROM own.work_order {_OF}",), Kind.LOST, "was opened, and is not stored"
    ),
    "a work order is there twice": Break(
        "dispatch", "closed", (ORDER_AGAIN,), Kind.DOUBLED, "is stored, and no event opened it"
    ),
    "a reaction happened twice": Break(
        "dispatch",
        "closed",
        ((AGAIN, "work_order.opened"), COUNTED),
        Kind.DOUBLED,
        "took effect a second time: work_order.opened",
    ),
    "a reaction did not happen": Break(
        "dispatch",
        "closed",
        (
            "DELETE FROM own.event WHERE aggregate_id = $1",
            f"DELETE FROM own.petition {_OF}",
            f"DELETE FROM own.clock {_OF}",
            f"DELETE FROM own.work_order {_OF}",
        ),
        Kind.LOST,
        "was applied, and work_order.opened did not come of it",
    ),
    "a follower is forgotten": Break(
        "dispatch",
        "followed",
        (f"UPDATE own.petition SET followers = followers[:2] {_OF}",),
        Kind.DISAGREE,
        "the petition: followers is not what follows",
    ),
    "an event is not a follower's": Break(
        "intake",
        "followed",
        ("UPDATE own.event SET followers = followers[:1] WHERE aggregate_id = $1 AND type = 'petition.accepted'",),
        Kind.DISAGREE,
        "is carried to rep-hui-bi; the petition is followed by rep-hui-bi, rep-peng-xuan",
    ),
    "an instruction is gone": Break(
        "dispatch", "pressed", (f"DELETE FROM own.instruction {_OF} AND answer IS NULL",), Kind.LOST, "was given, and"
    ),
    "the clock of an instruction is gone": Break(
        "dispatch",
        "pressed",
        (f"DELETE FROM own.clock {_OF} AND kind = 'INSTRUCTION' AND state = 'RUNNING'",),
        Kind.LOST,
        "the INSTRUCTION clock",
    ),
    "a visit was not scheduled": Break(
        "feedback",
        "sent back",
        ("UPDATE own.event SET type = 'visit.attempted' WHERE aggregate_id = $1 AND type = 'visit.scheduled'",),
        Kind.LOST,
        "was applied, and visit.scheduled did not come of it",
    ),
    "progress goes back": Break(
        "feedback",
        "closed",
        ("UPDATE own.progress SET applied = applied - 1 WHERE aggregate_id = $1 AND source = 'dispatch'",),
        Kind.BEHIND,
        "dispatch's events are applied to",
    ),
    "the view's progress goes back": Break(
        "intake",
        "closed",
        ("UPDATE view.progress SET applied = applied - 1 WHERE aggregate_id = $1 AND source = 'feedback'",),
        Kind.DISAGREE,
        "feedback's events are in the views to",
    ),
    "an event is parked": Break(
        "dispatch",
        "closed",
        (
            "INSERT INTO own.parked VALUES ($1, 'intake', 99, 'POISON', '', '[]', '', 't', 0, 0)",
            "UPDATE own.progress SET parked = 1 WHERE aggregate_id = $1 AND source = 'intake'",
        ),
        Kind.PARKED,
        "intake:99 is parked as POISON",
    ),
    "the clock of an open petition is gone": Break(
        "intake", "late", (f"DELETE FROM own.clock {_OF}",), Kind.UNCLOCKED, "no clock runs in any service"
    ),
    "the clock of an open petition stands still": Break(
        "intake",
        "late",
        (f"UPDATE own.clock SET state = 'STOPPED' {_OF}",),
        Kind.UNCLOCKED,
        "no clock runs in any service",
    ),
    "a pause has no end": Break(
        "dispatch",
        "ruled",
        (f"UPDATE own.clock SET state = 'PAUSED' {_OF} AND kind = 'HANDLING' AND state = 'RUNNING'",),
        Kind.UNCLOCKED,
        "no INFORMATION clock ends the pause",
    ),
    "a clock missed its time": Break(
        "intake",
        "late",
        (f"UPDATE own.clock SET level = 1, fires_at = due_at {_OF} AND level = 4",),
        Kind.UNFIRED,
        "should have fired and stands at level 1",
    ),
    "an escalation happened twice": Break(
        "intake",
        "late",
        ((AGAIN, "clock.escalated"), COUNTED),
        Kind.DOUBLED,
        "reaches level 3 of a ACCEPTANCE clock a second time",
    ),
    "an escalation did not happen": Break(
        "intake",
        "late",
        ("DELETE FROM own.event WHERE aggregate_id = $1 AND type = 'clock.escalated' AND data ->> 'level' = '2'",),
        Kind.OUT_OF_ORDER,
        "reaches level 3 of a ACCEPTANCE clock right after level 2",
    ),
    "a firing is not stored": Break(
        "intake",
        "late",
        (f"DELETE FROM own.clock_firing {_OF} AND level = 3",),
        Kind.LOST,
        "no firing stored for level",
    ),
    "a state is changed": Break(
        "intake",
        "reopened",
        (f"UPDATE own.petition SET state = 'SCREENING' {_OF}",),
        Kind.DISAGREE,
        "state is 'SCREENING', not 'READY'",
    ),
    "a cycle is changed": Break(
        "dispatch",
        "reopened",
        (f"UPDATE own.petition SET cycle = 3 {_OF}",),
        Kind.DISAGREE,
        "cycle is 3, not 2",
    ),
    "a withdrawal is forgotten": Break(
        "feedback",
        "withdrawn",
        (f"UPDATE own.petition SET withdrawn = false {_OF}",),
        Kind.DISAGREE,
        "withdrawn is False, not True",
    ),
    "a recalled visit stands again": Break(
        "feedback",
        "sent back",
        (f"UPDATE own.case SET round = 1 {_OF}",),
        Kind.DISAGREE,
        "round is 1, not 2",
    ),
    "a view is changed": Break(
        "intake",
        "closed",
        (f"UPDATE view.petition SET dispatch_state = 'PENDING' {_OF}",),
        Kind.DISAGREE,
        "dispatch_state is 'PENDING', not 'REPLIED'",
    ),
    "a stage is changed": Break(
        "feedback",
        "late",
        (f"UPDATE view.petition SET intake_stage = 'DECIDE' {_OF}",),
        Kind.DISAGREE,
        "stage is 'DECIDE', not 'RAISE'",
    ),
    "an acknowledged command has left nothing": Break(
        "intake",
        "rejected",
        (
            "DELETE FROM own.event WHERE aggregate_id = $1",
            f"DELETE FROM own.petition {_OF}",
            "DELETE FROM own.idempotency WHERE answer::jsonb #>> '{petition,head,id}' = $1::uuid::text",
        ),
        Kind.LOST,
        "acknowledged submitPetition at sequence 2: there is no such event",
    ),
    "an idempotency key is lost": Break(
        "dispatch",
        "closed",
        (
            """DELETE FROM own.idempotency WHERE mutation = 'startWorkOrder'
               AND answer::jsonb #>> '{petition,head,id}' = $1::uuid::text""",
        ),
        Kind.LOST,
        "acknowledged startWorkOrder",
    ),
    "a key has two answers": Break(
        "intake",
        "closed",
        (
            """INSERT INTO own.idempotency SELECT 'twin', mutation, key, input_hash, answer FROM own.idempotency
               WHERE mutation = 'submitPetition' AND answer::jsonb #>> '{petition,head,id}' = $1::uuid::text""",
        ),
        Kind.DOUBLED,
        "of submitPetition has 2 answers stored",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
async def test_what_is_broken_in_a_database_is_named(at_rest: Played, name: str) -> None:
    it = BREAKS[name]
    petition = at_rest.petitions[it.life]
    async with _broken(at_rest, it.service, *it.commands(petition)) as place:
        report = await at_rest.report(place, settle_within=0, looks=1)
    found = [f for f in report.findings if (f.kind, f.petition) == (it.kind, petition)]
    assert any(it.says in f.sentence and f.service == it.service for f in found), str(report)
    assert {f.petition for f in report.findings} <= {petition, None}, str(report)


async def test_what_an_operator_passed_over_need_have_had_no_effect(at_rest: Played) -> None:
    statements = (
        "DELETE FROM view.event WHERE petition_id = $1 AND source = 'intake' AND sequence = 7",
        """INSERT INTO own.discarded (aggregate_id, source, sequence, error, discarded_by, because)
           VALUES ($1, 'intake', 7, '', 'operator', 'it cannot be read')""",
    )
    given = (at_rest.petitions["closed"],)
    async with _broken(at_rest, "feedback", *((statement, given) for statement in statements)) as place:
        report = await at_rest.report(place, settle_within=0, looks=1)
    assert report.clean, str(report)
    assert report.passed_over == 1


async def _living(played: Played, place: Place, **other: Any) -> Census:
    given: dict[str, Any] = {"now": played.district.time, "tick": timedelta(seconds=10), "page": 3, **other}
    async with connected(place.databases) as connections:
        return await Audit(connections, **given).run(looks=2, between=0)


async def test_the_audit_counts_what_is_open_and_where(at_rest: Played) -> None:
    census = await _living(at_rest, at_rest.place)
    assert census.findings == []
    assert census.petitions == len(LIVES) + len(BRIEF) + 1
    # Open are those that were left so; a fortnight has closed what closes by itself.
    assert dict(census.standing) == {
        "feedback LEDGERED": 1,
        "dispatch ACKNOWLEDGED": 1,
        "dispatch IN_PROGRESS": 2,
        "dispatch PENDING": 1,
        "intake SCREENING": 1,
        "intake SUBMITTED": 1,
    }
    assert census.open == census.standing.total()
    assert census.running["LEDGER_REVIEW"] == 1


@pytest.mark.parametrize(
    "name",
    [
        "the clock of an open petition is gone",
        "the clock of an open petition stands still",
        "a pause has no end",
        "a clock missed its time",
    ],
)
async def test_the_audit_names_who_waits_unseen(at_rest: Played, name: str) -> None:
    it = BREAKS[name]
    petition = at_rest.petitions[it.life]
    async with _broken(at_rest, it.service, *it.commands(petition)) as place:
        census = await _living(at_rest, place)
    found = {(f.kind, f.petition) for f in census.findings}
    assert (it.kind, petition) in found, census
    assert {about for _, about in found} == {petition}


async def test_the_audits_command_line_says_it_by_table_and_exit_code(at_rest: Played, tmp_path: Path) -> None:
    place = at_rest.place
    clock = tmp_path / "clock.json"
    environment = {
        **os.environ,
        **{f"THROUGH_TRAIN_AUDIT_{s.upper()}_URL": url for s, url in place.databases.items()},
        "THROUGH_TRAIN_KAFKA_BOOTSTRAP": place.bootstrap,
        "THROUGH_TRAIN_TOPIC_PREFIX": place.prefix,
        "THROUGH_TRAIN_DOMAIN_CLOCK": str(clock),
    }

    async def run(*arguments: str, now: datetime, **other: str) -> tuple[int | None, str]:
        clock.write_text(json.dumps({"system": str(datetime.now(UTC)), "domain": str(now), "speed": 1.0}))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.audit", "--between", "0", *arguments),
            cwd=ROOT,
            env={**environment, **other},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    now = at_rest.district.time.now
    code, said = await run("--full", now=now)
    assert (code, "nothing is wrong" in said) == (0, True), said
    assert "dispatch ACKNOWLEDGED" in said
    code, said = await run(now=now + timedelta(days=60))
    assert (code, "UNFIRED" in said) == (1, True), said
    code, said = await run(now=now, THROUGH_TRAIN_AUDIT_INTAKE_URL="postgresql://nobody@127.0.0.1:1/intake")
    assert (code, "cannot be reached" in said) == (2, True), said


Messages = dict[str, list[Message]]
LISTENED: Final = "petition.listened"
CARRIED: Final = ("petition.intake.v1", "petition.dispatch.v1", "petition.feedback.v1")
REFERENCES: Final = ("reference.intake.v1", "reference.dispatch.v1")


@pytest.fixture(scope="module")
async def messages(at_rest: Played) -> Messages:
    """Everything that the district's topics carry."""
    district = at_rest.district
    feeds = sorted(name.removeprefix(district.prefix) for name in await topics(district) if ".feed." in name)
    return {name: await fetch_all(district, f"{district.prefix}{name}") for name in (*CARRIED, *REFERENCES, *feeds)}


async def _copied(played: Played, messages: Messages) -> Place:
    """Return a place whose topics are new and carry these messages."""
    prefix, bootstrap = f"t{uuid4().hex[:8]}-", played.place.bootstrap
    copies = [Topic(f"{prefix}{name}", 2 if name in CARRIED else 1) for name in messages]
    await create_topics(Broker(bootstrap), copies, replication=1)
    producer = new_producer(Broker(bootstrap))
    await producer.start()
    try:
        sent = [
            await producer.send(f"{prefix}{name}", m.value, m.key, headers=list(m.headers))
            for name, of in messages.items()
            for m in of
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return replace(played.place, prefix=prefix)


def _header(message: Message, name: str) -> str:
    return dict(message.headers)[name].decode()


def _with(message: Message, **headers: str) -> Message:
    return replace(message, headers=[*(dict(message.headers) | {k: v.encode() for k, v in headers.items()}).items()])


def _lost(of: list[Message], at: int) -> None:
    del of[at]


def _doubled(of: list[Message], at: int) -> None:
    of.append(_with(of[at], ce_id=str(uuid4())))


def _swapped(of: list[Message], at: int) -> None:
    of[at], of[at + 1] = of[at + 1], of[at]


def _altered(of: list[Message], at: int) -> None:
    of[at] = _with(of[at], ce_street="elsewhere")


def _renumbered(of: list[Message], at: int) -> None:
    of[at] = _with(of[at], ce_sequence=_header(of[at + 1], "ce_sequence"))


TOPIC_BREAKS: Final[dict[str, tuple[Callable[[list[Message], int], None], Kind, str]]] = {
    "an event was never published": (_lost, Kind.LOST, "petition.listened intake:6 was never published"),
    "an event was published twice as two": (_doubled, Kind.DOUBLED, "the topic has two events at sequence 6"),
    "two events changed places": (_swapped, Kind.OUT_OF_ORDER, "has petition.listened intake:6 after petition.looked"),
    "an event was published elsewhere": (_altered, Kind.DISAGREE, "was published with another street"),
    "an event took another's number": (_renumbered, Kind.DOUBLED, "the topic has two events at sequence 7"),
}


@pytest.mark.parametrize("name", TOPIC_BREAKS)
async def test_what_is_broken_on_a_topic_is_named(at_rest: Played, messages: Messages, name: str) -> None:
    do, kind, says = TOPIC_BREAKS[name]
    petition = at_rest.petitions["closed"]
    of = list(messages["petition.intake.v1"])
    do(of, next(n for n, m in enumerate(of) if m.key == str(petition).encode() and _header(m, "ce_type") == LISTENED))
    place = await _copied(at_rest, messages | {"petition.intake.v1": of})
    report = await at_rest.report(place, settle_within=0, looks=1)
    assert any(f.kind is kind and f.petition == petition and says in f.sentence for f in report.findings), str(report)
    assert {f.petition for f in report.findings} == {petition}, str(report)


HOUSING: Final = "department.housing.feed.v1"
FEED_BREAKS: Final[dict[str, tuple[Callable[[list[Message], int], None], Kind, str]]] = {
    "an event is missing": (_lost, Kind.LOST, "its topic goes from number 2 to 4"),
    "an event is another": (lambda of, at: _altered_id(of, at), Kind.DISAGREE, "number 3 on its topic"),
    "the end is missing": (lambda of, at: of.__delitem__(slice(at, None)), Kind.LOST, "its topic ends at number 2"),
}


def _altered_id(of: list[Message], at: int) -> None:
    of[at] = _with(of[at], ce_id=str(uuid4()))


@pytest.mark.parametrize("name", FEED_BREAKS)
async def test_what_is_broken_on_a_departments_topic_is_named(at_rest: Played, messages: Messages, name: str) -> None:
    do, kind, says = FEED_BREAKS[name]
    of = list(messages[HOUSING])
    do(of, 2)
    report = await at_rest.report(await _copied(at_rest, messages | {HOUSING: of}), settle_within=0, looks=1)
    assert any(f.kind is kind and says in f.sentence for f in report.findings), str(report)
    assert all("department housing" in f.sentence for f in report.findings), str(report)


_FED_TWICE: Final = """
INSERT INTO own.department_feed (department, number, aggregate_id, sequence)
SELECT department, (SELECT max(number) + 1 FROM own.department_feed WHERE department = 'housing'),
       aggregate_id, sequence
FROM own.department_feed WHERE department = 'housing' AND number = 1"""


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (
            "DELETE FROM own.department_feed WHERE department = 'housing' AND number = 2",
            {Kind.LOST: "concerns it, and is not in its feed"},
        ),
        (
            _FED_TWICE,
            {Kind.DOUBLED: "is in its feed, and should not be", Kind.LOST: "its topic ends at number"},
        ),
    ],
)
async def test_what_is_broken_in_a_departments_feed_is_named(
    at_rest: Played, statement: str, says: dict[Kind, str]
) -> None:
    async with _broken(at_rest, "dispatch", (statement, ())) as place:
        report = await at_rest.report(place, settle_within=0, looks=1)
    for kind, sentence in says.items():
        assert any(f.kind is kind and sentence in f.sentence for f in report.findings), str(report)


async def test_what_is_published_again_as_it_was_is_counted_and_no_fault(at_rest: Played, messages: Messages) -> None:
    again = {name: of if name in REFERENCES else [*of, *of] for name, of in messages.items()}
    report = await at_rest.report(await _copied(at_rest, again), settle_within=0, looks=1)
    assert report.clean, str(report)
    assert report.republished * 2 == report.messages


async def test_strangers_are_named_unless_they_are_expected(at_rest: Played, messages: Messages) -> None:
    petition, event = uuid4(), uuid4()
    of = messages["petition.dispatch.v1"]
    stranger = replace(
        _with(of[0], ce_id=str(event), ce_subject=str(petition), ce_sequence="1"), key=str(petition).encode()
    )
    noise = Message(b"noise", b"{", [])
    place = await _copied(at_rest, messages | {"petition.dispatch.v1": [*of, stranger, noise]})
    report = await at_rest.report(place, settle_within=0, looks=1)
    assert {(f.kind, f.petition) for f in report.findings} >= {(Kind.LOST, petition), (Kind.FOREIGN, None)}
    assert report.unreadable == 1
    [where] = {
        f.sentence.split(" is no event")[0].rsplit(" ", 1)[1] for f in report.findings if "no event" in f.sentence
    }
    report = await at_rest.report(place, settle_within=0, looks=1, foreign=[petition, where])
    assert {f.sentence for f in report.findings} == {
        f"the unreadable message at {where} is not among the dead letters"
    }, str(report)


async def test_a_command_that_was_acknowledged_and_left_nothing_is_lost(at_rest: Played) -> None:
    closed, nowhere = at_rest.petitions["closed"], uuid4()
    made_up = [
        Acknowledged("closePetition", "some-key", "feedback", closed, 99),
        Acknowledged("submitPetition", "other-key", "intake", nowhere, 2),
    ]
    report = await at_rest.report(settle_within=0, looks=1, acknowledged=[*at_rest.people.acknowledged, *made_up])
    lost = {(f.petition, f.sentence) for f in report.findings if f.kind is Kind.LOST}
    assert (closed, "acknowledged closePetition at sequence 99: there is no such event") in lost, str(report)
    assert (nowhere, "acknowledged submitPetition: the petition exists nowhere") in lost, str(report)


async def test_a_command_that_nobody_sent_is_named(at_rest: Played) -> None:
    closed = at_rest.petitions["closed"]
    [unsent] = [c for c in at_rest.people.acknowledged if (c.mutation, c.petition) == ("closePetition", closed)]
    attempted = at_rest.people.attempted - {(unsent.mutation, unsent.key)}
    report = await at_rest.report(settle_within=0, looks=1, attempted=attempted)
    assert [(f.kind, f.petition) for f in report.findings] == [(Kind.FOREIGN, unsent.petition)], str(report)


async def test_a_month_later_every_open_clock_is_overdue(at_rest: Played) -> None:
    report = await at_rest.report(settle_within=0, looks=1, now=at_rest.district.time.now + timedelta(days=60))
    assert {f.kind for f in report.findings} == {Kind.UNFIRED}, str(report)


async def test_what_does_not_come_to_rest_is_said(at_rest: Played) -> None:
    statement = "INSERT INTO own.outbox (aggregate_id, sequence, topic) VALUES ($1, 1, 'petition.intake.v1')"
    async with _broken(at_rest, "intake", (statement, (at_rest.petitions["closed"],))) as place:
        report = await at_rest.report(place, settle_within=0.3, looks=1)
    assert not report.settled
    assert [(f.kind, f.service) for f in report.findings] == [(Kind.UNSETTLED, "intake")], str(report)


@pytest.mark.parametrize(
    ("service", "statement", "says"),
    [
        ("feedback", "UPDATE own.rate SET solved = solved + 1", "the rates of"),
        ("dispatch", "UPDATE view.reference SET sequence = 7 WHERE kind = 'policy'", "keeps policy:"),
        ("intake", "UPDATE own.reference SET entry = entry || '{\"a\": 1}' WHERE id = 'drainage'", "category:drainage"),
    ],
)
async def test_what_belongs_to_no_petition_is_checked_too(
    at_rest: Played, service: str, statement: str, says: str
) -> None:
    async with _broken(at_rest, service, (statement, ())) as place:
        report = await at_rest.report(place, settle_within=0, looks=1)
    assert report.findings
    assert all(f.kind is Kind.DISAGREE and says in f.sentence for f in report.findings), str(report)


@pytest.mark.parametrize(
    ("service", "statement", "says"),
    [
        ("intake", "DELETE FROM own.original WHERE petition_id = $1", "its words are gone"),
        (
            "intake",
            "INSERT INTO own.addition SELECT $1, $1, now(), '', 'x' WHERE EXISTS (SELECT 1 FROM own.original)",
            "additions are kept",
        ),
        (
            "dispatch",
            "UPDATE own.event SET remark = NULL WHERE aggregate_id = $1 AND type = 'work_order.replied'",
            "work_order.replied #",
        ),
    ],
)
async def test_what_people_said_is_there(at_rest: Played, service: str, statement: str, says: str) -> None:
    petition = at_rest.petitions["closed"]
    async with _broken(at_rest, service, (statement, (petition,))) as place:
        report = await at_rest.report(place, settle_within=0, looks=1)
    assert [(f.kind, f.service, f.petition) for f in report.findings] == [(Kind.LOST, service, petition)], str(report)
    assert says in report.findings[0].sentence


@pytest.mark.parametrize(
    ("life", "statement", "says"),
    [
        (
            "erased",
            "INSERT INTO own.original SELECT $1, master_key, wrapped_key, words FROM own.original LIMIT 1",
            "its words are there, though erased",
        ),
        (
            "erased",
            "INSERT INTO own.contact SELECT $1, sealed FROM own.contact LIMIT 1",
            "1 contacts and 0 additions are there, though erased",
        ),
        (
            "erased",
            "UPDATE own.addition SET words = 'x' WHERE petition_id = $1",
            "0 contacts and 2 additions are there, though erased",
        ),
        (
            "closed",
            """WITH gone AS (DELETE FROM own.original WHERE petition_id = $1)
               INSERT INTO own.erasure SELECT $1, gen_random_uuid(), 1, now(), 'operator', 'x', 'x', 1, 0, 0, 0, ''""",
            "its erasure was told 0 times",
        ),
    ],
)
async def test_what_was_erased_is_gone_and_was_told(at_rest: Played, life: str, statement: str, says: str) -> None:
    petition = at_rest.petitions[life]
    async with _broken(at_rest, "intake", (statement, (petition,))) as place:
        report = await at_rest.report(place, settle_within=0, looks=1)
    said = {(f.kind, f.service, f.sentence) for f in report.findings}
    assert (Kind.DISAGREE, "intake", says) in said, str(report)
    assert {f.petition for f in report.findings} == {petition}
