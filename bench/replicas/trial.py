"""The measurement: turns at the peak with one replica of each service and with two, then replicas come and go.

Everything goes through the spreader with one replica as with two, so that the second one is all that differs.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
from rich.console import Console

from bench import report, usage
from bench.life import Client
from bench.load import AT_ONCE, Load, load
from bench.people import desks
from bench.replicas.figures import Checked, Figures, Found, Handing, Pause, Turn, found, print_tables
from bench.replicas.pair import Pair, Replica, pair
from bench.replicas.probes import Probes, filing, probing
from bench.replicas.watch import Watch, counted, scraped, waits, watching
from deploy.audit.check import check
from deploy.audit.commands import Acknowledged
from deploy.audit.place import Place
from deploy.local.postgres import SERVICES

Say = Callable[[str], None]

_SETTLES_WITHIN: Final = 90.0
_LOOK_EVERY: Final = 0.01
_TAKEN_OVER_WITHIN: Final = 60.0
_FOLLOWED: Final = "feedback"
_MARGIN: Final = 1.0
"""What was filed before has taken effect until a replica goes: what it still held when it went counts to its going."""

_console: Final = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Course:
    """How long it takes (s). `settle`: what connections and groups are given, once a replica has joined or left."""

    together: int = AT_ONCE
    warm_up: float = 6.0
    turns: int = 3
    turn_seconds: float = 30.0
    settle: float = 7.0
    relays: Mapping[str, int] = field(default_factory=lambda: {"intake": 5, "dispatch": 2, "feedback": 2})
    """How often the replica whose relay publishes is killed."""
    comings: int = 3
    """How often feedback's second replica joins and is killed, joins and is stopped."""
    quiet: float = 4.0
    joined: float = 5.0
    gone: float = 12.0
    """How long probes go on after a replica joined, and was gone: a group misses one after six seconds."""


@dataclass
class Ledger:
    """What was sent, and what was promised."""

    attempted: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    acknowledged: list[Acknowledged] = field(default_factory=list[Acknowledged])


@dataclass(frozen=True, slots=True)
class Witness(Client):
    """A client whose commands are remembered for the check."""

    ledger: Ledger

    def at(self, url: str) -> "Witness":
        """Return one that remembers in the same place, and asks elsewhere."""
        return replace(self, url=url)

    async def ask(
        self, step: str, document: str, token: str, variables: Mapping[str, Any], after: str | None = None
    ) -> Any:
        """Send a request; a mutation's name, key and position are remembered.

        :raises RefusedError: it was answered with an error.
        """
        key = variables.get("input", {}).get("idempotencyKey")
        if key is None:
            return await Client.ask(self, step, document, token, variables, after)
        name = document.partition("{")[2].partition("(")[0].strip()
        self.ledger.attempted.add((name, key))
        data = await Client.ask(self, step, document, token, variables, after)
        self.ledger.acknowledged.append(Acknowledged.of(name, key, data[name]["position"]))
        return data


async def measure() -> Mapping[str, Any]:
    """Measure on an installation of its own, print the tables, and return the figures."""
    with TemporaryDirectory(prefix="through-train-replicas-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL's account goes through it
        async with pair(folder, say=_console.print) as both:
            figures = await measured(both, Course(), _console.print)
    print_tables(figures, _console)
    return report.rounded(msgspec.to_builtins(figures))


async def measured(both: Pair, course: Course, say: Say) -> Figures:
    """Measure a running installation that has one replica of each service."""
    running, ledger = both.installation, Ledger()
    who = desks(running.keys)
    async with load(running, who) as lives, watching(running.admin_dsn, running.bootstrap) as watch:
        witness = Witness(lives.client.session, lives.client.url, lives.client.timings, ledger)
        lives.client = witness
        one, two = await _turns(both, lives, watch, course, say)
        async with probing(running, witness, who) as probes:
            handing = await _handing(both, probes, witness, watch, course, say)
        say("the independent check")
        place = Place({service: running.dsn(service) for service in SERVICES}, running.bootstrap)
        checked = await check(
            place, ledger.acknowledged, settle_within=_SETTLES_WITHIN, attempted=ledger.attempted, looks=3
        )
        if not checked.clean:
            say(str(checked))
    return Figures(
        cores=os.cpu_count() or 0,
        machine=report.processor(),
        one=one,
        two=two,
        handing_over=handing,
        errors_logged=sum(replica.errors for replica in both.replicas.values()),
        check=Checked(
            checked.petitions,
            checked.events,
            checked.messages,
            checked.republished,
            checked.acknowledged,
            {kind.value: count for kind, count in checked.counts().items()},
        ),
    )


async def _turns(both: Pair, lives: Load, watch: Watch, course: Course, say: Say) -> tuple[Found, Found]:
    one: list[Turn] = []
    two: list[Turn] = []
    await lives.greet()
    for nth in range(course.turns):
        for turns, replicas in ((one, "one replica"), (two, "two replicas")):
            if turns is two:
                await both.join(*SERVICES)
                await _meet([both.replica(service, "b") for service in SERVICES], lives)
            await asyncio.sleep(course.settle)
            await lives.together(course.together, course.warm_up)
            turn = await _turn(both, lives, watch, course)
            turns.append(turn)
            say(
                f"turn {nth + 1} of {course.turns}, {replicas} of each service: {turn.lifecycles_per_second:.1f} "
                f"lives a second, {sum(turn.cpu_ms.values()):.0f} CPU-ms each, "
                f"{turn.waiting.total()} sessions seen waiting for locks"
            )
        await both.leave(*SERVICES)
    return found(one), found(two)


async def _meet(replicas: Sequence[Replica], lives: Load) -> None:
    """Show everybody's token to new replicas: one costs most when it is seen for the first time."""
    tokens = sorted({token for desk in lives.desks for token in desk.tokens})

    async def show(replica: Replica) -> None:
        for token in tokens:
            headers = {"Authorization": f"Bearer {token}"}
            body = {"query": "{ __typename }"}
            async with lives.client.session.post(_asked(replica), json=body, headers=headers) as response:
                response.raise_for_status()

    await asyncio.gather(*(show(replica) for replica in replicas))


async def _turn(both: Pair, lives: Load, watch: Watch, course: Course) -> Turn:
    running = both.measured
    log = running.stack.settings.logs_folder / "postgres.log"
    lives.begin()
    watch.begin()
    replicas, database, start = await _scraped(both.present), await counted(watch.admin), log.stat().st_size
    before = usage.taken(running)
    speed = await lives.together(course.together, course.turn_seconds)
    after = usage.taken(running)
    return Turn(
        lives=lives.finished,
        lifecycles_per_second=speed,
        cpu_ms={name: (used.cpu - before[name].cpu) * 1000 / lives.finished for name, used in after.items()},
        replicas={name: _since(count, replicas[name]) for name, count in (await _scraped(both.present)).items()},
        database=_since(await counted(watch.admin), database),
        looks=watch.waiting.looks,
        waiting=Counter(watch.waiting.seen),
        waits_ms=waits(log, start),
        rebalances=Counter(watch.groups.rebalances),
    )


async def _scraped(replicas: Sequence[Replica]) -> dict[str, Counter[str]]:
    return {replica.name: await scraped(replica.url) for replica in replicas}


def _since(now: Counter[str], before: Counter[str]) -> Counter[str]:
    return Counter({name: count - before[name] for name, count in now.items()})


async def _handing(both: Pair, probes: Probes, witness: Witness, watch: Watch, course: Course, say: Say) -> Handing:
    """Kill the replicas that publish, and have feedback's second one come and go."""
    await both.join(*SERVICES)
    await asyncio.sleep(course.settle)
    locks: dict[str, list[float]] = {}
    published: list[float] = []
    for service, times in course.relays.items():
        for nth in range(times):
            locked, arrived = await _relay_killed(both, probes, witness, watch, service, nth)
            locks.setdefault(service, []).append(locked)
            if service == "intake":
                published.append(arrived)
                say(f"{service}'s relay was killed: locked again after {locked:.2f} s, published after {arrived:.2f} s")
            else:
                say(f"{service}'s relay was killed: locked again after {locked:.2f} s")
    await both.leave(_FOLLOWED)
    waited: dict[str, list[float]] = {}
    unstable: dict[str, list[float]] = {}
    rebalances: dict[str, list[int]] = {}
    await asyncio.sleep(course.settle)
    probes.client = witness.at(_asked(both.replica("intake", "a")))
    for nth in range(course.comings):
        stretches = await _came_and_went(both, probes, watch, course, nth)
        for name, (wait, seconds, count) in stretches.items():
            waited.setdefault(name, []).append(wait)
            unstable.setdefault(name, []).append(seconds)
            rebalances.setdefault(name, []).append(count)
        say(f"feedback's second replica: {', '.join(f'{name} {wait:.2f} s' for name, (wait, *_) in stretches.items())}")
    return Handing(
        relay_lock={service: Pause(tuple(times)) for service, times in locks.items()},
        relay_published=Pause(tuple(published)),
        waited={name: Pause(tuple(times)) for name, times in waited.items()},
        unstable={name: Pause(tuple(times)) for name, times in unstable.items()},
        rebalances={name: tuple(counts) for name, counts in rebalances.items()},
    )


async def _relay_killed(
    both: Pair, probes: Probes, witness: Witness, watch: Watch, service: str, nth: int
) -> tuple[float, float]:
    """Kill the replica that publishes a service's events while probes are filed at those that stay; start it again.

    Return how many seconds passed until the other's relay had the lock, and until an event that was recorded after the
    kill was on intake's topic.
    """
    active, pid = await _publishing(both, watch, service, other_than=None)
    stays = both.other(active) if service == "intake" else both.replica("intake", "a")
    probes.client, during = witness.at(_asked(stays)), f"{service} {nth}"
    probes.during = f"before {during}"
    async with filing(probes):
        await asyncio.sleep(1.0)
        probes.during, began = during, time.perf_counter()
        await active.kill()  # the signal is sent before any other task runs: no probe of this stretch began before it
        await _publishing(both, watch, service, other_than=pid)
        locked = time.perf_counter() - began
        await asyncio.sleep(2.0)
    arrived = min(probe.published for probe in probes.of(during) if probe.published)
    await active.web.start()
    return locked, arrived - began


async def _publishing(both: Pair, watch: Watch, service: str, *, other_than: int | None) -> tuple[Replica, int]:
    async with asyncio.timeout(_TAKEN_OVER_WITHIN):
        while (found := await both.publishing(watch.admin, service)) is None or found[1] == other_than:  # noqa: ASYNC110 - in other processes
            await asyncio.sleep(_LOOK_EVERY)
    return found


async def _came_and_went(
    both: Pair, probes: Probes, watch: Watch, course: Course, nth: int
) -> dict[str, tuple[float, float, int]]:
    """Return for each stretch the longest wait of an event, and for how long and how often its group was shared out."""
    second = both.replica(_FOLLOWED, "b")
    stretches: dict[str, tuple[float, int]] = {}

    async def stretch(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        stretches[name] = (watch.groups.seconds.get(_FOLLOWED, 0.0), watch.groups.rebalances[_FOLLOWED])

    def begins(name: str) -> None:
        probes.during = f"{name} {nth}"
        watch.begin()

    async with filing(probes):
        begins("away")
        await stretch("away", course.quiet)
        begins("joins")
        await both.join(_FOLLOWED)
        await stretch("joins", course.joined)
        begins("is killed")
        await asyncio.sleep(_MARGIN)
        await second.kill()
        await stretch("is killed", course.gone)
        probes.during = f"between {nth}"
        await both.join(_FOLLOWED)
        await asyncio.sleep(course.joined)
        begins("stops")
        await asyncio.sleep(_MARGIN)
        await second.stop()
        await stretch("stops", course.joined)
    return {name: (_longest(probes.of(f"{name} {nth}")), *told) for name, told in stretches.items()}


def _asked(replica: Replica) -> str:
    """Return where a replica is asked without gateway and spreader."""
    return f"{replica.url}/graphql"


def _longest(probes: Sequence[Any]) -> float:
    """Return for how long the last of them to take effect in feedback had lain on the topic."""
    return max(probe.applied[_FOLLOWED] - probe.published for probe in probes)
