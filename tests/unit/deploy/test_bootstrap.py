"""Making `.venv`: not when there is nothing to do, and then without the right to write."""

import errno
import os
import sys
from pathlib import Path

import pytest

from deploy.local import bootstrap


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An environment as this Python makes it, in a checkout of its own; return what is built from here on."""
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (venv / "bin" / "python").chmod(0o755)
    (tmp_path / "dev.txt").write_text("anyio==4.0\n")
    for name, path in (
        ("_ROOT", tmp_path),
        ("_VENV", venv),
        ("_PYTHON", venv / "bin" / "python"),
        ("_STAMP", venv / "made-from"),
        ("_REQUIREMENTS", tmp_path / "dev.txt"),
    ):
        monkeypatch.setattr(bootstrap, name, path)
    fingerprint = bootstrap._fingerprint(sys.version.encode(), os.fsencode(sys.base_prefix))
    (venv / "made-from").write_text(fingerprint)
    made: list[str] = []
    monkeypatch.setattr(bootstrap, "_build", made.append)
    return made


@pytest.fixture(params=[errno.EACCES, errno.EROFS])
def unwritable(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step of making anything is refused (modes alone would not stop root)."""

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(request.param, os.strerror(request.param), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)


@pytest.fixture
def another_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python3` is another one for us than for who made the environment."""
    monkeypatch.setattr(sys, "base_prefix", "/opt/another")


def test_what_is_up_to_date_is_left_alone(built: list[str], unwritable: None) -> None:
    bootstrap.main()
    assert built == []


def test_what_another_python_made_serves_who_cannot_write(
    built: list[str], unwritable: None, another_python: None
) -> None:
    bootstrap.main()
    assert built == []


def test_what_another_python_made_is_made_anew_by_who_can_write(built: list[str], another_python: None) -> None:
    bootstrap.main()
    assert len(built) == 1


@pytest.mark.parametrize("lack", ["other packages", "no interpreter", "a broken interpreter"])
def test_what_does_not_serve_is_said_in_a_sentence(
    built: list[str], unwritable: None, another_python: None, tmp_path: Path, lack: str
) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    if lack == "other packages":
        (tmp_path / "dev.txt").write_text("anyio==5.0\n")
    elif lack == "no interpreter":
        python.unlink()
    else:
        python.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(SystemExit, match=r"\.cache cannot be written"):
        bootstrap.main()
    assert built == []
