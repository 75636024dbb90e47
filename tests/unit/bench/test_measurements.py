"""`python -m bench`: names are looked at before anything is measured, and what is known to go wrong is one sentence."""

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench.life import RefusedError
from bench.pgbench import LimitError
from deploy.local.errors import DiskFull


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path, *errors: Exception) -> list[str]:
    """Put a measurement in the place of all, which fails if there are errors; return what was measured."""
    measured: list[str] = []

    async def figures() -> Mapping[str, Any]:
        measured.append("odd")
        if errors:
            raise errors[0]
        return {"lives": 3}

    monkeypatch.setattr(bench, "MEASUREMENTS", {"odd": figures})
    monkeypatch.setattr(bench, "RESULTS", folder)
    return measured


def test_nothing_is_measured_if_one_of_the_names_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    measured = stand_in(monkeypatch, tmp_path)
    with pytest.raises(SystemExit, match=r"^There is no measurement 'nonsense'; there are odd\.$"):
        bench.main(["odd", "nonsense"])
    assert measured == []


def test_figures_are_kept_by_the_measurements_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path)
    bench.main(["odd", ""])
    assert (tmp_path / "odd.json").read_text() == '{\n  "lives": 3\n}\n'


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (LimitError("A message did not arrive within 10 s."), "A message did not arrive within 10 s."),
        (DiskFull("The disk is full."), "The disk is full."),
        (ExceptionGroup("tasks", [ExceptionGroup("more", [RefusedError("reply: no")])]), "reply: no"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/data/latest.json"),
            "the disk is full (/data/latest.json): make room there and measure again.",
        ),
    ],
)
def test_what_is_known_to_go_wrong_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, said: str
) -> None:
    stand_in(monkeypatch, tmp_path, error)
    with pytest.raises(SystemExit) as ended:
        bench.main(["odd"])
    assert ended.value.code == f"odd could not be measured: {said}"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a mistake of ours"),
        OSError(errno.EACCES, "Permission denied"),
        ExceptionGroup("tasks", [RefusedError("reply: no"), ValueError("a mistake of ours")]),
    ],
)
def test_a_mistake_of_ours_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    stand_in(monkeypatch, tmp_path, error)
    with pytest.raises(type(error)) as ended:
        bench.main(["odd"])
    assert ended.value is error
