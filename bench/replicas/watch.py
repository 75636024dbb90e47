"""What is looked at while lives go on: who waits for whose lock, which groups are shared out anew, what replicas count.

Looked at by sampling, so what is over between two looks is not seen; what the servers count themselves is exact.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiokafka.admin import AIOKafkaAdminClient  # pyright: ignore[reportMissingTypeStubs]
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.postgres import SERVICES
from services.kernel.db import Connection, own_connection

LOCKS_EVERY: Final = 0.05
GROUPS_EVERY: Final = 0.2
"""Seconds."""

GROUPS: Final = (*SERVICES, *(f"{service}-references" for service in SERVICES))

_WAITING: Final = """
-- bench.waiting: who waits for a lock, of which kind, in which statement
SELECT datname, wait_event AS kind, COALESCE(substring(query FROM '-- ([a-z_.]+)'), left(query, 20)) AS statement
FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = ANY($1)"""

_COUNTED: Final = """
-- bench.counted: what the server has counted since it was made
SELECT sum(deadlocks)::bigint AS deadlocks, sum(xact_rollback)::bigint AS rollbacks, sum(xact_commit)::bigint AS commits
FROM pg_stat_database WHERE datname = ANY($1)"""

_ACQUIRED: Final = re.compile(r" acquired \w+ on .* after ([\d.]+) ms")

SERIES: Final[Mapping[str, str]] = {
    "requests": "through_train_request_seconds_count",
    "consumed": "through_train_events_consumed_total",
    "applied": "through_train_events_applied_total",
    "published": "through_train_events_published_total",
    "retries": "through_train_step_retries_total",
    "relay restarts": "through_train_relay_restarts_total",
    "consumer restarts": "through_train_consumer_restarts_total",
}
"""What is read of a replica's scrape, by what it is called here."""


async def scraped(url: str) -> Counter[str]:
    """Return what a replica has counted since its start, over all labels."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        text = await answer.text()
    called = {series: name for name, series in SERIES.items()}
    found: Counter[str] = Counter(dict.fromkeys(SERIES, 0))
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if (name := called.get(sample.name)) is not None:
                found[name] += int(sample.value)
    return found


async def counted(admin: Connection) -> Counter[str]:
    """Return the services' deadlocks, rollbacks and commits; a session tells the server of its own within seconds."""
    [row] = await admin.fetch(_COUNTED, list(SERVICES))
    return Counter({name: int(row[name]) for name in ("deadlocks", "rollbacks", "commits")})


def waits(log: Path, start: int) -> list[float]:
    """Return how long those waits for locks were, in ms, that the database's log tells of behind a byte."""
    with log.open("rb") as file:
        file.seek(start)
        text = file.read().decode(errors="replace")
    return [float(found[1]) for found in _ACQUIRED.finditer(text)]


@dataclass
class Waiting:
    """Sessions that waited for a lock, by database, kind and statement, in how many looks."""

    looks: int = 0
    seen: Counter[str] = field(default_factory=Counter[str])


@dataclass
class Groups:
    """How often consumer groups were shared out anew, and for how long (s), as far as looks can tell."""

    rebalances: Counter[str] = field(default_factory=Counter[str])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    stable: dict[str, bool] = field(default_factory=dict[str, bool])
    members: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    def forget(self) -> None:
        """Begin to count anew."""
        self.rebalances, self.seconds = Counter(), {}

    def look(self, group: str, state: str, members: frozenset[str], passed: float) -> None:
        """Take in what a group is, `passed` seconds after the look before."""
        stable = state == "Stable"
        begun = self.stable.get(group, True) and not stable
        missed = stable and self.stable.get(group, False) and members != self.members.get(group, members)
        self.rebalances[group] += begun or missed
        self.seconds[group] = self.seconds.get(group, 0.0) + (0.0 if stable else passed)
        self.stable[group] = stable
        if stable:
            self.members[group] = members


@dataclass
class Watch:
    """What is seen of locks and groups; whoever measures a stretch begins it with `begin`."""

    admin: Connection
    waiting: Waiting = field(default_factory=Waiting)
    groups: Groups = field(default_factory=Groups)

    def begin(self) -> None:
        """Forget what has been seen."""
        self.waiting = Waiting()
        self.groups.forget()


@asynccontextmanager
async def watching(admin_dsn: str, bootstrap: str) -> AsyncGenerator[Watch]:
    """Look at locks and groups while the block runs."""
    broker: Any = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await broker.start()
    try:
        async with own_connection(admin_dsn, application="bench") as admin:
            watch = Watch(admin)

            async def locks() -> None:
                async with own_connection(admin_dsn, application="bench-locks") as own:
                    await _every(LOCKS_EVERY, lambda: _look_at_locks(own, watch))

            async with _meanwhile(locks(), _look_at_groups(broker, watch.groups)):
                yield watch
    finally:
        await broker.close()


async def _look_at_locks(admin: Connection, watch: Watch) -> None:
    watch.waiting.looks += 1
    for row in await admin.fetch(_WAITING, list(SERVICES)):
        watch.waiting.seen[f"{row['datname']} {row['kind']} {row['statement']}"] += 1


async def _look_at_groups(broker: Any, groups: Groups) -> None:
    last = time.perf_counter()

    async def look() -> None:
        nonlocal last
        # One by one: aiokafka misreads an answer about several.
        asked = (broker.describe_consumer_groups([group]) for group in GROUPS)
        responses: Sequence[Any] = await asyncio.gather(*asked)
        now = time.perf_counter()
        for [response] in responses:
            [(_error, name, state, _kind, _protocol, members, *_)] = response.groups
            groups.look(name, state, frozenset(member[0] for member in members), now - last)
        last = now

    await _every(GROUPS_EVERY, look)


async def _every(seconds: float, look: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        began = time.perf_counter()
        await look()
        await asyncio.sleep(began + seconds - time.perf_counter())


@asynccontextmanager
async def _meanwhile(*jobs: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Do these while the block runs; one that fails ends the block's run with its error."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
