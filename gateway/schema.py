"""Write the services' SDL and the supergraph, or check that the committed ones are what the code says.

Run as `python -m gateway.schema write` or `python -m gateway.schema check`.
"""

import difflib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, cast

from strawberry.federation import Schema

HERE: Final = Path(__file__).parent
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
    label = f"gateway/{committed.relative_to(HERE).as_posix()}"
    diff = difflib.unified_diff(
        old.splitlines(True), fresh.splitlines(True), f"{label} (committed)", f"{label} (from the code)"
    )
    sys.stdout.writelines(diff)
    return old != fresh


def compose(subgraphs: Path, supergraph: Path) -> int:
    """Compose with Node; its errors, which name the service, go to stderr."""
    if not (HERE / "node_modules").is_dir():
        print("gateway/node_modules is missing: run `npm ci` in gateway/.", file=sys.stderr)
        return 1
    command = [node(), str(HERE / "compose.mjs"), "--from", str(subgraphs), "--to", str(supergraph)]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own script


def node() -> str:
    """Return the path of Node: `NODE`, or the first on PATH."""
    found = os.environ.get("NODE") or shutil.which("node")
    if found is None:
        sys.exit("Node is missing: set NODE to its path, or install it (24 is what we test with).")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
