"""`python -m deploy.supply check|write|jars`: licences and secrets, as lint checks them."""

import asyncio
import sys
from pathlib import Path
from typing import Final

from deploy.local.errors import LocalRunError
from deploy.local.jars import kafka_jars
from deploy.local.settings import ROOT
from deploy.supply import leaks, licences, maven, pypi

_CACHE: Final = Path(".cache")


def main(arguments: list[str]) -> int:
    """Return the process's exit status: 1 when something is found, 2 for a wrong call."""
    match arguments:
        case ["check"]:
            found = [*licences.problems(ROOT, pypi.installed()), *leaks.problems(ROOT)]
        case ["write"]:
            licences.write(ROOT, pypi.installed())
            found = licences.problems(ROOT, pypi.installed())
        case ["jars"]:
            maven.record(ROOT, asyncio.run(kafka_jars(ROOT / _CACHE)))
            found = []
        case _:
            print("usage: python -m deploy.supply check|write|jars", file=sys.stderr)
            return 2
    for sentence in found:
        print(sentence, file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LocalRunError as problem:
        sys.exit(str(problem))
