"""The command line: what the user chose wrongly is said in a sentence, and nothing is started or written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.__main__ import token
from deploy.local.ports import free_port
from deploy.local.settings import ROOT
from deploy.local.supervisor import held


def refused(*command: str, **settings: object) -> str:
    """Run a command that must give up; return what it says, which is no traceback."""
    chosen = {f"THROUGH_TRAIN_{name.upper()}": str(value) for name, value in settings.items()}
    outcome = subprocess.run(
        [sys.executable, "-m", "deploy.local", *command],
        env={**os.environ, **chosen},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert outcome.returncode == 1, outcome.stderr
    assert "Traceback" not in outcome.stderr
    return outcome.stderr.removesuffix("\n")


@pytest.mark.parametrize("command", ["run", "servers", "clean-data"])
def test_a_data_folder_that_cannot_be_used_is_named_in_one_sentence(tmp_path: Path, command: str) -> None:
    file = tmp_path / "file"
    file.touch()
    said = refused(command, data_folder=file)
    assert said == f"✗ {file} cannot be used (it is no folder): choose another folder with THROUGH_TRAIN_DATA_FOLDER."


def test_a_cache_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    said = refused("setup", cache_folder=file)
    assert str(file) in said
    assert "THROUGH_TRAIN_CACHE_FOLDER" in said


@pytest.mark.parametrize("command", ["run", "servers"])
def test_nothing_is_written_where_another_run_is(tmp_path: Path, command: str) -> None:
    with held(tmp_path):
        assert "in use by process" in refused(command, data_folder=tmp_path)
        assert [entry.name for entry in tmp_path.iterdir()] == ["lock"]


def test_a_chosen_node_that_is_none_is_refused_without_a_warning(tmp_path: Path) -> None:
    said = refused("setup", node="/nope", data_folder=tmp_path)
    assert said.startswith("✗ THROUGH_TRAIN_NODE names /nope, which is no Node")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("command", "one", "other"), [("run", "intake", "gateway"), ("servers", "postgres", "kafka_controller")]
)
def test_one_port_for_two_parts_is_refused_before_anything_is_made(
    tmp_path: Path, command: str, one: str, other: str
) -> None:
    port, folder = free_port(), tmp_path / "data"
    said = refused(command, data_folder=folder, **{f"{one}_port": port, f"{other}_port": port})
    assert f"Port {port}" in said
    assert f"THROUGH_TRAIN_{one.upper()}_PORT" in said
    assert f"THROUGH_TRAIN_{other.upper()}_PORT" in said
    assert not folder.exists()


@pytest.mark.parametrize("command", [("pace", "3"), ("topics",), ("psql", "intake"), ("shell",)])
def test_what_looks_into_a_system_that_does_not_run_says_so(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "lock").touch()  # one has run here
    assert refused(*command, data_folder=tmp_path) == (
        f"✗ No system runs on {tmp_path}: start it with `make run` first."
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["lock"]


def test_nothing_is_removed_from_under_what_runs(tmp_path: Path) -> None:
    program = tmp_path / ".venv" / "bin" / "sleeper"
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.executable)
    told = f"import clean, pathlib; clean.main(pathlib.Path({str(tmp_path)!r}))"
    cleaning, where = [sys.executable, "-c", told], ROOT / "deploy" / "local"
    with subprocess.Popen([program, "-c", "input()"], stdin=subprocess.PIPE) as running:
        refusal = subprocess.run(cleaning, cwd=where, capture_output=True, text=True, check=False)
        assert refusal.returncode == 1
        assert f"Process {running.pid} runs from here" in refusal.stderr
        assert program.exists()
        running.kill()
    subprocess.run(cleaning, cwd=where, check=True)
    assert not (tmp_path / ".venv").exists()


def test_where_nothing_was_set_up_nothing_is_downloaded_to_say_so(tmp_path: Path) -> None:
    (tmp_path / "Makefile").symlink_to(ROOT / "Makefile")
    for target in ("demo", "topics", "logs", "shell", "token", "pace"):
        outcome = subprocess.run(["make", "-s", target], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert outcome.returncode != 0
        assert outcome.stderr.startswith("Nothing is set up here yet: start the system with `make run` first.\n")


def test_a_token_without_keys_tells_how_they_are_made(tmp_path: Path) -> None:
    assert "`make run` makes them" in refused("token", "street_committee", data_folder=tmp_path)


def test_a_token_with_somebody_elses_keys_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(SystemExit):
        token("street_committee")
    assert "not for you to read" in capsys.readouterr().err
