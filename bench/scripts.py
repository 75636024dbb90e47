"""Recorded statements as scripts for pgbench, which can be run many times: what must be unique is fresh each time.

Each statement is prepared once on a connection and executed with values, as the services do it, so that the server
plans it as it does theirs. Each execution of a script makes its own ids first; a value that mentions an id of the
recording has the fresh one in its place. The positions that the relay takes out of an outbox are those of the
execution's own rows. Times stay those of the recording.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol
from uuid import UUID

from bench.recording import Recording, Statement, Transaction
from services.kernel.db import session_settings
from services.kernel.history import VERSION

OPTIONS: Final = " ".join(f"-c {name}={value}" for name, value in session_settings("pgbench").items())
"""The services' own settings of a connection."""

BEGINNING: Final = "beginning"
"""The variable that must be 1 when a connection's first execution begins."""

_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NOBODY: Final = str(UUID(int=0))
_VARIABLE: Final = re.compile(r"(?<!:):(?=\w)")

_LOWEST: Final = (
    "ARRAY(SELECT position FROM (SELECT * FROM own.outbox ORDER BY position LIMIT 500) AS lowest"
    " WHERE aggregate_id = ANY($1::uuid[]))"
)
_LOWEST_OF_DEPARTMENT: Final = (
    "ARRAY(SELECT position FROM (SELECT * FROM own.department_outbox ORDER BY position LIMIT 500) AS lowest"
    " WHERE department = $1::text)"
)
_OWN_ROWS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "relay.published": _LOWEST,
        "department_feed.published": _LOWEST,
        "department_feed.delivered": _LOWEST_OF_DEPARTMENT,
    }
)
"""Statements whose only value the database gave out, and how it is looked up: at the outbox's beginning."""

_VERSIONED: Final = "petitions.save"
"""What writes a decision if the row still has the version that was read, which is another one in each execution: there
it is written in any case, as nothing else is written between the two."""

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
        """Know the recording's tracking codes and department; its ids become known as they are met."""
        code = "upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 10))"
        # The relay that numbers a department's events is one alone: so many at once must each have a department.
        self._made = {recording.department: ("department", "'d' || :client_id")}
        self._made |= {name: (f"c{nth}", code) for nth, name in enumerate(recording.petitions.values())}
        words = "|".join(map(re.escape, self._made))
        self._words = re.compile(f"({_UUID}|(?<![\\w-])(?:{words})(?![\\w-]))")
        self.petitions = f"{{{','.join(map(str, recording.petitions))}}}"
        self.department = recording.department

    def literal(self, value: str | None) -> str:
        r"""Return a value as SQL, with variables of pgbench where it must be fresh, and none elsewhere."""
        if value is None:
            return "NULL"
        pieces = self._words.split(value)
        escaped = ""
        for nth, piece in enumerate(pieces):
            if nth % 2 and piece != _NOBODY:
                escaped += f":{self._variable(piece)}"
            elif nth and piece and pieces[nth - 1] != _NOBODY and not nth % 2:
                escaped += f"\\U{ord(piece[0]):08x}" + _escaped(piece[1:])  # else the name of the variable would go on
            else:
                escaped += _escaped(piece)
        return f"E'{escaped}'"

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
    """Return the script that does a database's transactions of the recording.

    :param connection: one of the service's own, which knows its tables.
    :raises ScriptError: pgbench could not read it as it is meant.
    """
    prepared: dict[str, str] = {}
    names: dict[str, str] = {}
    lines: list[str] = []
    for transaction in transactions:
        lines += ["BEGIN;"] * transaction.explicit
        for statement in transaction.statements:
            if statement.sql not in names:
                names[statement.sql] = f"s{len(names)}"
                types = [kind.name for kind in (await connection.prepare(statement.sql)).get_parameters()]
                prepared[statement.sql] = preparation(names[statement.sql], statement, types)
            lines.append(f"{execution(names[statement.sql], statement, fresh)};")
        lines += ["COMMIT;"] * transaction.explicit
    once = [f"\\if :{BEGINNING}", *prepared.values(), f"\\set {BEGINNING} 0", "\\endif"]
    return "\n".join([*once, fresh.made(), *lines, ""])


def preparation(name: str, statement: Statement, types: Sequence[str]) -> str:
    """Return what prepares a statement under a name.

    :raises ScriptError: there are other values than parameters, or pgbench would take something for a variable.
    """
    if len(types) != len(statement.values):
        raise ScriptError(f"{statement.name} has {len(types)} parameters and {len(statement.values)} values.")
    if _VARIABLE.search(statement.sql):
        raise ScriptError(f"{statement.name} has a colon that pgbench would take for the beginning of a variable.")
    sql = statement.sql
    if statement.name in _OWN_ROWS:
        sql, types = sql.replace("$1", _OWN_ROWS[statement.name]), ()
    if statement.name == "live.tell":
        if sql.count(_HASTY[0]) != 1:
            raise ScriptError(f"{statement.name} no longer says {_HASTY[0]}.")
        sql = sql.replace(*_HASTY)
    parameters = f" ({', '.join(types)})" if types else ""
    return f"PREPARE {name}{parameters} AS -- {statement.name}\n{sql};"


def execution(name: str, statement: Statement, fresh: Fresh) -> str:
    """Return what executes a prepared statement with its values."""
    values = statement.values
    if statement.name == _VERSIONED:
        values = (*values[: VERSION - 1], None, *values[VERSION:])
    if statement.name in _OWN_ROWS:
        values = (fresh.department,) if _OWN_ROWS[statement.name] is _LOWEST_OF_DEPARTMENT else (fresh.petitions,)
    return f"EXECUTE {name}" + (f" ({', '.join(map(fresh.literal, values))})" if values else "")


def _escaped(text: str) -> str:
    r"""Return a text as it stands between quotes of an escape string, in which pgbench finds no variable.

    >>> print(_escaped("it's 12:30\n"))
    it''s 12\07230\n
    """
    return text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\072").replace("\n", "\\n")
