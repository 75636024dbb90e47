"""Docker by its command line: whether it is there and answers, whether it has an image, and what it is asked to do.

Run by path with the machine's own Python (`python3 deploy/images/engine.py`) it only tells whether Docker can be used,
before anything is set up; so it imports the standard library alone, and keeps to syntax that old versions can read.
"""

import os
import shutil
import subprocess
import sys

ANSWERS_WITHIN = 10.0
"""Seconds within which an engine that lives has said its version."""

_PULLED_WITHIN = 1800.0
_RUN_WITHIN = 60.0


class EngineError(Exception):
    """Docker is missing or did not do it; the message is one sentence that says what to do."""


def require_docker() -> str:
    """Return the version of the engine that answers.

    :raises EngineError: there is no Docker, or it does not answer.
    """
    if shutil.which("docker") is None:
        raise EngineError("There is no Docker here: install Docker Engine 20.10 or newer with its command line.")
    said = _ask("version", "--format", "{{.Server.Version}}", within=ANSWERS_WITHIN)
    if said.returncode != 0:
        raise EngineError(
            f"Docker does not answer ({_reason(said)}): start its service, or give yourself the right to use it."
        )
    return said.stdout.strip()


def is_here(image: str) -> bool:
    """Tell whether the engine has an image.

    :raises EngineError: it does not answer.
    """
    return _ask("image", "inspect", "--format", "{{.Id}}", image, within=ANSWERS_WITHIN).returncode == 0


def label(image: str, name: str) -> str:
    """Return a label of an image; empty if there is no such label or image.

    :raises EngineError: the engine does not answer.
    """
    form = '{{ index .Config.Labels "' + name + '" }}'
    return _ask("image", "inspect", "--format", form, image, within=ANSWERS_WITHIN).stdout.strip()


def pull(image: str) -> None:
    """Fetch an image from the registry that its name leads to.

    :raises EngineError: it cannot be had; the message ends with what was said.
    """
    said = _ask("pull", "--quiet", image, within=_PULLED_WITHIN, late=f"not within {_PULLED_WITHIN:g} s")
    if said.returncode != 0:
        raise EngineError(_reason(said))


def run(image: str, *command: str) -> str:
    """Run a command that ends soon in a container of its own, without a network, and return what it prints.

    :raises EngineError: it did not succeed, or not in time.
    """
    late = f"{command[0]} had not ended in {image} after {_RUN_WITHIN:g} s: look after Docker's service and try again."
    said = _ask("run", "--rm", "--network", "none", image, *command, within=_RUN_WITHIN, late=late)
    if said.returncode != 0:
        raise EngineError(f"{command[0]} could not be run in {image}: {_reason(said)}.")
    return said.stdout


def perform(what: str, *arguments: str, folder: str = "") -> None:
    """Let Docker do something that takes a while, whose output is shown.

    :raises EngineError: it failed; `what` says what should have been done.
    """
    asked = ["docker", *arguments]
    code = subprocess.run(asked, cwd=folder or None, stdin=subprocess.DEVNULL, check=False).returncode  # noqa: S603
    if code != 0:
        raise EngineError(f"{what} failed with status {code}: the reason stands above.")


def _ask(*arguments: str, within: float, late: str = "") -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(  # noqa: S603
            ["docker", *arguments],  # noqa: S607
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        raise EngineError(
            late or f"Docker did not answer within {within:g} s: look after its service and try again."
        ) from None


def _reason(said: "subprocess.CompletedProcess[str]") -> str:
    lines = [line.strip() for line in said.stderr.splitlines() if line.strip()]
    return (lines[-1] if lines else f"status {said.returncode}").rstrip(".")


if __name__ == "__main__":
    try:
        require_docker()
    except EngineError as error:
        sys.exit(str(error))
