"""A service as processes: the HTTP app, the relay, the consumer, the scheduler, and starting and stopping them.

Each service's app.py fills a Wiring; `python -m services.<name> [api relay consumer scheduler | migrate | parked … |
rebuild]` runs it, or what else its operator can do.
"""

import asyncio
import gc
import signal
import sys
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID

import structlog
import uvicorn
import uvloop
from cyclopts import App
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from services.contracts.event import SYSTEM
from services.contracts.reference import AnyEntry
from services.contracts.vocabulary import Source
from services.kernel import metrics, mutation, operating, reference, telemetry
from services.kernel.auth.key_sets import Ages
from services.kernel.auth.keyrings import KeyFileError
from services.kernel.auth.tokens import Verifier, issuers
from services.kernel.consumer import Events
from services.kernel.db import UNREACHABLE, describe
from services.kernel.domain_clock import DomainClock, system_now
from services.kernel.figures import Figures
from services.kernel.graphql.context import Runtime
from services.kernel.graphql.endpoint import Endpoint
from services.kernel.graphql.sockets import LARGEST_MESSAGE, Sockets
from services.kernel.inbox import Handlers, Inbox
from services.kernel.kafka import Topic, create_topics, dead_letter_topic, reachable, topics_of
from services.kernel.live import Live
from services.kernel.migrate import MigrationError, migrate
from services.kernel.mutation import Mutations
from services.kernel.parking import Parking
from services.kernel.pulse import Pulse
from services.kernel.read_after import WaitingRoom
from services.kernel.rebuild import Plan
from services.kernel.reference import ReferenceCache
from services.kernel.relay import Outlet, Relay, Word, events
from services.kernel.scheduler import ClockCommands, Scheduler
from services.kernel.settings import OperatorSettings, RebuildSettings, Settings
from services.kernel.tracing import Tracing
from services.kernel.transaction import Cause, Database, open_database

log = structlog.get_logger()

Now = Callable[[], datetime]


class Role(StrEnum):
    """What a process of a service does."""

    API = "api"
    RELAY = "relay"
    CONSUMER = "consumer"
    SCHEDULER = "scheduler"


ALL_ROLES: Final = tuple(Role)
_PARKED: Final = "parked"
_REBUILD: Final = "rebuild"
_OLDEST_UNPUBLISHED_SECONDS: Final = 30
_DRAIN_SECONDS: Final = 8
IDLE_SECONDS: Final = 60
"""How long a connection may be unused. The gateway hangs up after 4 s; whoever is late with that on a busy machine must
not find a connection closed under a mutation, which is never sent again."""

_AGAIN_SECONDS: Final = 1
_UNCOLLECTED: Final = 20_000
"""After so many new objects cycles are looked for among them. What is there at the start, schemas above all, is never
looked through again."""

_LAG: Final = """
-- service.lag: how long the oldest event has waited to be published
SELECT COALESCE(EXTRACT(epoch FROM clock_timestamp() - event.recorded_at), 0)::float8
FROM (SELECT * FROM own.outbox ORDER BY position LIMIT 1) AS oldest
JOIN own.event ON event.aggregate_id = oldest.aggregate_id AND event.sequence = oldest.sequence"""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What makes a service this service. `extra` builds what only it has; `seed` is the reference data that it owns.

    `keyed` makes of `extra` what keys the digests of inputs (see Mutations).
    `petitions_live` says whether petitions can be followed live here; `outlets` are what the relay publishes, by
    default the service's events alone.
    `forget` are statements that delete what is kept for a time only, at most 1000 rows at once; `operator` builds the
    command lines that only this service's operator has, by their first word.
    """

    source: Source
    package: str
    consumed: frozenset[Source]
    schema: Any
    handlers: Callable[[ReferenceCache], Handlers]
    clocks: ClockCommands
    seed: Callable[[], Sequence[AnyEntry]] = tuple
    extra: Callable[[Settings], Any] = lambda _: None
    keyed: Callable[[Any], Callable[[bytes], bytes]] = lambda _: mutation.plain
    routes: Callable[[Settings], Sequence[BaseRoute]] = lambda _: ()
    petitions_live: bool = False
    outlets: Sequence[Outlet] = ()
    forget: Sequence[str] = ()
    operator: Mapping[str, Callable[[], App]] = field(default_factory=dict[str, Callable[[], App]])


def domain_time(settings: Settings) -> Now:
    """Return what tells the domain's time: the real one, or in development the one that a file speeds up."""
    return DomainClock(settings.domain_clock) if settings.domain_clock else system_now


async def prepare(wiring: Wiring, settings: Settings, *, now: Now = system_now) -> None:
    """Migrate the database, create the topics that this service writes or reads, and record its seed entries."""
    url = settings.database_url.get_secret_value()
    for name in await migrate(url, wiring.package):
        log.info("migrated", migration=name)
    sources = [wiring.source, *sorted(wiring.consumed)]
    topics = [
        topic
        for source in sources
        for topic in topics_of(source, prefix=settings.topic_prefix, partitions=settings.topic_partitions)
    ]
    topics.append(Topic(dead_letter_topic(wiring.source, settings.topic_prefix), 1))
    await create_topics(settings.broker, topics, replication=settings.topic_replication)
    database = await open_database(url, connections=2, application=f"{wiring.source.value}-migrate")
    try:
        async with database.transaction(Cause("seed", "seed")) as tx:
            # What the district has recorded since wins over what every installation starts with.
            recorded = await reference.record(tx, wiring.source, wiring.seed(), by=SYSTEM, now=now(), replace=False)
        log.info("reference entries recorded", entries=recorded)
    finally:
        await database.close()


@asynccontextmanager
async def running(
    wiring: Wiring,
    settings: Settings,
    *,
    roles: Sequence[Role] = ALL_ROLES,
    now: Now = system_now,
    observe: Callable[[str], None] | None = None,
) -> AsyncGenerator[tuple[Runtime[Any], Starlette]]:
    """Run the background roles of a service, and yield its runtime and (unserved) HTTP app.

    On leaving, everything that is held is finished or rolled back. `observe` is told every SQL statement.
    """
    url = settings.database_url.get_secret_value()
    name = wiring.source.value
    async with AsyncExitStack() as stack:
        live = Live(url, application=f"{name}-live")

        def tell(petitions: set[UUID]) -> None:
            live.tell(map(str, petitions))

        database = await open_database(
            url,
            connections=settings.database_connections,
            application=name,
            observe=observe,
            committed=tell if wiring.petitions_live else None,
        )
        stack.push_async_callback(database.close)
        endpoint = str(settings.traces_endpoint) if settings.traces_endpoint else None
        traces = Tracing(name, endpoint=endpoint, ratio=settings.traces_ratio)
        stack.push_async_callback(traces.close)
        committed, applied = Pulse(), Pulse()
        extra = wiring.extra(settings)
        references = ReferenceCache(database.reader, staleness=settings.reference_staleness)
        inbox = Inbox(database, wiring.consumed, wiring.handlers(references), references.get, traces)
        runtime: Runtime[Any] = Runtime(
            source=wiring.source,
            consumed=wiring.consumed,
            settings=settings,
            database=database,
            references=references,
            mutations=Mutations(database, committed, keyed=wiring.keyed(extra), traces=traces),
            parking=Parking(inbox, applied, committed),
            verifier=Verifier(issuers(settings), audience=settings.audience, ages=Ages(trusted=settings.keys_refresh)),
            now=now,
            applied=applied,
            waiting=WaitingRoom(database.reader, consumed=wiring.consumed, applied=applied),
            committed=committed,
            live=live,
            traces=traces,
            extra=extra,
        )
        stopping = asyncio.Event()
        jobs = _jobs(wiring, runtime, inbox, roles)
        tasks = [asyncio.create_task(_guarded(name, job, stopping)) for name, job in jobs]
        stack.push_async_callback(_stop, tasks, stopping)
        stack.enter_context(metrics.watched(name, _figures(settings, database, references, live)))
        yield runtime, _app(wiring, runtime)


def _jobs(
    wiring: Wiring, runtime: Runtime[Any], inbox: Inbox, roles: Sequence[Role]
) -> Generator[tuple[str, Callable[[], Awaitable[object]]]]:
    """Yield what runs in the background in these roles, each job with its name."""
    settings = runtime.settings
    outlets = wiring.outlets or [events(wiring.source)]
    if Role.RELAY in roles:
        yield from _relays(wiring.source, outlets, runtime)
    else:
        url = settings.database_url.get_secret_value()
        word = Word(wiring.source, outlets[0].name, database_url=url, written=runtime.committed)
        yield "word to the relay", word.run
    if Role.CONSUMER in roles:
        consumer = Events(
            wiring.source,
            sorted(wiring.consumed),
            database=runtime.database,
            inbox=inbox,
            references=runtime.references,
            broker=settings.broker,
            topic_prefix=settings.topic_prefix,
            applied=runtime.applied,
            committed=runtime.committed,
        )
        yield Role.CONSUMER, consumer.run
    if Role.SCHEDULER in roles:
        scheduler = Scheduler(
            wiring.source,
            runtime.database,
            wiring.clocks,
            references=runtime.references,
            now=runtime.now,
            poll=settings.scheduler_poll,
            committed=runtime.committed,
            forget=wiring.forget,
            traces=runtime.traces,
        )
        yield Role.SCHEDULER, scheduler.run
        figures = Figures(wiring.source.value, runtime.database, outlets, now=runtime.now, every=settings.figures_poll)
        yield "figures", figures.run
    if wiring.schema.has_subscriptions:
        yield "live", runtime.live.run


def _relays(
    source: Source, outlets: Sequence[Outlet], runtime: Runtime[Any]
) -> Generator[tuple[str, Callable[[], Awaitable[object]]]]:
    """Yield the relay of each outlet: the first is of what commands write, which feeds the further ones."""
    settings = runtime.settings
    further = [(outlet, Pulse()) for outlet in outlets[1:]]

    def told(keys: Sequence[str]) -> None:
        runtime.live.tell(keys)
        for _, written in further if keys else ():
            written.beat()

    for outlet, written in [(outlets[0], runtime.committed), *further]:
        relay = Relay(
            source,
            outlet,
            database_url=settings.database_url.get_secret_value(),
            broker=settings.broker,
            topic_prefix=settings.topic_prefix,
            topic_replication=settings.topic_replication,
            poll=settings.outbox_poll,
            written=written,
            told=told,
            traces=runtime.traces,
        )
        yield f"relay of {outlet.name}", relay.run


def _figures(
    settings: Settings, database: Database, references: ReferenceCache, live: Live
) -> Mapping[tuple[Gauge, tuple[str, ...]], Callable[[], float]]:
    """Return what a scrape reads of this process's memory."""
    return {
        (metrics.CONNECTIONS, ("busy",)): lambda: database.busy,
        (metrics.CONNECTIONS, ("idle",)): lambda: database.idle,
        (metrics.CONNECTIONS_MOST, ()): lambda: settings.database_connections,
        (metrics.REFERENCES_AGE, ()): lambda: references.age,
        (metrics.FOLLOWERS, ()): lambda: live.followers,
    }


async def _guarded(name: str, job: Callable[[], Awaitable[object]], stopping: asyncio.Event) -> None:
    """Run a job until it is stopped: an unexpected error is a bug, is logged as one, and does not silence the job."""
    while not stopping.is_set():
        # In a task of its own: after a group has failed in one, CPython 3.11.2 ends it at its next time-out.
        running = asyncio.ensure_future(job())
        try:
            await asyncio.wait((running,))
        except asyncio.CancelledError:
            running.cancel()
            await asyncio.wait((running,))
            if not running.cancelled():
                _say_why(name, running)
            raise
        _say_why(name, running)
        with suppress(TimeoutError):
            async with asyncio.timeout(_AGAIN_SECONDS):
                await stopping.wait()


def _say_why(name: str, ended: asyncio.Future[object]) -> None:
    for error in _errors(ended):
        frames = traceback.format_tb(error.__traceback__)
        log.error("job failed and starts over", job=name, error=describe(error), frames=frames)


def _errors(ended: asyncio.Future[object]) -> Sequence[BaseException]:
    """Return what went wrong: a job of several tasks fails with a group."""
    if ended.cancelled():
        return (asyncio.CancelledError(),)
    error = ended.exception()
    if isinstance(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).exceptions
    return (error,) if error else ()


async def _stop(tasks: Sequence[asyncio.Task[None]], stopping: asyncio.Event) -> None:
    stopping.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _app(wiring: Wiring, runtime: Runtime[Any]) -> Starlette:
    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "alive", "service": wiring.source.value})

    async def readyz(_request: Request) -> Response:
        problem = await _not_ready(runtime)
        body = {"status": "ready" if problem is None else "not ready", "problem": problem}
        return JSONResponse(body, status_code=200 if problem is None else 503)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            *wiring.routes(runtime.settings),
            Route("/graphql", Endpoint(wiring.schema, runtime)),
            WebSocketRoute("/graphql", Sockets(wiring.schema, runtime)),
        ]
    )


async def _not_ready(runtime: Runtime[Any]) -> str | None:
    try:
        lag = await runtime.database.reader.fetchval(_LAG)
        references = await runtime.references.get()
    except UNREACHABLE:
        return "the database cannot be reached"
    if not await reachable(runtime.settings.broker):
        return "the broker cannot be reached"
    if not references.terms.policies:
        return "no deadline policy has arrived yet"
    if lag is not None and lag > _OLDEST_UNPUBLISHED_SECONDS:
        return f"the oldest event has waited {lag:.0f} s to be published"
    return None


class Served:
    """An HTTP app that listens. `port` is the one given, or the free one that was found for 0."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            proxy_headers=False,  # the gateway tells the client's address in a header of its own
            lifespan="off",
            ws_max_size=LARGEST_MESSAGE,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
            timeout_keep_alive=IDLE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Begin to listen; return the port.

        :raises OSError: the port is taken.
        """
        self._server.config.load()
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        try:
            await self._server.startup()
        except SystemExit:  # what it says to a taken port
            self._server.should_exit = True
        if self._server.should_exit:
            raise OSError(f"port {self._server.config.port} cannot be listened on; is it taken?")
        self._task = asyncio.create_task(self._server.main_loop())
        return self._server.servers[0].sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and finish what is under way."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
            await self._server.shutdown()


async def serve(wiring: Wiring, settings: Settings, roles: Sequence[Role]) -> None:
    """Run the roles until SIGTERM or SIGINT; then finish what is held."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with running(wiring, settings, roles=roles, now=domain_time(settings)) as (_, app):
        served = Served(app, settings.host, settings.port)
        port = await served.start()
        gc.collect()
        gc.freeze()
        gc.set_threshold(_UNCOLLECTED, 10, 50)
        log.info("started", roles=[role.value for role in roles], port=port)
        await stopping.wait()
        log.info("stopping")
        await served.stop()
    log.info("stopped")


def main(wiring: Wiring, arguments: Sequence[str]) -> None:
    """Run a service's command line: role names (default: all), `migrate`, or an operator's (`parked …`, for one).

    :raises SystemExit: an unknown role, or settings that cannot be right.
    """
    try:
        if arguments and arguments[0] in {_PARKED, _REBUILD, *wiring.operator}:
            sys.exit(_operate(wiring, arguments))
        settings = Settings()  # pyright: ignore[reportCallIssue]
        telemetry.configure_logs(wiring.source.value, settings.log_level)
        if list(arguments) == ["migrate"]:
            asyncio.run(prepare(wiring, settings, now=domain_time(settings)))
        else:
            uvloop.run(serve(wiring, settings, _roles(wiring, arguments)))
    except ValidationError as error:
        wrong = (f"THROUGH_TRAIN_{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors())
        sys.exit("\n".join(wrong))
    except (MigrationError, KeyFileError, *UNREACHABLE) as error:
        sys.exit(f"{wiring.source.value}: {error}")


def _operate(wiring: Wiring, arguments: Sequence[str]) -> str | None:
    # What a command has to say it prints: its log would be between the lines.
    telemetry.configure_logs(wiring.source.value, "CRITICAL")
    if arguments[0] in wiring.operator:
        return operating.operate(wiring.operator[arguments[0]](), arguments)
    if arguments[0] == _REBUILD:
        settings = RebuildSettings()  # pyright: ignore[reportCallIssue]
        return operating.operate(operating.rebuilding(rebuild_plan(wiring, settings)), arguments[1:])
    url = OperatorSettings().database_url.get_secret_value()  # pyright: ignore[reportCallIssue]
    desk = operating.commands(url, wiring.source, wiring.consumed, wiring.handlers)
    return operating.operate(desk, arguments)


def rebuild_plan(wiring: Wiring, settings: RebuildSettings | Settings) -> Plan:
    """Return what a rebuild of the service's view needs to know."""
    return Plan(
        service=wiring.source,
        package=wiring.package,
        consumed=wiring.consumed,
        handlers=wiring.handlers,
        database_url=settings.database_url.get_secret_value(),
        broker=settings.broker,
        topic_prefix=settings.topic_prefix,
    )


def _roles(wiring: Wiring, arguments: Sequence[str]) -> tuple[Role, ...]:
    try:
        return tuple(Role(name) for name in arguments) or ALL_ROLES
    except ValueError:
        known = ", ".join((*ALL_ROLES, "migrate", _PARKED, _REBUILD, *wiring.operator))
        sys.exit(f"unknown role in {' '.join(arguments)!r}; known: {known}")
