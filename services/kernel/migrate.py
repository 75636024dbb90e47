"""Migrations: numbered SQL, forward only, under an advisory lock, each in a transaction with a lock timeout.

Files of `own` and `view` stand in folders of their own, the kernel's before the service's. What was applied is kept
with a checksum: a file that changed afterwards is refused.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

import asyncpg as _asyncpg

asyncpg: Any = _asyncpg  # ships no types
_LOCK: Final = 0x7454_0002
_LOCK_TIMEOUT: Final = "5s"


class MigrationError(Exception):
    """The database is not as the migrations left it."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file; `name` is `<package>/<schema>/<file>`."""

    name: str
    sql: str

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


async def migrate(url: str, package: str) -> list[str]:
    """Bring a database up to date; return the names of what was applied now.

    :raises MigrationError: an applied file has changed, or one that this version does not know was applied.
    """
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        return await _apply(connection, [*of_package("services.kernel"), *of_package(package)])
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
    applied = dict(await connection.fetch("SELECT name, checksum FROM own.migration"))
    if unknown := applied.keys() - {m.name for m in migrations}:
        raise MigrationError(f"the database is newer than this version: {', '.join(sorted(unknown))}")
    done: list[str] = []
    for migration in migrations:
        if migration.name in applied:
            if applied[migration.name] != migration.checksum:
                raise MigrationError(
                    f"{migration.name} was applied in another form; migrations are never edited "
                    "(data of a version that was never released: a local run begins anew with `make clean-data`)"
                )
            continue
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO own.migration (name, checksum) VALUES ($1, $2)",
                migration.name,
                migration.checksum,
            )
        done.append(migration.name)
    return done
