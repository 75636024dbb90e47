"""Every metric of the product: its name, what it counts, its unit and its labels. There are no others.

Those of the services are made here and counted where things happen. Those of the gateway, which is no Python, are
described here too, and it reads them from gateway/metrics.json, which is generated, as docs/metrics.md is
(`python -m deploy.observe write`).

Labels have few values, all of them named in code: never an id, never what somebody sent. Figures of a database are told
by every replica that looks: take max() over replicas of them, and sum() of what a process counts itself.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics


class Kind(StrEnum):
    """How a metric moves: a counter only rises, a gauge goes both ways, a histogram counts by size."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Over(StrEnum):
    """How the series of several replicas are put together."""

    SUM = "sum"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as it is documented; `name` as it stands in a scrape, for a histogram without `_bucket`."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...]
    unit: str
    over: Over
    buckets: tuple[float, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """The names that a query may use."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(f"{self.name}_{part}" for part in ("bucket", "count", "sum"))
        return (self.name,)


disable_created_metrics()  # when a series began doubles their number, and nobody asks

SERVICES: Final[list[Metric]] = []
"""What a service tells at /metrics."""

GATEWAY: Final[list[Metric]] = []
"""What the gateway tells at the /metrics of its own port."""

_FROM_THE_START: Final[list[Counter]] = []
"""Counters of which even the first count must be a rise: a series that begins with 1 has not risen, to Prometheus."""

_FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
_SLOW: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0)


def _counter(name: str, meaning: str, *labels: str, unit: str) -> Counter:
    SERVICES.append(Metric(f"{name}_total", Kind.COUNTER, meaning, ("service", *labels), unit, Over.SUM))
    counter = Counter(name, meaning, ("service", *labels))
    if not labels:
        _FROM_THE_START.append(counter)
    return counter


def _gauge(name: str, meaning: str, *labels: str, unit: str, over: Over) -> Gauge:
    SERVICES.append(Metric(name, Kind.GAUGE, meaning, ("service", *labels), unit, over))
    return Gauge(name, meaning, ("service", *labels))


def _histogram(name: str, meaning: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
    SERVICES.append(Metric(name, Kind.HISTOGRAM, meaning, ("service", *labels), "seconds", Over.SUM, buckets))
    return Histogram(name, meaning, ("service", *labels), buckets=buckets)


def _at_the_gateway(
    kind: Kind, name: str, meaning: str, *labels: str, unit: str, buckets: tuple[float, ...] = ()
) -> None:
    GATEWAY.append(Metric(name, kind, meaning, labels, unit, Over.SUM, buckets))


REQUESTS: Final = _histogram(
    "through_train_request_seconds",
    "GraphQL requests by root field (`_entities`: what the gateway asks about another service's objects; `several`; "
    "`none` for what is no valid document) and by the first error's code, or OK, or BROKEN_OFF when the client left or "
    "the process stopped before there was an answer",
    "operation",
    "outcome",
    buckets=_FAST,
)
STEPS: Final = _histogram(
    "through_train_step_seconds",
    "Mutations' transactions, retries included: each step of the chain, by its refusal's code, or OK, or REPEATED for "
    "an answer that was stored under the idempotency key",
    "step",
    "outcome",
    buckets=_FAST,
)
STEP_RETRIES: Final = _counter(
    "through_train_step_retries",
    "Times that a mutation's transaction was run again: deadlocks, lock time-outs, twins",
    "step",
    unit="transactions",
)

PUBLISHED: Final = _counter(
    "through_train_events_published", "Messages that the broker has acknowledged to the relay", unit="messages"
)
RELAY_RESTARTS: Final = _counter(
    "through_train_relay_restarts",
    "Times that the relay started over, after the database or the broker failed it",
    unit="times",
)
OUTBOX: Final = _gauge(
    "through_train_outbox_messages",
    "Messages that wait to be published, at most 10001 of them counted: the service's `events`, or what dispatch tells "
    "`departments` of them",
    "outlet",
    unit="messages",
    over=Over.MAX,
)
OUTBOX_AGE: Final = _gauge(
    "through_train_outbox_oldest_seconds",
    "For how long the oldest unpublished message has waited; 0 when none does",
    "outlet",
    unit="seconds",
    over=Over.MAX,
)

CONSUMED: Final = _counter(
    "through_train_events_consumed", "Messages that were fetched and dealt with, duplicates included", unit="messages"
)
APPLIED: Final = _counter(
    "through_train_events_applied",
    "Events of another service that have taken effect here",
    "source",
    unit="events",
)
EVENT_DELAY: Final = _histogram(
    "through_train_event_delay_seconds",
    "From an event's recording in its own service to its effect here, time in parking included",
    "source",
    buckets=_SLOW,
)
LAG: Final = _gauge(
    "through_train_consumer_lag_messages",
    "How many messages of a topic lie beyond what this process has fetched, over the partitions that it has",
    "topic",
    unit="messages",
    over=Over.SUM,
)
CONSUMER_RESTARTS: Final = _counter(
    "through_train_consumer_restarts", "Times that a consumer started over, after the broker failed it", unit="times"
)
UNREADABLE: Final = _counter(
    "through_train_events_unreadable", "Messages that could not be read and were sent to the dead letters",
    unit="messages",
)  # fmt: skip
PARKED: Final = _gauge(
    "through_train_petitions_parked",
    "Petitions with events that are held up: WAITING for other events, a GAP in the sequence, or POISON, which needs "
    "an operator; at most 10001 of each counted",
    "reason",
    unit="petitions",
    over=Over.MAX,
)
PARKED_AGE: Final = _gauge(
    "through_train_parked_oldest_seconds",
    "For how long the first of the parked events has been held up; 0 when none is",
    "reason",
    unit="seconds",
    over=Over.MAX,
)

CLOCKS_FIRED: Final = _counter(
    "through_train_clocks_fired", "Clock levels that were reached and acts at due dates", unit="clocks"
)
FIRING_DELAY: Final = _histogram(
    "through_train_clock_firing_delay_seconds",
    "From the instant at which a clock's level was due to its firing, in the domain's time",
    buckets=(*_SLOW, 86400.0),
)
CLOCKS_LATE: Final = _gauge(
    "through_train_clocks_overdue",
    "Open clocks that have run out, by kind and by the level that they have reached: 2, 3 and 4 are the first, second "
    "and third person who was told",
    "kind",
    "level",
    unit="clocks",
    over=Over.MAX,
)
UNFIRED_AGE: Final = _gauge(
    "through_train_clocks_unfired_oldest_seconds",
    "For how long, in the domain's time, the first of the clocks that should have fired has not; 0 when none waits",
    unit="seconds",
    over=Over.MAX,
)
LOOKED: Final = _gauge(
    "through_train_figures_timestamp_seconds",
    "When the figures of the database (outbox, parked, clocks) were last read; unix time",
    unit="seconds since 1970",
    over=Over.MAX,
)

FOLLOWERS: Final = _gauge(
    "through_train_live_followers", "Live views that are being followed", unit="followers", over=Over.SUM
)
CONNECTIONS: Final = _gauge(
    "through_train_database_connections",
    "Connections of the pool to the database: `busy` with a statement or a transaction, or `idle`",
    "state",
    unit="connections",
    over=Over.SUM,
)
CONNECTIONS_MOST: Final = _gauge(
    "through_train_database_connections_limit", "How many connections the pool may open", unit="connections",
    over=Over.SUM,
)  # fmt: skip
REFERENCES_AGE: Final = _gauge(
    "through_train_references_age_seconds",
    "How old the look at the reference data (places, people, policies, calendar) is that decisions go by",
    unit="seconds",
    over=Over.MAX,
)
SPANS_LOST: Final = _counter(
    "through_train_spans_lost",
    "Spans of traces that the collector did not take, or that came faster than it took them",
    unit="spans",
)

_at_the_gateway(
    Kind.HISTOGRAM,
    "through_train_gateway_request_seconds",
    "GraphQL operations by root field (`several`; `none` for what is no valid document) and by the first error's code, "
    "or OK, or BROKEN_OFF when its client left or was cut off before it had the answer, which is no failure by itself; "
    "for a subscription, until it began",
    "operation",
    "outcome",
    unit="seconds",
    buckets=_FAST,
)
_at_the_gateway(
    Kind.HISTOGRAM,
    "through_train_gateway_subgraph_seconds",
    "Requests to a service, by whether it answered: `answered`, `refused` to begin, or `unavailable`",
    "subgraph",
    "outcome",
    unit="seconds",
    buckets=_FAST,
)
_at_the_gateway(
    Kind.COUNTER,
    "through_train_gateway_refused_total",
    "Operations that were refused before a service was asked, over HTTP or WebSocket, by which limit: `token`, "
    "`document`, `variables`, `cost`, `rate`, `subscriptions`, `sockets` or `body`",
    "limit",
    unit="operations",
)
_at_the_gateway(
    Kind.GAUGE, "through_train_gateway_sockets", "WebSockets that are open", unit="connections"
)  # fmt: skip
_at_the_gateway(
    Kind.GAUGE,
    "through_train_gateway_subscriptions",
    "Subscriptions that are open, over WebSocket and SSE",
    unit="subscriptions",
)
_at_the_gateway(
    Kind.COUNTER,
    "through_train_gateway_spans_lost_total",
    "Spans of traces that the collector did not take, or that came faster than it took them",
    unit="spans",
)


@contextmanager
def watched(service: str, gauges: Mapping[tuple[Gauge, tuple[str, ...]], Callable[[], float]]) -> Generator[None]:
    """Read gauges at each scrape for as long as a service runs, and count from 0 what is counted."""
    for counter in _FROM_THE_START:
        counter.labels(service)
    for (gauge, labels), figure in gauges.items():
        gauge.labels(service, *labels).set_function(figure)
    try:
        yield
    finally:
        for gauge, labels in gauges:
            gauge.remove(service, *labels)
