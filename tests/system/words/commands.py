"""How the commands of the documentation are run: by bash, with a `make` that works on the test's district.

Run as a program it is that `make`: it asks the real one what it would do (`make -n`, so target and variables are the
Makefile's), and does it with the programs that the local run's commands end in, on the district that it is told of.
"""

import fcntl
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

_ROOT: Final = Path(__file__).parents[3]
_WORLD: Final = "THROUGH_TRAIN_WORDS_WORLD"

ELSEWHERE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "make run": "tests/system/test_supervisor.py",
        "make demo": "tests/system/test_demo.py",
        "make test": ".ci/run",
        "make images": "tests/containers/test_images.py",
        "make test-containers": "tests/containers/test_images.py",
        "make docs": "tests/system/words/test_pages.py",
        "make audit": "tests/system/test_audit.py",
        "make rotate-keys": "tests/service/intake/test_keys.py",
        "make clean-data": "tests/system/test_supervisor.py",
        "make observe": "tests/system/test_telemetry.py",
    }
)
"""Commands that start, end or change more than a test's district, and what tries each."""


def commands(script: str) -> list[str]:
    """Return a script's commands, one a line, without comments."""
    joined = re.sub(r"\\\n\s*", " ", script)
    found = (re.sub(r"\s+# .*$", "", line).strip() for line in joined.splitlines())
    return [command for command in found if command and not command.startswith("#")]


def elsewhere(command: str) -> str | None:
    """Return what tries a command that is not run here."""
    return next((test for start, test in ELSEWHERE.items() if re.match(rf"{start}(?!\S)", command)), None)


def would_do(arguments: list[str]) -> list[str]:
    """Return the lines that the Makefile would run in the environment, without those that make it.

    :raises subprocess.CalledProcessError: it has no such target.
    """
    asked = ["make", "-n", "--no-print-directory", *arguments]
    said = subprocess.run(asked, cwd=_ROOT, capture_output=True, text=True, check=True).stdout
    return [line for line in said.splitlines() if ".venv/bin/python " in line]


def environment(folder: Path, world: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which `make` is ours; its program is written into the folder."""
    program = folder / "make"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(__file__)} "$@"\n')
    program.chmod(0o755)
    search = f"{folder}{os.pathsep}{os.environ['PATH']}"
    # What the `make` that runs the tests was told is not for the one that is tried.
    around = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKEOVERRIDES", "ARGS"}}
    return {**around, "PATH": search, "NO_COLOR": "1", _WORLD: json.dumps({**world, "path": os.environ["PATH"]})}


def _local(world: Mapping[str, str], arguments: list[str]) -> list[str]:
    """Return what a command of `deploy.local` ends in, on the district."""
    match arguments:
        case ["token", user]:
            return ["-m", "services.kernel.auth.development", "token", user, "--keys", world["keys"]]
        case [("shell" | "topics") as name, *rest]:
            return ["-m", f"deploy.local.{name}", *rest]
        case ["logs", service]:
            return ["-m", "deploy.local.logs", world["logs"], service]
        case ["psql", service, *rest]:
            return ["-c", _PSQL, world[service], *rest]
        case [("parked" | "reference" | "rebuild") as name, service, *rest]:
            return ["-m", f"services.{service}", name, *rest]
        case ["intake", *rest]:
            return ["-m", "services.intake", *rest]
        case [("pace" | "account") as name, *rest]:
            return ["-m", "deploy.local", name, *rest]
        case _:
            sys.exit(f"nothing here runs `deploy.local {shlex.join(arguments)}`")


_PSQL: Final = """
import os, sys
from deploy.local.postgres import program
os.execv(program("psql"), ["psql", *sys.argv[1:]])
"""


def _make(arguments: list[str]) -> int:
    world = json.loads(os.environ[_WORLD])
    os.environ["PATH"] = world["path"]
    service = next((part for part in arguments if part.startswith("SERVICE=")), "SERVICE=intake").partition("=")[2]
    told = {
        "THROUGH_TRAIN_QUERY": next((a.partition("=")[2] for a in arguments if a.startswith("QUERY=")), ""),
        "THROUGH_TRAIN_GATEWAY_URL": world["gateway"],
        "THROUGH_TRAIN_KEYS_FOLDER": world["keys"],
        "THROUGH_TRAIN_KAFKA_BOOTSTRAP": world["kafka"],
        "THROUGH_TRAIN_KAFKA_PORT": world["kafka"].rpartition(":")[2],
        "THROUGH_TRAIN_DEPARTMENTS_PORT": world["departments"].rpartition(":")[2],
        "THROUGH_TRAIN_TOPIC_PREFIX": world["prefix"],
        "THROUGH_TRAIN_DATA_FOLDER": world["data"],
        "THROUGH_TRAIN_DATABASE_URL": world.get(service, ""),
        "THROUGH_TRAIN_ENVIRONMENT": "development",
        "PGOPTIONS": "-c search_path=own,view",
    }
    for line in would_do(arguments):
        words = shlex.split(line)
        words = words[next(n for n, word in enumerate(words) if word.endswith("python")) :]
        if words[1:3] != ["-m", "deploy.local"]:
            sys.exit(f"nothing here runs `{line}`")
        done = _local(world, words[3:])
        with (Path(world["data"]) / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # as `make run` holds it
            given = {**os.environ, **told}
            code = subprocess.run([sys.executable, *done], cwd=_ROOT, env=given, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(_make(sys.argv[1:]))
