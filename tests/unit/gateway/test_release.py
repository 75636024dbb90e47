"""A release of the GraphQL contract: its number, what it keeps, and what is accepted to break."""

import datetime as dt
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.local.settings import ROOT
from gateway import persisted, release, schema
from gateway.compatibility import Operation
from gateway.persisted import BadOperation
from services.kernel.graphql.deprecation import NOTICE, until

TODAY = dt.date(2026, 11, 26)
SCHEMA = "schema { query: Query }\n"
FIRST = SCHEMA + "type Query { who: String, where: String }\n"
WHO = "query Who { who }"
CHANGE = "Field Query.where was removed."


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A gateway's folder with one service, released as 1.0.0."""
    for name in ("subgraphs", "operations"):
        (tmp_path / name).mkdir()
    write(tmp_path, FIRST, WHO)
    assert publish(tmp_path) == "The GraphQL contract is 1.0.0 now."
    return tmp_path


def write(here: Path, sdl: str, *documents: str, console: str = "", codes: Sequence[str] = ("INTERNAL",)) -> None:
    (here / "subgraphs" / "intake.graphql").write_text(sdl)
    (here / "supergraph.graphql").write_text(sdl)
    operations = {persisted.id_of(one): Operation(f"team/{number}", one) for number, one in enumerate(documents)}
    if console:
        operations[persisted.id_of(console)] = Operation("console/01-who", console)
    (here / "error-codes.json").write_text(json.dumps(codes))
    (here / "operations" / "manifest.json").write_text(persisted.manifest(operations))


def publish(here: Path, today: dt.date = TODAY) -> str:
    return release.release(here, ("intake",), today=today)


def refusals(here: Path, today: dt.date = TODAY, *, release_today: bool = False) -> list[str]:
    return [str(one) for one in release.refusals(here, ("intake",), today=today, release_today=release_today)]


def accept(here: Path, *entries: tuple[str, str]) -> None:
    written = [{"change": change, "because": because} for change, because in entries]
    (here / "baseline" / "accepted.json").write_text(json.dumps(written))


def test_what_was_released_is_read_again_as_it_was(here: Path) -> None:
    last = release.released(here)
    assert last is not None
    assert (last.version, last.released) == ("1.0.0", TODAY)
    assert last.contract == release.present(here, ("intake",))
    assert publish(here) == "The GraphQL contract is still 1.0.0."


def test_an_addition_makes_a_minor_version(here: Path) -> None:
    write(here, FIRST.replace("who: String", "who: String, when: Int"), WHO)
    assert refusals(here) == []
    assert publish(here) == "The GraphQL contract is 1.1.0 now, after 1.0.0."
    assert publish(here) == "The GraphQL contract is still 1.1.0."


def test_what_goes_in_its_time_makes_a_major_version(here: Path) -> None:
    goes = TODAY + NOTICE
    reason = until(goes, "Use who.")
    write(here, FIRST.replace("where: String", f'where: String @deprecated(reason: "{reason}")'), WHO)
    assert publish(here) == "The GraphQL contract is 1.1.0 now, after 1.0.0."
    write(here, FIRST.replace(", where: String", ""), WHO)
    assert len(refusals(here, goes - dt.timedelta(1))) == 1
    assert refusals(here, goes) == []
    assert publish(here, goes) == "The GraphQL contract is 2.0.0 now, after 1.1.0."


def test_notice_counts_from_the_last_release_until_there_is_another(here: Path) -> None:
    reason = until(TODAY + NOTICE, "Use who.")
    write(here, FIRST.replace("where: String", f'where: String @deprecated(reason: "{reason}")'), WHO)
    later = TODAY + dt.timedelta(30)
    assert refusals(here, later) == []
    [refused] = refusals(here, later, release_today=True)
    assert "which is too soon. Give 180 days from the version that says so: 2027-06-24 or later." in refused


def test_what_must_break_is_accepted_with_a_reason_and_makes_a_major_version(here: Path) -> None:
    write(here, FIRST.replace(", where: String", ""), WHO)
    assert [one.startswith(CHANGE) for one in refusals(here)] == [True]
    accept(here, (CHANGE, "It told where a resident lives."))
    assert refusals(here) == []
    assert publish(here) == "The GraphQL contract is 2.0.0 now, after 1.0.0."
    assert release.accepted(here) == {}


def test_what_is_accepted_without_need_or_reason_is_refused(here: Path) -> None:
    accept(here, (CHANGE, "It told where a resident lives."))
    assert refusals(here) == [f"accepted.json accepts {CHANGE!r}, which is not broken. Take it out."]
    write(here, FIRST.replace(", where: String", ""), WHO)
    accept(here, (CHANGE, " "))
    assert f"accepted.json accepts {CHANGE!r} without a reason. Say why it must break." in refusals(here)


def test_an_edited_operation_keeps_its_released_text_as_long_as_that_is_answered(here: Path, tmp_path: Path) -> None:
    last = release.released(here)
    assert last is not None
    assert persisted.still_answered(last.contract.operations, FIRST) == {persisted.id_of(WHO): Operation("team/0", WHO)}
    assert persisted.still_answered(last.contract.operations, SCHEMA + "type Query { where: String }") == {}


def test_the_consoles_texts_are_promised_to_nobody(here: Path) -> None:
    write(here, FIRST, WHO, console="query Console { where }")
    assert publish(here) == "The GraphQL contract is still 1.0.0."
    write(here, FIRST.replace("who: String", "who: String, when: Int"), WHO, console="query Console { where }")
    assert publish(here) == "The GraphQL contract is 1.1.0 now, after 1.0.0."
    last = release.released(here)
    assert last is not None
    assert set(last.contract.operations) == {persisted.id_of(WHO)}
    write(here, FIRST.replace("who: String", "who: String, when: Int"), WHO, console="query Console { who }")
    assert refusals(here) == []
    assert publish(here) == "The GraphQL contract is still 1.1.0."
    write(here, FIRST, WHO, console="query Console { when }")
    assert any(one.startswith("console/01-who") for one in refusals(here))


def test_an_error_code_is_part_of_the_release(here: Path) -> None:
    write(here, FIRST, WHO, codes=("INTERNAL", "TOO_LATE"))
    assert publish(here) == "The GraphQL contract is 1.1.0 now, after 1.0.0."
    write(here, FIRST, WHO)
    [refused] = refusals(here)
    assert refused.startswith("The error code TOO_LATE was removed.")


def test_a_release_is_begun_only_when_neither_gate_refuses_it(tmp_path: Path) -> None:
    said, python = tmp_path / "said", tmp_path / "python"
    for refusing, begun in (("services.contracts", False), ("gateway.schema", False), ("nothing", True)):
        said.write_text("")
        python.write_text(f"#!/bin/sh\necho \"$2 $3\" >> '{said}'\n[ \"$2 $3\" != '{refusing} releasable' ]\n")
        python.chmod(0o755)
        made = subprocess.run(
            ["make", "release-contracts", f"PY='{python}'", "PYTHON=true"],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        assert (made.returncode == 0) == begun, made.stderr
        releases = [line for line in said.read_text().splitlines() if line.endswith(" release")]
        assert releases == (["services.contracts release", "gateway.schema release"] if begun else [])


def test_whether_a_release_would_be_refused_is_told_without_making_it(monkeypatch: pytest.MonkeyPatch) -> None:
    last = release.released(schema.HERE)
    assert last is not None
    monkeypatch.setattr(schema, "today", lambda: last.released)
    before = {file: file.read_bytes() for file in (schema.HERE / "baseline").iterdir()}
    assert schema.main(["releasable"]) == 0
    assert {file: file.read_bytes() for file in (schema.HERE / "baseline").iterdir()} == before


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("query {", "Syntax Error"),
        ("{ who }", "one operation, with a name"),
        (f"{WHO} query B {{ who }}", "one operation"),
    ],
)
def test_a_file_that_cannot_be_registered_is_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "bureau").mkdir()
    (tmp_path / "bureau" / "odd.graphql").write_text(text)
    with pytest.raises(BadOperation, match=rf"bureau/odd\.graphql: .*{why}"):
        persisted.sources({"": tmp_path})


def test_an_id_is_the_digest_of_the_whole_text_and_the_name_is_the_files(tmp_path: Path) -> None:
    (tmp_path / "who.graphql").write_text(f"# 谁\n{WHO}\n", encoding="utf-8")
    assert persisted.sources({"console": tmp_path}) == {
        persisted.id_of(f"# 谁\n{WHO}\n"): Operation("console/who", f"# 谁\n{WHO}\n")
    }
