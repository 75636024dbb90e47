"""What was found with one replica of each service and with two, as it is kept and as it is shown."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.replicas.watch import LOCKS_EVERY
from bench.report import titled_table
from deploy.local.postgres import SERVICES


@dataclass(frozen=True, slots=True)
class Turn:
    """One stretch at the peak. `replicas` is what each of them counted meanwhile."""

    lives: int
    lifecycles_per_second: float
    cpu_ms: Mapping[str, float]
    """For one life, by process."""
    replicas: Mapping[str, Counter[str]]
    database: Counter[str]
    looks: int
    waiting: Counter[str]
    waits_ms: Sequence[float]
    """Waits of more than 20 ms, as the database wrote them down."""
    rebalances: Counter[str]


@dataclass(frozen=True, slots=True)
class Locks:
    """Waits for locks. `seconds_per_life`: sessions that waited in the looks, times the time between two looks."""

    seconds_per_life: float
    looks: int
    waiting: Mapping[str, int]
    """Sessions seen waiting, by database, kind of lock and statement."""
    over_20_ms: int
    longest_ms: float


@dataclass(frozen=True, slots=True)
class Found:
    """All turns with as many replicas."""

    lives: int
    lifecycles_per_second: tuple[float, ...]
    cpu_ms_per_lifecycle: Mapping[str, float]
    """By process, of each the median of the turns; `total` is their sum."""
    cpu_ms_of_turns: tuple[float, ...]
    requests_share: Mapping[str, Mapping[str, float]]
    """By service: which share of its requests each replica answered."""
    consumed_share: Mapping[str, Mapping[str, float]]
    published_share: Mapping[str, Mapping[str, float]]
    consumed_again: int
    """Events that were consumed and changed nothing, since they had taken effect before."""
    locks: Locks
    deadlocks: int
    rollbacks: int
    commits: int
    mutations_run_again: int
    relay_restarts: int
    consumer_restarts: int
    rebalances: int


@dataclass(frozen=True, slots=True)
class Pause:
    """How long something stood still, in seconds: each time that it was tried."""

    times: tuple[float, ...]

    @property
    def said(self) -> str:
        """Return it as a table has it."""
        return (
            f"{statistics.median(self.times):.2f} ({min(self.times):.2f} to {max(self.times):.2f}), n={len(self.times)}"
        )


@dataclass(frozen=True, slots=True)
class Handing:
    """What happened as replicas came and went.

    `relay_lock`: from the SIGKILL of the replica that published until another's relay had the lock, by service;
    `relay_published`: until the first event that was recorded afterwards lay on intake's topic. `waited`: the longest
    time that an event on intake's topic waited to take effect in feedback, while its second replica joined, was killed,
    ended in order, and while nothing happened. `unstable`: for how long the group was being shared out anew.
    """

    relay_lock: Mapping[str, Pause]
    relay_published: Pause
    waited: Mapping[str, Pause]
    unstable: Mapping[str, Pause]
    rebalances: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the independent check found at the end, over all databases and topics."""

    petitions: int
    events: int
    messages: int
    republished: int
    acknowledged: int
    findings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Figures:
    """One measurement."""

    cores: int
    machine: str
    one: Found
    two: Found
    handing_over: Handing
    errors_logged: int
    check: Checked


def found(turns: Sequence[Turn]) -> Found:
    """Sum up turns with the same number of replicas."""
    spent = {name: statistics.median(turn.cpu_ms[name] for turn in turns) for name in turns[0].cpu_ms}
    lives = sum(turn.lives for turn in turns)
    counted = _sum(count for turn in turns for count in turn.replicas.values())
    database, waiting = _sum(turn.database for turn in turns), _sum(turn.waiting for turn in turns)
    long = [wait for turn in turns for wait in turn.waits_ms]
    return Found(
        lives=lives,
        lifecycles_per_second=tuple(turn.lifecycles_per_second for turn in turns),
        cpu_ms_per_lifecycle={**spent, "total": sum(spent.values())},
        cpu_ms_of_turns=tuple(sum(turn.cpu_ms.values()) for turn in turns),
        requests_share=_shares(turns, "requests"),
        consumed_share=_shares(turns, "consumed"),
        published_share=_shares(turns, "published"),
        consumed_again=counted["consumed"] - counted["applied"],
        locks=Locks(
            seconds_per_life=waiting.total() * LOCKS_EVERY / lives,
            looks=sum(turn.looks for turn in turns),
            waiting=dict(waiting.most_common()),
            over_20_ms=len(long),
            longest_ms=max(long, default=0.0),
        ),
        deadlocks=database["deadlocks"],
        rollbacks=database["rollbacks"],
        commits=database["commits"],
        mutations_run_again=counted["retries"],
        relay_restarts=counted["relay restarts"],
        consumer_restarts=counted["consumer restarts"],
        rebalances=sum(turn.rebalances.total() for turn in turns),
    )


def _sum(counts: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return total


def _shares(turns: Sequence[Turn], what: str) -> dict[str, dict[str, float]]:
    shares: dict[str, dict[str, float]] = {}
    for service in SERVICES:
        names = [name for name in turns[0].replicas if name.startswith(f"{service}-")]
        of = {name: sum(turn.replicas[name][what] for turn in turns) for name in names}
        shares[service] = {name: count / max(1, sum(of.values())) for name, count in of.items()}
    return shares


def print_tables(figures: Figures, console: Console) -> None:
    """Print what one replica of each service does beside what two do, and what happens as one comes or goes."""
    for table in (_beside(figures), _processes(figures), _handing(figures.handing_over)):
        console.print(table, "")
    check = figures.check
    wrong = ", ".join(f"{count} {kind}" for kind, count in check.findings.items()) or "nothing wrong"
    console.print(
        f"{check.petitions:,} petitions, {check.events:,} events, {check.messages:,} messages, "
        f"{check.acknowledged:,} acknowledged commands: {wrong}; {figures.errors_logged} unexpected errors logged"
    )


def _beside(figures: Figures) -> Table:
    table = titled_table(f"Replicas of each service, {figures.cores} cores", "figure", "one", "two")

    def row(name: str, *said: str) -> None:
        table.add_row(name, *said)

    both = (figures.one, figures.two)
    row("lives", *(f"{of.lives:,}" for of in both))
    row("lives per second", *(_range(of.lifecycles_per_second, 1) for of in both))
    row("CPU-ms per life", *(_range(of.cpu_ms_of_turns, 0) for of in both))
    for service in SERVICES:
        row(f"requests to {service}", *(_split(of.requests_share[service]) for of in both))
        row(f"events to {service}", *(_split(of.consumed_share[service]) for of in both))
        row(f"events published by {service}", *(_split(of.published_share[service]) for of in both))
    row("waiting for locks, ms per life", *(f"{of.locks.seconds_per_life * 1000:.2f}" for of in both))
    row("waits of more than 20 ms", *(f"{of.locks.over_20_ms}" for of in both))
    row("the longest of them, ms", *(f"{of.locks.longest_ms:.0f}" for of in both))
    row("deadlocks", *(f"{of.deadlocks}" for of in both))
    row("rollbacks of commits", *(f"{of.rollbacks:,} of {of.commits:,}" for of in both))
    row("mutations run again", *(f"{of.mutations_run_again}" for of in both))
    row("rebalances", *(f"{of.rebalances}" for of in both))
    row("restarts of relays, of consumers", *(f"{of.relay_restarts}, {of.consumer_restarts}" for of in both))
    return table


def _processes(figures: Figures) -> Table:
    table = titled_table("CPU-ms per life, median of the turns", "process", "one", "two", "apart")
    one, two = figures.one.cpu_ms_per_lifecycle, figures.two.cpu_ms_per_lifecycle
    for service in SERVICES:
        apart = [two[f"{service}-{letter}"] for letter in "ab"]
        table.add_row(service, f"{one[f'{service}-a']:.1f}", f"{sum(apart):.1f}", " + ".join(f"{a:.1f}" for a in apart))
    for name in (name for name in one if name.rpartition("-")[0] not in SERVICES):
        table.add_row(name, f"{one[name]:.1f}", f"{two[name]:.1f}")
    return table


def _handing(handing: Handing) -> Table:
    table = titled_table("As a replica comes or goes", "what", "seconds: median (least to most)")
    for service, pause in handing.relay_lock.items():
        table.add_row(f"{service}'s relay killed, until the other has the lock", pause.said)
    table.add_row("intake's relay killed, until the other has published", handing.relay_published.said)
    for name, pause in handing.waited.items():
        table.add_row(f"feedback's second replica {name}: the longest wait of an event", pause.said)
    for name, pause in handing.unstable.items():
        counts = ", ".join(map(str, handing.rebalances[name]))
        table.add_row(f"feedback's second replica {name}: being shared out anew ({counts} times)", pause.said)
    return table


def _range(values: Sequence[float], digits: int) -> str:
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({least:.{digits}f} to {most:.{digits}f})"


def _split(shares: Mapping[str, float]) -> str:
    return " / ".join(f"{share:.0%}" for share in shares.values())
