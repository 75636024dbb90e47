"""Recorded statements run again in pgbench, on a real database: the same values, but ids that are fresh each time."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from bench.pgbench import CLIENTS, LimitError, run
from bench.recording import Recording, Statement, Transaction
from bench.scripts import Fresh, ScriptError, preparation, script
from services.kernel.ids import new_uuid
from tests.support.servers import Servers

_ODD = "it's 12:30\nin :u1's \\ \"words\", {a,b} 下水道堵了"
_NEXT_TO_IT = "{}下水道{}_b{}'\\{}"
"""What may follow an id without being taken for a part of its name, or ending the text."""
_PETITION, _ORDER, _KEY = new_uuid(), new_uuid(), uuid4()

_INSERT = """INSERT INTO own.kept (petition, key, code, department, words, list, data, sealed, nobody, nothing, next)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"""
_UPDATE = "UPDATE own.kept SET seen = seen + 1 WHERE petition = $1 AND $1 IS NOT NULL"


def recording(*transactions: Transaction) -> Recording:
    return Recording({_PETITION: "7K3M9QX2CD"}, "housing", {"intake": transactions}, {})


def insert() -> Statement:
    values = (
        *(str(_PETITION), str(_KEY), "7K3M9QX2CD", "housing", _ODD),
        *(f"{{{_PETITION},{_ORDER}}}", f'{{"order": "{_ORDER}", "at": "12:30", "of": "housing", "like": "housing-2"}}'),
        *(r"\x00ff", str(UUID(int=0)), None, _NEXT_TO_IT.format(*[_PETITION] * 4)),
    )
    return Statement("kept.insert", _INSERT, values)


@pytest.fixture
async def database(servers: Servers) -> AsyncGenerator[str]:
    """A database of intake's role with a table of many types."""
    name = f"scripts_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(servers.admin_dsn)
    await admin.execute(f"CREATE DATABASE {name} OWNER intake")
    dsn = servers.dsns["intake"].rsplit("/", 1)[0] + f"/{name}"
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "CREATE SCHEMA own; CREATE TABLE own.kept (petition uuid PRIMARY KEY, key uuid UNIQUE, code text UNIQUE,"
        " department text, words text, list uuid[], data jsonb, sealed bytea, nobody uuid, nothing int, next text,"
        " seen int DEFAULT 0)"
    )
    await connection.close()
    yield dsn
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def rows(dsn: str) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch("SELECT * FROM own.kept ORDER BY petition")
    finally:
        await connection.close()


async def written(dsn: str, folder: Path, *transactions: Transaction) -> Path:
    connection = await asyncpg.connect(dsn)
    text = await script(transactions, Fresh(recording(*transactions)), connection)
    await connection.close()
    file = folder / "intake.sql"
    file.write_text(text)
    return file


async def test_each_execution_writes_the_recorded_values_with_ids_of_its_own(database: str, tmp_path: Path) -> None:
    update = Statement("kept.update", _UPDATE, (str(_PETITION),))
    file = await written(
        database, tmp_path, Transaction((insert(), update), explicit=True), Transaction((update,), explicit=False)
    )
    await run(database, file, 3)
    kept = await rows(database)
    assert len({row["petition"] for row in kept}) == len({row["key"] for row in kept}) == CLIENTS * 3
    assert {row["petition"].version for row in kept} == {7}
    assert {row["key"].version for row in kept} == {4}
    for row in kept:
        assert (row["words"], row["sealed"], row["nobody"], row["nothing"]) == (_ODD, b"\x00\xff", UUID(int=0), None)
        assert row["next"] == _NEXT_TO_IT.format(*[row["petition"]] * 4)
        assert row["list"][0] == row["petition"] != row["list"][1]
        department = row["department"]
        assert department in {f"d{client}" for client in range(CLIENTS)}
        assert row["data"] == (
            f'{{"at": "12:30", "of": "{department}", "like": "housing-2", "order": "{row["list"][1]}"}}'
        )
        assert row["seen"] == 2


async def test_a_statement_that_fails_is_no_measurement(database: str, tmp_path: Path) -> None:
    again = Transaction((insert(), insert()), explicit=True)
    file = await written(database, tmp_path, again)
    with pytest.raises(LimitError, match="duplicate key"):
        await run(database, file, 1)
    assert await rows(database) == []


def test_what_pgbench_would_take_for_a_variable_is_refused() -> None:
    statement = Statement("odd.slice", "SELECT (ARRAY[1, 2])[1:n] FROM own.kept")
    with pytest.raises(ScriptError, match=r"odd\.slice has a colon"):
        preparation("s1", statement, [])
