"""`python -m deploy.local.observe serve | show [PETITION]`: the part of a run that watches it, and what shows it."""

import asyncio
import os
import sys
from typing import Final

import aiohttp
import msgspec
import uvicorn

from deploy.local.asking import NotAnsweringError
from deploy.local.demo.words import Language, here
from deploy.local.observe import terminal
from deploy.local.observe.app import Told, observing
from deploy.local.observe.lookup import id_of
from deploy.local.observe.scrapes import Scraper
from deploy.local.observe.store import Store, Trace
from deploy.local.ports import LOOPBACK
from deploy.local.settings import LocalSettings
from deploy.local.speech import Piped, give_up, read_settings

_TARGETS: Final = "THROUGH_TRAIN_OBSERVED"
_SHOWN: Final = 12


def serve(settings: LocalSettings) -> None:
    """Receive and scrape until SIGTERM; the processes' addresses come as JSON from the supervisor."""
    targets = msgspec.json.decode(os.environ[_TARGETS], type=dict[str, str])

    async def find(petition: str) -> str | None:
        async with aiohttp.ClientSession() as session:
            try:
                return await id_of(settings, session, petition)
            except NotAnsweringError:
                return None

    app = observing(Store(), Scraper(targets), find)
    uvicorn.run(app, host=LOOPBACK, port=settings.observe_port, access_log=False, log_level="warning")


async def show(settings: LocalSettings, petition: str) -> None:
    """Print a petition's traces, or the main figures and the latest traces.

    :raises SystemExit: nothing runs, or the petition is unknown.
    """
    async with aiohttp.ClientSession() as session:
        wanted = await _known(settings, session, petition) if petition else ""
        try:
            async with session.get(
                f"http://{LOOPBACK}:{settings.observe_port}/data", params={"petition": wanted}
            ) as response:
                told = msgspec.json.decode(await response.read(), type=Told)
        except (aiohttp.ClientError, OSError, msgspec.DecodeError):
            give_up(
                f"Nothing that observes a run answers on port {settings.observe_port}: start the system with "
                "`make run` first."
            )
    console = Piped()
    for line in _lines(told, wanted, here(sys.stdout.encoding)):
        console.print(line)


def _lines(told: Told, petition: str, language: Language) -> list[terminal.Text]:
    traces = [Trace(spans[0].trace, {span.id: span for span in spans}) for spans in told.traces if spans]
    if petition:
        trees = [line for trace in traces for line in terminal.whole(trace)]
        return trees or [terminal.none_of(language)]
    figures = terminal.figures(told.names, told.rows, language)
    return [*figures, terminal.Text(""), *terminal.latest(traces[:_SHOWN], language)]


async def _known(settings: LocalSettings, session: aiohttp.ClientSession, petition: str) -> str:
    """Return a petition's id.

    :raises SystemExit: nothing answers, or it is unknown.
    """
    try:
        found = await id_of(settings, session, petition)
    except NotAnsweringError as error:
        give_up(str(error))
    return found or give_up(f"No petition has the id or tracking code {petition!r}.")


def main(arguments: list[str]) -> None:
    """Serve or show.

    :raises SystemExit: neither is asked for.
    """
    match arguments:
        case ["serve"]:
            serve(read_settings())
        case ["show"]:
            asyncio.run(show(read_settings(), ""))
        case ["show", petition]:
            asyncio.run(show(read_settings(), petition.strip()))
        case _:
            sys.exit("say `python -m deploy.local.observe serve` or `show [PETITION]`")


if __name__ == "__main__":
    main(sys.argv[1:])
