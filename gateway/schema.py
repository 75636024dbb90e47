"""Write the services' SDL and the supergraph, or check that the committed ones are what the code says.

Run as `python -m gateway.schema write` or `python -m gateway.schema check`.
"""

import asyncio
import difflib
import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, cast

from strawberry.federation import Schema

from deploy.local.errors import LocalRunError
from deploy.local.node import find_node, install_packages
from deploy.local.settings import ROOT

HERE: Final = Path(__file__).parent
COMPOSER: Final = HERE / "compose.mjs"
SERVICES: Final = ("intake", "dispatch", "feedback")


def main(arguments: list[str]) -> int:
    """Return the process's exit status: 1 when something is stale or does not compose, 2 for a wrong call."""
    match arguments:
        case ["write"]:
            return write()
        case ["check"]:
            return check()
        case _:
            print("usage: python -m gateway.schema write|check", file=sys.stderr)
            return 2


def write() -> int:
    for name, sdl in subgraphs().items():
        (HERE / "subgraphs").mkdir(exist_ok=True)
        (HERE / "subgraphs" / f"{name}.graphql").write_text(sdl, encoding="utf-8")
    return compose(HERE / "subgraphs", HERE / "supergraph.graphql")


def check() -> int:
    """Print a diff for each stale file; the committed files stay as they are."""
    stale = False
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        for name, sdl in subgraphs().items():
            (fresh / f"{name}.graphql").write_text(sdl, encoding="utf-8")
            stale |= differs(HERE / "subgraphs" / f"{name}.graphql", sdl)
        if compose(fresh, fresh / "supergraph") != 0:
            return 1
        stale |= differs(HERE / "supergraph.graphql", (fresh / "supergraph").read_text(encoding="utf-8"))
    if stale:
        print("Stale: run `python -m gateway.schema write` and commit the result.", file=sys.stderr)
    return int(stale)


def subgraphs() -> dict[str, str]:
    """Return each service's SDL, from its `services.<name>.schema.schema`."""
    return {name: sdl_of(name) for name in SERVICES}


def sdl_of(name: str) -> str:
    schema = cast("Schema", importlib.import_module(f"services.{name}.schema").schema)
    return schema.as_str().strip() + "\n"


def differs(committed: Path, fresh: str) -> bool:
    old = committed.read_text(encoding="utf-8") if committed.exists() else ""
    label = committed.relative_to(ROOT).as_posix()
    diff = difflib.unified_diff(
        old.splitlines(True), fresh.splitlines(True), f"{label} (committed)", f"{label} (from the code)"
    )
    sys.stdout.writelines(diff)
    return old != fresh


def compose(subgraphs: Path, supergraph: Path) -> int:
    """Compose with Node; its errors, which name the service, go to stderr."""
    node = find_node(Path(chosen) if (chosen := os.environ.get("NODE")) else None)
    asyncio.run(install_packages(node, ROOT / ".cache" / "logs"))
    command = [node.program, COMPOSER, "--from", subgraphs, "--to", supergraph]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own script


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LocalRunError as problem:
        sys.exit(str(problem))
