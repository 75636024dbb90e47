"""Migrations: numbered SQL, forward only, under an advisory lock, each in a transaction with a lock timeout.

Files of `own` and `view` stand in folders of their own, the kernel's before the service's. What was applied is kept
with a checksum: a file that changed afterwards is refused. Those of `view` name no schema, so that a rebuild can make
another view with them.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

import asyncpg as _asyncpg

from services.kernel.db import VIEW, Lock
from services.kernel.transaction import Transaction

asyncpg: Any = _asyncpg  # ships no types
_LOCK_TIMEOUT: Final = "5s"

_APPLIED: Final = """
-- migrate.applied: what was applied, and in which form
SELECT name, checksum FROM own.migration"""


class MigrationError(Exception):
    """The database is not as the migrations left it."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file; `name` is `<package>/<schema>/<file>`."""

    name: str
    sql: str

    @property
    def schema(self) -> str:
        """Whose tables it makes: `own` or `view`."""
        return self.name.split("/")[1]

    @property
    def checksum(self) -> str:
        """The SHA-256 of the file."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def of_package(package: str) -> list[Migration]:
    """Return a package's migrations, own before view, in order of their numbers."""
    root = files(package).joinpath("migrations")
    return [
        Migration(f"{package}/{schema}/{file.name}", file.read_text("utf-8"))
        for schema in ("own", "view")
        for file in _sorted(root.joinpath(schema))
    ]


def _sorted(folder: Traversable) -> Iterable[Traversable]:
    return sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)


def _all(package: str) -> list[Migration]:
    return [*of_package("services.kernel"), *of_package(package)]


async def migrate(url: str, package: str) -> list[str]:
    """Bring a database up to date; return the names of what was applied now.

    :raises MigrationError: an applied file has changed, or one that this version does not know was applied.
    """
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", Lock.MIGRATION)
        return await _apply(connection, _all(package))
    finally:
        await connection.close()


async def _apply(connection: Any, migrations: list[Migration]) -> list[str]:
    await connection.execute(
        """
        CREATE SCHEMA IF NOT EXISTS own;
        CREATE SCHEMA IF NOT EXISTS view;
        CREATE TABLE IF NOT EXISTS own.migration (
            name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
        """
    )
    done: list[str] = []
    for migration in _missing(dict(await connection.fetch(_APPLIED)), migrations):
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            await connection.execute(f"SET LOCAL search_path = {migration.schema}")
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO own.migration (name, checksum) VALUES ($1, $2)",
                migration.name,
                migration.checksum,
            )
        done.append(migration.name)
    return done


def _missing(applied: Mapping[str, str], migrations: Sequence[Migration]) -> list[Migration]:
    if unknown := applied.keys() - {m.name for m in migrations}:
        raise MigrationError(f"the database is newer than this version: {', '.join(sorted(unknown))}")
    for migration in migrations:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"{migration.name} was applied in another form; migrations are never edited "
                "(data of a version that was never released: a local run begins anew with `make clean-data`)"
            )
    return [migration for migration in migrations if migration.name not in applied]


async def hold_version(tx: Transaction, package: str) -> None:
    """Let nobody migrate until the transaction ends, and make sure that the database is of this version.

    :raises MigrationError: it is not.
    """
    await tx.connection.execute("SELECT pg_advisory_xact_lock_shared($1)", Lock.MIGRATION)
    applied = {row["name"]: row["checksum"] for row in await tx.connection.fetch(_APPLIED)}
    if missing := _missing(applied, _all(package)):
        names = ", ".join(migration.name for migration in missing)
        raise MigrationError(f"the database is older than this version, migrate it first: it lacks {names}")


async def make_view(tx: Transaction, package: str) -> None:
    """Make the empty tables of a view where the connection's search path points."""
    for migration in _all(package):
        if migration.schema == VIEW:
            await tx.connection.execute(migration.sql)
