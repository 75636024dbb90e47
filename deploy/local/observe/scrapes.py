"""The main figures of a run, from what services and gateway tell at /metrics: read every few seconds, kept a minute."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NoReturn

import aiohttp
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.demo.words import Words
from services.kernel import metrics

EVERY_SECONDS: Final = 5.0
_KEPT: Final = 13
_ANSWERS_WITHIN: Final = 2.0
GATEWAY: Final = "gateway"
_FAILURES: Final = frozenset({"INTERNAL", "UNAVAILABLE", "BROKEN_OFF"})
_FAILURES_AT_THE_GATEWAY: Final = _FAILURES - {"BROKEN_OFF"}
"""Its clients leave for reasons of their own; a service has no other client than the gateway, which waits."""

Labels = Mapping[str, str]
Chosen = Callable[[Labels], bool]


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure of a scrape."""

    name: str
    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Scrape:
    """What a process told at one moment (of the monotonic clock, in seconds)."""

    at: float
    samples: Sequence[Sample]

    def sum(self, name: str, chosen: Chosen = lambda _: True) -> float:
        """Return the sum of a series over its labels."""
        return sum(sample.value for sample in self.samples if sample.name == name and chosen(sample.labels))

    def most(self, name: str) -> float:
        """Return the greatest value of a series over its labels, 0 without any."""
        return max((sample.value for sample in self.samples if sample.name == name), default=0.0)


@dataclass(slots=True)
class History:
    """The last scrapes of one process, of the last minute; `there` says whether it answered the last time."""

    scrapes: deque[Scrape] = field(default_factory=lambda: deque[Scrape](maxlen=_KEPT))
    there: bool = False

    def rate(self, name: str, chosen: Chosen = lambda _: True) -> float:
        """Return how much a counter rose in a second, over what is kept; a process that began anew begins at 0."""
        if len(self.scrapes) < 2:
            return 0.0
        values = [scrape.sum(name, chosen) for scrape in self.scrapes]
        risen = sum(after - before if after >= before else after for before, after in pairwise(values))
        return risen / (self.scrapes[-1].at - self.scrapes[0].at)

    def quantile(self, name: str, share: float) -> float | None:
        """Return within how many seconds a share of what a histogram measured was done; None without any."""
        if len(self.scrapes) < 2:
            return None
        first, last = (_by_bound(scrape, f"{name}_bucket") for scrape in (self.scrapes[0], self.scrapes[-1]))
        if any(last.get(bound, 0) < count for bound, count in first.items()):
            first = {}
        return quantile({bound: count - first.get(bound, 0) for bound, count in last.items()}, share)

    def now(self) -> Scrape:
        """Return the last scrape, an empty one before the first."""
        return self.scrapes[-1] if self.scrapes else Scrape(0, ())


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """Return a quantile of cumulative counts by upper bound, straight within a bucket as Prometheus does it."""
    total = buckets.get(math.inf, 0)
    if not total:
        return None
    below, start = 0.0, 0.0
    for bound, count in sorted(buckets.items()):
        if count >= share * total:
            if math.isinf(bound):
                return start
            return start + (bound - start) * (share * total - below) / (count - below)
        below, start = count, bound
    return start


def _by_bound(scrape: Scrape, name: str) -> dict[float, float]:
    found: dict[float, float] = {}
    for sample in scrape.samples:
        if sample.name == name:
            bound = float(sample.labels["le"])
            found[bound] = found.get(bound, 0) + sample.value
    return found


class Scraper:
    """Reads /metrics of every process until it is cancelled."""

    def __init__(self, targets: Mapping[str, str]) -> None:
        """Take the addresses by the processes' names."""
        self._targets = targets
        self.histories = {name: History() for name in targets}

    async def run(self) -> NoReturn:
        """Read again and again; a process that does not answer is said not to be there."""
        timeout = aiohttp.ClientTimeout(total=_ANSWERS_WITHIN)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await asyncio.gather(*(self._read(session, name) for name in self._targets))
                await asyncio.sleep(EVERY_SECONDS)

    async def _read(self, session: aiohttp.ClientSession, name: str) -> None:
        history = self.histories[name]
        try:
            async with session.get(self._targets[name]) as response:
                response.raise_for_status()
                text = await response.text()
        except (aiohttp.ClientError, OSError, TimeoutError):
            history.there = False
            return
        history.scrapes.append(Scrape(time.monotonic(), list(samples(text))))
        history.there = True


def samples(text: str) -> Iterator[Sample]:
    """Yield what of ours is in a scrape's text."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith("through_train_"):
                yield Sample(sample.name, sample.labels, sample.value)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure and its values by process; `wrong` are the processes for which somebody should look."""

    meaning: Words
    values: Mapping[str, str]
    wrong: frozenset[str] = frozenset()


def _name(metric: Counter | Gauge | Histogram) -> str:
    described = next(iter(metric.describe())).name
    return f"{described}_total" if isinstance(metric, Counter) else described


_GATEWAYS: Final = {metric.name.removeprefix("through_train_gateway_"): metric.name for metric in metrics.GATEWAY}


def rows(histories: Mapping[str, History]) -> list[Row]:
    """Return the main figures, over the last minute where they are of something that goes on."""
    services = {name: history for name, history in histories.items() if name != GATEWAY}
    asked = {name: _GATEWAYS["request_seconds"] if name == GATEWAY else _name(metrics.REQUESTS) for name in histories}
    followers = _name(metrics.FOLLOWERS)
    followed = {name: _GATEWAYS["subscriptions"] if name == GATEWAY else followers for name in histories}
    there = {name: "✓" if history.there else "—" for name, history in histories.items()}
    failures = {name: _FAILURES_AT_THE_GATEWAY if name == GATEWAY else _FAILURES for name in histories}
    failing = {
        name: history.rate(f"{asked[name]}_count", lambda labels, of=failures[name]: labels["outcome"] in of)
        for name, history in histories.items()
    }
    parked = {name: history.now().sum(_name(metrics.PARKED)) for name, history in services.items()}
    return [
        Row(Words("answers", "有应答"), there, frozenset(n for n, history in histories.items() if not history.there)),
        Row(
            Words("requests per second", "每秒请求"),
            {name: f"{history.rate(f'{asked[name]}_count'):.1f}" for name, history in histories.items()},
        ),
        Row(
            Words("95% answered within", "95% 的应答用时"),
            {name: shown(history.quantile(asked[name], 0.95)) for name, history in histories.items()},
        ),
        Row(
            Words("failures per second", "每秒故障"),
            {name: f"{rate:.1f}" for name, rate in failing.items()},
            frozenset(name for name, rate in failing.items() if rate > 0),
        ),
        Row(
            Words("steps per second", "每秒办理步骤"),
            {name: f"{history.rate(f'{_name(metrics.STEPS)}_count'):.1f}" for name, history in services.items()},
        ),
        Row(
            Words("events published per second", "每秒发出事件"),
            {name: f"{history.rate(_name(metrics.PUBLISHED)):.1f}" for name, history in services.items()},
        ),
        Row(
            Words("events that took effect, per second", "每秒生效事件"),
            {name: f"{history.rate(_name(metrics.APPLIED)):.1f}" for name, history in services.items()},
        ),
        Row(
            Words("95% took effect within", "95% 的事件生效用时"),
            {name: shown(history.quantile(_name(metrics.EVENT_DELAY), 0.95)) for name, history in services.items()},
        ),
        Row(
            Words("waiting to be published", "待发出"),
            {name: f"{history.now().sum(_name(metrics.OUTBOX)):.0f}" for name, history in services.items()},
            frozenset(name for name, history in services.items() if history.now().most(_name(metrics.OUTBOX_AGE)) > 30),
        ),
        Row(
            Words("messages behind", "未读消息"),
            {name: f"{history.now().sum(_name(metrics.LAG)):.0f}" for name, history in services.items()},
        ),
        Row(
            Words("petitions held up", "被搁置的诉求"),
            {name: f"{count:.0f}" for name, count in parked.items()},
            frozenset(name for name, count in parked.items() if count),
        ),
        Row(
            Words("clocks that ran out", "已超时的时钟"),
            {name: f"{history.now().sum(_name(metrics.CLOCKS_LATE)):.0f}" for name, history in services.items()},
        ),
        Row(
            Words("live views", "实时关注"),
            {name: f"{history.now().sum(followed[name]):.0f}" for name, history in histories.items()},
        ),
    ]


def shown(seconds: float | None) -> str:
    """Return a length of time for people: at most three digits."""
    if seconds is None:
        return "—"
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 600 else f"{seconds / 60:.0f} min"
