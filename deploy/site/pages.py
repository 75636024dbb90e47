"""From the repository's Markdown to the site's: where each page lies, and what its links become."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from types import MappingProxyType
from typing import Final

from deploy.site.errors import SiteError

_ELSEWHERE: Final = MappingProxyType(
    {
        "README.md": "readme.md",
        "README.zh-CN.md": "readme.zh-CN.md",
        "SECURITY.md": "security.md",
        "CONTRIBUTING.md": "contributing.md",
        "CHANGELOG.md": "changelog.md",
        "gateway/README.md": "gateway.md",
        "examples/README.md": "examples.md",
        "examples/department-consumer/README.md": "examples-python.md",
        "docs/decisions/README.md": "decisions/index.md",
        "docs/events/README.md": "events/index.md",
    }
)
"""Pages that lie elsewhere on the site than under `docs`."""

_FOLDERS: Final = MappingProxyType(
    {
        "docs/decisions": "decisions/index.md",
        "docs/events": "events/index.md",
        "services/contracts/schemas": "events/index.md",
    }
)
"""What a link to a folder leads to."""

_COPIED: Final = (
    "docs/images/*",
    "services/contracts/schemas/*/*.json",
    "services/contracts/asyncapi.json",
    "gateway/*.graphql",
    "gateway/subgraphs/*",
)
_FENCE: Final = re.compile(r"^(?P<indent> *)(?P<fence>```+|~~~+)(?P<info>[^\n]*)$")
_LINK: Final = re.compile(r"(?P<bang>!?)\[(?P<text>[^\]\n]+)\]\((?P<target>[^)\s]+)\)")
_OUTSIDE: Final = re.compile(r"[a-z][a-z0-9+.-]*:")


def pages(root: Path) -> dict[str, str]:
    """Return every page's place on the site, by its place in the repository."""
    found = {name: place for name, place in _ELSEWHERE.items() if (root / name).exists()}
    for file in sorted((root / "docs").rglob("*.md")):
        name = file.relative_to(root).as_posix()
        found.setdefault(name, name.removeprefix("docs/"))
    return found


def files(root: Path) -> dict[str, str]:
    """Return the place on the site of every file that is copied as it is, by its place in the repository."""
    found = (file.relative_to(root).as_posix() for pattern in _COPIED for file in sorted(root.glob(pattern)))
    return {name: _copied_to(name) for name in found}


def _copied_to(name: str) -> str:
    place = name.removeprefix("docs/").removeprefix("services/contracts/")
    return f"graphql/{PurePosixPath(name).name}" if name.startswith("gateway/") else place


def page(root: Path, name: str, known: Mapping[str, str]) -> str:
    """Return a page's text as the site takes it.

    Links to what is on the site lead there; what only the repository has, such as code, is named without a link.

    :param known: `pages` and `files` together.
    :raises SiteError: a link leads nowhere.
    """
    text = (root / name).read_text(encoding="utf-8")
    return "\n".join(_line(root, name, line, known, fenced) for line, fenced in lines(text)) + "\n"


def lines(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each line, and whether it lies in a fence; a fence's own lines do."""
    fence = ""
    for line in text.splitlines():
        if fence:
            yield line, True
            fence = "" if line.strip() == fence else fence
        elif (opened := _FENCE.match(line)) is not None:
            yield line, True
            fence = opened["fence"]
        else:
            yield line, False


def _line(root: Path, name: str, line: str, known: Mapping[str, str], fenced: bool) -> str:
    if not fenced:
        return _LINK.sub(lambda link: _link(root, name, link, known), line)
    opened = _FENCE.match(line)
    if opened is None or not opened["info"].strip():
        return line
    # What follows the language tells the tests how a block is run: see tests/system/words/blocks.py.
    return f"{opened['indent']}{opened['fence']}{opened['info'].split()[0]}"


def _link(root: Path, name: str, link: re.Match[str], known: Mapping[str, str]) -> str:
    target, hash_, anchor = link["target"].partition("#")
    if not target or _OUTSIDE.match(target):
        return link[0]
    meant = normpath(f"{PurePosixPath(name).parent}/{target}")
    here = PurePosixPath(known[name]).parent.as_posix()
    place = known.get(meant) or _FOLDERS.get(meant)
    if place is not None:
        return f"{link['bang']}[{link['text']}]({relpath(place, here)}{hash_}{anchor})"
    if not (root / meant).exists():
        raise SiteError(f"{name} links to {link['target']}, which does not exist.")
    return link["text"]
