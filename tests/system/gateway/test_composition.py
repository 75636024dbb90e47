"""What composes, what does not, and how it is said."""

from pathlib import Path

import pytest
from graphql import build_schema

from gateway import schema as tool
from tests.system.gateway import stubs
from tests.system.gateway.process import GATEWAY, compose

SDL = {name: schema.as_str() for name, schema in stubs.SCHEMAS.items()}


def composed(folder: Path, **changed: str) -> tuple[int, str, Path]:
    for name, sdl in (SDL | changed).items():
        (folder / f"{name}.graphql").write_text(sdl)
    result = compose("--from", folder, "--to", folder / "supergraph.graphql")
    return result.returncode, result.stderr, folder / "supergraph.graphql"


def test_shared_value_types_enums_and_scalars_compose(tmp_path: Path) -> None:
    status, errors, supergraph = composed(tmp_path)
    assert (status, errors) == (0, "")
    text = supergraph.read_text()
    assert build_schema(text).get_type("Petition") is not None
    assert "type PageInfo" in text
    assert "enum Locale" in text
    assert "scalar DateTime" in text
    assert "127.0.0.1" not in text


@pytest.mark.parametrize(
    ("service", "written", "instead", "sentence"),
    [
        ("dispatch", "v2.9", "v2.11", "[dispatch] Invalid version v2.11 for the federation feature"),
        (
            "dispatch",
            "  EN\n",
            "  EN\n  FR\n",
            'value "FR" is not defined in all the subgraphs defining "Locale"',
        ),
        ("intake", "type Deadline @shareable", "type Deadline", 'Non-shareable field "Deadline.due"'),
        ("feedback", "stage: String", "stage: Stage", "[feedback] Unknown type Stage"),
        ("intake", "  title: String\n", "  title: String!\n", '[intake] "Petition.title" must be nullable'),
        ("feedback", "type Event {", "type Event {{", "[feedback] feedback.graphql:"),
    ],
)
def test_what_does_not_compose_names_the_service_and_leaves_the_supergraph(
    tmp_path: Path, service: str, written: str, instead: str, sentence: str
) -> None:
    supergraph = composed(tmp_path)[2]
    before = supergraph.read_text()
    assert written in SDL[service]
    status, errors, _ = composed(tmp_path, **{service: SDL[service].replace(written, instead)})
    assert status == 1
    assert sentence in errors
    assert service in errors
    assert "    at " not in errors
    assert supergraph.read_text() == before


def test_an_input_enum_that_differs_is_refused_although_composition_would_shrink_it(tmp_path: Path) -> None:
    narrow = "\nenum Ground { A B }\nextend type Query { narrow(ground: Ground): Int }\n"
    wide = "\nenum Ground { A B C }\nextend type Query { wide(ground: Ground): Int }\n"
    changed = {"intake": SDL["intake"] + narrow, "dispatch": SDL["dispatch"] + wide}
    status, errors, _ = composed(tmp_path, **changed)
    assert status == 1
    assert 'SHARED_TYPE_DIFFERS: [intake, dispatch] "Ground" is not the same in both: C' in errors
    same = changed | {"intake": SDL["intake"] + wide.replace("wide", "also")}
    assert composed(tmp_path, **same)[0] == 0


def test_a_missing_schema_file_is_said(tmp_path: Path) -> None:
    ended = compose("--from", tmp_path, "--to", tmp_path / "supergraph.graphql")
    assert ended.returncode == 1
    assert "[intake] its schema file intake.graphql is missing" in ended.stderr


def test_a_stale_supergraph_fails_the_check(tmp_path: Path) -> None:
    _, _, supergraph = composed(tmp_path)
    arguments = ("--check", "--from", tmp_path, "--to", supergraph)
    assert compose(*arguments).returncode == 0
    supergraph.write_text(supergraph.read_text().replace("hasNextPage", "hasNext"))
    stale = compose(*arguments)
    assert stale.returncode == 1
    assert "is stale" in stale.stderr
    assert "hasNextPage" not in supergraph.read_text()


def test_schemas_are_written_from_the_code_and_stale_ones_shown_as_a_diff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "gateway"
    here.mkdir()
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "HERE", here)
    monkeypatch.setattr(tool, "sdl_of", SDL.__getitem__)
    assert tool.main(["write"]) == 0
    assert (here / "subgraphs" / "intake.graphql").read_text() == SDL["intake"]
    assert tool.main(["check"]) == 0
    assert capsys.readouterr().out == ""
    changed = SDL | {"feedback": SDL["feedback"].replace("stage: String", "stage: Int")}
    monkeypatch.setattr(tool, "sdl_of", changed.__getitem__)
    assert tool.main(["check"]) == 1
    shown = capsys.readouterr().out
    assert "--- gateway/subgraphs/feedback.graphql (committed)" in shown
    assert "+  stage: Int" in shown
    assert "--- gateway/supergraph.graphql (committed)" in shown
    assert "stage: String" in (here / "supergraph.graphql").read_text()
    assert tool.main(["sing"]) == 2


def test_a_release_is_kept_and_what_would_break_it_is_refused_by_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "gateway"
    (here / "operations" / "bureau").mkdir(parents=True)
    (here / "operations" / "bureau" / "stage.graphql").write_text("query Stage { queue { stage } }")
    (here / "error-codes.json").write_bytes((tool.HERE / "error-codes.json").read_bytes())
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "HERE", here)
    monkeypatch.setattr(tool, "sdl_of", SDL.__getitem__)
    assert tool.main(["write"]) == 0
    assert "join__" not in (here / "api.graphql").read_text()
    assert tool.main(["release"]) == 0
    assert capsys.readouterr().out == "The GraphQL contract is 1.0.0 now.\n"
    changed = SDL | {"feedback": SDL["feedback"].replace("stage: String", "phase: String")}
    monkeypatch.setattr(tool, "sdl_of", changed.__getitem__)
    assert tool.main(["write"]) == 0
    for command in ("compatible", "release"):
        assert tool.main([command]) == 1
        said = capsys.readouterr().err
        assert "Field Petition.stage was removed. Deprecate it with a reason and a date" in said
        assert "bureau/stage" in said
        assert "docs/compatibility.md" in said
    monkeypatch.setattr(tool, "sdl_of", SDL.__getitem__)
    assert tool.main(["write"]) == 0
    assert tool.main(["release"]) == 0
    assert capsys.readouterr().out == "The GraphQL contract is still 1.0.0.\n"


def test_the_lock_file_names_no_place_to_download_from() -> None:
    lock = (GATEWAY / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert lock.count('"integrity"') > 100
