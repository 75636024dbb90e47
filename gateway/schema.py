"""The GraphQL contract: the services' SDL, the supergraph, the registered operations, and what was released of them.

Run as `python -m gateway.schema` with `write` (from the code), `check` (that the committed files are what the code
says), `compatible` (that nothing breaks who relies on the release), `releasable` (that `release` would refuse nothing)
or `release` (make what is committed the release).
"""

import asyncio
import datetime as dt
import difflib
import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, cast

from graphql import print_ast
from strawberry.federation import Schema

from deploy.local.errors import LocalRunError
from deploy.local.node import find_node, install_packages
from deploy.local.settings import ROOT
from gateway import persisted, release, sdl
from gateway.persisted import BadOperation

HERE: Final = Path(__file__).parent
COMPOSER: Final = HERE / "compose.mjs"
SERVICES: Final = ("intake", "dispatch", "feedback")


def main(arguments: list[str]) -> int:
    """Return the process's exit status: 1 when something is stale, broken or does not compose, 2 for a wrong call."""
    match arguments:
        case ["write"]:
            return write()
        case ["check"]:
            return check()
        case ["compatible"]:
            return compatible()
        case ["releasable"]:
            return releasable()
        case ["release"]:
            return releasable() or move_baseline()
        case _:
            print("usage: python -m gateway.schema write|check|compatible|releasable|release", file=sys.stderr)
            return 2


def write() -> int:
    for name, text in subgraphs().items():
        (HERE / "subgraphs").mkdir(exist_ok=True)
        (HERE / "subgraphs" / f"{name}.graphql").write_text(text, encoding="utf-8")
    if compose(HERE / "subgraphs", HERE / "supergraph.graphql") != 0:
        return 1
    (HERE / "api.graphql").write_text(api(HERE / "supergraph.graphql"), encoding="utf-8")
    (HERE / "operations").mkdir(exist_ok=True)
    (HERE / "operations" / "manifest.json").write_text(manifest(HERE / "supergraph.graphql"), encoding="utf-8")
    return 0


def api(supergraph: Path) -> str:
    """Return what clients see, for their tools: production tells nobody its schema."""
    return print_ast(sdl.api_of(supergraph.read_text(encoding="utf-8"))) + "\n"


def manifest(supergraph: Path) -> str:
    """Return the manifest of what is registered: the files' documents, and released ones that are still answered."""
    last = release.released(HERE)
    kept = persisted.still_answered(last.contract.operations, supergraph.read_text(encoding="utf-8")) if last else {}
    written = persisted.sources({"": HERE / "operations", persisted.CONSOLE: HERE / "console" / "operations"})
    return persisted.manifest(kept | written)


def check() -> int:
    """Print a diff for each stale file; the committed files stay as they are."""
    stale = False
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        for name, text in subgraphs().items():
            (fresh / f"{name}.graphql").write_text(text, encoding="utf-8")
            stale |= differs(HERE / "subgraphs" / f"{name}.graphql", text)
        if compose(fresh, fresh / "supergraph") != 0:
            return 1
        stale |= differs(HERE / "supergraph.graphql", (fresh / "supergraph").read_text(encoding="utf-8"))
        stale |= differs(HERE / "api.graphql", api(fresh / "supergraph"))
        stale |= differs(HERE / "operations" / "manifest.json", manifest(fresh / "supergraph"))
    if stale:
        print("Stale: run `python -m gateway.schema write` and commit the result.", file=sys.stderr)
    return int(stale)


def compatible(*, release_today: bool = False) -> int:
    """Print a sentence for each change that would break who relies on the release."""
    found = release.refusals(HERE, SERVICES, today=today(), release_today=release_today)
    for refusal in found:
        print(refusal, file=sys.stderr)
    if found:
        print("Refused: docs/compatibility.md says what is promised, and how something is taken away.", file=sys.stderr)
    return int(bool(found))


def releasable() -> int:
    """Refuse what a release today would; nothing is written."""
    return check() or compatible(release_today=True)


def move_baseline() -> int:
    print(release.release(HERE, SERVICES, today=today()))
    return 0


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


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
    except (LocalRunError, BadOperation) as problem:
        sys.exit(str(problem))
