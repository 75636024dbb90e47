"""Lay out the site's source, build it strictly, and see that nothing of it comes from elsewhere."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from deploy.local.node import find_node, install_packages
from deploy.local.settings import ROOT, default_cache_folder
from deploy.site.errors import SiteError
from deploy.site.pages import files, page, pages

DOWNLOAD: Final = "what the site shows its diagrams with, 0.8 MB"
SITE: Final = ROOT / "build" / "site"

_HERE: Final = Path(__file__).parent
_SCRIPTS: Final = {
    "mermaid.js": "@mermaid-js/tiny/dist/mermaid.tiny.js",
    "iframe-worker.js": "iframe-worker/shim/index.js",
}
_SHIM: Final = "https://unpkg.com/iframe-worker/shim"
"""Where the theme would fetch what lets a search run in a page that was opened as a file."""

_LOADS: Final = re.compile(r"<(?:script|img|iframe|source|audio|video|embed|object)\b[^>]*?\b(?:src|data)=\"([^\"]+)\"")
_STYLES: Final = re.compile(r"<link\b[^>]*>")
_HREF: Final = re.compile(r"\bhref=\"([^\"]+)\"")
_IMPORTS: Final = re.compile(r"(?:url\(|@import\s)[\"']?((?:https?:)?//[^\"')\s]+)")
_LOADED_RELATIONS: Final = re.compile(r"\brel=\"[^\"]*(?:stylesheet|icon|preload|prefetch|preconnect|manifest)[^\"]*\"")


def build(site: Path = SITE) -> None:
    """Build the site into a folder, which is emptied before.

    :raises SiteError: a page or link is wrong, or something would be fetched from elsewhere.
    :raises DownloadFailed: the two scripts could not be had.
    """
    work = site.with_name(f"{site.name}-source")
    for folder in (work, site):
        shutil.rmtree(folder, ignore_errors=True)
    lay_out(work)
    generate(work, site)
    if strangers := [f"{file.relative_to(site)}: {address}" for file, address in outside(site)]:
        raise SiteError("The site would fetch from elsewhere:\n" + "\n".join(strangers))


def lay_out(work: Path) -> None:
    """Write the generator's settings, and under `pages` all that it takes, into a folder.

    :raises SiteError: a link leads nowhere.
    :raises DownloadFailed: the two scripts could not be had.
    """
    source = work / "pages"
    written, copied = pages(ROOT), files(ROOT)
    known = {**written, **copied}
    for name, place in written.items():
        _write(source / place, page(ROOT, name, known))
    for name, place in copied.items():
        _copy(ROOT / name, source / place)
    packages = asyncio.run(_scripts())
    for name, inside in _SCRIPTS.items():
        _copy(packages / inside, source / "javascripts" / name)
    _copy(_HERE / "zensical.toml", work / "zensical.toml")


def generate(work: Path, site: Path) -> None:
    """Make the site of what is laid out; links and anchors between its pages are checked.

    :raises SiteError: with what the generator says.
    """
    ended = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean"],
        cwd=work,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        said = (ended.stdout + ended.stderr).partition("Traceback (most recent call last)")[0]
        said = re.sub(r"\x1b\[[\d;]*m", "", said)
        raise SiteError(f"The site was not built; its pages are in {work / 'pages'}:\n{said.strip()}")
    shutil.move(work / "site", site)
    for file in site.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        up = "../" * (len(file.relative_to(site).parts) - 1)
        file.write_text(text.replace(_SHIM, f"{up}javascripts/iframe-worker.js"), encoding="utf-8")


async def _scripts() -> Path:
    folder = default_cache_folder() / "site"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_HERE / name, folder / name)
    await install_packages(find_node(None), folder, folder)
    return folder / "node_modules"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _copy(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, to)


def outside(site: Path) -> list[tuple[Path, str]]:
    """Return what the site's pages and styles would fetch from elsewhere, by the file that says so."""
    found: list[tuple[Path, str]] = []
    for file in sorted(site.rglob("*.html")):
        text = file.read_text(encoding="utf-8")
        linked = [link for link in _STYLES.findall(text) if _LOADED_RELATIONS.search(link)]
        loaded = [*_LOADS.findall(text), *(href for link in linked for href in _HREF.findall(link))]
        found += [(file, address) for address in loaded if re.match(r"(?:https?:)?//", address)]
    for file in (*sorted(site.rglob("*.css")), *sorted(site.rglob("*.html"))):
        found += [(file, address) for address in _IMPORTS.findall(file.read_text(encoding="utf-8"))]
    return found
