"""The built wheel, away from the checkout: all that the services read is in it, and nothing that only runs them."""

import asyncio
import os
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import uuid4

import aiohttp
import asyncpg
import pytest

from deploy.local.ports import LOOPBACK, free_port
from deploy.local.process import Command
from deploy.local.settings import ROOT
from deploy.local.web import Address, WebProcess
from tests.support.servers import SERVICES, Servers

_NOT_CODE: Final = (".sql", ".json")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    _uv("build", "--wheel", "--out-dir", str(folder), str(ROOT))
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the wheel is installed, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    _uv("pip", "install", "--no-deps", "--target", str(folder), str(wheel))
    return folder


class Installation:
    """The three services from the wheel, each with a database of its own on the run's servers."""

    def __init__(self, servers: Servers, installed: Path, folder: Path) -> None:
        self._servers = servers
        self._installed = installed
        self._folder = folder
        self._name = f"wheel_{uuid4().hex[:8]}"
        self._ports = {service: free_port() for service in SERVICES}

    def environment(self, service: str) -> dict[str, str]:
        """Return what a service is told; the checkout is not on its path."""
        url = self._servers.dsns[service].rpartition("/")[0] + f"/{self._name}_{service}"
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("THROUGH_TRAIN_")},
            "PYTHONPATH": str(self._installed),
            "THROUGH_TRAIN_ENVIRONMENT": "development",
            "THROUGH_TRAIN_HOST": LOOPBACK,
            "THROUGH_TRAIN_PORT": str(self._ports[service]),
            "THROUGH_TRAIN_DATABASE_URL": url,
            "THROUGH_TRAIN_KAFKA_BOOTSTRAP": self._servers.bootstrap,
            "THROUGH_TRAIN_KEYS_FOLDER": self._servers.keys,
            "THROUGH_TRAIN_INTAKE_JWKS_URL": f"http://{LOOPBACK}:{self._ports['intake']}/.well-known/jwks.json",
            "THROUGH_TRAIN_TOPIC_PREFIX": f"{self._name}.",
            "THROUGH_TRAIN_TOPIC_PARTITIONS": "1",
        }

    async def make_databases(self) -> None:
        """Create the databases, empty."""
        admin = await asyncpg.connect(self._servers.admin_dsn)
        for service in SERVICES:
            await admin.execute(f"CREATE DATABASE {self._name}_{service} OWNER {service}")
        await admin.close()

    async def remove_databases(self) -> None:
        """Give the room back."""
        admin = await asyncpg.connect(self._servers.admin_dsn)
        for service in SERVICES:
            await admin.execute(f"DROP DATABASE {self._name}_{service} WITH (FORCE)")
        await admin.close()

    async def says(self, service: str, *arguments: str) -> str:
        """Run a command line of a service that must succeed; return what it prints."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, *arguments),
            env=self.environment(service),
            cwd=self._folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await child.communicate())[0].decode()
        assert child.returncode == 0, said
        return said

    def process(self, service: str) -> WebProcess:
        """Describe a service's process, which is ready when /readyz is 200."""
        command = Command(
            service, [sys.executable, "-m", f"services.{service}"], self.environment(service), self._folder
        )
        address = Address(self._ports[service], f"THROUGH_TRAIN_{service.upper()}_PORT")
        return WebProcess(command, address, logs=self._folder / "logs", pids=self._folder)


@pytest.fixture(scope="module")
async def installation(
    servers: Servers, installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """The wheel's services, migrated and not started."""
    installation = Installation(servers, installed, tmp_path_factory.mktemp("elsewhere"))
    await installation.make_databases()
    await asyncio.gather(*(installation.says(name, "-m", f"services.{name}", "migrate") for name in SERVICES))
    yield installation
    await installation.remove_databases()


def test_the_wheel_has_every_file_that_code_reads_and_nothing_of_the_workshop(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if not name.endswith("/")}
    here = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "services").rglob("*")
        if file.suffix in (".py", *_NOT_CODE) and "__pycache__" not in file.parts
    }
    assert any(name.endswith(".sql") for name in here)
    assert {name for name in inside if ".dist-info/" not in name} == here


async def test_the_installed_services_become_ready_away_from_the_checkout(installation: Installation) -> None:
    where = await installation.says("intake", "-c", "import services.kernel.service as it; print(it.__file__)")
    assert not Path(where.strip()).is_relative_to(ROOT)
    processes = [installation.process(name) for name in SERVICES]
    try:
        await asyncio.gather(*(process.start() for process in processes))
        async with aiohttp.ClientSession() as session:
            for process in processes:
                async with session.get(f"{process.address.url}/readyz") as answer:
                    assert answer.status == 200, await answer.text()
    finally:
        await asyncio.gather(*(process.stop() for process in processes))


async def test_the_installed_command_lines_answer(installation: Installation) -> None:
    listed, parked = await asyncio.gather(
        installation.says("intake", "-m", "services.intake", "reference", "list"),
        installation.says("dispatch", "-m", "services.dispatch", "parked", "list"),
    )
    assert "street" in listed
    assert "Traceback" not in parked


def _uv(*arguments: str) -> None:
    command = [sys.executable, "-m", "uv", *arguments, "--offline", "--no-config", "--quiet"]
    subprocess.run(command, check=True, cwd="/")
