"""A second replica's measurement: connections are spread over whoever listens, and what is seen is counted once."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp

from bench.life import Client, Timings
from bench.people import Desk
from bench.replicas.figures import Turn, found
from bench.replicas.probes import Probes
from bench.replicas.spreader import spreading
from bench.replicas.watch import Groups, waits
from deploy.local.ports import LOOPBACK, free_port

LARGE = b"x" * 3_000_000
DESK = Desk("community-73", "housing", "representative", "worker", "committee", "officer")


@asynccontextmanager
async def replica(name: bytes, port: int) -> AsyncGenerator[None]:
    """Say one's name, and give back what is sent."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(name)
        while heard := await reader.read(65_536):
            writer.write(heard)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, port)
    try:
        yield
    finally:
        server.close()


async def asked(port: int, said: bytes = b"") -> bytes:
    """Return what a new connection is answered: a name, and what was said."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(said)
    answer = await reader.readexactly(1 + len(said))
    writer.close()
    await writer.wait_closed()
    return answer


async def test_connections_are_spread_in_turns_and_what_is_large_comes_through_whole() -> None:
    port, first, second = free_port(), free_port(), free_port()
    async with replica(b"a", first), replica(b"b", second), spreading({port: [first, second]}):
        assert [await asked(port) for _ in range(4)] == [b"a", b"b", b"a", b"b"]
        assert await asked(port, LARGE) == b"a" + LARGE


async def test_a_replica_that_is_away_gets_none_and_one_that_joins_gets_its_share() -> None:
    port, first, second = free_port(), free_port(), free_port()
    async with replica(b"a", first), spreading({port: [first, second]}):
        assert {*await asyncio.gather(*(asked(port) for _ in range(8)))} == {b"a"}
        async with replica(b"b", second):
            assert Counter([await asked(port) for _ in range(4)]) == {b"a": 2, b"b": 2}


async def test_where_nobody_is_a_connection_ends() -> None:
    port, first = free_port(), free_port()
    async with spreading({port: [first]}):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            ended = await reader.read() == b""
        except ConnectionError:
            ended = True
        writer.close()
        assert ended


@dataclass(frozen=True)
class Holding(Client):
    """A client whose requests are answered when the test says so."""

    asked: asyncio.Queue[str] = field(default_factory=asyncio.Queue[str])
    answers: asyncio.Queue[UUID] = field(default_factory=asyncio.Queue[UUID])

    async def ask(
        self, step: str, document: str, token: str, variables: Mapping[str, Any], after: str | None = None
    ) -> Any:
        """Give the next answer."""
        self.asked.put_nowait(step)
        return {"submitPetition": {"petitionId": str(await self.answers.get())}}


async def test_a_probe_that_is_filed_while_a_stretch_begins_is_none_of_its() -> None:
    before, within = UUID(int=1), UUID(int=2)
    async with aiohttp.ClientSession() as session:
        client = Holding(session, "", Timings)
        probes = Probes(client, [DESK], during="before")
        filing = asyncio.create_task(probes.file())
        await client.asked.get()
        probes.during = "killed"
        client.answers.put_nowait(before)  # asked before the kill, answered after it
        await client.asked.get()
        client.answers.put_nowait(within)
        probes.seen(within, 7.0)  # on the topic before the answer is there
        await client.asked.get()  # for the next one, so that this one is noted
        filing.cancel()
        with suppress(asyncio.CancelledError):
            await filing
    assert [(petition, probe.during) for petition, probe in probes.all.items()] == [
        (before, "before"),
        (within, "killed"),
    ]
    assert [probe.published for probe in probes.of("killed")] == [7.0]


def test_waits_are_read_from_the_databases_log_behind_where_it_stood(tmp_path: Path) -> None:
    log = tmp_path / "postgres.log"
    line = "2026-01-01 [7] intake@intake LOG:  process 7 {} ShareLock on transaction 815 after {} ms\n"
    log.write_text(line.format("acquired", "99.0"))
    stood = log.stat().st_size
    with log.open("a") as more:
        more.write(line.format("still waiting for", "20.1") + line.format("acquired", "35.25"))
    assert waits(log, stood) == [35.25]


def test_a_group_is_shared_out_anew_once_however_often_one_looks() -> None:
    groups, both, one = Groups(), frozenset("ab"), frozenset("a")
    for state, members in (("Stable", one), ("PreparingRebalance", one), ("CompletingRebalance", both)):
        groups.look("intake", state, members, 0.1)
    groups.look("intake", "Stable", both, 0.1)
    assert (groups.rebalances["intake"], round(groups.seconds["intake"], 3)) == (1, 0.2)
    groups.look("intake", "Stable", one, 0.1)  # shared out between two looks
    assert groups.rebalances["intake"] == 2


def test_turns_are_summed_up_and_costs_are_their_median() -> None:
    def turn(cpu: float, requests: tuple[int, int]) -> Turn:
        names = [f"{service}-{letter}" for service in ("intake", "dispatch", "feedback") for letter in "ab"]
        counts = {
            name: Counter({"requests": requests[name.endswith("b")], "consumed": 5, "applied": 4}) for name in names
        }
        return Turn(
            lives=10,
            lifecycles_per_second=2.0,
            cpu_ms={"postgres": cpu, "kafka": 1.0},
            replicas=counts,
            database=Counter({"deadlocks": 1, "commits": 100}),
            looks=20,
            waiting=Counter({"intake transactionid petition.lock": 3}),
            waits_ms=[cpu],
            rebalances=Counter({"intake": 1}),
        )

    summed = found([turn(50.0, (1, 3)), turn(30.0, (2, 4)), turn(40.0, (3, 7))])
    assert (summed.lives, summed.deadlocks, summed.commits, summed.rebalances) == (30, 3, 300, 3)
    assert summed.cpu_ms_per_lifecycle == {"postgres": 40.0, "kafka": 1.0, "total": 41.0}
    assert summed.requests_share["dispatch"] == {"dispatch-a": 0.3, "dispatch-b": 0.7}
    assert summed.consumed_again == 3 * 6 * (5 - 4)
    assert (summed.locks.seconds_per_life, summed.locks.longest_ms) == (9 * 0.05 / 30, 50.0)
