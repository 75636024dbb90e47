"""`python -m bench.large N`: make an installation with N petitions, and measure every list on it."""

import asyncio
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.console import Console

from bench import lifecycles
from bench.large.asking import measure
from bench.large.building import large, made
from bench.large.checks import true
from bench.large.results import PAGE, keep, page, read, slow
from bench.report import LATEST
from bench.report import write as write_lives
from deploy.local.errors import LocalRunError
from deploy.local.settings import ROOT

app = App(name="python -m bench.large", help=__doc__)
_console = Console(highlight=False, soft_wrap=True)


@app.default
def run(
    petitions: Annotated[int, Parameter(validator=Number(gte=1))],
    *,
    folder: Annotated[Path | None, Parameter(help="Where it is made and kept; without it, it is removed.")] = None,
    check: Annotated[bool, Parameter(help="Check that what was loaded is true; this reads everything.")] = False,
    lives: Annotated[bool, Parameter(help="Measure whole lives on it too, as `make bench` does.")] = True,
) -> None:
    """Make an installation with so many petitions unless the folder has it; measure lists and lives on it."""
    kept = nullcontext(folder) if folder else tempfile.TemporaryDirectory(prefix="through-train-", dir="/var/tmp")
    with kept as place:
        try:
            Path(place).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            sys.exit(f"{place} cannot be a folder for it ({error.strerror}): name another one.")
        if folder is None:
            Path(place).chmod(0o755)  # the account that PostgreSQL runs as has to get through
        try:
            asyncio.run(_run(Path(place).absolute(), petitions, check=check, lives=lives))
        except LocalRunError as error:
            sys.exit(str(error))


async def _run(folder: Path, petitions: int, *, check: bool, lives: bool) -> None:
    note = await made(folder, petitions, say=_say)
    if check:
        async with large(folder, petitions, say=_say) as running:
            await true(running, random=Random(1), say=_say)  # noqa: S311
    lists = await measure(folder, petitions, _say)
    results = keep(note, lists)
    PAGE.write_text(page(results))
    for listed in slow(results.installations[str(petitions)]):
        _say(f"slow: {listed.list}, {listed.by}, {listed.how}: {listed.p99:.0f} ms at p99")
    if lives:
        async with large(folder, petitions, say=_say) as running:
            lived = await lifecycles.lives(running, lifecycles.Course(), _say)
        write_lives(lived, file := LATEST.with_name(f"lives-{petitions}.json"))
        _say(f"{lived.lifecycles_per_second:.1f} lives a second; the figures are in {file.relative_to(ROOT)}")
    _say(f"{len(lists)} ways to ask for lists are in {PAGE.relative_to(ROOT)}")


@app.command
def write() -> None:
    """Write the docs' page from what was measured."""
    PAGE.write_text(page(read()))


def _say(line: str) -> None:
    _console.print(line, markup=False)


if __name__ == "__main__":
    app()
