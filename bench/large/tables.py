"""Every table of the three databases, and what becomes of its rows when petitions are multiplied.

A table that is not named here, or a column of bytes of which it is not said how it is made, stops the load: what is
added to the product later is not forgotten here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from deploy.local.errors import LocalRunError
from services.kernel.db import Connection, Row


class Treatment(Enum):
    """What becomes of a table's rows."""

    COPIED = auto()
    """Each belongs to one petition, by `petition_id` or `aggregate_id`, and is copied with it."""

    ANSWERED = auto()
    """Answers to mutations, which are forgotten after seven days: only what is younger is copied."""

    NUMBERED = auto()
    """A department's feed: each copy has the department's next number."""

    COUNTED = auto()
    """Counters, to which each copy adds what its visits count as."""

    EMPTY = auto()
    """Holds what is still on its way; nothing is, once the system has come to rest."""

    KEPT = auto()
    """Has nothing to do with petitions, and stays as it is."""


TREATMENTS: Final[Mapping[str, Treatment]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("own.petition", "own.event", "own.clock", "own.clock_firing", "own.progress", "view.progress"),
                *("own.original", "own.contact", "own.addition", "own.contact_look", "own.erasure"),
                *("own.work_order", "own.instruction", "own.case", "own.visit"),
                *("view.petition", "view.event", "view.clock"),
            ),
            Treatment.COPIED,
        ),
        "own.idempotency": Treatment.ANSWERED,
        "own.department_feed": Treatment.NUMBERED,
        "own.rate": Treatment.COUNTED,
        **dict.fromkeys(
            ("own.outbox", "own.department_outbox", "own.parked", "own.discarded", "own.replayed"), Treatment.EMPTY
        ),
        **dict.fromkeys(
            (
                *("own.reference", "view.reference", "own.migration"),
                *("own.opening", "own.key_rotation", "own.retired_key"),
            ),
            Treatment.KEPT,
        ),
    }
)

BYTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "own.original.wrapped_key": "the record's key, new for each copy and wrapped anew",
        "own.original.words": "sealed with it",
        "own.contact.sealed": "sealed with it",
        "own.contact.phone_hash": "of the copy's own number",
        "own.addition.words": "sealed with it",
        "own.erasure.wrapped_key_sha256": "by chance: the key is gone",
        "own.idempotency.input_hash": "by chance: nobody can repeat what was asked",
    }
)
"""The columns of bytes in what is copied, and how they are made."""

_TABLES: Final = """
SELECT t.table_schema || '.' || t.table_name AS name, t.table_schema AS schema, t.table_name AS table,
       array_agg(c.column_name ORDER BY c.ordinal_position) FILTER (WHERE c.is_generated = 'NEVER') AS columns,
       array_agg(c.column_name) FILTER (WHERE c.data_type = 'bytea') AS bytes
FROM information_schema.tables AS t JOIN information_schema.columns AS c USING (table_schema, table_name)
WHERE t.table_type = 'BASE TABLE' AND t.table_schema NOT IN ('pg_catalog', 'information_schema')
GROUP BY t.table_schema, t.table_name ORDER BY 1"""


class UncoveredError(LocalRunError):
    """The database has something of which it is not said here what becomes of it."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a service: the columns that are stored, in their order, and which of them names the petition."""

    service: str
    schema: str
    table: str
    columns: tuple[str, ...]
    treatment: Treatment

    @property
    def name(self) -> str:
        """Its name within the service's database."""
        return f"{self.schema}.{self.table}"

    @property
    def is_written(self) -> bool:
        """Whether a load adds rows to it."""
        return self.treatment not in {Treatment.EMPTY, Treatment.KEPT}

    @property
    def petition(self) -> int:
        """Where in a row the petition's id stands.

        :raises ValueError: it stands nowhere.
        """
        return next(self.columns.index(name) for name in ("petition_id", "aggregate_id") if name in self.columns)


async def tables_of(service: str, connection: Connection) -> list[Table]:
    """Return all tables of a service's database.

    :raises UncoveredError: of one of them, or of a column of bytes, it is not said what becomes of it.
    """
    return list(_covered(service, await connection.fetch(_TABLES)))


def _covered(service: str, rows: Sequence[Row]) -> Iterator[Table]:
    for row in rows:
        name = str(row["name"])
        if (treatment := TREATMENTS.get(name)) is None:
            raise UncoveredError(f"{service} has a table {name}: say in bench/large/tables.py what becomes of its rows")
        table = Table(service, str(row["schema"]), str(row["table"]), tuple(row["columns"]), treatment)
        if table.is_written:
            for column in row["bytes"] or ():
                if f"{name}.{column}" not in BYTES:
                    raise UncoveredError(f"{service} has a column {name}.{column}: say how its bytes are made")
        yield table
