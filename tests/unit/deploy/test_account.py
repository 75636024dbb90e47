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


def test_a_data_folder_keeps_its_stand_in(tmp_path: Path) -> None:
    assert account.reachable_data_folder(tmp_path) == account.reachable_data_folder(tmp_path)
    assert account.reachable_data_folder(tmp_path) != account.reachable_data_folder(tmp_path / "other")
