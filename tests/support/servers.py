"""One PostgreSQL and one broker for a whole test run, whichever worker needs them first.

The servers live in a process of their own that ends with the run: workers come and go in any order. They are the
embedded ones, or containers where THROUGH_TRAIN_TEST_SERVERS says so; whoever uses them notices nothing of it.
"""

import argparse
import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import asyncpg
import psutil

from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from services.kernel.auth import keys
from services.kernel.migrate import migrate

ROOT: Final = Path(__file__).parents[2]
SERVICES: Final = ("intake", "dispatch", "feedback")
OPTIONS: Final[Mapping[str, str]] = {"max_connections": "300"}
"""What the run's PostgreSQL is told beside what every one of ours is told."""

_CHOICE: Final = "THROUGH_TRAIN_TEST_SERVERS"
_START_WITHIN: Final = 120.0
_STOP_WITHIN: Final = 30.0
_LOOK_AGAIN: Final = 0.5
# Held until this process ends: it is the run's end that ends the servers, not the garbage collector.
_started: Final[list[subprocess.Popen[bytes]]] = []


class Kind(StrEnum):
    """What the run's servers are."""

    EMBEDDED = "embedded"
    CONTAINERS = "containers"


def chosen(environment: Mapping[str, str]) -> Kind:
    """Return what the environment chooses.

    :raises ValueError: there is no such kind; the message is for who chose.
    """
    said = environment.get(_CHOICE) or Kind.EMBEDDED
    try:
        return Kind(said)
    except ValueError:
        raise ValueError(f"{_CHOICE} must be one of {', '.join(Kind)}, not {said!r}.") from None


LEFT_OUT: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.EMBEDDED: ("tests/containers",),
    Kind.CONTAINERS: (
        "tests/unit",
        "tests/faults",
        "tests/system/test_accounts.py",
        "tests/system/test_planted_data.py",
        "tests/system/test_servers.py",
        "tests/system/test_supervisor.py",
    ),
}
"""Which tests a run has nothing for: images are for containers, and these start, stop and search embedded servers."""


@dataclass(frozen=True)
class Servers:
    """How the run's servers are reached, and the keys folder that all tests share."""

    admin_dsn: str
    dsns: dict[str, str]
    bootstrap: str
    departments: str
    """Where departments log in to the broker."""
    keys: str
    network: str = ""
    """In which network other containers find them by their names; empty for embedded ones."""


def template(service: str) -> str:
    """Return the name of a service's migrated, empty database, from which every test module's is cloned."""
    return f"template_{service}"


@asynccontextmanager
async def _embedded(folder: Path) -> AsyncGenerator[Servers]:
    # What only costs time on a machine that nobody needs to trust: syncing, autovacuum's wakings, many log segments.
    postgres = Postgres(folder / "postgres", free_port(), durable=False, options=OPTIONS)
    kafka = Kafka(folder / "kafka", free_port(), free_port(), departments_port=free_port())
    async with postgres, kafka:
        yield Servers(
            postgres.admin_dsn,
            {service: postgres.dsn(service) for service in SERVICES},
            kafka.bootstrap,
            kafka.departments_bootstrap,
            str(folder / "test-keys"),
        )


def _in_containers(folder: Path) -> AbstractAsyncContextManager[Servers]:
    from tests.support import containers  # here, since no other run has a use for its library

    return containers.servers(folder)


_SERVED: Final[Mapping[Kind, Callable[[Path], AbstractAsyncContextManager[Servers]]]] = {
    Kind.EMBEDDED: _embedded,
    Kind.CONTAINERS: _in_containers,
}


async def _serve(folder: Path, owner: int) -> None:
    this = asyncio.current_task()
    assert this is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, this.cancel)
    with suppress(asyncio.CancelledError):
        async with _SERVED[chosen(os.environ)](folder) as servers:
            keys.create_missing(Path(servers.keys))
            admin = await asyncpg.connect(servers.admin_dsn)
            for service in SERVICES:
                await admin.execute(f"CREATE DATABASE {template(service)} OWNER {service}")
                url = servers.dsns[service].rpartition("/")[0] + f"/{template(service)}"
                await migrate(url, f"services.{service}")
            await admin.close()
            draft = folder / "servers.json.new"
            draft.write_text(json.dumps(asdict(servers)))
            draft.rename(folder / "servers.json")
            while psutil.pid_exists(owner):  # noqa: ASYNC110 - no event comes from another process
                await asyncio.sleep(_LOOK_AGAIN)


def obtain(folder: Path, owner: int) -> Servers:
    """Return the run's servers, starting them if nobody has yet; they end with the process `owner`."""
    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / "servers.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            command = [sys.executable, "-m", "tests.support.servers", str(folder), str(owner)]
            with (folder / "servers.log").open("w") as log:
                child = subprocess.Popen(
                    command, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
                )
            _started.append(child)
            (folder / "pid").write_text(str(child.pid))
            until = time.monotonic() + _START_WITHIN
            while not ready.exists():
                if child.poll() is not None or time.monotonic() > until:
                    said = (folder / "servers.log").read_text()[-4000:]
                    raise RuntimeError(f"the test servers did not start:\n{said}")
                time.sleep(0.05)
    return Servers(**json.loads(ready.read_text()))


def release(folder: Path) -> None:
    """Stop the run's servers, if they were started, and wait for them."""
    try:
        process = psutil.Process(int((folder / "pid").read_text()))
    except (FileNotFoundError, psutil.NoSuchProcess):
        return
    os.kill(process.pid, signal.SIGTERM)
    try:
        process.wait(_STOP_WITHIN)
    except psutil.TimeoutExpired:
        process.kill()
    for child in _started:
        child.poll()  # whoever waited for it has its end: without this it would count as running


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("owner", type=int)
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.folder, arguments.owner))
