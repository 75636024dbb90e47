"""An operator's command line for the reference data that a service owns: `python -m services.<name> reference …`.

It works beside running replicas, and without any: what is recorded is published by the next relay that runs.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Protocol

from cyclopts import App, Parameter
from rich.console import Console

from services.contracts.reference import AnyEntry, kind_of
from services.contracts.vocabulary import ReferenceKind, Role, Source
from services.kernel import reference, text
from services.kernel.access import Actor
from services.kernel.entries import EntriesRecorded, Owned, RecordEntries, read_entries, written
from services.kernel.errors import InvalidInput
from services.kernel.ids import new_uuid
from services.kernel.mutation import Mutations, Request
from services.kernel.operating import ActingSettings, By
from services.kernel.pulse import Pulse
from services.kernel.tracing import untraced
from services.kernel.transaction import Database, Transaction, open_database

_LONGEST_BY: Final = 500
_STDIN: Final = "-"

_console: Final = Console(highlight=False, soft_wrap=True)

File = Annotated[str, Parameter(help="A JSON list of entries; - reads what is piped in.", allow_leading_hyphen=True)]
OnlyNew = Annotated[bool, Parameter(help="Leave entries that exist already as they are.", negative=())]
Kinds = Annotated[
    list[ReferenceKind] | None, Parameter(help="Print entries of this kind, as `record` takes them.", negative=())
]


class Recorder(Protocol):
    """A service's command that records entries."""

    def __call__(
        self, tx: Transaction, cmd: RecordEntries, *, by: Actor, now: datetime
    ) -> Awaitable[EntriesRecorded]: ...


def commands(service: Source, owned: Owned, recorder: Recorder) -> App:
    """Return the commands of one service."""
    app = App(name="reference", help=f"The reference data that {service.value} owns.")

    @app.command
    def record(file: File, /, *, by: By, only_new: OnlyNew = False) -> None:
        """Record the entries of a file, all or none. Entries that it does not name stay as they are."""
        entries = read_entries(_read(file))
        actor = Actor(f"command line:{text.required(by, 'by', longest=_LONGEST_BY)}", frozenset({Role.OPERATOR}))
        done = asyncio.run(_record(service, recorder, RecordEntries(entries, only_new), actor))
        _console.print(f"{done.recorded} recorded, {done.unchanged} {'there already' if only_new else 'unchanged'}")
        if done.unheard:
            _console.print(f"named, but not arrived here, or retired: {', '.join(done.unheard)}", markup=False)

    @app.command(name="list")
    def list_entries(*, kind: Kinds = None) -> None:
        """Count what is recorded, by kind; or print the entries of one kind or of several."""
        if kind and (foreign := set(kind) - set(owned.links)):
            raise InvalidInput("kind", f"{', '.join(sorted(foreign))}: {service.value} has {', '.join(owned.links)}.")
        entries = [entry for entry in asyncio.run(_own(service)) if kind_of(entry) in owned.links]
        if kind:
            sys.stdout.buffer.write(written([entry for entry in entries if kind_of(entry) in kind]))
            return
        live = Counter(kind_of(entry) for entry in entries if not entry.retired)
        retired = Counter(kind_of(entry) for entry in entries if entry.retired)
        for each in owned.links:
            and_retired = f", {retired[each]} more retired" if retired[each] else ""
            _console.print(f"{each.value}: {live[each]}{and_retired}")

    return app


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == _STDIN else Path(file).read_bytes()
    except OSError as error:
        raise InvalidInput("file", f"{file} cannot be read ({error.strerror}).") from None


async def _record(service: Source, recorder: Recorder, cmd: RecordEntries, actor: Actor) -> EntriesRecorded:
    settings = ActingSettings()  # pyright: ignore[reportCallIssue]
    # What is asked for is as large as the file: it is only identified, and not repeated under a key.
    request = Request(actor, "recordEntries", len(cmd.entries), None, str(new_uuid()))
    async with _database(service, settings.database_url.get_secret_value()) as database:
        return await Mutations(database, Pulse(), traces=untraced(service.value)).run(
            request, EntriesRecorded, lambda tx: recorder(tx, cmd, by=actor, now=settings.now())
        )


async def _own(service: Source) -> list[AnyEntry]:
    settings = ActingSettings()  # pyright: ignore[reportCallIssue]
    async with _database(service, settings.database_url.get_secret_value()) as database:
        return await reference.own(database.reader)


@asynccontextmanager
async def _database(service: Source, url: str) -> AsyncGenerator[Database]:
    database = await open_database(url, connections=2, application=f"{service.value}-operator")
    try:
        yield database
    finally:
        await database.close()
