"""`python -m department run|once|report`: follow and answer until SIGTERM; do so once; say what is in the database."""

import asyncio
import logging
import signal
import sys
from contextlib import closing

from aiokafka.errors import KafkaError

from department.event import Unreadable
from department.graphql import Refused
from department.program import Gap, Unsent, report, say, work
from department.settings import Settings, SettingsError
from department.store import BrokenContract, OtherFeed, Store
from department.topic import NotLetIn

STOPS = (Gap, OtherFeed, BrokenContract, Unreadable, Unsent, NotLetIn, Refused, KafkaError)
"""What a person has to look at before the program goes on."""


async def until_told_to_end(settings: Settings, store: Store, *, once: bool) -> int:
    """Run until the end, or until SIGTERM or Ctrl-C; return the exit status."""
    task = asyncio.ensure_future(work(settings, store, once=once))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        say(f"ended at event {store.last}; the next start goes on from there")
        return 0
    except BaseExceptionGroup as group:
        stops, others = group.split(STOPS)
        if others or not stops:
            raise
        return stopped(stops.exceptions[0])
    except STOPS as stop:
        return stopped(stop)
    return 0


def stopped(why: BaseException) -> int:
    """Say why a person has to look; return the exit status."""
    say(f"✗ {why}")
    return 1


def main(arguments: list[str]) -> int:
    """Do what is asked; return the exit status: 1 if a person has to look, 2 for a wrong call."""
    try:
        settings = Settings.of()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # what it has to say is said in our own lines
    source = f"/dispatch/departments/{settings.department}"
    with closing(Store(settings.database, source, works=settings.works)) as store:
        match arguments:
            case ["run"] | ["once"]:
                return asyncio.run(until_told_to_end(settings, store, once=arguments == ["once"]))
            case ["report"]:
                report(store)
                return 0
            case _:
                print(__doc__, file=sys.stderr)
                return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
