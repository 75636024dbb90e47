"""A machine that cannot run the system hears why in one sentence, before anything is downloaded."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.local import bootstrap, downloads, machine
from deploy.local.errors import DiskFull, LocalRunError
from deploy.local.settings import ROOT

Patch = pytest.MonkeyPatch


def glibc(version: str) -> Callable[[str], str]:
    return lambda _: f"glibc {version}"


def musl(_: str) -> str:
    raise ValueError("unrecognized configuration name")


@pytest.fixture
def linux(monkeypatch: Patch) -> None:
    """Debian 12 on a common processor, whatever this machine is."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(os, "confstr", glibc("2.36"))


def refusal() -> str:
    with pytest.raises(LocalRunError) as raised:
        machine.require_platform()
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("module", "name", "value", "said"),
    [
        (os, "confstr", musl, "musl"),
        (os, "confstr", glibc("2.17"), "glibc 2.17"),
        (platform, "machine", lambda: "i686", "Linux on i686"),
        (platform, "machine", lambda: "riscv64", "Linux on riscv64"),
        (sys, "maxsize", 2**31 - 1, "32 bits"),
        (sys, "implementation", SimpleNamespace(name="pypy"), "pypy"),
        (sys, "platform", "win32", "WSL 2"),
    ],
)
def test_a_platform_without_packages_is_named_with_those_that_have(
    monkeypatch: Patch, linux: None, module: object, name: str, value: object, said: str
) -> None:
    machine.require_platform()
    monkeypatch.setattr(module, name, value)
    refused = refusal()
    assert said in refused
    assert "glibc 2.28 or newer" in refused


@pytest.mark.parametrize(
    ("processor", "release", "lack"), [("x86_64", "14.1", "Darwin on x86_64"), ("arm64", "12.7.1", "macOS 12.7.1")]
)
def test_a_mac_without_packages_is_named(
    monkeypatch: Patch, linux: None, processor: str, release: str, lack: str
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: processor)
    monkeypatch.setattr(platform, "mac_ver", lambda: (release, ("", "", ""), processor))
    assert lack in refusal()


def test_a_python_without_the_module_venv_is_told_what_to_install(monkeypatch: Patch) -> None:
    machine.require_venv_module()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ensurepip" else name)
    with pytest.raises(LocalRunError, match=r"`apt-get install python3\.\d+-venv`"):
        machine.require_venv_module()


def test_a_full_disk_is_named_with_what_is_needed_and_what_is_free(monkeypatch: Patch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=799 * 10**6))
    machine.require_room(tmp_path, 799)
    with pytest.raises(DiskFull, match=f"800 MB are needed on the disk of {tmp_path}, and 799 MB are free"):
        machine.require_room(tmp_path / "not" / "yet", 800)


def test_nothing_is_downloaded_to_a_disk_without_room(monkeypatch: Patch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6))
    monkeypatch.setattr(bootstrap, "_make_environment", lambda: pytest.fail("it began"))
    with pytest.raises(DiskFull):
        bootstrap._build("anything")


def test_an_old_python_is_told_which_is_needed(monkeypatch: Patch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"Python 3\.11 or newer is needed.*`make run PYTHON=python3\.12`"):
        bootstrap.main()


def make(*arguments: str) -> str:
    """Run a make that must fail; return what it says on stderr, without make's own last line."""
    outcome = subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert outcome.returncode != 0
    assert outcome.stdout == ""
    return "".join(
        line for line in outcome.stderr.splitlines(keepends=True) if not re.match(r"make(\[\d+\])?: \*\*\*", line)
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="it is about make")
def test_a_machine_without_python_is_told_what_to_install() -> None:
    said = make("venv", "PYTHON=/nowhere/python3")
    assert said == (
        "There is no /nowhere/python3 here: install Python 3.11 or newer, "
        "or name it, as in `make run PYTHON=/opt/python3.12/bin/python3`.\n"
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="it is about make")
def test_an_old_make_is_told_which_is_needed() -> None:
    outcome = subprocess.run(
        ["make", "help", "MAKE_VERSION=3.80"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert outcome.returncode != 0
    assert "GNU make 3.81 or newer is needed, and this is 3.80" in outcome.stderr


def test_what_is_announced_is_what_is_missing_with_its_sum() -> None:
    here = downloads.less(downloads.GATEWAY, downloads.GATEWAY.megabytes * 10**6)
    said = downloads.announced([downloads.less(downloads.PYTHON, 50 * 10**6), downloads.KAFKA, here])
    first, python, kafka, gateway = said.splitlines()
    assert f"{downloads.PYTHON.megabytes - 50 + downloads.KAFKA.megabytes} MB" in first
    assert "here already" in gateway
    assert "PyPI" in python
    assert "Maven Central" in kafka
    assert max(map(len, said.splitlines())) <= 100
