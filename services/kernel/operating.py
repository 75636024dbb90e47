"""An operator's commands on one service: `python -m services.<name> parked list|replay|discard`, and `rebuild`.

They work beside running replicas, and without any: locks and progress rows are the same for all.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import uvloop
from cyclopts import App, Parameter
from rich.console import Console

from services.contracts.vocabulary import Source
from services.kernel import parking, text
from services.kernel.domain_clock import DomainClock, system_now
from services.kernel.errors import Refusal
from services.kernel.graphql.parking import LONGEST_BECAUSE
from services.kernel.inbox import Discard, Handlers, Inbox, Reason, Replay
from services.kernel.parking import Parking
from services.kernel.pulse import Pulse
from services.kernel.rebuild import Plan, rebuild
from services.kernel.rebuild_view import RebuildError
from services.kernel.reference import ReferenceCache
from services.kernel.settings import Environment, OperatorSettings
from services.kernel.tracing import untraced
from services.kernel.transaction import Database, open_database

_PAGE: Final = 500
_console: Final = Console(highlight=False, soft_wrap=True)

Because = Annotated[str, Parameter(help="Why; kept beside your name.")]
By = Annotated[str, Parameter(help="Who you are; kept.")]


class ActingSettings(OperatorSettings):
    """What an act at the domain's time needs besides the database; that time is the real one but in development."""

    environment: Environment = Environment.PRODUCTION
    domain_clock: Path | None = None

    @property
    def now(self) -> Callable[[], datetime]:
        """What tells the domain's time."""
        if self.domain_clock is None or self.environment is Environment.PRODUCTION:
            return system_now
        return DomainClock(self.domain_clock)


@asynccontextmanager
async def _desk(
    url: str, service: Source, consumed: frozenset[Source], handlers: Callable[[ReferenceCache], Handlers]
) -> AsyncGenerator[tuple[Database, Parking]]:
    database = await open_database(url, connections=2, application=f"{service.value}-operator")
    try:
        references = ReferenceCache(database.reader, staleness=0)
        inbox = Inbox(database, consumed, handlers(references), references.get, untraced(service.value))
        yield database, Parking(inbox, Pulse(), Pulse())
    finally:
        await database.close()


async def _print(database: Database, reason: Reason | None) -> None:
    place, rows = parking.START, 0
    while page := await parking.parked(database.reader, reason=reason, first=_PAGE, after=place):
        for it in page:
            where = f"{it.topic}/{it.partition}/{it.offset} since {it.parked_at.isoformat(timespec='seconds')}"
            what = f"{it.petition} {it.source.value}:{it.sequence} {it.type} {it.reason.value} {it.detail}"
            _console.print(f"{what} ({where})", markup=False)
        place, rows = parking.next_place(page), rows + len(page)
    if not rows:
        _console.print("nothing is parked")


def commands(
    url: str, service: Source, consumed: frozenset[Source], handlers: Callable[[ReferenceCache], Handlers]
) -> App:
    """Return the commands of one service.

    :param url: its database.
    """
    app = App(name=f"python -m services.{service.value}", help=f"Operate {service.value}.")
    parked = App(name="parked", help="Events of the other services that are held up here.")
    app.command(parked)

    def done(work: Callable[[Database, Parking], Awaitable[None]]) -> None:
        async def with_desk() -> None:
            async with _desk(url, service, consumed, handlers) as (database, desk):
                await work(database, desk)

        asyncio.run(with_desk())

    async def after(database: Database, petition: UUID, applied: int) -> None:
        still = await parking.parked_of(database.reader, petition)
        _console.print(f"{applied} applied, {len(still)} still parked")
        for it in still:
            _console.print(f"  {it.source.value}:{it.sequence} {it.type} {it.reason.value} {it.detail}", markup=False)

    @parked.command(name="list")
    def list_parked(*, reason: Annotated[Reason | None, Parameter(help="Only these.")] = None) -> None:
        """List what is held up, why, and where it came from."""
        done(lambda database, _: _print(database, reason))

    @parked.command
    def replay(petition: UUID, *, by: By, because: Because) -> None:
        """Try what is parked of a petition again, poisonous events too."""

        async def work(database: Database, desk: Parking) -> None:
            await after(database, petition, await desk.replay(Replay(petition, *_said(by, because))))

        done(work)

    @parked.command
    def discard(petition: UUID, source: Source, sequence: int, *, by: By, because: Because) -> None:
        """Pass over an event that holds up a petition: it counts as applied and has no effect."""

        async def work(database: Database, desk: Parking) -> None:
            event = Discard(petition, source, sequence, *_said(by, because))
            await after(database, petition, await desk.discard(event))

        done(work)

    return app


def rebuilding(plan: Plan) -> App:
    """Return the command that rebuilds a service's view."""
    name = plan.service.value
    app = App(name=f"python -m services.{name} rebuild", help=f"Rebuild {name}'s view from the topics.")

    def say(line: str) -> None:
        _console.print(line, markup=False)

    @app.default
    def run() -> None:
        """Rebuild the view from the topics while the service goes on serving from the one it has."""
        say(f"Rebuilding {name}'s view from the topics of {' and '.join(sorted(plan.consumed))}; it serves on")
        done = uvloop.run(rebuild(plan, say))
        say(
            f"{name}'s view is rebuilt and served: {done.events:,} events and {done.entries:,} reference entries from "
            f"{done.read:,} messages in {done.seconds:.1f} s ({done.read / done.seconds:,.0f}/s); "
            f"those who write it were held for {done.held_seconds * 1000:.0f} ms"
        )

    return app


def _said(by: str, because: str) -> tuple[str, str]:
    who, why = (
        text.required(by, "by", longest=LONGEST_BECAUSE),
        text.required(because, "because", longest=LONGEST_BECAUSE),
    )
    return f"command line:{who}", why


def operate(app: App, arguments: Sequence[str]) -> str | None:
    """Run a command; return what was wrong, if anything was."""
    try:
        app(arguments, result_action="return_value")
    except Refusal as refusal:
        return refusal.message
    except RebuildError as error:
        return f"Not rebuilt, the view is served as it was: {error}."
    except KeyboardInterrupt:
        return "Stopped."
    return None
