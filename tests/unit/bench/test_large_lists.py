"""Lists on a large installation: none is left out, plans are read as the server wrote them, the page is current."""

from pathlib import Path
from typing import Final

from graphql import GraphQLList, build_schema, get_named_type, get_nullable_type, is_object_type, parse, validate

from bench.large import results
from bench.large.lists import SINGLE, every_list
from bench.large.plans import Log, summed_up
from deploy.local.settings import ROOT

SCHEMA: Final = build_schema((ROOT / "gateway" / "api.graphql").read_text())


def test_every_list_of_the_api_is_measured() -> None:
    assert SCHEMA.query_type is not None
    asked = {way.field for way in every_list()}
    assert set(SCHEMA.query_type.fields) - SINGLE == {field for field in asked if "." not in field} - SINGLE
    for field in SINGLE - {"workingCalendar"}:  # which is as long as is asked for
        assert not isinstance(get_nullable_type(SCHEMA.query_type.fields[field].type), GraphQLList)
    department = get_named_type(SCHEMA.query_type.fields["department"].type)
    assert is_object_type(department)
    assert "feed" in department.fields
    assert "department.feed" in asked


def test_everything_that_is_asked_for_can_be_asked() -> None:
    for way in every_list():
        assert validate(SCHEMA, parse(way.document)) == [], way


_LOG: Final = """2026-11-26 10:00:00.000 UTC [7] intake@intake LOG:  duration: 1.250 ms  plan:
\t{
\t  "Query Text": "\\n-- petitions.by_state: a page of a desk\\nSELECT 1",
\t  "Plan": {"Node Type": "Sort", "Actual Rows": 21, "Actual Loops": 1,
\t    "Shared Hit Blocks": 180, "Shared Read Blocks": 5, "Plans": [
\t      {"Node Type": "Index Only Scan", "Index Name": "petition_by_state", "Actual Rows": 21, "Actual Loops": 7,
\t        "Rows Removed by Filter": 3},
\t      {"Node Type": "Seq Scan", "Relation Name": "petition", "Actual Rows": 1, "Actual Loops": 1}]}
\t}
2026-11-26 10:00:00.001 UTC [7] intake@intake LOG:  duration: 9.000 ms  plan:
\t{"Query Text": "SELECT 2", "Plan": {"Node Type": "Result", "Actual Rows": 1, "Actual Loops": 1}}
2026-11-26 10:00:00.002 UTC [8] LOG:  checkpoint starting: time
"""


def test_plans_are_read_from_the_servers_log_by_their_statements_names(tmp_path: Path) -> None:
    file = tmp_path / "postgres.log"
    file.write_text("before\n")
    log = Log(file)
    with file.open("a") as written:
        written.write(_LOG)
    [plan] = summed_up(log.ran())
    assert (plan.name, plan.runs, plan.buffers, plan.milliseconds) == ("petitions.by_state", 1, 185, 1.25)
    assert (plan.indexes, plan.scanned, plan.removed, plan.sorted) == (["petition_by_state"], ["petition"], 21, 21)
    assert log.ran() == []


def test_the_page_says_what_was_measured() -> None:
    assert results.PAGE.read_text() == results.page(results.read())
