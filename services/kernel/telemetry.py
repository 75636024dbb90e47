"""Metric names in one place, and JSON logs."""

import logging
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

PUBLISHED: Final = Counter("through_train_events_published", "Events acknowledged by the broker", ["service"])
CONSUMED: Final = Counter("through_train_events_consumed", "Events fetched and dealt with", ["service"])
UNREADABLE: Final = Counter("through_train_events_unreadable", "Messages sent to the dead letters", ["service"])
RELAY_RESTARTS: Final = Counter("through_train_relay_restarts", "Times the relay started over", ["service"])
CLOCKS_FIRED: Final = Counter("through_train_clocks_fired", "Clock levels and acts at due dates", ["service"])
PARKED: Final = Gauge("through_train_petitions_parked", "Petitions with events that are held up", ["service", "reason"])


def configure_logs(service: str, level: str) -> None:
    """Write one JSON object a line to standard output; no personal data ever goes there."""
    logging.basicConfig(level=level, format="%(message)s")
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
