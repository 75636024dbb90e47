"""An installation for faults: durable servers of its own, and two replicas (a, b) of every service as real processes.

Everything can be stopped, killed, held still and started again, from outside and by process id. Everything listens on
loopback, is tied to the process that started it, and is gone when the installation is closed.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

import asyncpg
import msgspec
import psutil
from pydantic import SecretStr

from deploy.audit.place import Place
from deploy.local.gateway import WITHOUT_RATES, Gateway, Issuer
from deploy.local.kafka import Kafka
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.postgres import SERVICES, Postgres
from deploy.local.process import Command, Process
from deploy.local.settings import ROOT
from deploy.local.web import Address, WebProcess, answers
from services.contracts.vocabulary import Role
from services.dispatch.app import WIRING as DISPATCH
from services.feedback.app import WIRING as FEEDBACK
from services.intake.app import WIRING as INTAKE
from services.kernel.auth import development, keys
from services.kernel.auth.tokens import DEVELOPMENT_ISSUER, INTAKE_ISSUER
from services.kernel.domain_clock import DomainClock, Pace, system_now
from services.kernel.service import Wiring, prepare
from services.kernel.settings import Environment, Settings
from tests.faults.broker import Broker
from tests.support.district import eventually
from tests.support.references import RECORDERS, record_small

Letter = Literal["a", "b"]

PARTITIONS: Final = 4
SETTLES_WITHIN: Final = 45.0
"""Seconds: a killed consumer's partitions come back after 6, and a broker recovers for a while, on two cores."""
_STOP_WITHIN: Final = 20.0
_WIRINGS: Final[Mapping[str, Wiring]] = {"intake": INTAKE, "dispatch": DISPATCH, "feedback": FEEDBACK}

_TERMINATE: Final = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = $1 AND backend_type = 'client backend' AND ($2::text IS NULL OR application_name = $2)"""

_RELAYS_PORT: Final = """
SELECT client_port FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE datname = $1 AND application_name = $1 || '-relay' AND locktype = 'advisory' AND granted"""


@dataclass
class Replica:
    """One process of a service, with all roles; the same place (port, log, database) at every start."""

    service: str
    letter: str
    port: int
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    program: Sequence[str] = ()
    """What Python is told to run: by default the service itself; a test's launcher stays at every further start."""
    _web: WebProcess | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """`intake-a`, as its log file is called."""
        return f"{self.service}-{self.letter}"

    @property
    def url(self) -> str:
        """Where it serves GraphQL, past the gateway."""
        return f"http://{LOOPBACK}:{self.port}/graphql"

    @property
    def process(self) -> Process:
        """The process of the last start."""
        if self._web is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._web.process

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended; one that is held still runs too."""
        return self._web is not None and self._web.process.running

    async def start(self, *, ready: bool = True) -> None:
        """Start it, and wait until it is ready, or (`ready=False`) only until it lives."""
        arguments = list(self.program) or ["-m", f"services.{self.service}"]
        command = Command(
            self.name,
            [sys.executable, *arguments],
            environment=self.environment,
            folder=ROOT,
            stop_within=_STOP_WITHIN,
        )
        address = Address(self.port, "THROUGH_TRAIN_PORT")
        self._web = WebProcess(command, address, logs=self.folder / "logs", pids=self.folder / "run")
        if ready:
            await self._web.start()
        else:
            await self._web.make_way()
            await self.process.start()
            await self.process.wait_ready(lambda: answers(self.port, "/healthz"), within=60.0)

    async def ready(self) -> bool:
        """Tell whether it says so."""
        return await answers(self.port, "/readyz")

    async def stop(self) -> None:
        """SIGTERM: it finishes what it holds; SIGKILL after 20 s."""
        if self._web is not None:
            self.resume()
            await self._web.stop()

    async def kill(self) -> None:
        """SIGKILL, also while it is held still."""
        if self._web is not None:
            await self._web.kill()

    def pause(self) -> None:
        """SIGSTOP: it holds still, with its connections open, and nobody is told."""
        self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: it goes on as if no time had passed."""
        self.process.send(signal.SIGCONT)


class Installation:
    """Servers, replicas and gateways under one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        replicas: Sequence[Letter] = ("a", "b"),
        gateways: Sequence[Letter] = ("a", "b"),
        partitions: int = PARTITIONS,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Describe the installation; nothing is touched before `start`.

        A gateway stands over the replicas of its own letter. `environment` is added to what every replica is told.
        """
        self.folder = folder.absolute()
        self.postgres = Postgres(self.folder / "postgres", free_port(), durable=True, logs=self.folder / "logs")
        self.kafka = Kafka(self.folder / "kafka", free_port(), free_port(), logs=self.folder / "logs")
        self.broker = Broker(self.kafka.bootstrap)
        self.keys = self.folder / "keys"
        self.domain_clock = self.folder / "domain-clock.json"
        self.replicas: dict[tuple[str, str], Replica] = {}
        self.gateways: dict[str, Gateway] = {}
        self._letters = tuple(replicas)
        self._with_gateways = tuple(gateways)
        self._partitions = partitions
        self._extra = dict(environment or {})
        self._stack = AsyncExitStack()

    # Starting and ending

    async def start(self) -> None:
        """Start everything that was described, and return when all of it is ready.

        :raises LocalRunError: a part did not come up; what had been started is stopped.
        """
        try:
            self._stack.push_async_callback(self.postgres.remove)
            self._stack.push_async_callback(self._stop_servers)
            keys.create_missing(self.keys)
            await asyncio.gather(self.postgres.start(), self.kafka.start())
            await asyncio.gather(*(self._prepare(service) for service in SERVICES))
            for service in SERVICES:
                for letter in self._letters:
                    replica = Replica(service, letter, free_port(), {}, self.folder)
                    replica.environment = self._environment(service, replica.port)
                    self.replicas[service, letter] = replica
            self._stack.push_async_callback(self._stop_replicas)
            await asyncio.gather(*(replica.start() for replica in self.replicas.values()))
            for letter in self._with_gateways:
                self.gateways[letter] = self._gateway(letter)
            self._stack.push_async_callback(self._stop_gateways)
            await asyncio.gather(*(gateway.start() for gateway in self.gateways.values()))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop everything and remove the databases; whatever state a test left it in."""
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def mend(self) -> None:
        """Bring back everything that is stopped, killed or held still."""
        self.resume_broker()
        if not _runs(self.kafka.process):
            await self.kafka.start()
        if not _runs(self.postgres.process):
            await self.postgres.start()
        for replica in self.replicas.values():
            if replica.running:
                replica.resume()
        absent: list[Any] = [replica for replica in self.replicas.values() if not replica.running]
        absent += [gateway for gateway in self.gateways.values() if not gateway.process.running]
        await asyncio.gather(*(part.start() for part in absent))

    # Replicas

    def replica(self, service: str, letter: str = "a") -> Replica:
        """Return one replica."""
        return self.replicas[service, letter]

    def of(self, service: str) -> list[Replica]:
        """Return the replicas of a service."""
        return [replica for (name, _), replica in self.replicas.items() if name == service]

    async def fallen(self, service: str, within: float = 30.0) -> Replica:
        """Wait until one of a service's replicas has ended by itself, and return it."""

        async def one() -> Replica | None:
            return next((replica for replica in self.of(service) if not replica.running), None)

        return await eventually(one, within)

    async def active_relay(self, service: str) -> Replica | None:
        """Return the replica whose relay holds the lock, or None while nobody does."""
        for row in await self.admin(_RELAYS_PORT, service):
            for replica in self.of(service):
                if replica.running and _talks_from(replica.process.pid, row["client_port"]):
                    return replica
        return None

    # Servers

    async def stop_broker(self) -> None:
        """Stop the broker in order."""
        await self.kafka.stop()

    async def kill_broker(self) -> None:
        """End the broker with SIGKILL."""
        await self.kafka.kill()

    async def start_broker(self) -> None:
        """Start the broker on what it has."""
        await self.kafka.start()

    def pause_broker(self) -> None:
        """Hold the broker still: connections stay open and nothing is answered."""
        if self.kafka.process is not None:
            self.kafka.process.send(signal.SIGSTOP)

    def resume_broker(self) -> None:
        """Let the broker go on."""
        if self.kafka.process is not None:
            self.kafka.process.send(signal.SIGCONT)

    async def stop_database(self) -> None:
        """Shut the database down fast: transactions are rolled back, clients disconnected."""
        await self.postgres.stop()

    async def crash_database(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End the database without a checkpoint: SIGQUIT is its immediate shutdown, SIGKILL loses the postmaster."""
        if self.postgres.process is not None:
            self.postgres.process.send(how)
            await self.postgres.process.wait()

    async def start_database(self) -> None:
        """Start the database; after a crash it recovers first."""
        await self.postgres.start()

    async def terminate(self, service: str, application: str | None = None) -> int:
        """End a service's database connections (of one `application_name`, if given) and return how many there were."""
        [row] = await self.admin(_TERMINATE, service, application)
        return int(row["count"])

    async def admin(self, query: str, *args: object) -> list[dict[str, Any]]:
        """Ask the database server as its administrator."""
        return await _fetch(self.postgres.admin_dsn, query, *args)

    async def fetch(self, service: str, query: str, *args: object) -> list[dict[str, Any]]:
        """Read from (or write to) a service's database, past its code."""
        return await _fetch(self.postgres.dsn(service), query, *args)

    # Time and people

    def set_domain_time(self, to: datetime, speed: float = 1.0) -> None:
        """Move the domain's time of all replicas, who read it from a file; the system's time stays real."""
        draft = self.domain_clock.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(Pace(system_now(), to, speed)))
        draft.replace(self.domain_clock)

    def domain_now(self) -> datetime:
        """Return the domain's present instant, as the replicas reckon it."""
        return DomainClock(self.domain_clock)()

    def token(self, role: str, **claims: Any) -> str:
        """Return a token of the development issuer."""
        return development.sign(self.keys, Role(role), **claims)

    @property
    def topics(self) -> dict[str, str]:
        """Each service's petition topic."""
        return {service: self.place.topic(service) for service in SERVICES}

    @property
    def place(self) -> Place:
        """Where the independent check finds everything."""
        return Place({service: self.postgres.dsn(service) for service in SERVICES}, self.kafka.bootstrap)

    def urls(self) -> list[str]:
        """Return where clients go: the gateways, or without any the replicas of intake."""
        return [gateway.url for gateway in self.gateways.values()] or [r.url for r in self.of("intake")]

    # What each part is told

    async def _prepare(self, service: str) -> None:
        settings = Settings(  # pyright: ignore[reportCallIssue] - the rest has defaults
            environment=Environment.DEVELOPMENT,
            database_url=SecretStr(self.postgres.dsn(service)),
            kafka_bootstrap=self.kafka.bootstrap,
            topic_partitions=self._partitions,
            port=0,
            keys_folder=self.keys,
        )
        await prepare(_WIRINGS[service], settings)
        if service in RECORDERS:
            await record_small(service, self.postgres.dsn(service), now=system_now())

    def _environment(self, service: str, port: int) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("THROUGH_TRAIN_")}
        return {
            **inherited,
            "PYTHONUNBUFFERED": "1",
            "THROUGH_TRAIN_ENVIRONMENT": "development",
            "THROUGH_TRAIN_HOST": LOOPBACK,
            "THROUGH_TRAIN_PORT": str(port),
            "THROUGH_TRAIN_DATABASE_URL": self.postgres.dsn(service),
            "THROUGH_TRAIN_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "THROUGH_TRAIN_KEYS_FOLDER": str(self.keys),
            "THROUGH_TRAIN_TOPIC_PARTITIONS": str(self._partitions),
            "THROUGH_TRAIN_DOMAIN_CLOCK": str(self.domain_clock),
            "THROUGH_TRAIN_SCHEDULER_POLL": "0.2",
            "THROUGH_TRAIN_REFERENCE_STALENESS": "0.5",
            **self._extra,
        }

    def _gateway(self, letter: str) -> Gateway:
        return Gateway(
            self.folder / f"gateway-{letter}",
            {service: self.replica(service, letter).url for service in SERVICES},
            [
                Issuer(DEVELOPMENT_ISSUER, str(self.keys / keys.DEVELOPMENT_PUBLIC)),
                Issuer(INTAKE_ISSUER, str(self.keys / keys.INTAKE_PUBLIC)),
            ],
            environment=WITHOUT_RATES,
        )

    async def _stop_gateways(self) -> None:
        await asyncio.gather(*(gateway.kill() for gateway in self.gateways.values()))

    async def _stop_replicas(self) -> None:
        # They hold nothing that anybody will read again, and an orderly stop may wait for servers that are gone.
        await asyncio.gather(*(replica.kill() for replica in self.replicas.values()))

    async def _stop_servers(self) -> None:
        await asyncio.gather(self.postgres.stop(), self.kafka.kill())


def _runs(process: Process | None) -> bool:
    return process is not None and process.running


def _talks_from(pid: int, port: int) -> bool:
    try:
        return any(c.laddr[1:] == (port,) for c in psutil.Process(pid).net_connections("tcp"))
    except psutil.NoSuchProcess:
        return False


async def _fetch(dsn: str, query: str, *args: object) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [dict(row) for row in await connection.fetch(query, *args)]
    finally:
        await connection.close()
