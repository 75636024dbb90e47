"""JSON logs: one object a line on standard output, with the fields that docs/operators.md lists.

What is counted is in metrics.py, what is traced in tracing.py.
"""

import logging

import structlog

from services.kernel import tracing


def configure_logs(service: str, level: str) -> None:
    """Write one JSON object a line to standard output; no personal data ever goes there."""
    logging.basicConfig(level=level, format="%(message)s")
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            tracing.identify,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
