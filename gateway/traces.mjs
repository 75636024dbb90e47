import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

import { spansLost } from './measures.mjs';

const EVERY = 1_000;
const ANSWERS_WITHIN = 3_000;
const QUEUE = 2_048;
const FAILURES = new Set(['INTERNAL', 'UNAVAILABLE', 'BROKEN_OFF']);

/**
 * Returns what begins the traces of operations: `begin(requestId)`, and `close()`, which sends what is left.
 *
 * Every trace of what people ask begins here, and here it is drawn whether it is kept: a client's own `traceparent` is
 * never read, or anybody could have all of theirs kept. The services are told either way, so that none draws again.
 * Without an endpoint there are no traces, and the libraries are not even loaded.
 *
 * A span has the request's id, by which logs and events name it too: what a client sends as X-Request-Id, if it is plain
 * and can be no person's number, as headers.mjs sees to.
 *
 * Spans leave in batches beside the requests; those that the collector does not take are counted and forgotten.
 */
export async function createTraces({ tracesEndpoint, tracesRatio }) {
  if (tracesEndpoint === undefined) return { begin: () => undefined, close: async () => {} };
  notTraced = UNTRACED;
  const [{ BatchSpanProcessor, TraceIdRatioBasedSampler, TracerProvider }, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
  ]);
  const held = { spans: 0 };
  const exporter = counted(new OTLPTraceExporter({ url: tracesEndpoint, timeoutMillis: ANSWERS_WITHIN }), held);
  const batches = new BatchSpanProcessor({ exporter, scheduledDelayMillis: EVERY, maxQueueSize: QUEUE, exportTimeoutMillis: ANSWERS_WITHIN });
  const provider = new TracerProvider({
    sampler: new TraceIdRatioBasedSampler(tracesRatio),
    resource: resourceFromAttributes({ 'service.name': 'gateway', 'service.namespace': 'through-train' }),
    spanProcessors: [bounded(batches, held)],
  });
  const tracer = provider.getTracer('through-train');

  return {
    begin(requestId) {
      const span = tracer.startSpan('none', { kind: SpanKind.SERVER, attributes: { 'through_train.correlation_id': requestId } }, ROOT_CONTEXT);
      return new Traced(tracer, span);
    },
    close: () => Promise.race([provider.shutdown().catch(() => {}), new Promise((resolve) => setTimeout(resolve, ANSWERS_WITHIN).unref())]),
  };
}

const UNTRACED = `00-${'1'.repeat(32)}-${'1'.repeat(16)}-00`;
let notTraced;

/** What a service is told of a request that belongs to no operation's trace: events of a subscription, which has no end. */
export const traceparentOf = (span) => span?.traceparent ?? notTraced;

/** A span, for those who need not know the library. Names and outcomes are code's own words; the request's id is the client's where it gave one. */
class Traced {
  constructor(tracer, span) {
    this.tracer = tracer;
    this.span = span;
  }

  /** The span as it travels (W3C Trace Context), kept or not. */
  get traceparent() {
    const { traceId, spanId, traceFlags } = this.span.spanContext();
    return `00-${traceId}-${spanId}-0${traceFlags & 1}`;
  }

  /** The trace's id, when it is kept. */
  get id() {
    return this.span.isRecording() ? this.span.spanContext().traceId : undefined;
  }

  /** Begin a span beneath this one, for a request to a service. */
  child(name) {
    if (!this.span.isRecording()) return this;
    return new Traced(this.tracer, this.tracer.startSpan(name, { kind: SpanKind.CLIENT }, trace.setSpan(ROOT_CONTEXT, this.span)));
  }

  end(outcome, name) {
    if (!this.span.isRecording()) return;
    if (name) this.span.updateName(name);
    this.span.setAttribute('through_train.outcome', outcome);
    if (FAILURES.has(outcome)) this.span.setStatus({ code: SpanStatusCode.ERROR });
    this.span.end();
  }
}

const DONE = 0; // the library's ExportResultCode.SUCCESS

/** The library's queue drops what does not fit and tells nobody; it never has more than are held here, with those on their way. */
function bounded(processor, held) {
  return {
    onStart: (span, parent) => processor.onStart(span, parent),
    onEnd(span) {
      if (held.spans === QUEUE) return spansLost(1);
      held.spans += 1;
      return processor.onEnd(span);
    },
    forceFlush: () => processor.forceFlush(),
    shutdown: () => processor.shutdown(),
  };
}

function counted(exporter, held) {
  return {
    export: (spans, tell) =>
      exporter.export(spans, (result) => {
        held.spans -= spans.length;
        if (result.code !== DONE) spansLost(spans.length);
        tell(result);
      }),
    forceFlush: () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}
