"""The campaign: faults strike at random while a crowd works through both gateways; then the independent check.

`python -m tests.faults.campaign --seconds 1200 --seed 7`; the last line says what came of it, the exit code too.
The seed decides which faults strike whom, how long, and what people do; the moments are the machine's.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp
from rich.console import Console
from rich.table import Table

from deploy.audit.check import check
from deploy.audit.findings import Kind, Report
from services.kernel.domain_clock import set_pace
from tests.faults.client import Client
from tests.faults.crowd import Crowd, Tally
from tests.faults.installation import Installation
from tests.faults.strikes import FAILURES, Arsenal, MissedError

WORKERS: Final = 6
LANES: Final = 2
"""At most so many faults at once."""
SPEED: Final = 14_400.0
"""A domain's day in six seconds: clocks run out under the faults' hands."""
_PAUSE: Final = (0.5, 3.5)
_SAID_EVERY: Final = 5.0
_CALENDAR_EVERY: Final = 15.0
_HOME_WITHIN: Final = 180.0
_SETTLES_WITHIN: Final = 180.0
_MEND_TIMES: Final = 5

Say = Callable[[str], None]


@dataclass
class Outcome:
    """What a campaign came to."""

    seed: int
    strikes: Counter[str] = field(default_factory=Counter[str])
    lasted: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    failed: Counter[str] = field(default_factory=Counter[str])
    tally: Tally = field(default_factory=Tally)
    internal: list[Any] = field(default_factory=list[Any])
    report: Report = field(default_factory=Report)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled, or otherwise wrong, and no service met an error that it did not expect."""
        return (
            self.strikes.total() > 0
            and self.report.clean
            and not self.internal
            and not self.tally.unlike
            and not self.tally.unanswered
        )

    def __str__(self) -> str:
        """Return the last line."""
        counts = self.report.counts()
        named = {
            Kind.LOST: "lost",
            Kind.DOUBLED: "doubled",
            Kind.OUT_OF_ORDER: "out of order",
            Kind.DISAGREE: "disagree",
        }
        other = counts.total() - sum(counts[kind] for kind in named)
        return ", ".join(
            (
                f"seed {self.seed}",
                f"faults {self.strikes.total()}",
                f"acknowledged {self.report.acknowledged}",
                *(f"{name} {counts[kind]}" for kind, name in named.items()),
                f"otherwise wrong {other + len(self.tally.unlike)}",
                f"unanswered {self.tally.unanswered}",
                f"unexpected errors {len(self.internal)}",
            )
        )


async def campaign(folder: Path, *, seconds: float, seed: int, say: Say) -> Outcome:
    """Run a campaign of so many seconds in a new installation under a folder."""
    outcome = Outcome(seed)
    async with Installation(folder) as installation, aiohttp.ClientSession() as session:
        client = Client(installation, session)
        crowd = Crowd(client, Random(f"crowd {seed}"), outcome.tally)
        set_pace(installation.domain_clock, SPEED)
        say("the installation stands")
        await _under_fire(installation, client, crowd, outcome, seconds, say)
        say("it is over: healing, and waiting for rest")
        set_pace(installation.domain_clock, 1.0)
        ledger = client.ledger
        outcome.internal = client.internal
        outcome.report = await check(
            installation.place,
            ledger.acknowledged,
            settle_within=_SETTLES_WITHIN,
            now=installation.domain_now,
            attempted=ledger.attempted,
            foreign=ledger.foreign,
            looks=3,
            between=2.0,
        )
    return outcome


async def _under_fire(
    installation: Installation, client: Client, crowd: Crowd, outcome: Outcome, seconds: float, say: Say
) -> None:
    began = time.monotonic()
    until = began + seconds
    busy: set[str] = set()
    lanes = [
        Arsenal(installation, Random(f"faults {outcome.seed} {lane}"), client.ledger, busy) for lane in range(LANES)
    ]

    async def telling() -> None:
        while True:
            await asyncio.sleep(_SAID_EVERY)
            struck = ", ".join(sorted(busy)) or "nothing"
            acknowledged = len(client.ledger.acknowledged)
            say(
                f"{time.monotonic() - began:5.0f} s  faults {outcome.strikes.total():4}  acknowledged {acknowledged:6}"
                f"  petitions {outcome.tally.petitions:5}  struck: {struck}"
            )

    people = [asyncio.create_task(crowd.work()) for _ in range(WORKERS)]
    people.append(asyncio.create_task(crowd.keep_the_calendar(_CALENDAR_EVERY)))
    teller = asyncio.create_task(telling())
    try:
        await asyncio.gather(*(_strike(arsenal, outcome, until) for arsenal in lanes))
        await _mended(installation)
        crowd.go_home()
        async with asyncio.timeout(_HOME_WITHIN):
            await asyncio.gather(*people)
    finally:
        for task in (*people, teller):
            task.cancel()
        await asyncio.gather(*people, teller, return_exceptions=True)


async def _strike(arsenal: Arsenal, outcome: Outcome, until: float) -> None:
    """Let one fault after another strike, with pauses, until the time is over."""
    while time.monotonic() < until:
        await asyncio.sleep(arsenal.chance.uniform(*_PAUSE))
        strike = arsenal.draw()
        if strike is None:
            continue
        began = time.monotonic()
        try:
            await arsenal.strike(strike)
            outcome.strikes[strike.name] += 1
        except MissedError:
            outcome.failed[f"{strike.name}: nobody was there"] += 1
        except FAILURES as error:
            # What it needed was taken away by the other lane's fault; whatever it left is mended at the end.
            outcome.failed[f"{strike.name}: {type(error).__name__}"] += 1
            arsenal.installation.resume_broker()
        else:
            outcome.lasted[strike.name] += time.monotonic() - began


async def _mended(installation: Installation) -> None:
    """Bring everything back, and again if something fell over meanwhile.

    :raises LocalRunError: it does not come back.
    """
    for attempt in range(_MEND_TIMES):
        try:
            await installation.mend()
        except FAILURES:
            if attempt == _MEND_TIMES - 1:
                raise
            await asyncio.sleep(1.0)
        else:
            return


def table_of(outcome: Outcome) -> Table:
    """Return which faults struck, how often, and how long they lasted on average."""
    table = Table("fault", "times", "seconds each", box=None)
    for name, times in sorted(outcome.strikes.items()):
        table.add_row(name, str(times), f"{outcome.lasted[name] / times:.1f}")
    table.add_row("all", str(outcome.strikes.total()), "")
    return table


def main() -> None:
    """Run a campaign as the command line asks, and exit with 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long faults strike")
    parser.add_argument("--seed", type=int, default=1, help="which faults, whom, how long; and what people do")
    parser.add_argument("--folder", type=Path, default=None, help="a new folder for logs and data; it is kept")
    given = parser.parse_args()
    if given.folder is not None and given.folder.exists() and any(given.folder.iterdir()):
        parser.error(f"{given.folder} is not empty: what another campaign left there would be checked too")
    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()

    def say(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.1f} s[/dim]  {line}")

    with tempfile.TemporaryDirectory(prefix="through-train-campaign-", ignore_cleanup_errors=True) as scratch:
        folder = given.folder or Path(scratch)
        outcome = asyncio.run(campaign(folder, seconds=given.seconds, seed=given.seed, say=say))
    console.print(table_of(outcome))
    for what, times in sorted(outcome.failed.items()):
        console.print(f"not counted, it missed or was cut short: {what}, {times} times", markup=False)
    happened = ", ".join(f"{times} {name}" for name, times in sorted(outcome.report.happened.items()))
    console.print(f"happened: {happened}", markup=False)
    console.print(f"refused: {dict(sorted(outcome.tally.refused.items()))}", markup=False)
    for unexpected in (*outcome.internal[:20], *outcome.tally.unlike[:20]):
        console.print(str(unexpected), markup=False)
    console.print(str(outcome.report), markup=False)
    console.print(str(outcome), markup=False)
    sys.exit(0 if outcome.clean else 1)


if __name__ == "__main__":
    main()
