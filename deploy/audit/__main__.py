"""`python -m deploy.audit`: prove on live data that no open petition lacks a clock, and none ran out unheard."""

import asyncio
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter
from pydantic import Field, PostgresDsn, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console
from rich.table import Table

from deploy.audit.check import check
from deploy.audit.findings import Finding
from deploy.audit.living import Audit, Census
from deploy.audit.pace import Pace, pace_of
from deploy.audit.place import SERVICES, UNREACHABLE, Place, connected
from deploy.audit.topics import BrokerError

app = App(name="python -m deploy.audit", help="Look after a living system; it only reads.")
_console: Final = Console(highlight=False, soft_wrap=True)
_MOST_SHOWN: Final = 200

FOUND: Final = 1
CANNOT_LOOK: Final = 2
"""Exit codes besides 0, nothing is wrong."""


class Settings(BaseSettings):
    """Where the system is. `domain_clock`: the file by which its time runs faster, if it does."""

    model_config = SettingsConfigDict(env_prefix="THROUGH_TRAIN_", extra="ignore")

    audit_intake_url: PostgresDsn
    audit_dispatch_url: PostgresDsn
    audit_feedback_url: PostgresDsn
    kafka_bootstrap: str | None = None
    topic_prefix: str = ""
    domain_clock: Path | None = Field(default=None)

    def place(self) -> Place:
        """Return where everything is."""
        databases = {service: str(getattr(self, f"audit_{service}_url")) for service in SERVICES}
        return Place(databases, self.kafka_bootstrap or "", self.topic_prefix)


@app.default
def audit(
    *,
    full: Annotated[bool, Parameter(help="Check topics, views and histories too; this reads everything.")] = False,
    now: Annotated[datetime | None, Parameter(help="The domain's present instant, if it is not the real one.")] = None,
    tick: Annotated[float, Parameter(help="How many seconds a clock may be overdue.")] = 10.0,
    between: Annotated[float, Parameter(help="Seconds before a suspect is looked at again.")] = 3.0,
) -> int:
    """Print a table of what is open and what is wrong; exit with 1 if anything is, with 2 if nothing can be seen."""
    try:
        settings = Settings()  # pyright: ignore[reportCallIssue] - the environment gives the rest
        if full and settings.kafka_bootstrap is None:
            return _cannot("THROUGH_TRAIN_KAFKA_BOOTSTRAP is needed for --full.")
        pace = pace_of(settings.domain_clock) if now is None else _fixed(now)
        return asyncio.run(_audit(settings.place(), pace, full=full, tick=tick, between=between))
    except ValidationError as error:
        return _cannot("\n".join(f"THROUGH_TRAIN_{str(f['loc'][0]).upper()}: {f['msg']}" for f in error.errors()))
    except BrokerError as error:
        return _cannot(f"The broker cannot be reached: {error}")
    except UNREACHABLE as error:
        return _cannot(f"A database cannot be reached; does the system run? {error}")
    except ValueError as error:
        return _cannot(str(error))


def _fixed(now: datetime) -> Pace:
    instant = now if now.tzinfo else now.replace(tzinfo=UTC)
    return Pace(lambda: instant)


def _cannot(sentence: str) -> int:
    Console(stderr=True, highlight=False, soft_wrap=True).print(sentence, markup=False)
    return CANNOT_LOOK


async def _audit(place: Place, pace: Pace, *, full: bool, tick: float, between: float) -> int:
    late = timedelta(seconds=tick) * max(1.0, pace.speed)
    async with connected(place.databases) as connections:
        census = await Audit(connections, pace.now, late).run(between=between)
    findings = list(census.findings)
    _print(census)
    if full:
        report = await check(place, settle_within=0, now=pace.now, tick=late, looks=3, between=between)
        findings += [finding for finding in report.findings if finding not in set(findings)]
        _console.print(str(report).partition("\n")[0], markup=False)
    for finding in findings[:_MOST_SHOWN]:
        _console.print(str(finding), markup=False)
    _console.print(_verdict(findings))
    return FOUND if findings else 0


def _print(census: Census) -> None:
    table = Table(box=None, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("petitions", str(census.petitions))
    table.add_row("open", str(census.open))
    for standing, count in sorted(census.standing.items()):
        table.add_row(f"  {standing}", str(count))
    for name, clocks in (("running", census.running), ("paused", census.paused), ("overdue", census.overdue)):
        table.add_row(f"clocks {name}", str(clocks.total()))
        for kind, count in sorted(clocks.items()):
            table.add_row(f"  {kind}", str(count))
    _console.print(table)


def _verdict(findings: list[Finding]) -> str:
    if not findings:
        return "nothing is wrong: every open petition has a clock, and every clock that ran out was heard"
    counts = Counter(finding.kind.value for finding in findings)
    return "wrong: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


if __name__ == "__main__":
    sys.exit(app(result_action="return_value"))
