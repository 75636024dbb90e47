"""One PostgreSQL and one broker for a whole test run, whichever worker needs them first.

The servers live in a process of their own that ends with the run: workers come and go in any order.
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
from dataclasses import asdict, dataclass
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
_START_WITHIN: Final = 120.0
_STOP_WITHIN: Final = 30.0
# Held until this process ends: it is the run's end that ends the servers, not the garbage collector.
_started: Final[list[subprocess.Popen[bytes]]] = []


@dataclass(frozen=True)
class Servers:
    """How the run's servers are reached, and the keys folder that all tests share."""

    admin_dsn: str
    dsns: dict[str, str]
    bootstrap: str
    departments: str
    """Where departments log in to the broker."""
    keys: str


def template(service: str) -> str:
    """Return the name of a service's migrated, empty database, from which every test module's is cloned."""
    return f"template_{service}"


async def _serve(folder: Path, owner: int) -> None:
    # What only costs time on a machine that nobody needs to trust: syncing, autovacuum's wakings, many log segments.
    postgres = Postgres(folder / "postgres", free_port(), durable=False, options={"max_connections": "300"})
    kafka = Kafka(folder / "kafka", free_port(), free_port(), departments_port=free_port())
    async with postgres, kafka:
        keys.create_missing(folder / "test-keys")
        admin = await asyncpg.connect(postgres.admin_dsn)
        for service in SERVICES:
            await admin.execute(f"CREATE DATABASE {template(service)} OWNER {service}")
            await migrate(postgres.dsn(service, template(service)), f"services.{service}")
        await admin.close()
        ready = Servers(
            postgres.admin_dsn,
            {service: postgres.dsn(service) for service in SERVICES},
            kafka.bootstrap,
            kafka.departments_bootstrap,
            str(folder / "test-keys"),
        )
        draft = folder / "servers.json.new"
        draft.write_text(json.dumps(asdict(ready)))
        draft.rename(folder / "servers.json")
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        while not stopping.is_set() and psutil.pid_exists(owner):
            try:
                async with asyncio.timeout(0.5):
                    await stopping.wait()
            except TimeoutError:
                continue


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


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("owner", type=int)
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.folder, arguments.owner))
