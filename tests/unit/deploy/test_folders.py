"""A data folder is held before it is written; one that cannot be used is refused in a sentence."""

import errno
import os
import sys
from pathlib import Path

import pytest

from deploy.local.errors import DataFolderBusy, FolderUnusable
from deploy.local.supervisor import held

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="/proc and /sys are Linux's")


def refusal(folder: Path) -> str:
    with pytest.raises(FolderUnusable) as raised, held(folder):
        pass
    sentence = str(raised.value)
    assert str(folder) in sentence
    assert "THROUGH_TRAIN_DATA_FOLDER" in sentence
    assert "\n" not in sentence
    return sentence


def test_a_file_is_no_data_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "it is no folder" in refusal(tmp_path / "file")
    assert "leads through a file" in refusal(tmp_path / "file" / "data")


@linux_only
@pytest.mark.parametrize("folder", ["/proc/through-train/data", "/sys/through-train"])
def test_there_is_no_data_folder_among_the_kernels_files(folder: str) -> None:
    refusal(Path(folder))


@pytest.mark.parametrize("call", ["mkdir", "open"])
def test_a_read_only_file_system_holds_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, call, refuse)
    assert "read-only file system" in refusal(tmp_path / "data")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else_holds_no_data(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "may not write" in refusal(tmp_path / "data")


def test_a_folder_is_held_by_one_only(tmp_path: Path) -> None:
    with (
        held(tmp_path / "data"),
        pytest.raises(DataFolderBusy, match=f"process {os.getpid()}"),
        held(tmp_path / "data"),
    ):
        pass
    with held(tmp_path / "data"):
        pass


def test_what_goes_wrong_while_it_is_held_is_not_laid_on_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), held(tmp_path / "data"):
        (tmp_path / "nothing").read_text()
