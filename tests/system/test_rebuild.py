"""Views made anew from the topics while the services go on: the same rows, nothing decided again, nobody refused."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from deploy.local.settings import ROOT
from services.contracts import catalogue
from services.contracts.event import Who
from services.contracts.feedback import VisitScheduled
from services.contracts.intake import PetitionListened
from services.contracts.reference import Department, Name
from services.contracts.vocabulary import Role, Source
from services.kernel import rebuild as rebuilding
from services.kernel.db import UNREACHABLE, Lock
from services.kernel.inbox import Discard, Reason
from services.kernel.kafka import Broker
from services.kernel.rebuild import Rebuilt, rebuild
from services.kernel.rebuild_view import RebuildError
from services.kernel.service import rebuild_plan
from tests.support.district import District, RunningService, eventually
from tests.support.following import TIMELINE, following
from tests.support.lives import LIVES, Recorder
from tests.support.people import People
from tests.support.publish import Voice
from tests.support.references import record
from tests.support.settling import settled
from tests.support.topics import fetch_all, republish

NAMES: Final = ("intake", "dispatch", "feedback")
_BY: Final = Who(role=Role.STREET_COMMITTEE, subject="someone")
_LISTENED: Final = PetitionListened(by=_BY)

_SERVED: Final = """SELECT table_name FROM information_schema.tables
WHERE table_schema = $1 AND table_type = 'BASE TABLE' ORDER BY table_name"""
_MADE: Final = """SELECT relname, relkind::text, reloptions::text, pg_get_indexdef(pg_class.oid) AS index
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = $1 ORDER BY relname"""
_SCHEMAS: Final = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'view%' ORDER BY nspname"

Rows = Mapping[str, list[str]]


async def rows_of(service: RunningService, schema: str) -> Rows:
    """Return every row of every table of a schema, as text."""
    found: dict[str, list[str]] = {}
    for table in await service.fetch(_SERVED, schema):
        name = table["table_name"]
        rows = await service.fetch(f"SELECT t::text AS row FROM {schema}.{name} AS t ORDER BY 1")
        found[name] = [row["row"] for row in rows]
    return found


async def rebuilt(service: RunningService, say: Callable[[str], None] = lambda _: None, **other: Any) -> Rebuilt:
    """Rebuild a service's view from this process."""
    return await rebuild(replace(rebuild_plan(service.wiring, service.settings), **other), say)


@pytest.fixture(scope="module")
async def district(through_train: District) -> District:
    """A district where everything has happened: all lives, repetitions, poison, gaps, and changed references."""
    people = Recorder(through_train)
    for life in LIVES.values():
        await life(people)
    await _repeat_everything(through_train)
    await _hold_up_and_pass_over(through_train)
    await _reorganise(through_train)
    await settled(through_train)
    return through_train


async def _repeat_everything(district: District) -> None:
    for source in Source:
        topic = catalogue.petition_topic(source, district.prefix)
        messages = await fetch_all(district, topic)
        await republish(district, topic, [*reversed(messages), *messages])


async def _hold_up_and_pass_over(district: District) -> None:
    """Poison that was passed over; a gap that stays; one that was passed over, late and never."""
    intake, feedback = Voice(district, Source.INTAKE), Voice(district, Source.FEEDBACK)
    poisoned, gaping, late, never = (str(uuid4()) for _ in range(4))
    await intake.say(poisoned, _LISTENED, type="petition.invented")
    await intake.say(poisoned, _LISTENED, _LISTENED)
    await intake.say(gaping, _LISTENED)
    intake.sequences[gaping] += 1
    await intake.say(gaping, _LISTENED)
    intake.sequences[late] += 1
    await intake.say(late, _LISTENED)
    await feedback.say(never, VisitScheduled(by=_BY, case_id=uuid4()), seen={Source.INTAKE: 1})
    for service in (district.dispatch, district.feedback):
        expected = {(poisoned, Reason.POISON), (poisoned, Reason.WAITING), (gaping, Reason.GAP), (late, Reason.GAP)}
        expected |= {(never, Reason.WAITING)} if service is district.dispatch else set()

        async def parked(service: RunningService = service, expected: set[Any] = expected) -> bool:
            found = await service.fetch("SELECT aggregate_id, reason FROM own.parked")
            return {(str(row["aggregate_id"]), Reason(row["reason"])) for row in found} == expected

        await eventually(parked)
        await service.execute("UPDATE own.parked SET parked_at = parked_at - interval '1 hour'")
        assert service.runtime is not None
        passed_over = [poisoned, late, *([never] if service is district.dispatch else [])]
        for petition in passed_over:
            order = Discard(UUID(petition), Source.INTAKE, 1, "test", "never mind")
            await service.runtime.parking.discard(order)
    intake.sequences[late] = 0
    await intake.say(late, _LISTENED)


async def _reorganise(district: District) -> None:
    """Rename a department, and rename it back: the newest state of an entry is what counts."""
    for name in ("住房局", "住房和城乡建设局", "住建局"):
        await _rename(district, "housing", name)


async def _rename(district: District, department: str, name: str) -> None:
    url = district.dispatch.settings.database_url.get_secret_value()
    await record("dispatch", url, [Department(id=department, name=Name(zh=name, en="Housing"))], now=district.time())


@pytest.mark.parametrize("name", NAMES)
async def test_a_rebuilt_view_has_the_same_rows_and_nothing_is_decided_again(district: District, name: str) -> None:
    service = district.services[name]
    before, own, made = (
        await rows_of(service, "view"),
        await rows_of(service, "own"),
        await service.fetch(_MADE, "view"),
    )
    assert min(map(len, before.values())) > 0
    done = await rebuilt(service)
    assert await rows_of(service, "view") == before
    assert await rows_of(service, "own") == own
    assert await service.fetch(_MADE, "view") == made
    assert await service.fetch(_SCHEMAS) == [{"nspname": "view"}]
    applied = await service.fetch("SELECT sum(applied) AS n FROM own.progress")
    assert done.events == applied[0]["n"]


_DAMAGES: Final = {
    "intake": ["UPDATE view.petition SET dispatch_state = 'ASSIGNED'", "DELETE FROM view.reference"],
    "dispatch": ["DELETE FROM view.progress", "DELETE FROM view.petition", "UPDATE view.reference SET entry = '{}'"],
    "feedback": [
        "UPDATE view.petition SET withdrawn = NOT withdrawn, followers = '{somebody}'",
        "DELETE FROM view.event WHERE sequence > 2",
        "DELETE FROM view.clock",
        "UPDATE view.progress SET applied = applied + 7",
    ],
}


@pytest.mark.parametrize("name", NAMES)
async def test_a_damaged_view_is_mended(district: District, name: str) -> None:
    service = district.services[name]
    before = await rows_of(service, "view")
    for damage in _DAMAGES[name]:
        await service.execute(damage)
    assert await rows_of(service, "view") != before
    await rebuilt(service)
    assert await rows_of(service, "view") == before


_READS: Final = """query($id: ID!, $other: ID!) { petition(id: $id) { ...all } other: petition(id: $other) { ...all }
  lateClocks(first: 20) { edges { node { kind level petition { title stage } } } }
  returnVisitsDue(first: 20) { edges { node { petition { id stage } } } } }
fragment all on Petition { title stage state handling { workOrders { state department { name } } } evaluation { state }
  timeline(first: 100) { edges { node { service sequence } } } }"""


async def test_while_views_are_rebuilt_everybody_goes_on(district: District) -> None:
    people, stop, asked = People(district), asyncio.Event(), 0
    filed = await people.file("representative")
    [other, *_] = await district.feedback.fetch("SELECT petition_id::text AS id FROM own.petition")

    async def read() -> None:
        nonlocal asked
        while not stop.is_set():
            answer = await district.ask(
                _READS, role="district_supervisor", after=filed.position, id=filed.id, other=other["id"]
            )
            shown = answer.ok()
            assert shown["petition"]["timeline"]["edges"]
            assert shown["other"]["evaluation"]
            asked += 1

    async def work() -> None:
        query = "query($id: ID!) { petition(id: $id) { evaluation { state } stage } }"
        while not stop.is_set():
            petition, _, replied = await people.replied()
            shown = (await district.ask(query, role="street_committee", after=replied, id=petition.id)).ok()
            assert shown["petition"] == {"evaluation": {"state": "AWAITING_VISIT"}, "stage": "EVALUATE"}

    async def reorganise() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            await _rename(district, "housing", f"住建局{number}")
            await asyncio.sleep(0.1)

    async def rebuild_all() -> list[Rebuilt]:
        try:
            return [await rebuilt(district.services[name]) for name in NAMES * 2]
        finally:
            stop.set()

    async with (
        following(district, TIMELINE, role="street_committee", read_after=filed.position, id=filed.id) as story,
        asyncio.TaskGroup() as tasks,
    ):
        for job in (read, read, work, work, reorganise):
            tasks.create_task(job())
        rebuilding_all = tasks.create_task(rebuild_all())
        await people.screen(filed)
        handed = (await people.hand_over(filed)).ok()["handOverPetition"]["position"]
        await people.reply(await people.in_progress(filed, after=handed))
        told = await story.until("petition.replied")
    assert {name: [t["entry"]["sequence"] for t in told if t["entry"]["service"] == name] for name in NAMES[:2]} == {
        name: list(range(1, len([t for t in told if t["entry"]["service"] == name]) + 1)) for name in NAMES[:2]
    }
    assert asked > 10
    assert max(done.held_seconds for done in rebuilding_all.result()) < rebuilding.HOLD_SECONDS
    await settled(district)
    newest = "SELECT entry, sequence FROM {}.reference WHERE kind = 'department' AND id = 'housing'"
    for service in district.services.values():
        before = await rows_of(service, "view")
        await rebuilt(service)
        assert await rows_of(service, "view") == before
        if service is not district.dispatch:
            recorded = await district.dispatch.fetch(newest.format("own"))
            assert await service.fetch(newest.format("view")) == recorded


async def test_what_a_service_has_not_applied_yet_waits_for_it(district: District) -> None:
    service = district.feedback
    await settled(district)
    before = await rows_of(service, "view")
    await service.stop()
    try:
        filed, _, _ = await People(district).replied()
        await rebuilt(service)
        assert await rows_of(service, "view") == before
    finally:
        await service.start()
    await settled(district)
    [kept] = await service.fetch("SELECT dispatch_stage FROM view.petition WHERE petition_id = $1", filed.id)
    assert kept == {"dispatch_stage": "EVALUATE"}


@asynccontextmanager
async def _program(service: RunningService) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run the operator's command on a service's database and topics."""
    told = {
        "PATH": "",
        "THROUGH_TRAIN_DATABASE_URL": service.settings.database_url.get_secret_value(),
        "THROUGH_TRAIN_KAFKA_BOOTSTRAP": service.settings.kafka_bootstrap,
        "THROUGH_TRAIN_TOPIC_PREFIX": service.settings.topic_prefix,
    }
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", f"services.{service.wiring.source.value}", "rebuild"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=told, stdout=pipe, stderr=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _busy(process: asyncio.subprocess.Process) -> None:
    """Read what a rebuild says until it waits for those who write the view."""
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while b"at work" not in (line := await process.stdout.readline()):
            assert line, "it has ended"


async def test_one_at_a_time_and_one_that_is_killed_leaves_all_as_it_was(district: District) -> None:
    service = district.feedback
    before = await rows_of(service, "view")
    writing = await asyncpg.connect(service.settings.database_url.get_secret_value())
    try:
        await writing.execute("SELECT pg_advisory_lock_shared($1)", Lock.VIEW)
        async with _program(service) as first:
            await _busy(first)
            async with _program(service) as second:
                _, refused = await second.communicate()
            assert (second.returncode, b"another rebuild of this view is running" in refused) == (1, True)
            first.send_signal(signal.SIGKILL)
            await first.wait()
    finally:
        await writing.close()
    assert await rows_of(service, "view") == before
    assert {"nspname": "view_next"} in await service.fetch(_SCHEMAS)
    async with _program(service) as third:
        said, refused = await third.communicate()
        assert (third.returncode, refused) == (0, b"")
        assert b"feedback's view is rebuilt and served" in said
    assert await rows_of(service, "view") == before
    assert await service.fetch(_SCHEMAS) == [{"nspname": "view"}]


async def test_with_a_server_away_the_view_stays_and_it_is_said_why(
    district: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await rows_of(district.intake, "view")
    monkeypatch.setattr(rebuilding, "PATIENCE_SECONDS", 0.5)
    with pytest.raises(RebuildError, match="the broker has not answered"):
        await rebuilt(district.intake, broker=Broker("127.0.0.1:9"))
    with pytest.raises(UNREACHABLE):
        await rebuilt(district.intake, database_url="postgresql://nobody@127.0.0.1:9/nothing")
    assert await rows_of(district.intake, "view") == before
    assert await district.intake.fetch(_SCHEMAS) == [{"nspname": "view"}]


async def test_events_that_this_version_cannot_apply_are_named(district: District) -> None:
    async def fails(_tx: object, events: Any) -> None:
        if any(event.TYPE == "petition.closed" for event, _ in events):
            raise LookupError("a projection with a mistake")

    handlers = district.intake.wiring.handlers
    with pytest.raises(RebuildError, match=r"feedback:\d+ of petition .* \(petition\.closed\), at .*LookupError"):
        await rebuilt(district.intake, handlers=lambda references: replace(handlers(references), projections=[fails]))
    assert await district.intake.fetch(_SCHEMAS) == [{"nspname": "view"}]


async def test_topics_that_have_lost_their_beginning_make_no_view(district: District) -> None:
    """The last here: afterwards the district's topics are no good. (Of the repetitions nothing may be left either.)"""
    before = await rows_of(district.intake, "view")
    topic = catalogue.petition_topic(Source.DISPATCH, district.prefix)
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=district.servers.bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=-1)})
    finally:
        await admin.close()
    with pytest.raises(RebuildError, match=rf"{topic}/0 begins at offset \d+\)\. They lack dispatch:\d+ of petition"):
        await rebuilt(district.intake)
    assert await rows_of(district.intake, "view") == before
    assert await district.intake.fetch(_SCHEMAS) == [{"nspname": "view"}]
