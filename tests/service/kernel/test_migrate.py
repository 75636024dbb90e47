"""Migrations on a real server: once, in order, under a lock, and never in another form."""

import asyncio
from collections.abc import AsyncGenerator
from uuid import uuid4

import asyncpg
import pytest

from services.kernel.migrate import MigrationError, migrate, of_package
from tests.support.servers import Servers


@pytest.fixture
async def empty(servers: Servers) -> AsyncGenerator[str]:
    """An empty database of intake's role."""
    name = f"migrate_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(servers.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name} OWNER intake")
    yield servers.dsns["intake"].rsplit("/", 1)[0] + f"/{name}"
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def test_two_first_runs_at_once_apply_everything_once(empty: str) -> None:
    one, other = await asyncio.gather(migrate(empty, "services.intake"), migrate(empty, "services.intake"))
    every = [m.name for m in (*of_package("services.kernel"), *of_package("services.intake"))]
    assert sorted([one, other], key=len) == [[], every]


async def test_an_edited_migration_is_refused(empty: str) -> None:
    await migrate(empty, "services.intake")
    connection = await asyncpg.connect(empty)
    await connection.execute("UPDATE own.migration SET checksum = 'other' WHERE name LIKE '%0001_petition.sql'")
    await connection.close()
    with pytest.raises(MigrationError, match="never edited"):
        await migrate(empty, "services.intake")


async def test_a_database_of_a_newer_version_is_refused(empty: str) -> None:
    await migrate(empty, "services.intake")
    connection = await asyncpg.connect(empty)
    await connection.execute(
        "INSERT INTO own.migration (name, checksum) VALUES ('services.intake/own/0099_x.sql', 'x')"
    )
    await connection.close()
    with pytest.raises(MigrationError, match=r"newer than this version: .*0099_x\.sql"):
        await migrate(empty, "services.intake")


async def test_texts_sort_and_match_as_utf8(empty: str) -> None:
    connection = await asyncpg.connect(empty)
    assert await connection.fetchval("SELECT '下水道' ~ '^\\w+$'")
    await connection.close()
