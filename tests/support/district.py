"""A small district on real servers: three services with databases and topics of their own, and a gateway before them.

Everything runs on one settable time. Requests go over HTTP, as clients send them.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
import asyncpg
from joserfc import jwt
from pydantic import AnyHttpUrl, SecretStr

from deploy.local.gateway import WITHOUT_RATES, Gateway, Issuer
from deploy.local.ports import free_port
from services.contracts.catalogue import REFERENCE_SOURCES
from services.contracts.reference import kind_of
from services.contracts.vocabulary import Role as ActorRole
from services.kernel.auth import development, keys
from services.kernel.auth.tokens import DEVELOPMENT_ISSUER, INTAKE_ISSUER
from services.kernel.graphql.context import Runtime
from services.kernel.service import ALL_ROLES, Role, Served, Wiring, prepare, running
from services.kernel.settings import Environment, Settings
from tests.support.references import RECORDERS, beginnings, publish_entries, record_small
from tests.support.servers import Servers, template

PATIENCE: Final = 20.0
# A Tuesday of ordinary working days on all sides.
MORNING: Final = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


class SettableTime:
    """The domain's time in tests: it stands still until it is moved."""

    def __init__(self, start: datetime = MORNING) -> None:
        self.now = start

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        """Move on by a timedelta's arguments."""
        self.now += timedelta(**span)


async def eventually(check: Callable[[], Awaitable[Any]], within: float = PATIENCE) -> Any:
    """Return the first truthy answer of a check, or fail with its last one."""
    until = time.monotonic() + within
    while not (found := await check()):
        if time.monotonic() > until:
            raise AssertionError(f"it did not come true within {within} s; last seen: {found!r}")
        await asyncio.sleep(0.02)
    return found


@dataclass(frozen=True)
class Answer:
    """What a GraphQL request came to."""

    status: int
    data: Any
    errors: list[dict[str, Any]]

    @property
    def codes(self) -> list[str]:
        """The errors' codes."""
        return [error.get("extensions", {}).get("code", "?") for error in self.errors]

    def ok(self) -> Any:
        """Return the data of an answer without errors."""
        assert not self.errors, self.errors
        return self.data

    def refused(self, code: str) -> dict[str, Any]:
        """Return the extensions of the one refusal that is expected."""
        assert self.codes == [code], self.errors or self.data
        return self.errors[0]["extensions"]


@dataclass
class RunningService:
    """One service of a district, which can be stopped and started again."""

    wiring: Wiring
    settings: Settings
    now: Callable[[], datetime]
    roles: tuple[Role, ...] = ALL_ROLES
    url: str = ""
    runtime: Runtime[Any] | None = None
    statements: list[str] = field(default_factory=list)
    _stack: AsyncExitStack | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Start it on its port."""
        self._stack = AsyncExitStack()
        self.runtime, app = await self._stack.enter_async_context(
            running(self.wiring, self.settings, roles=self.roles, now=self.now, observe=self.statements.append)
        )
        served = Served(app, self.settings.host, self.settings.port)
        port = await served.start()
        self._stack.push_async_callback(served.stop)
        self.settings = self.settings.model_copy(update={"port": port})
        self.url = f"http://127.0.0.1:{port}/graphql"

    async def stop(self) -> None:
        """Stop it; its port is kept for the next start."""
        if self._stack is not None:
            await self._stack.aclose()
            self._stack, self.runtime = None, None

    async def fetch(self, query: str, *args: object) -> list[dict[str, Any]]:
        """Read from its database, past its code."""
        connection = await asyncpg.connect(self.settings.database_url.get_secret_value())
        try:
            return [dict(row) for row in await connection.fetch(query, *args)]
        finally:
            await connection.close()

    async def execute(self, query: str, *args: object) -> None:
        """Write to its database, past its code."""
        connection = await asyncpg.connect(self.settings.database_url.get_secret_value())
        try:
            await connection.execute(query, *args)
        finally:
            await connection.close()

    async def events(self, petition_id: str) -> list[str]:
        """Return the types of a petition's events in this service, in order."""
        rows = await self.fetch("SELECT type FROM own.event WHERE aggregate_id = $1 ORDER BY sequence", petition_id)
        return [row["type"] for row in rows]

    async def acts(self, petition_id: str) -> list[str]:
        """Return the types of a petition's events in this service, in order, without those about clocks."""
        return [name for name in await self.events(petition_id) if not name.startswith("clock.")]


@dataclass
class District:
    """Three services, a gateway, and people with tokens."""

    servers: Servers
    prefix: str
    time: SettableTime
    services: Mapping[str, RunningService]
    session: aiohttp.ClientSession
    gateway: Gateway | None = None
    gateway_metrics: str = ""

    @property
    def intake(self) -> RunningService:
        return self.services["intake"]

    @property
    def dispatch(self) -> RunningService:
        return self.services["dispatch"]

    @property
    def feedback(self) -> RunningService:
        return self.services["feedback"]

    @property
    def url(self) -> str:
        """Where clients go: the gateway."""
        assert self.gateway is not None
        return self.gateway.url

    def token(self, role: str, **claims: Any) -> str:
        """Return a token of the development issuer."""
        return development.sign(Path(self.servers.keys), ActorRole(role), **claims)

    def residents_token(self, petition: str) -> str:
        """Return what intake would give to a petition's resident."""
        key = keys.private_key(Path(self.servers.keys), keys.INTAKE_PRIVATE)
        expires = int(time.time()) + 60
        claims = {"iss": INTAKE_ISSUER, "aud": "through-train", "sub": f"petition:{petition}", "exp": expires}
        header = {"alg": "ES256", "kid": key.kid}
        return jwt.encode(header, {**claims, "roles": ["resident"], "petition": petition}, key)

    async def ask(
        self,
        document: str,
        *,
        token: str | None = None,
        role: str | None = None,
        url: str | None = None,
        after: str | None = None,
        **variables: Any,
    ) -> Answer:
        """Send a GraphQL request to the gateway (or to `url`)."""
        token = token or (self.token(role) if role else None)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if after:
            headers["Read-After"] = after
        body = {"query": document, "variables": variables}
        async with self.session.post(url or self.url, json=body, headers=headers) as response:
            answer = await response.json()
            return Answer(response.status, answer.get("data"), answer.get("errors") or [])


@dataclass(frozen=True)
class Login:
    """A name and a password at the broker."""

    username: str
    password: str


def _settings(
    servers: Servers, service: str, database: str, prefix: str, traces: str | None, login: Login | None
) -> Settings:
    dsn = servers.dsns[service].rsplit("/", 1)[0] + f"/{database}"
    return Settings(
        environment=Environment.DEVELOPMENT,
        database_url=SecretStr(dsn),
        database_connections=8,
        kafka_bootstrap=servers.departments if login else servers.bootstrap,
        kafka_username=login.username if login else None,
        kafka_password=SecretStr(login.password) if login else None,
        topic_prefix=prefix,
        topic_partitions=2,
        topic_replication=1,
        outbox_poll=0.02,
        port=0,
        keys_folder=Path(servers.keys),
        scheduler_poll=0.1,
        reference_staleness=0.2,
        figures_poll=0.2 if traces else 5.0,
        traces_endpoint=AnyHttpUrl(traces) if traces else None,
        traces_ratio=1.0,
    )


@asynccontextmanager
async def district(
    servers: Servers,
    wirings: Mapping[str, Wiring],
    *,
    folder: Path,
    gateway: bool,
    console: bool = False,
    traces: str | None = None,
    start: datetime = MORNING,
    now: Callable[[], datetime] | None = None,
    logins: Callable[[str], Awaitable[Mapping[str, Login]]] | None = None,
) -> AsyncGenerator[District]:
    """Run the given services, each on a fresh database and on fresh topics, and a gateway if asked for.

    :param now: the services' time, instead of the settable one.
    :param logins: returns with which login each service comes to the broker, for the prefix of its topics; without it
        they come without one, and may do everything.
    :param traces: where all traces go, and then figures are read often; without it nothing is traced.
    :param console: whether the gateway has its console, in which one can be any demo user.
    """
    prefix = f"t{uuid4().hex[:8]}-"
    clock = SettableTime(start)
    login = await logins(prefix) if logins else {}
    async with AsyncExitStack() as stack:
        admin = await asyncpg.connect(servers.admin_dsn)
        stack.push_async_callback(admin.close)
        services: dict[str, RunningService] = {}
        for name, wiring in wirings.items():
            database = f"{prefix.rstrip('-')}_{name}"
            await admin.execute(f"CREATE DATABASE {database} TEMPLATE {template(name)} OWNER {name}")
            settings = _settings(servers, name, database, prefix, traces, login.get(name))
            await prepare(wiring, settings, now=now or clock)
            if name in RECORDERS:
                await record_small(name, settings.database_url.get_secret_value(), now=(now or clock)())
            services[name] = RunningService(wiring, settings, now or clock)
        # What absent services would have published of their own.
        for source in REFERENCE_SOURCES:
            if source.value not in wirings:
                await publish_entries(servers.bootstrap, prefix, source, beginnings(source), now=start)
        # Idle connections are given up before the services' servers do after 5 s: what is sent just then is lost.
        connector = aiohttp.TCPConnector(keepalive_timeout=3)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        for service in services.values():
            stack.push_async_callback(service.stop)
        await asyncio.gather(*(service.start() for service in services.values()))
        world = District(servers, prefix, clock, services, session)
        await eventually(lambda: _known_everywhere(world))
        if gateway:
            issuers = [
                Issuer(DEVELOPMENT_ISSUER, str(Path(servers.keys) / keys.DEVELOPMENT_PUBLIC)),
                Issuer(INTAKE_ISSUER, str(Path(servers.keys) / keys.INTAKE_PUBLIC)),
            ]
            subgraphs = {name: service.url for name, service in services.items()}
            console_keys = Path(servers.keys) if console else None
            if console_keys:
                development.write_demo_users(console_keys)
            told = {**WITHOUT_RATES, "GATEWAY_METRICS_PORT": str(free_port())}
            if traces:
                told |= {"GATEWAY_TRACES_ENDPOINT": traces, "GATEWAY_TRACES_RATIO": "1"}
            world.gateway_metrics = f"http://127.0.0.1:{told['GATEWAY_METRICS_PORT']}/metrics"
            running_gateway = Gateway(folder, subgraphs, issuers, console_keys=console_keys, environment=told)
            world.gateway = await stack.enter_async_context(running_gateway)
        yield world


async def _known_everywhere(world: District) -> bool:
    for service in world.services.values():
        assert service.runtime is not None
        known = (await service.runtime.references.get()).entries
        for entry in _KNOWN:
            if entry.id not in known.get(kind_of(entry), {}):
                return False
    return True


_KNOWN: Final = [entry for source in REFERENCE_SOURCES for entry in beginnings(source)]
