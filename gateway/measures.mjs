import { readFileSync } from 'node:fs';
import http from 'node:http';
import { Kind, getOperationAST } from 'graphql';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

import { CODES } from './errors.mjs';

const registry = new Registry();
const KINDS = { counter: Counter, gauge: Gauge, histogram: Histogram };

/** Every metric is described in services/kernel/metrics.py; what stands here by name and is not there fails at the start. */
const measures = Object.fromEntries(
  JSON.parse(readFileSync(new URL('metrics.json', import.meta.url), 'utf8')).map(({ name, kind, help, labels, buckets }) => {
    const settings = { name, help, labelNames: labels, registers: [registry], ...(kind === 'histogram' && { buckets }) };
    return [name, new KINDS[kind](settings)];
  }),
);

const requests = measures.through_train_gateway_request_seconds;
const subgraphs = measures.through_train_gateway_subgraph_seconds;
const refused = measures.through_train_gateway_refused_total;
const sockets = measures.through_train_gateway_sockets;
const subscriptions = measures.through_train_gateway_subscriptions;
const lost = measures.through_train_gateway_spans_lost_total;

/** A series that begins with 1 has not risen, as Prometheus sees it. */
for (const limit of ['token', 'document', 'variables', 'cost', 'rate', 'subscriptions', 'sockets', 'body']) refused.inc({ limit }, 0);

export const spansLost = (count) => lost.inc(count);
export const refusedBy = (limit) => refused.inc({ limit });
export const socketsOpen = (count) => sockets.inc(count);
export const subscriptionsOpen = (count) => subscriptions.inc(count);
export const askedSubgraph = (subgraph, outcome, began) => subgraphs.observe({ subgraph, outcome }, seconds(began));

const seconds = (began) => (performance.now() - began) / 1000;

/** What becomes of one operation: which root field it asks for, how it comes out, and its trace. Ends once. */
export class Course {
  constructor(trace) {
    this.trace = trace;
    this.began = performance.now();
    this.operation = 'none';
    this.outcome = 'BROKEN_OFF'; // until there is an answer
    this.over = false;
  }

  /** Note how the answer comes out, and by which limit it was refused. */
  answer(result) {
    if (this.over) return;
    const error = result?.errors?.[0];
    const code = error?.extensions?.code;
    this.outcome = error ? (CODES.has(code) ? code : 'INTERNAL') : 'OK';
    const limit = error && limitOf(error);
    if (limit) refusedBy(limit);
  }

  /** End without anybody there to take the answer. */
  breakOff() {
    if (!this.over) this.outcome = 'BROKEN_OFF';
    this.end();
  }

  end() {
    if (this.over) return;
    this.over = true;
    requests.observe({ operation: this.operation, outcome: this.outcome }, seconds(this.began));
    this.trace?.end(this.outcome, this.operation);
  }
}

/** Yoga's plugin form: an operation is known by its root field once it is valid, so that no client chooses a label. */
export function useMeasures() {
  function begin({ contextValue, document, operationName }) {
    const operation = getOperationAST(document, operationName);
    if (operation && contextValue.course) contextValue.course.operation = rootOf(operation);
  }

  return {
    onExecute({ args }) {
      begin(args);
    },
    onSubscribe({ args }) {
      begin(args);
      const { course } = args.contextValue;
      return {
        onSubscribeResult({ result }) {
          course?.answer(result);
          course?.end(); // it has begun: what is counted is over
        },
      };
    },
    onResultProcess({ result, serverContext }) {
      serverContext?.course?.answer(result);
    },
  };
}

/** Which of the gateway's own limits an error comes from; what a service refuses has a path. */
function limitOf({ path, extensions = {} }) {
  if (path !== undefined) return undefined;
  if (extensions.retryAfterSeconds !== undefined) return 'rate';
  if (extensions.cost !== undefined) return 'cost';
  if (extensions.limit !== undefined) return 'document';
  if (extensions.code === 'RATE_LIMITED') return 'subscriptions';
  return extensions.code === 'INVALID_INPUT' && extensions.field !== undefined ? 'variables' : undefined;
}

function rootOf({ selectionSet: { selections } }) {
  const names = new Set(selections.map((one) => (one.kind === Kind.FIELD ? one.name.value : '')));
  const [name] = names;
  return names.size === 1 && name ? name : 'several';
}

/** Serve /metrics on a port of its own, which only those who run the gateway should reach. Resolves to its address and what ends it. */
export async function serveMetrics(port, host) {
  const server = http.createServer((req, res) => {
    if (req.url !== '/metrics') return res.writeHead(404).end();
    return registry.metrics().then((text) => res.writeHead(200, { 'content-type': registry.contentType }).end(text));
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    address: server.address(),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
