"""Petitions that are filed one after another, to see when each is on its topic and has taken effect in the others.

So it is seen how long a relay's place stays empty, and for how long a consumer group stands still.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer  # pyright: ignore[reportMissingTypeStubs]

from bench.installation import Installation
from bench.life import Client, mutation
from bench.people import Desk
from services.contracts import catalogue
from services.contracts.vocabulary import Source
from services.kernel.db import own_connection

EVERY: Final = 0.05
"""Seconds between two probes."""

LOOK_EVERY: Final = 0.01
"""Seconds between two looks at what has taken effect."""

FOLLOWERS: Final = ("dispatch", "feedback")

_SUBMIT: Final = mutation("submitPetition", "SubmitPetitionInput", "petitionId")
_ARRIVES_WITHIN: Final = 60.0

_APPLIED: Final = """
-- bench.applied: of which of these petitions intake's first event has taken effect
SELECT aggregate_id FROM own.progress WHERE source = 'intake' AND applied >= 1 AND aggregate_id = ANY($1)"""


@dataclass
class Probe:
    """One petition: when it was on the topic, and when each follower had it (s).

    `during` is the stretch in which its filing began, whenever it was answered.
    """

    during: str
    published: float | None = None
    applied: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def through(self) -> bool:
        """Whether it has arrived everywhere."""
        return self.published is not None and len(self.applied) == len(FOLLOWERS)


@dataclass
class Probes:
    """All that were filed. `during` is what the next ones are filed in; `client` is who files them, and where."""

    client: Client
    desks: Sequence[Desk]
    during: str = ""
    all: dict[UUID, Probe] = field(default_factory=dict[UUID, Probe])
    _early: dict[UUID, float] = field(default_factory=dict[UUID, float])

    def of(self, during: str) -> list[Probe]:
        """Return those whose filing began in a stretch."""
        return [probe for probe in self.all.values() if probe.during == during]

    def seen(self, petition: UUID, at: float) -> None:
        """Note that a petition's first event lies on the topic."""
        if (probe := self.all.get(petition)) is None:
            self._early[petition] = at  # published before its filing was answered
        elif probe.published is None:
            probe.published = at

    async def file(self) -> None:
        """File one after another until cancelled."""
        for nth in itertools.count():
            began = time.perf_counter()
            desk, during = self.desks[nth % len(self.desks)], self.during
            filed = await self.client.act(
                "probe",
                _SUBMIT,
                desk.representative,
                words=f"东风西路{nth}号路灯不亮，晚上出行不便。",
                channel="visit",
                community=desk.community,
                contact={"name": "王小明", "phone": f"139{nth:08}"},
            )
            petition, now = UUID(filed["petitionId"]), time.perf_counter()
            self.all[petition] = Probe(during, self._early.pop(petition, None))
            await asyncio.sleep(began + EVERY - now)

    async def arrived(self) -> None:
        """Wait until all have arrived.

        :raises TimeoutError: one has not within a minute.
        """
        async with asyncio.timeout(_ARRIVES_WITHIN):
            while not all(probe.through for probe in self.all.values()):  # noqa: ASYNC110 - in other processes
                await asyncio.sleep(LOOK_EVERY)

    def watched(self, service: str) -> dict[UUID, Probe]:
        """Return those that have not taken effect in a service."""
        return {petition: probe for petition, probe in self.all.items() if service not in probe.applied}


@asynccontextmanager
async def probing(running: Installation, client: Client, desks: Sequence[Desk]) -> AsyncGenerator[Probes]:
    """Yield probes; while the block runs they are looked for on the topic and in the followers' databases."""
    probes = Probes(client, desks)
    async with AsyncExitStack() as stack:
        topic: Any = AIOKafkaConsumer(
            catalogue.petition_topic(Source.INTAKE), bootstrap_servers=running.bootstrap, fetch_max_wait_ms=50
        )
        stack.push_async_callback(topic.stop)
        await topic.start()
        await topic.seek_to_end()
        tasks = [asyncio.create_task(_topic(topic, probes))]
        tasks += [asyncio.create_task(_effects(running.dsn(service), service, probes)) for service in FOLLOWERS]
        stack.push_async_callback(_ended, tasks)
        yield probes


@asynccontextmanager
async def filing(probes: Probes) -> AsyncGenerator[None]:
    """File probes while the block runs, and leave it when all have arrived."""
    task = asyncio.create_task(probes.file())
    try:
        yield
    finally:
        await _ended([task])
    await probes.arrived()


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End tasks that are not expected to end by themselves; what one has failed with is raised."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


async def _topic(topic: Any, probes: Probes) -> None:
    while True:
        for records in (await topic.getmany(timeout_ms=50)).values():
            now = time.perf_counter()
            for record in records:
                probes.seen(UUID((record.key or b"").decode()), now)


async def _effects(dsn: str, service: str, probes: Probes) -> None:
    async with own_connection(dsn, application="bench") as connection:
        while True:
            if waiting := probes.watched(service):
                for row in await connection.fetch(_APPLIED, list(waiting)):
                    waiting[row["aggregate_id"]].applied[service] = time.perf_counter()
            await asyncio.sleep(LOOK_EVERY)
