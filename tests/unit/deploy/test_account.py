"""The unprivileged account of PostgreSQL, and places that it can reach."""

import os
from pathlib import Path

import pytest

from deploy.local import account
from deploy.local.process import Identity

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")


def test_root_is_never_who_runs_it() -> None:
    identity = account.unprivileged()
    assert identity is not None
    assert identity.uid != 0


def test_a_closed_folder_above_is_noticed(tmp_path: Path) -> None:
    nobody = Identity(65534, 65534)
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert not account.can_reach(nobody, inner)
    assert account.can_reach(nobody, Path("/"))


def test_the_stand_in_of_a_temporary_folder_goes_with_it(tmp_path: Path) -> None:
    gone, there = tmp_path / "gone", tmp_path / "there"
    for folder in (gone, there):
        folder.mkdir()
    left, kept = account.fresh_stand_in(gone), account.fresh_stand_in(there)
    (left / "a file").touch()
    gone.rmdir()
    account.remove_stand_in(account.fresh_stand_in(tmp_path / "next"))
    assert not left.exists()
    assert kept.exists()
    account.remove_stand_in(kept)
    assert not kept.exists()


def test_a_new_stand_in_is_empty_whatever_was_there(tmp_path: Path) -> None:
    (account.fresh_stand_in(tmp_path) / "of an earlier checkout").touch()
    stand_in = account.fresh_stand_in(tmp_path)
    assert list(stand_in.iterdir()) == []
    account.remove_stand_in(stand_in)
