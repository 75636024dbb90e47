"""One trace from a mutation to everything that follows from it, and figures that move with what happens."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest
from starlette.applications import Starlette

from deploy.local.observe.app import observing
from deploy.local.observe.lookup import id_of
from deploy.local.observe.receiver import PATH, receiving
from deploy.local.observe.scrapes import Sample, Scraper, samples
from deploy.local.observe.store import Span, Store, Trace
from deploy.local.settings import LocalSettings
from services.contracts import catalogue
from services.contracts.dispatch import WorkOrderAcknowledged, WorkOrderStarted
from services.contracts.event import Who
from services.contracts.vocabulary import Role, Source
from services.dispatch.app import WIRING as DISPATCH
from services.feedback.app import WIRING as FEEDBACK
from services.intake.app import WIRING as INTAKE
from services.kernel import relay
from services.kernel.service import Served
from tests.support.district import District, RunningService, district, eventually
from tests.support.people import ACCEPT, SUBMIT, People
from tests.support.publish import Voice
from tests.support.servers import Servers
from tests.support.topics import fetch_all

KEPT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOT_KEPT: Final = "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-00"


@pytest.fixture(scope="module")
def store() -> Store:
    return Store()


@pytest.fixture(scope="module")
def receiver(store: Store) -> Served:
    return Served(Starlette(routes=[receiving(store)]), "127.0.0.1", 0)


@pytest.fixture(scope="module")
async def world(
    servers: Servers, receiver: Served, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[District]:
    """A district whose traces all come to the receiver of the local run."""
    wirings = {"intake": INTAKE, "dispatch": DISPATCH, "feedback": FEEDBACK}
    traces = f"http://127.0.0.1:{await receiver.start()}{PATH}"
    folder = tmp_path_factory.mktemp("telemetry")
    async with district(servers, wirings, folder=folder, gateway=True, traces=traces) as running:
        yield running


async def scrape(world: District, service: str) -> list[Sample]:
    url = world.gateway_metrics if service == "gateway" else world.services[service].url.replace("graphql", "metrics")
    async with world.session.get(url) as response:
        assert response.status == 200
        # Whoever has run before in this process is counted too: without their many buckets it is read in no time.
        told = samples("".join(line for line in (await response.text()).splitlines(True) if "_bucket{" not in line))
        return [sample for sample in told if sample.labels.get("service", service) == service]


def total(told: list[Sample], name: str, **labels: str) -> float:
    return sum(one.value for one in told if one.name == name and labels.items() <= dict(one.labels).items())


async def reaches(
    world: District, service: str, name: str, enough: Callable[[float], bool], labels: Mapping[str, str] = {}
) -> float:
    async def there() -> tuple[float] | None:
        value = total(await scrape(world, service), name, **labels)
        return (value,) if enough(value) else None

    return (await eventually(there))[0]


def followed(trace: Trace, child: Span) -> list[str]:
    """Return what led to a span, from the first, as `service name`."""
    way = [child]
    while way[-1].parent is not None:
        way.append(trace.spans[way[-1].parent])
    return [f"{one.service} {one.name}" for one in reversed(way)]


async def whole_trace(store: Store, petition: str, root: str, *parts: str) -> Trace:
    """Return a petition's trace that begins with a root field, once it has these parts, each `service name`."""

    async def there() -> Trace | None:
        for trace in store.about(petition):
            told = {f"{one.service} {one.name}" for one in trace.spans.values()}
            if {f"gateway {root}", *parts} <= told:
                return trace
        return None

    return await eventually(there)


async def test_one_trace_leads_from_the_client_over_kafka_to_every_service_that_consumes(
    world: District, store: Store
) -> None:
    filed, _ = await People(world).handed_over()
    # What dispatch does of itself on hearing of it is heard by the two others, still in the same trace.
    parts = [
        "dispatch process petition.readied",
        *(f"{one} process work_order.opened" for one in ("intake", "feedback")),
    ]
    trace = await whole_trace(store, filed.id, "handOverPetition", *parts)
    spans = list(trace.spans.values())
    [at_dispatch] = [one for one in spans if (one.service, one.name) == ("dispatch", "process petition.readied")]
    assert followed(trace, at_dispatch) == [
        "gateway handOverPetition",
        "gateway intake",
        "intake handOverPetition",
        "intake step handOverPetition",
        "intake send petition.intake.v1",
        "dispatch process petition.readied",
    ]
    [at_feedback] = [one for one in spans if (one.service, one.name) == ("feedback", "process work_order.opened")]
    assert followed(trace, at_feedback)[-4:] == [
        "intake send petition.intake.v1",
        "dispatch process petition.readied",
        "dispatch send petition.dispatch.v1",
        "feedback process work_order.opened",
    ]
    assert {one.service for one in spans} == {"gateway", "intake", "dispatch", "feedback"}
    assert [one.name for one in spans if one.parent is None] == ["handOverPetition"]


async def test_spans_hold_codes_and_ids_and_nothing_that_people_wrote(world: District, store: Store) -> None:
    filed, _ = await People(world).handed_over()
    await whole_trace(store, filed.id, "submitPetition", "feedback process petition.submitted")
    told = repr([one for trace in store.about(filed.id) for one in trace.spans.values()])
    for secret in ("王小明", "13800138000", "下水道", "二中", filed.code, filed.secret, "Bearer", "mutation("):
        assert secret not in told
    names = {one.name for trace in store.latest(500) for one in trace.spans.values()}
    assert all(name.isascii() and len(name) < 60 for name in names)


@asynccontextmanager
async def beside(service: RunningService) -> AsyncGenerator[Any]:
    """Connect to a service's database, past its code."""
    connection = await asyncpg.connect(service.settings.database_url.get_secret_value())
    try:
        yield connection
    finally:
        await connection.close()


async def submitted(world: District, traceparent: str | None) -> str:
    given = {"words": "路灯不亮", "channel": "visit", "community": "community-73", "estate": "erzhong-lane"}
    headers = {"traceparent": traceparent} if traceparent else {}
    body = {"query": SUBMIT, "variables": {"input": given}}
    async with world.session.post(world.intake.url, json=body, headers=headers) as response:
        answer = await response.json()
        assert not answer.get("errors"), answer
        return answer["data"]["submitPetition"]["petitionId"]


async def headers_of(world: District, petition: str) -> list[str | None]:
    async def published() -> list[str | None]:
        topic = catalogue.petition_topic(Source.INTAKE, world.prefix)
        messages = [one for one in await fetch_all(world, topic) if one.key == petition.encode()]
        return [dict(one.headers).get("traceparent", b"").decode() or None for one in messages]

    return await eventually(published)


async def test_what_is_not_sampled_leaves_no_trace_in_the_outbox_on_kafka_or_with_the_collector(
    world: District, store: Store
) -> None:
    kept, dropped = await submitted(world, KEPT), await submitted(world, NOT_KEPT)
    assert all((header or "").startswith(KEPT[:36]) for header in await headers_of(world, kept))
    assert set(await headers_of(world, dropped)) == {None}

    async def there() -> bool:
        return {one.service for trace in store.about(kept) for one in trace.spans.values()} >= {"dispatch", "feedback"}

    await eventually(there)
    assert store.about(dropped) == []
    assert store.find(NOT_KEPT[3:35]) is None


async def test_a_client_cannot_have_its_own_trace_kept(world: District, store: Store) -> None:
    headers = {"traceparent": "00-11111111111111111111111111111112-b7ad6b7169203331-01"}
    async with world.session.post(world.url, json={"query": "{ me { roles } }"}, headers=headers) as response:
        assert response.status == 200
    filed = await People(world).file()
    await whole_trace(store, filed.id, "submitPetition", "intake submitPetition")
    assert store.find("11111111111111111111111111111112") is None


async def test_steps_and_requests_are_counted_by_names_of_the_schema_and_outcomes(world: District) -> None:
    people = People(world)
    filed = await people.file("representative")
    before = await scrape(world, "intake")  # which other districts of this process have counted in, too
    (await people.accept(filed)).ok()
    (await people.accept(filed)).refused("INVALID_STATE")
    (await people.do(ACCEPT, "department", petitionId=filed.id, title="x", category="drainage")).refused("FORBIDDEN")
    await world.ask("query Mine { strangeField }")
    await world.ask("query " + "Anything { me { roles } }")
    told = await scrape(world, "intake")
    assert total(told, "through_train_step_seconds_count", step="acceptPetition", outcome="OK") >= 1
    for counted, labels in (
        ("through_train_step_seconds_count", {"step": "acceptPetition", "outcome": "INVALID_STATE"}),
        ("through_train_request_seconds_count", {"operation": "acceptPetition", "outcome": "FORBIDDEN"}),
    ):
        assert total(told, counted, **labels) == total(before, counted, **labels) + 1
    at_gateway = await scrape(world, "gateway")
    counted = "through_train_gateway_request_seconds_count"
    assert total(at_gateway, counted, operation="acceptPetition", outcome="INVALID_STATE") == 1
    assert total(at_gateway, counted, operation="none", outcome="INVALID_INPUT") >= 1
    assert total(at_gateway, counted, operation="me", outcome="OK") >= 1
    assert total(at_gateway, "through_train_gateway_subgraph_seconds_count", subgraph="intake", outcome="answered") > 0
    names = {dict(one.labels).get("operation") for one in [*told, *at_gateway]}
    assert not names & {"Mine", "Anything", "strangeField"}


async def test_what_a_limit_turns_away_is_counted_by_the_limit(world: District) -> None:
    before = await scrape(world, "gateway")
    deep = "{ a " * 20 + "}" * 20
    (await world.ask(deep)).refused("INVALID_INPUT")
    assert (await world.ask("{ me { roles } }", token="x")).status == 401
    after = await scrape(world, "gateway")
    for limit in ("document", "token"):
        name = "through_train_gateway_refused_total"
        assert total(after, name, limit=limit) == total(before, name, limit=limit) + 1


async def test_how_far_a_consumer_is_behind_is_told_while_it_is_held_up(world: District) -> None:
    lag, topic = "through_train_consumer_lag_messages", {"topic": "petition.intake.v1"}
    async with beside(world.dispatch) as held, held.transaction():
        await held.execute("LOCK TABLE own.progress IN EXCLUSIVE MODE")  # nothing can take effect
        await People(world).screen(await People(world).file("representative"))
        await reaches(world, "dispatch", lag, lambda messages: messages > 5, topic)
    await reaches(world, "dispatch", lag, lambda messages: messages == 0, topic)
    assert total(await scrape(world, "dispatch"), "through_train_event_delay_seconds_count", source="intake") > 0


async def test_what_waits_to_be_published_is_told_with_its_age(world: District) -> None:
    outlet = {"outlet": "events"}
    async with beside(world.intake) as held:
        # Another relay, which has the lock and does nothing.
        await held.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'intake-relay' AND datname = current_database()"
        )
        await held.execute("SELECT pg_advisory_lock($1)", relay._LOCK)
        await People(world).file()
        await reaches(world, "intake", "through_train_outbox_messages", lambda messages: messages >= 2, outlet)
        await reaches(world, "intake", "through_train_outbox_oldest_seconds", lambda seconds: seconds > 0.5, outlet)
    await reaches(world, "intake", "through_train_outbox_messages", lambda messages: messages == 0, outlet)
    told = await scrape(world, "intake")
    assert total(told, "through_train_outbox_oldest_seconds", **outlet) == 0
    assert total(told, "through_train_relay_restarts_total") > 0


async def test_petitions_that_are_held_up_are_told_by_reason(world: District) -> None:
    by, order, petition = Who(role=Role.DEPARTMENT, subject="x"), uuid4(), str(uuid4())
    voice = Voice(world, Source.DISPATCH)
    voice.sequences[petition] = 1  # the first never came
    await voice.say(petition, WorkOrderAcknowledged(by=by, work_order_id=order, department="housing"))
    await reaches(world, "intake", "through_train_petitions_parked", lambda count: count == 1, {"reason": "GAP"})
    await reaches(world, "intake", "through_train_parked_oldest_seconds", lambda age: age > 0, {"reason": "GAP"})
    voice.sequences[petition] = 0
    await voice.say(petition, WorkOrderStarted(by=by, work_order_id=order))
    await reaches(world, "intake", "through_train_petitions_parked", lambda count: count == 0, {"reason": "GAP"})
    rows = await world.intake.fetch("SELECT applied FROM own.progress WHERE aggregate_id = $1", UUID(petition))
    assert max(row["applied"] for row in rows) == 2


async def test_clocks_that_run_out_are_told_by_kind_and_level(world: District) -> None:
    await People(world).file("representative")
    fired = total(await scrape(world, "intake"), "through_train_clocks_fired_total")
    world.time.advance(days=30)
    labels = {"kind": "ACCEPTANCE", "level": "4"}
    await reaches(world, "intake", "through_train_clocks_fired_total", lambda count: count > fired)
    await reaches(world, "intake", "through_train_clocks_overdue", lambda count: count >= 1, labels)
    told = await scrape(world, "intake")
    assert total(told, "through_train_clock_firing_delay_seconds_count") > 0
    await reaches(world, "intake", "through_train_clocks_unfired_oldest_seconds", lambda age: age == 0)


@asynccontextmanager
async def observed(world: District, store: Store, find: Callable[[str], Awaitable[str | None]]) -> AsyncGenerator[str]:
    """Watch the district as a local run is watched, with the traces that have come; yield the page's address."""
    targets = {name: service.url.replace("graphql", "metrics") for name, service in world.services.items()}
    scraper = Scraper({**targets, "gateway": world.gateway_metrics})
    served = Served(observing(store, scraper, find), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{await served.start()}"
    scraping = asyncio.create_task(scraper.run())

    async def all_there() -> bool:
        return all(history.there for history in scraper.histories.values())

    try:
        await eventually(all_there)
        yield url
    finally:
        scraping.cancel()
        await asyncio.gather(scraping, return_exceptions=True)
        await served.stop()


async def told_in_the_terminal(environment: Mapping[str, str], *arguments: str) -> str:
    program = [sys.executable, "-m", "deploy.local.observe", "show", *arguments]
    child = await asyncio.create_subprocess_exec(
        *program, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await child.communicate()
    return said.decode()


async def test_a_runs_figures_and_a_petitions_way_are_shown_in_the_terminal_and_on_a_page(
    world: District, store: Store, tmp_path: Path
) -> None:
    filed, _ = await People(world).handed_over()
    await whole_trace(store, filed.id, "handOverPetition", "dispatch process petition.readied")
    (tmp_path / "keys").symlink_to(world.servers.keys)
    port = int(world.url.rpartition(":")[2].partition("/")[0])
    settings = LocalSettings(data_folder=tmp_path, gateway_port=port)
    async with observed(world, store, lambda petition: id_of(settings, world.session, petition)) as url:
        environment = {
            **os.environ,
            "THROUGH_TRAIN_DATA_FOLDER": str(tmp_path),
            "THROUGH_TRAIN_OBSERVE_PORT": url.rpartition(":")[2],
            "THROUGH_TRAIN_GATEWAY_PORT": str(port),
        }
        for petition in (filed.code, filed.id):
            said = await told_in_the_terminal(environment, petition)
            lines = said.splitlines()
            [at] = [n for n, line in enumerate(lines) if line.strip().startswith("gateway   handOverPetition")]
            assert [len(line) - len(line.lstrip()) for line in lines[at : at + 3]] == [2, 4, 6]
            assert "dispatch  process petition.readied" in said
        assert "messages behind" in await told_in_the_terminal(environment)
        assert "No petition has" in await told_in_the_terminal(environment, "AAAAA-AAAAA")
        assert "No trace of this petition" in await told_in_the_terminal(environment, str(uuid4()))
        for petition in (filed.code, filed.id):
            async with world.session.get(url, params={"petition": petition}) as response:
                assert "process petition.readied" in await response.text()
            assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        async with world.session.get(url, headers={"Accept-Language": "zh-CN"}) as response:
            assert "未读消息" in await response.text()


async def test_a_collector_that_goes_away_is_noticed_by_a_counter_and_by_nobody_else(
    world: District, receiver: Served
) -> None:
    await receiver.stop()
    filed = await People(world).ready()
    assert await world.intake.acts(filed.id)
    await reaches(world, "intake", "through_train_spans_lost_total", lambda count: count > 0)
    await reaches(world, "gateway", "through_train_gateway_spans_lost_total", lambda count: count > 0)
