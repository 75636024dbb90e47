"""Traces: one across gateway, service, outbox, Kafka and the services that consume.

What is sampled is decided where a trace begins, which is the gateway for what people ask: services go by its
`traceparent` (nobody else reaches them) and draw for what has none. What is not sampled costs nothing further on: no
span is made, nothing is written to the outbox, and messages have no such header.

Spans leave in batches from a thread of their own. A collector that hangs, refuses or is away costs spans, which are
counted, and no request. Attributes are codes, numbers, ids of petitions and the request's id: never words, variables
or who asked. The request's id is the client's own where that is plain and can be no person's number (the gateway's
headers.mjs), as it is in events and in the log; names of spans are code's alone.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection, Generator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.kernel import metrics

HEADER: Final = "traceparent"
"""The W3C header, over HTTP and in Kafka messages. It is the hop's (who sent this), so it is no attribute of the event:
CloudEvents keeps `ce_traceparent` for where an event began, which is its correlation id here."""

PETITION: Final = "through_train.petition_id"
CORRELATION: Final = "through_train.correlation_id"
OUTCOME: Final = "through_train.outcome"

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_QUEUE: Final = 2_048
_BATCH: Final = 512
_EVERY_MS: Final = 1_000.0
_ANSWERS_WITHIN: Final = 3.0
_PARTING_SECONDS: Final = 2.0
_MOST_PETITIONS: Final = 20

Attributes = Mapping[str, str | int | float | bool]


class _Held:
    """How many spans have ended and are not yet with the collector, and the counting of those that never will be.

    The library's queue drops what does not fit and tells nobody but a logger; it never has more than are held here.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._held = 0
        self._lock = threading.Lock()  # spans end on the event loop, and are sent from the exporter's thread

    def take(self) -> bool:
        """Make room for a span, or count it as lost when there is none."""
        with self._lock:
            if self._held < _QUEUE:
                self._held += 1
                return True
        metrics.SPANS_LOST.labels(self._service).inc()
        return False

    def leave(self, spans: int, *, lost: bool) -> None:
        """Note that spans have left, for the collector or for nowhere."""
        with self._lock:
            self._held -= spans
        if lost:
            metrics.SPANS_LOST.labels(self._service).inc(spans)


class _Bounded(SpanProcessor):
    """Hands spans that end to the batches, as many as are held at most."""

    def __init__(self, held: _Held, exporter: SpanExporter) -> None:
        self._held = held
        self._inner = BatchSpanProcessor(
            exporter, max_queue_size=_QUEUE, schedule_delay_millis=_EVERY_MS, max_export_batch_size=_BATCH
        )

    def on_end(self, span: ReadableSpan) -> None:
        if self._held.take():
            self._inner.on_end(span)

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


class _Counted(SpanExporter):
    """Exports over HTTP, and counts what the collector did not take instead of saying it in sentences of its own."""

    def __init__(self, held: _Held, endpoint: str) -> None:
        self._held = held
        self._inner = OTLPSpanExporter(endpoint=endpoint, timeout=_ANSWERS_WITHIN)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            result = self._inner.export(spans)
        finally:
            self._held.leave(len(spans), lost=result is not SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


@dataclass(slots=True)
class _Batch:
    """The spans of events in one transaction: they end with it."""

    began: int = field(default_factory=time.time_ns)
    spans: list[Span] = field(default_factory=list[Span])


_BATCH_NOW: Final[ContextVar[_Batch | None]] = ContextVar("batch", default=None)


class Tracing:
    """A service's traces; without an endpoint there are none, and nothing here costs more than a question."""

    def __init__(self, service: str, *, endpoint: str | None, ratio: float) -> None:
        """Describe them.

        :param endpoint: the collector's full address for traces (OTLP over HTTP), such as http://collector:4318/v1/traces.
        :param ratio: which part of the traces that begin here is kept, 0 to 1.
        """
        self.service = service
        self._tracer: Tracer | None = None
        self._provider: TracerProvider | None = None
        self._exporter: SpanExporter | None = None
        if endpoint is None:
            return
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # what fails is counted
        resource = Resource({"service.name": service, "service.namespace": "through-train"})
        self._provider = TracerProvider(
            sampler=ParentBased(root=TraceIdRatioBased(ratio)),
            resource=resource,
            shutdown_on_exit=False,
            span_limits=SpanLimits(max_span_attributes=32, max_events=8, max_links=8),
        )
        held = _Held(service)
        self._exporter = _Counted(held, endpoint)
        self._provider.add_span_processor(_Bounded(held, self._exporter))
        self._tracer = self._provider.get_tracer("through-train")

    async def close(self) -> None:
        """Send what is left, for two seconds at most."""
        if self._provider is None or self._exporter is None:
            return
        sending = asyncio.create_task(asyncio.to_thread(self._provider.shutdown))
        done, _ = await asyncio.wait({sending}, timeout=_PARTING_SECONDS)
        if not done:
            self._exporter.shutdown()
            await asyncio.wait({sending}, timeout=_ANSWERS_WITHIN + 1)

    @contextmanager
    def request(self, name: str, traceparent: str | None) -> Generator[Span]:
        """Trace a request to this service as its caller decided, or as this service's ratio does."""
        if self._tracer is None:
            yield INVALID_SPAN
            return
        parent = _parent(traceparent)
        if traceparent and not _is_sampled(parent):
            yield INVALID_SPAN
            return
        with _current(self._tracer.start_span(name, parent, SpanKind.SERVER)) as span:
            yield span

    @contextmanager
    def step(self, name: str, attributes: Attributes | None = None, *, root: bool = False) -> Generator[Span]:
        """Trace a part of what is traced already; with `root`, of what begins here, if it is drawn."""
        if self._tracer is None or not (root or trace.get_current_span().get_span_context().trace_flags.sampled):
            yield INVALID_SPAN
            return
        with _current(self._tracer.start_span(name, attributes=attributes)) as span:
            yield span

    def sent(self, name: str, traceparent: str | None, attributes: Attributes) -> Span:
        """Begin the span of a message that is sent; it travels in the headers and ends at the broker's word."""
        if self._tracer is None or traceparent is None or not _is_sampled(parent := _parent(traceparent)):
            return INVALID_SPAN
        return self._tracer.start_span(name, parent, SpanKind.PRODUCER, attributes)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """End the spans of the events that take effect inside with the transaction, or forget them with it."""
        if self._tracer is None:
            yield
            return
        batch = _Batch()
        token = _BATCH_NOW.set(batch)
        try:
            yield
        finally:
            _BATCH_NOW.reset(token)
        for span in batch.spans:
            span.set_attribute("messaging.batch.message_count", len(batch.spans))
            span.end()

    @contextmanager
    def event(
        self, type_name: str, headers: Sequence[tuple[str, bytes]], attributes: Callable[[], Attributes]
    ) -> Generator[None]:
        """Trace an event that takes effect, if its message is traced; what it leads to is recorded under it.

        Its span began with the batch's transaction and ends with it: that is how long the event took. One of an attempt
        that was rolled back is never ended, so never told.
        """
        batch = _BATCH_NOW.get()
        traceparent = _header(headers) if self._tracer is not None and batch is not None else None
        if self._tracer is None or batch is None or traceparent is None or not _is_sampled(p := _parent(traceparent)):
            yield
            return
        span = self._tracer.start_span(
            f"process {type_name}", p, SpanKind.CONSUMER, attributes(), start_time=batch.began
        )
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield
        except Exception:
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            batch.spans.append(span)


def untraced(service: str) -> Tracing:
    """Return a service's traces where it has none, such as at an operator's command line."""
    return Tracing(service, endpoint=None, ratio=0)


NO_TRACES: Final = untraced("")


def traceparent() -> str | None:
    """Return the present span as it travels, or None when nothing is traced."""
    span = trace.get_current_span()
    return of(span) if span.get_span_context().trace_flags.sampled else None


def of(span: Span) -> str | None:
    """Return a span as it travels, or None for one that is not kept."""
    context = span.get_span_context()
    if not (context.is_valid and context.trace_flags.sampled):
        return None
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier[HEADER]


def outcome(span: Span, code: str, *, failed: bool) -> None:
    """Say how a request or a step came out, by a code of the documented list."""
    span.set_attribute(OUTCOME, code)
    if failed:
        span.set_status(Status(StatusCode.ERROR))


def about(petitions: Collection[UUID]) -> None:
    """Say of the present span which petitions it is about."""
    span = trace.get_current_span()
    if petitions and span.is_recording():
        span.set_attribute(PETITION, [str(petition) for petition in sorted(petitions)[:_MOST_PETITIONS]])


def identify(_logger: object, _method: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the present trace to a line of the log."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        record["trace_id"] = trace.format_trace_id(context.trace_id)
        record["span_id"] = trace.format_span_id(context.span_id)
    return record


@contextmanager
def _current(span: Span) -> Generator[Span]:
    # What an exception says may quote what people wrote: the outcome's code says enough.
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        yield span


def _parent(traceparent: str | None) -> Context:
    return _PROPAGATOR.extract({HEADER: traceparent} if traceparent else {}, Context())


def _is_sampled(context: Context) -> bool:
    return trace.get_current_span(context).get_span_context().trace_flags.sampled


def _header(headers: Sequence[tuple[str, bytes]]) -> str | None:
    for name, value in headers:
        if name == HEADER:
            return value.decode("ascii", errors="replace")
    return None
