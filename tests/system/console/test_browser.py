"""The console in Chromium, as a person uses it: what is outside is blocked, and the browser complains of nothing."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from deploy.local.node import find_node, install_packages
from deploy.local.settings import default_cache_folder
from tests.support.district import District

SCENARIOS: Final = (
    "every ready operation runs in its order",
    "a petition is followed live while others work on it",
    "a connection that breaks is made again, and nothing is shown twice",
    "a refusal says in words what was refused, and another role is let in",
    "it speaks the language of the browser, and the other when it is told to",
    "a token that has ended is replaced by itself",
    "the documentation is searched and walked through, and the keyboard is enough",
)
_HERE: Final = Path(__file__).parent
_PROGRAM: Final = ("package.json", "package-lock.json", "browser.mjs", "scenarios.mjs")
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_WITHIN: Final = 120.0
PICTURES: Final = "THROUGH_TRAIN_PICTURES"
"""Names the folder for the documentation's pictures; a run that makes them cannot do without Chromium."""


def chromium() -> str:
    """Return the browser's program, or skip: it is the distribution's, and no package of ours brings it."""
    found = os.environ.get("THROUGH_TRAIN_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        sentence = "There is no Chromium here: install it (apt install chromium), or name it in THROUGH_TRAIN_CHROMIUM."
        if PICTURES in os.environ:
            pytest.fail(sentence)
        pytest.skip(sentence)
    return found


@pytest.fixture(scope="module")
async def program() -> Path:
    """The program that drives the browser, with its one package: 14 MB, downloaded once per cache folder."""
    chromium()
    folder = default_cache_folder() / "test-browser"
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PROGRAM:
        shutil.copy(_HERE / name, folder / name)
    await install_packages(find_node(), folder, folder)
    return folder / "browser.mjs"


def test_every_scenario_is_played() -> None:
    listed = subprocess.run(
        [
            find_node().program,
            "-e",
            "import('./scenarios.mjs').then(m => Object.keys(m.SCENARIOS).forEach(name => console.log(name)))",
        ],
        cwd=_HERE,
        capture_output=True,
        text=True,
        check=True,
    )
    assert tuple(listed.stdout.splitlines()) == SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_in_a_browser(program: Path, with_console: District, tmp_path: Path, scenario: str) -> None:
    environment = {
        **os.environ,
        "CONSOLE": with_console.url.removesuffix("/graphql"),
        "CHROMIUM": chromium(),
        "PICTURES": str(Path(os.environ[PICTURES]).absolute()) if PICTURES in os.environ else "",
        "KEPT": str(tmp_path),
    }
    process = await asyncio.create_subprocess_exec(
        *(find_node().program, program, scenario),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), _WITHIN)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, f"{said.decode()}\nWhat the page looked like is in {tmp_path}."
