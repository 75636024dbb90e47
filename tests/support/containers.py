"""The run's PostgreSQL and Kafka in containers: the official images, or others that keep their contract.

Ports are mapped to loopback alone, to numbers that are chosen beforehand, since a broker tells its clients where they
find it. What is started carries a label with the process that answers for it: that process removes it all when it ends,
and what a killed one left is removed by the next. So no further container has to watch over these, whose image a closed
network may not have.
"""

import asyncio
import base64
import os
import secrets
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import psutil
from docker.errors import NotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.network import Network

from deploy.images.names import ImageSettings
from deploy.local import kafka, postgres
from deploy.local.ports import LOOPBACK, free_port
from tests.support.servers import OPTIONS, SERVICES, Servers

POSTGRES: Final = "postgres"
KAFKA: Final = "kafka"
POSTGRES_INSIDE: Final = f"{POSTGRES}:5432"
"""Where other containers of the network find the database server."""

KAFKA_INSIDE: Final = f"{KAFKA}:9092"
"""Where other containers of the network find the broker."""

_OWNER: Final = "through-train.test.owner"
_RUN: Final = "through-train.test.run"
_READY_WITHIN: Final = 90.0
_PAUSE: Final = 0.1
_TAIL: Final = 40

testcontainers_config.ryuk_disabled = True


@dataclass(frozen=True)
class Run:
    """What the containers of one test run have in common: a network, and a process that answers for them."""

    network: Network
    owner: int

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels by which what is started is found again."""
        return {_OWNER: _name_of(self.owner), _RUN: self.network.name}


def joining(network: str) -> Run:
    """Return the run whose network has this name, to start more containers in it; they end with it."""
    joined = Network()
    joined.name = network
    return Run(joined, os.getpid())


class Container(DockerContainer):
    """A container in the run's network, some of whose ports are mapped to loopback."""

    def __init__(self, image: str, run: Run, *, alias: str, ports: Mapping[int, int], **more: Any) -> None:
        """Describe the container; `ports` are those of loopback by those inside, `more` is the library's."""
        super().__init__(image, network=run.network, network_aliases=[alias], labels=run.labels, **more)
        self.alias = alias
        self.with_name(f"{run.network.name}-{alias}")
        # The library's own way takes no address, and would open the ports to whoever reaches this machine.
        bound: dict[str, Any] = {f"{inside}/tcp": (LOOPBACK, outside) for inside, outside in ports.items()}
        self.ports = bound

    async def wait_ready(self, probe: Callable[[], Awaitable[bool]], within: float = _READY_WITHIN) -> None:
        """Wait until the probe says yes; `within` is in seconds.

        :raises RuntimeError: the container ended, or the time is over; the message has the end of what it said.
        """
        try:
            async with asyncio.timeout(within):
                while not await probe():
                    self.reload()
                    if self.status in {"exited", "dead"}:
                        raise RuntimeError(f"{self.alias} ended before it was ready:\n{self.tail()}")
                    await asyncio.sleep(_PAUSE)
        except TimeoutError:
            raise RuntimeError(f"{self.alias} was not ready within {within:g} s:\n{self.tail()}") from None

    def tail(self) -> str:
        """Return the end of what the container said."""
        said: bytes = self.get_wrapped_container().logs(tail=_TAIL)
        return said.decode(errors="replace")


class PostgresContainer(Container):
    """PostgreSQL 18 with a role and a database for each service, of the same kind as the embedded one."""

    def __init__(self, image: str, run: Run) -> None:
        """Describe the server; nothing is touched before `start`."""
        self.port = free_port()
        super().__init__(image, run, alias=POSTGRES, ports={5432: self.port}, shm_size="256m")
        self._passwords = {name: secrets.token_urlsafe(24) for name in (postgres.ADMIN, *SERVICES)}
        self.with_env("POSTGRES_PASSWORD", self._passwords[postgres.ADMIN])
        self.with_env("POSTGRES_INITDB_ARGS", " ".join([*postgres.cluster_arguments("C.UTF-8"), "--no-sync"]))
        settings = {**postgres.OPTIONS, **postgres.OPTIONS_NOT_DURABLE, **OPTIONS, "listen_addresses": "*"}
        self.with_command(
            ["postgres", *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))]
        )

    def dsn(self, role: str, database: str | None = None) -> str:
        """Return the address with which a role reaches its database (or another)."""
        return f"postgresql://{role}:{quote(self._passwords[role])}@{LOOPBACK}:{self.port}/{database or role}"

    async def prepare(self) -> None:
        """Return when the server is ready and has the services' databases.

        :raises RuntimeError: it does not come up.
        """
        await self.wait_ready(self._answers)
        await postgres.provision(postgres.program("psql"), self.port, self._passwords)

    async def _answers(self) -> bool:
        # While it prepares itself it listens on no port, so who is let in has met the server itself.
        try:
            connection = await asyncpg.connect(self.dsn(postgres.ADMIN), timeout=2)
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
            return False
        await connection.close()
        return True


class KafkaContainer(Container):
    """One Kafka node in KRaft mode, with a listener for clients, one for departments, and one inside the network."""

    def __init__(self, image: str, run: Run) -> None:
        """Describe the broker; nothing is touched before `start`."""
        self.port, self.departments_port = free_port(), free_port()
        super().__init__(image, run, alias=KAFKA, ports={9093: self.port, 9094: self.departments_port})
        inside = {
            "listener.security.protocol.map": f"INSIDE:PLAINTEXT,{kafka.ACCOUNTS['listener.security.protocol.map']}",
            "inter.broker.listener.name": "INSIDE",
            "listeners": "INSIDE://:9092,CLIENTS://:9093,DEPARTMENTS://:9094,CONTROLLER://:9095",
            "advertised.listeners": (
                f"INSIDE://{KAFKA_INSIDE},CLIENTS://{self.bootstrap},DEPARTMENTS://{self.departments_bootstrap}"
            ),
            "controller.quorum.voters": f"{kafka.OPTIONS['node.id']}@localhost:9095",
            "log.dirs": "/var/lib/kafka/data",
        }
        for name, value in {**kafka.OPTIONS, **kafka.ACCOUNTS, **inside}.items():
            self.with_env(variable(name), value)
        self.with_env("CLUSTER_ID", base64.urlsafe_b64encode(b"\0" + os.urandom(15)).rstrip(b"=").decode())
        self.with_env("KAFKA_HEAP_OPTS", "-Xmx256m")
        self.with_env("KAFKA_JVM_PERFORMANCE_OPTS", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1")

    @property
    def bootstrap(self) -> str:
        """Return the address that clients start from."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def departments_bootstrap(self) -> str:
        """Return the address at which departments log in."""
        return f"{LOOPBACK}:{self.departments_port}"

    async def prepare(self) -> None:
        """Return when the broker serves.

        :raises RuntimeError: it does not come up.
        """
        await self.wait_ready(lambda: kafka.serves(self.port))


def variable(setting: str) -> str:
    """Return the variable by which the official image takes a setting of the broker."""
    spelled = setting.replace("_", "__").replace("-", "___").replace(".", "_")
    return f"KAFKA_{spelled.upper()}"


@asynccontextmanager
async def servers(folder: Path) -> AsyncGenerator[Servers]:
    """Run PostgreSQL and Kafka in containers; at the end remove them and all else that was started in their network."""
    client = DockerClient()
    _sweep(client)
    network = Network()
    network.name = f"through-train-test-{uuid4().hex[:12]}"
    run = Run(network, os.getpid())
    chosen = ImageSettings()
    database, broker = PostgresContainer(chosen.postgres, run), KafkaContainer(chosen.kafka, run)
    network._docker_network_kw = {"labels": run.labels}
    try:
        network.create()
        # Not in a thread: whoever ends us here would otherwise leave one that is just being made.
        database.start()
        broker.start()
        await asyncio.gather(database.prepare(), broker.prepare())
        yield Servers(
            database.dsn(postgres.ADMIN),
            {service: database.dsn(service) for service in SERVICES},
            broker.bootstrap,
            broker.departments_bootstrap,
            str(folder / "test-keys"),
            network.name,
        )
    finally:
        _remove(client, f"{_RUN}={network.name}")


def _name_of(process: int) -> str:
    """Return what tells a process from all others, also from one that gets its id later or on another machine."""
    return f"{socket.gethostname()}/{process}/{psutil.Process(process).create_time():.2f}"


def _lives(name: str) -> bool:
    host, process, _ = name.split("/")
    if host != socket.gethostname():
        return True  # nothing is known of it
    try:
        return _name_of(int(process)) == name
    except psutil.NoSuchProcess:
        return False


def _sweep(client: DockerClient) -> None:
    """Remove what test runs left whose process was killed."""
    engine: Any = client.client
    left = [
        *engine.containers.list(all=True, filters={"label": _OWNER}),
        *engine.networks.list(filters={"label": _OWNER}),
    ]
    for name in {_labels(one)[_OWNER] for one in left}:
        if not _lives(name):
            _remove(client, f"{_OWNER}={name}")


def _remove(client: DockerClient, label: str) -> None:
    engine: Any = client.client
    for container in engine.containers.list(all=True, filters={"label": label}):
        with suppress(NotFound):  # another run sweeps too
            container.remove(force=True, v=True)
    for network in engine.networks.list(filters={"label": label}):
        with suppress(NotFound):
            network.remove()


def _labels(thing: Any) -> dict[str, str]:
    """Return the labels of a container or network, as Docker has them."""
    return thing.attrs.get("Labels") or thing.attrs["Config"]["Labels"]
