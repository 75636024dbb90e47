"""What parked petitions cost the others of their partition.

One partition, one consumer, a steady flow of handed-over petitions; in every second round petitions are mixed in whose
first event is poison and whose later ones wait behind it. Measured is the time from the broker's word to the committed
effect, of the healthy petitions alone; the two kinds of rounds alternate in one run, so their ratio is fair.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from deploy.local import kafka
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from deploy.local.settings import default_cache_folder
from services.contracts import catalogue
from services.contracts.event import Who
from services.contracts.intake import PetitionReadied
from services.contracts.vocabulary import DeadlineClass, Role, Source, Urgency
from services.dispatch.app import WIRING as DISPATCH
from services.intake.app import WIRING as INTAKE
from services.kernel.arrivals import Arrived
from services.kernel.auth import keys
from services.kernel.envelope import Envelope, to_message
from services.kernel.inbox import Inbox
from services.kernel.kafka import Broker, Producer, new_producer
from services.kernel.service import Role as Job
from services.kernel.service import prepare, running
from services.kernel.settings import Environment, Settings

RATE: Final = 100
"""Healthy events a second, well below what one consumer takes."""

ROUNDS: Final = 8
SECONDS: Final = 6.0
BEHIND: Final = 19
"""Events that come behind each poison; an event of a poisoned petition for every two healthy ones."""

_BY: Final = Who(role=Role.STREET_COMMITTEE, subject="bench")
_console: Final = Console()


@dataclass
class Times:
    """When each healthy petition's event was acknowledged and when it had taken effect, in seconds."""

    sent: dict[UUID, float] = field(default_factory=dict[UUID, float])
    applied: dict[UUID, float] = field(default_factory=dict[UUID, float])

    def milliseconds(self) -> list[float]:
        """Return the healthy events' delays, sorted."""
        return sorted((self.applied[petition] - sent) * 1000 for petition, sent in self.sent.items())


class _Timed:
    """Notes when batches have been applied, around the real inbox."""

    def __init__(self, times: Times) -> None:
        self.times = times
        self._apply = Inbox.apply

    def __enter__(self) -> None:
        apply, times = self._apply, self.times

        async def timed(self: Inbox, batch: Sequence[Arrived]) -> bool:
            decided = await apply(self, batch)
            now = time.perf_counter()
            times.applied.update((arrived.aggregate, now) for arrived in batch)
            return decided

        Inbox.apply = timed

    def __exit__(self, *_: object) -> None:
        Inbox.apply = self._apply


def _message(petition: UUID, sequence: int, kind: str | None = None) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    event = PetitionReadied(
        by=_BY,
        tracking_code="7K3M9QX2CD",
        title="二中批发巷下水道堵塞",
        category="drainage",
        urgency=Urgency.NORMAL,
        request="请疏通",
        department=None,
        deadline_class=DeadlineClass.ORDINARY,
    )
    now = datetime.now(UTC)
    envelope = Envelope(
        id=uuid4(),
        source=Source.INTAKE,
        type=kind or event.TYPE,
        subject=str(petition),
        time=now,
        recorded=now,
        dataschema=catalogue.dataschema(Source.INTAKE, event.TYPE),
        sequence=sequence,
        seen={},
        correlation="bench",
        causation="bench",
        cycle=1,
        street="huangtupo",
        community="community-73",
    )
    return to_message(envelope, catalogue.encode(event))


async def _round(producer: Producer, times: Times, *, poisoned: bool) -> tuple[Times, int]:
    """Publish for a while at the same rate of healthy events; return their times and how many came beside them."""
    topic = catalogue.petition_topic(Source.INTAKE)
    mine, beside = Times(), 0
    bad, sequence = uuid4(), 0
    began = time.perf_counter()
    for nth in range(int(RATE * SECONDS)):
        await asyncio.sleep(max(0.0, began + nth / RATE - time.perf_counter()))
        petition = uuid4()
        key, value, headers = _message(petition, 1)
        acknowledged = await producer.send(topic, value, key, headers=headers)
        acknowledged.add_done_callback(lambda _, p=petition: mine.sent.setdefault(p, time.perf_counter()))
        if poisoned and nth % 2:
            sequence += 1
            key, value, headers = _message(bad, sequence, "petition.invented" if sequence == 1 else None)
            await producer.send(topic, value, key, headers=headers)
            beside += 1
            if sequence > BEHIND:
                bad, sequence = uuid4(), 0
    while len(mine.sent) < int(RATE * SECONDS) or not mine.sent.keys() <= times.applied.keys():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    mine.applied = {petition: times.applied[petition] for petition in mine.sent}
    return mine, beside


def _settings(postgres: Postgres, service: str, bootstrap: str, folder: Path) -> Settings:
    return Settings(  # pyright: ignore[reportCallIssue]
        environment=Environment.DEVELOPMENT,
        database_url=SecretStr(postgres.dsn(service)),
        kafka_bootstrap=bootstrap,
        topic_partitions=1,
        port=0,
        keys_folder=folder,
    )


@asynccontextmanager
async def _installation(folder: Path) -> AsyncGenerator[str]:
    """Run intake's relay (for the reference data) and dispatch's consumer; yield the broker's address."""
    await kafka.prepare(default_cache_folder())
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(Postgres(folder / "postgres", free_port()))
        broker = await stack.enter_async_context(Kafka(folder / "kafka", free_port(), free_port()))
        keys.create_missing(folder / "test-keys")
        for wiring, job in ((INTAKE, Job.RELAY), (DISPATCH, Job.CONSUMER)):
            settings = _settings(postgres, wiring.source.value, broker.bootstrap, folder / "test-keys")
            await prepare(wiring, settings)
            await stack.enter_async_context(running(wiring, settings, roles=[job]))
        yield broker.bootstrap


async def measure() -> Mapping[str, Any]:
    """Measure, print, and return the figures."""
    times, rounds = Times(), dict[bool, list[float]]()
    beside = 0
    with tempfile.TemporaryDirectory() as folder, _Timed(times):
        Path(folder).chmod(0o755)
        async with _installation(Path(folder)) as bootstrap:
            producer = new_producer(Broker(bootstrap))
            await producer.start()
            try:
                await _round(producer, times, poisoned=True)  # warm-up
                for nth in range(ROUNDS):
                    done, more = await _round(producer, times, poisoned=bool(nth % 2))
                    rounds.setdefault(bool(nth % 2), []).extend(done.milliseconds())
                    beside += more
                    _console.print(f"round {nth + 1} of {ROUNDS}: {'with' if nth % 2 else 'without'} parked petitions")
            finally:
                await producer.stop()
    return _figures(rounds, beside)


def _figures(rounds: Mapping[bool, list[float]], beside: int) -> Mapping[str, Any]:
    table = Table("healthy events of one partition", "events", "p50", "p99", "mean")
    figures: dict[str, Any] = {"cores": os.cpu_count(), "healthy_per_second": RATE, "events_beside": beside}
    for poisoned, name in ((False, "without"), (True, "with")):
        cut = statistics.quantiles(rounds[poisoned], n=100)
        shown = {"p50": cut[49], "p99": cut[98], "mean": statistics.fmean(rounds[poisoned])}
        figures[name] = {key: round(value, 2) for key, value in shown.items()} | {"events": len(rounds[poisoned])}
        table.add_row(f"{name} parked petitions", str(len(rounds[poisoned])), *(f"{v:.1f} ms" for v in shown.values()))
    figures["ratios"] = {
        key: round(figures["with"][key] / figures["without"][key], 3) for key in ("p50", "p99", "mean")
    }
    table.add_row("ratio", "", *(f"{figures['ratios'][key]:.2f}" for key in ("p50", "p99", "mean")))
    _console.print(table)
    return figures
