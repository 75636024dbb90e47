"""How much a statement reads of a database that is full: the plan that PostgreSQL takes, run, with its buffers."""

import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import asyncpg

from services.kernel.db import session_settings
from tests.support.servers import Servers, template

MODES: Final = ("force_custom_plan", "force_generic_plan")
"""asyncpg prepares: PostgreSQL plans for the values at first, for any values later."""


@dataclass(frozen=True)
class Read:
    """What a statement did."""

    rows: int
    buffers: int
    nodes: Sequence[Mapping[str, Any]]

    @property
    def scanned(self) -> set[str]:
        """The tables that were read from end to end."""
        return {node["Relation Name"] for node in self.nodes if node["Node Type"] == "Seq Scan"}

    @property
    def indexes(self) -> set[str]:
        """The indexes that were used."""
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}

    @property
    def filtered(self) -> int:
        """How many rows were read and thrown away."""
        keys = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
        return sum(round(node.get(key, 0) * node["Actual Loops"]) for node in self.nodes for key in keys)

    def __str__(self) -> str:
        """Return what a failed assertion shows."""
        lines = [
            f"{node['Node Type']} {node.get('Index Name', '')} {node.get('Relation Name', '')}"
            f" rows={node['Actual Rows']} loops={node['Actual Loops']} sorted by {node.get('Sort Key', '-')}"
            for node in self.nodes
        ]
        return "\n".join([f"{self.rows} rows, {self.buffers} buffers, {self.filtered} filtered", *lines])


@dataclass(frozen=True)
class Full:
    """A service's database, filled, and the sizes of its tables."""

    connection: Any

    async def size(self, table: str) -> int:
        """Return how many buffers a table has, without its indexes."""
        return await self.connection.fetchval("SELECT pg_relation_size($1::regclass) / 8192", table)

    @asynccontextmanager
    async def undone(self) -> AsyncGenerator[None]:
        """Undo at the end whatever was changed inside."""
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            yield
        finally:
            await transaction.rollback()

    async def read(self, statement: str, *arguments: object, mode: str) -> Read:
        """Run a statement as a driver would that had prepared it.

        :param mode: one of MODES.
        """
        name = f"tried_{uuid4().hex}"
        given = f"({', '.join(map(_literal, arguments))})" if arguments else ""
        await self.connection.execute(f"SET plan_cache_mode = {mode}; PREPARE {name} AS {statement}")
        explained = await self.connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE {name} {given}"
        )
        await self.connection.execute(f"DEALLOCATE {name}")
        plan = json.loads(explained)[0]["Plan"]
        buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        return Read(round(plan["Actual Rows"]), buffers, list(_nodes(plan)))


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bool() | int():
            return str(value)
        case list() | tuple():
            return _literal("{" + ",".join(json.dumps(str(item)) for item in value) + "}")
        case _:
            return "'" + str(value).replace("'", "''") + "'"


@asynccontextmanager
async def full(servers: Servers, service: str, filling: str) -> AsyncGenerator[Full]:
    """Clone a service's empty database and fill it."""
    name = f"full_{service}_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(servers.admin_dsn)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template(service)} OWNER {service}")
        url = servers.dsns[service].rsplit("/", 1)[0] + f"/{name}"
        connection: Any = await asyncpg.connect(url, server_settings=session_settings("tests"))
        try:
            await connection.execute(filling)
            await connection.execute("VACUUM ANALYZE")
            yield Full(connection)
        finally:
            await connection.close()
            await admin.execute(f"DROP DATABASE {name}")
    finally:
        await admin.close()
