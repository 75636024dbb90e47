"""Recorded statements as scripts for pgbench, which can be run many times: what must be unique is fresh each time.

Each execution makes its own ids first. A value that mentions an id of the recording is put together from its pieces
around the fresh one; the positions that the relay takes out of an outbox are those of the execution's own rows. Times
stay those of the recording.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

from bench.recording import Recording, Statement, Transaction

OPTIONS: Final = "-c search_path=view -c jit=off -c timezone=UTC"
"""The services' own settings of a connection."""

_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NOBODY: Final = str(UUID(int=0))
_NUMBERED: Final = re.compile(r"\$(\d+)")
_VARIABLE: Final = re.compile(r"(?<!:):(?=\w)")
_MOST_VARIABLES: Final = 255  # pgbench's MAX_ARGS, less the statement itself

_LOWEST: Final = (
    "ARRAY(SELECT position FROM (SELECT * FROM own.outbox ORDER BY position LIMIT 500) AS lowest"
    " WHERE aggregate_id = :{petition}::uuid)"
)
_LOWEST_OF_DEPARTMENT: Final = (
    "ARRAY(SELECT position FROM (SELECT * FROM own.department_outbox ORDER BY position LIMIT 500) AS lowest"
    " WHERE department = :{department}::text)"
)
_OWN_ROWS: Final[Mapping[tuple[str, int], str]] = {
    ("relay.published", 1): _LOWEST,
    ("department_feed.published", 1): _LOWEST,
    ("department_feed.delivered", 1): _LOWEST_OF_DEPARTMENT,
}
"""Values that the database gave out, by statement and number: looked up at the outbox's beginning, as a relay does."""

_HASTY: Final = ("SELECT pg_notify", "SELECT set_config('synchronous_commit', 'off', true), pg_notify")
"""A service tells its followers on a connection whose commits need not reach the disk."""


class ScriptError(Exception):
    """A recording cannot be made a script."""


class Preparing(Protocol):
    """What is needed of a connection: to be told the types of a statement's parameters."""

    async def prepare(self, query: str) -> Any: ...


class Fresh:
    """What each execution makes anew: names of variables by what they stand for in the recording."""

    def __init__(self, recording: Recording) -> None:
        """Know the recording's tracking code and department; its ids become known as they are met."""
        code = "upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 10))"
        # The relay that numbers a department's events is one alone: so many at once must each have a department.
        self._made = {
            recording.tracking_code: ("code", code),
            recording.department: ("department", "'d' || :client_id"),
        }
        self._words = re.compile(
            f"({_UUID}|(?<![\\w-])(?:{re.escape(recording.tracking_code)}|{re.escape(recording.department)})(?![\\w-]))"
        )
        self.petition = self._variable(str(recording.petition))

    def expression(self, value: str) -> str:
        """Return an SQL expression of type text for a value, fresh where it must be."""
        pieces = self._words.split(value)
        texts = [
            f":{self._variable(piece)}::text" if nth % 2 and piece != _NOBODY else literal(piece)
            for nth, piece in enumerate(pieces)
            if piece
        ]
        return " || ".join(texts) or "''"

    def made(self) -> str:
        """Return the statement that makes everything anew."""
        columns = ", ".join(f"{expression} AS {name}" for name, expression in self._made.values())
        return f"SELECT {columns} \\gset"

    def _variable(self, word: str) -> str:
        if word not in self._made:
            expression = "uuidv7()" if UUID(word).version == 7 else "gen_random_uuid()"
            self._made[word] = (f"u{len(self._made)}", expression)
        return self._made[word][0]


async def script(transactions: Sequence[Transaction], fresh: Fresh, connection: Preparing) -> str:
    """Return the script that does a database's transactions of one life.

    :param connection: one of the service's own, which knows its tables.
    :raises ScriptError: pgbench could not read it as it is meant.
    """
    lines: list[str] = []
    for transaction in transactions:
        lines += ["BEGIN;"] * transaction.explicit
        for statement in transaction.statements:
            types = [kind.name for kind in (await connection.prepare(statement.sql)).get_parameters()]
            lines.append(f"-- {statement.name}\n{filled_in(statement, types, fresh)};")
        lines += ["COMMIT;"] * transaction.explicit
    return "\n".join([fresh.made(), *lines, ""])


def filled_in(statement: Statement, types: Sequence[str], fresh: Fresh) -> str:
    """Return a statement with its values in it.

    :raises ScriptError: there are other values than parameters, or pgbench would take something for a variable.
    """
    if len(types) != len(statement.values):
        raise ScriptError(f"{statement.name} has {len(types)} parameters and {len(statement.values)} values.")
    if _VARIABLE.search(statement.sql):
        raise ScriptError(f"{statement.name} has a colon that pgbench would take for the beginning of a variable.")
    sql = statement.sql
    if statement.name == "live.tell":
        if sql.count(_HASTY[0]) != 1:
            raise ScriptError(f"{statement.name} no longer says {_HASTY[0]}.")
        sql = sql.replace(*_HASTY)
    values = [
        _value(statement, nth, value, kind, fresh)
        for nth, (value, kind) in enumerate(zip(statement.values, types, strict=True), 1)
    ]
    filled = _NUMBERED.sub(lambda found: values[int(found[1]) - 1], sql)
    if (variables := len(_VARIABLE.findall(filled))) > _MOST_VARIABLES:
        raise ScriptError(f"{statement.name} needs {variables} variables, and pgbench knows {_MOST_VARIABLES}.")
    return filled


def _value(statement: Statement, nth: int, value: str | None, kind: str, fresh: Fresh) -> str:
    if (own := _OWN_ROWS.get((statement.name, nth))) is not None:
        return own.format(petition=fresh.petition, department="department")
    if value is None:
        return f"NULL::{kind}"
    return f"({fresh.expression(value)})::{kind}"


def literal(text: str) -> str:
    r"""Return a text as SQL, in which pgbench finds no variable.

    >>> print(literal("it's 12:30\n"))
    E'it''s 12\07230\n'
    """
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\072").replace("\n", "\\n")
    return f"E'{escaped}'"
