"""An installation with so many petitions, in a folder: made once, and used as often as one likes."""

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from bench.installation import Installation, installation, servers
from bench.large import bounds
from bench.large.copies import early_ones
from bench.large.left import read
from bench.large.loading import WHILE_LOADING, Loaded, load
from bench.large.place import Place
from bench.large.play import CLOCK, Played, PlayError, fast, play
from bench.large.played_time import go_back
from bench.large.templates import Template
from deploy.local.errors import LocalRunError
from deploy.local.postgres import SERVICES
from deploy.local.stack import Stack
from services.intake.operating import open_vault
from services.kernel.db import own_connection
from services.kernel.kafka import Broker

WEEKS: Final = 8
"""Weeks that are played: most lives are over in less."""

LIVES: Final = 400
"""How many lives are played."""

_OVER: Final = 0.7
_FEWER: Final = 5
_NOTE: Final = "large.json"
_SEED: Final = 20_230_301


class Note(msgspec.Struct, frozen=True):
    """What is known of a folder: what it holds, and how it was made."""

    petitions: int
    loaded: bool = False
    began: datetime | None = None
    courses: Mapping[str, int] = {}
    refused: int = 0
    said: str = ""
    rows: Mapping[str, int] = {}
    messages: Mapping[str, int] = {}
    seconds: Mapping[str, float] = {}
    bytes: Mapping[str, int] = {}


class FolderError(LocalRunError):
    """A folder holds something else than what was asked for."""


@asynccontextmanager
async def large(
    folder: Path, petitions: int, *, say: Callable[[str], None], database: Mapping[str, str] | None = None
) -> AsyncGenerator[Installation]:
    """Run an installation with so many petitions on a folder; make it there first, unless it was made before.

    :param database: settings of postgresql.conf beside our own.
    :raises LocalRunError: it cannot be made or started: the disk is too small, or the folder holds something else.
    """
    await made(folder, petitions, say=say)
    async with installation(folder, say=say, database=database) as running:
        yield running


async def made(folder: Path, petitions: int, *, say: Callable[[str], None]) -> Note:
    """Make an installation with so many petitions in a folder, unless it is there; return what is known of it.

    What was broken off is removed and begun anew.

    :raises LocalRunError: the disk is too small, the folder holds something else, or it could not be made.
    """
    known = note_of(folder)
    if known is not None and known.loaded:
        if known.petitions != petitions:
            raise FolderError(f"{folder} holds {known.petitions:,} petitions: name another folder for {petitions:,}.")
        say(f"{petitions:,} petitions are in {folder} from before")
        return known
    if known is None and folder.exists() and any(folder.iterdir()):
        raise FolderError(f"{folder} is not empty, and nothing says that it is ours to fill: name another folder.")
    shutil.rmtree(folder, ignore_errors=True)
    roughly = bounds.roughly(petitions)
    say(f"bounds, before anything is known: {roughly}")
    bounds.require(folder, roughly)
    folder.mkdir(parents=True)
    _write(folder, Note(petitions))
    played = await _played(folder, petitions, say)
    note = await _loaded(folder, petitions, played, say)
    _write(folder, note)
    return note


def note_of(folder: Path) -> Note | None:
    """Return what is known of a folder; None if nothing is.

    :raises FolderError: what it says of itself is not ours.
    """
    file = folder / _NOTE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Note) if file.exists() else None
    except msgspec.DecodeError as error:
        raise FolderError(f"{file} is not what was written there ({error}): name another folder.") from error


def _write(folder: Path, note: Note) -> None:
    draft = folder / f"{_NOTE}.draft"
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(note), indent=2) + b"\n")
    draft.replace(folder / _NOTE)


async def _played(folder: Path, petitions: int, say: Callable[[str], None]) -> Played:
    lives = max(1, min(LIVES, petitions // _FEWER))
    with fast(folder):
        go_back(folder / CLOCK, WEEKS)
        async with installation(folder, say=say) as running:
            say(f"{lives} lives are played: {WEEKS} weeks")
            played = await play(running, folder, lives=lives, random=Random(_SEED), say=say)  # noqa: S311
    if played.refused:
        say(f"{len(played.refused)} were cut short by a refusal: {played.refused[0]}")
    return played


async def _loaded(folder: Path, petitions: int, played: Played, say: Callable[[str], None]) -> Note:
    began = time.monotonic()
    async with servers(folder, database=WHILE_LOADING) as stack:
        place = _place(stack)
        for service in SERVICES:
            async with own_connection(place.dsns[service], application="bench", patience=600) as connection:
                await connection.execute("ANALYZE")
        vault = open_vault(stack.settings.keys_folder)
        originals = await read(place, played, vault)
        _require_over(originals.templates, played)
        limits = await bounds.measured(place, originals, petitions)
        say(f"bounds, by what was played: {limits}")
        bounds.require(folder, limits)
        loaded = await load(place, originals, played, vault, petitions, random=Random(_SEED), say=say)  # noqa: S311
        found = await _sizes(stack)
    say(f"loaded in {(time.monotonic() - began) / 60:.1f} min: {_shown(found)}")
    return _noted(petitions, played, limits, loaded, found)


def _require_over(templates: Sequence[Template], played: Played) -> None:
    """Check that lives went on as they should: else earlier weeks would be made of what is over soon, of rejections.

    :raises PlayError: they did not.
    """
    early = early_ones(templates, began=played.times.domain, now=played.end)
    over = sum(template.over for template in early)
    if over < _OVER * len(early):
        raise PlayError(f"Only {over} of {len(early)} lives that began early are over: try when the machine does less.")


def _noted(petitions: int, played: Played, limits: bounds.Bounds, loaded: Loaded, sizes: Mapping[str, int]) -> Note:
    return Note(
        petitions,
        loaded=True,
        began=datetime.now(UTC),
        courses=played.courses,
        refused=len(played.refused),
        said=str(limits),
        rows=loaded.rows,
        messages=loaded.messages,
        seconds=loaded.seconds,
        bytes=sizes,
    )


def _place(stack: Stack) -> Place:
    dsns = {service: stack.postgres.dsn(service) for service in SERVICES}
    return Place(dsns, Broker(stack.kafka.bootstrap), stack.settings.topic_prefix)


async def _sizes(stack: Stack) -> dict[str, int]:
    """Return how much of the disk databases and topics take."""
    sizes: dict[str, int] = {}
    for service in SERVICES:
        async with own_connection(stack.postgres.dsn(service), application="bench") as connection:
            sizes[service] = await connection.fetchval("SELECT pg_database_size(current_database())")
    log = stack.kafka.folder / "log"
    files = await asyncio.to_thread(lambda: [file.stat() for file in log.rglob("*") if file.is_file()])
    return {**sizes, "topics": sum(file.st_blocks for file in files) * 512}


def _shown(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size / 1e9:.2f} GB" for name, size in sizes.items())
