"""Ask AsyncAPI's own parser what it thinks of a document."""

import asyncio
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from deploy.local.node import Node, find_node, install_packages
from deploy.local.settings import default_cache_folder

_HERE: Final = Path(__file__).parent
_PROGRAM: Final = ("package.json", "package-lock.json", "parse.mjs")
_WITHIN: Final = 120.0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that the parser says: how bad (error, warning, information, hint), where in the document, what."""

    severity: str
    code: str
    place: str
    message: str


def parse(document: Path) -> list[Diagnosis]:
    """Return what the parser says of a document; nothing worse than a hint means that it is valid.

    :raises DownloadFailed: the parser could not be had.
    :raises subprocess.SubprocessError: the parser broke, or did not end.
    """
    node = find_node(None)
    folder = asyncio.run(_installed(node))
    ended = subprocess.run(  # noqa: S603
        [node.program, folder / "parse.mjs", document.absolute()],
        capture_output=True,
        text=True,
        timeout=_WITHIN,
        check=False,
    )
    if not ended.stdout:
        raise subprocess.SubprocessError(ended.stderr)
    return [Diagnosis(**said) for said in cast(list[dict[str, str]], json.loads(ended.stdout))]


async def _installed(node: Node) -> Path:
    folder = default_cache_folder() / "contracts"
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PROGRAM:
        shutil.copy(_HERE / name, folder / name)
    await install_packages(node, folder, folder)
    return folder
