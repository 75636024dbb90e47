"""The connection says which view is written, the statement which one is read: so that a view can be rebuilt."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import services
from services.kernel.migrate import of_package

_ROOT: Final = Path(services.__file__).parent
_TABLES: Final = ("petition", "event", "clock", "progress", "reference")
_WRITES: Final = re.compile(r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?P<table>[\w.]+)", re.IGNORECASE)
_READS: Final = re.compile(r"\b(?:FROM|JOIN)\s+(?P<table>[\w.]+)", re.IGNORECASE)
_REBUILD: Final = "kernel/rebuild_view.py"
"""The one that reads both: the next view by its connection, the served one by name."""


def _statements() -> Iterator[tuple[str, str]]:
    """Yield the file and text of every SQL statement of the services; each begins with a comment that names it."""
    for file in sorted(_ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("\n-- "):
                yield file.relative_to(_ROOT).as_posix(), node.value


STATEMENTS: Final = list(_statements())


def _tables(pattern: re.Pattern[str], sql: str) -> set[str]:
    code = re.sub(r"--[^\n]*", "", sql)
    named = set(re.findall(r"\b(\w+) (?:\([\w, ]*\) )?AS (?:MATERIALIZED )?\(", code))
    return {found["table"] for found in pattern.finditer(code)} - named


def test_the_statements_are_found() -> None:
    files = {file for file, _ in STATEMENTS}
    assert {"kernel/inbox.py", "feedback/store/view_clock.py", "feedback/queries/timelines.py"} <= files
    assert len(STATEMENTS) > 80


@pytest.mark.parametrize("package", ["services.kernel", "services.intake", "services.dispatch", "services.feedback"])
def test_migrations_of_a_view_name_no_schema(package: str) -> None:
    ours = [migration for migration in of_package(package) if migration.schema == "view"]
    assert ours
    assert not [m.name for m in ours if re.search(r"\b(view|own)\.", re.sub(r"--[^\n]*", "", m.sql))]


def test_no_statement_that_writes_a_view_says_which() -> None:
    named = {(file, table) for file, sql in STATEMENTS for table in _tables(_WRITES, sql) if table.startswith("view")}
    assert not named


def test_every_statement_that_reads_a_view_says_which() -> None:
    unnamed = {(file, t) for file, sql in STATEMENTS if file != _REBUILD for t in _tables(_READS, sql) if t in _TABLES}
    assert not unnamed


def test_only_projections_progress_and_references_write_a_view() -> None:
    writers = {file for file, sql in STATEMENTS if _tables(_WRITES, sql) & set(_TABLES)}
    projections = {file for file in writers if "/store/view_" in file}
    assert writers - projections == {"kernel/inbox.py", "kernel/reference.py", _REBUILD}
    assert len(projections) == 5
