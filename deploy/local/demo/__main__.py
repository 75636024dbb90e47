"""`python -m deploy.local.demo [CASE]`: play a case against the system that the environment names."""

import asyncio
import os
import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Final

import aiohttp
import cyclopts
from rich.console import Console

from deploy.local.demo import departments
from deploy.local.demo.cases import ALL, CASES
from deploy.local.demo.errors import DemoError
from deploy.local.demo.playing import System, play
from deploy.local.demo.programs import Around
from deploy.local.demo.words import here

_LONGEST_PAUSE: Final = 60.0

app = cyclopts.App(name="python -m deploy.local.demo", help="Play a case on the running system.")


def _system() -> System:
    clock = os.environ.get("THROUGH_TRAIN_DOMAIN_CLOCK")
    return System(
        url=os.environ.get("THROUGH_TRAIN_GATEWAY_URL", "http://127.0.0.1:4000/graphql"),
        keys=Path(os.environ.get("THROUGH_TRAIN_KEYS_FOLDER", ".data/keys")),
        clock=Path(clock) if clock else None,
    )


def _around() -> Around:
    return Around(
        kafka=os.environ.get("THROUGH_TRAIN_KAFKA_BOOTSTRAP", "127.0.0.1:9094"),
        departments=os.environ.get("THROUGH_TRAIN_DEPARTMENTS_BOOTSTRAP", "127.0.0.1:9096"),
        topic_prefix=os.environ.get("THROUGH_TRAIN_TOPIC_PREFIX", ""),
        folder=Path(os.environ.get("THROUGH_TRAIN_DEPARTMENTS_FOLDER", ".data/departments")),
        cache=Path(os.environ.get("THROUGH_TRAIN_CACHE_FOLDER", ".cache")),
    )


def _console() -> Console:
    """Return the console: what its encoding cannot show is replaced, and where nobody looks there are no codes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    terminal = sys.stdout.isatty()
    return Console(highlight=False, soft_wrap=True, force_terminal=terminal, color_system="auto" if terminal else None)


def _seconds(given: str) -> float | None:
    try:
        seconds = float(given) if given else None
    except ValueError:
        seconds = -1.0
    if seconds is not None and not 0 <= seconds <= _LONGEST_PAUSE:
        raise DemoError(f"PACE={given} will not do; give the seconds between two acts, 0 to {_LONGEST_PAUSE:.0f}.")
    return seconds


async def _until_told_to_end(name: str, pause: float | None) -> int:
    """Play until the end, or until Ctrl-C or SIGTERM; return the exit code.

    However often one is told to end, the terminal and the domain's time are afterwards as they were before.
    """
    task = asyncio.current_task()
    assert task is not None
    told: list[int] = []

    def end(by: signal.Signals) -> None:
        told.append(by)
        task.cancel()

    for by in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(by, end, by)
    console = _console()
    language = here(console.encoding)
    try:
        if name == departments.NAME:
            await departments.play(_system(), _around(), console, language=language, pause=pause)
        else:
            speed = os.environ.get("SPEED", "")
            await play(CASES[name], _system(), console, language=language, speed=speed, pause=pause)
    except asyncio.CancelledError:
        for by in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(by)
            signal.signal(by, signal.SIG_IGN)  # it is ending already
        return 128 + told[0]
    return 0


@app.default
def main(
    case: str = "", /, *, pace: Annotated[str, cyclopts.Parameter(help="seconds between acts; or PACE=…")] = ""
) -> None:
    """Play a case.

    :raises SystemExit: there is no such case, nothing answers, or the system answered otherwise than it should.
    """
    name = case or next(iter(CASES))
    known = [one.name for one in ALL]
    if name not in known:
        sys.exit(f"There is no case {name!r}; CASE can be {', '.join(known)}.")
    try:
        pause = _seconds(pace or os.environ.get("PACE", ""))
        sys.exit(asyncio.run(_until_told_to_end(name, pause)))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # which is flushed once more at the end
        sys.exit(1)
    except (aiohttp.ClientError, TimeoutError):
        sys.exit(f"Nothing answers at {_system().url}: start the system with `make run` first.")
    except DemoError as error:
        sys.exit(f"The demo stopped: {error}")


if __name__ == "__main__":
    app()
