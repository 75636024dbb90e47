import http from 'node:http';
import https from 'node:https';
import { serializeExecutionRequest, defaultPrintFn } from '@graphql-tools/executor-common';
import { GraphQLError } from 'graphql';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

import { CODES, unavailable } from './errors.mjs';
import { log } from './log.mjs';
import { askedSubgraph } from './measures.mjs';
import { traceparentOf } from './traces.mjs';

const REQUEST_TIMEOUT = 15_000;
const IDLE_CONNECTION = 4_000; // far below a service's minute (kernel/service.py), so that it is never the first to hang up
const CONNECTIONS_PER_SERVICE = 128;
const LARGEST_EVENT = 1024 * 1024;
const WAITING_EVENTS = 256; // per subscription, then its client is dropped

/**
 * How the gateway reaches its services: queries and mutations by HTTP, subscriptions by WebSocket on the same path.
 *
 * Ours rather than Hive's for three reasons. Theirs merges identical concurrent requests of different callers under a
 * key of the headers it knows of: here nothing is ever shared between two requests. Theirs puts the whole failed
 * exchange, with its address, into an error's extensions. And its WebSocket client silently subscribes again after a
 * break with the first cursor, which repeats or loses events: here a break ends the subscription with UNAVAILABLE, and
 * the client resumes from its own cursor.
 */
export const transports = {
  http: {
    getSubgraphExecutor({ subgraphName, transportEntry }) {
      const url = new URL(transportEntry.location);
      const post = postingTo(url);
      return (request) => (request.operationType === 'subscription' ? subscribe(subgraphName, url, request) : ask(subgraphName, post, request));
    },
  },
};

async function ask(service, post, request) {
  const body = JSON.stringify(serializeExecutionRequest({ executionRequest: request, printFn: defaultPrintFn }));
  const mayRetry = request.operationType === 'query';
  const context = request.context ?? {};
  const trace = context.course?.over ? undefined : context.course?.trace;
  const span = trace?.child(service);
  const began = performance.now();
  let outcome = 'unavailable';
  try {
    const result = JSON.parse(await post(body, context, mayRetry, traceparentOf(span)));
    if (result?.data === undefined && !result?.errors?.length) throw new TypeError('no GraphQL answer');
    outcome = result.data ? 'answered' : 'refused';
    return withErrors(result, service);
  } catch (error) {
    log('error', 'service not answering', { from: service, reason: error.code ?? error.name, requestId: context.forwarded?.['x-request-id'], trace_id: span?.id });
    return { errors: [unavailable(service)] };
  } finally {
    askedSubgraph(service, outcome, began);
    if (span !== trace) span.end(outcome === 'unavailable' ? 'UNAVAILABLE' : outcome);
  }
}

/**
 * Returns a function that posts JSON to `url` over kept connections and gives back the text of the answer.
 *
 * A query is sent once more when a kept connection turns out to have been closed under it; nothing else is retried,
 * mutations never. Each request ends after fifteen seconds, or at the operation's deadline (unix ms) when that is sooner;
 * past it nothing is sent any more, because a service would carry out what is answered as not done.
 */
function postingTo(url) {
  const { request, Agent } = url.protocol === 'https:' ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_PER_SERVICE, timeout: IDLE_CONNECTION });
  const target = { protocol: url.protocol, hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port, path: url.pathname + url.search, method: 'POST', agent };

  return function post(body, context, mayRetry, traceparent) {
    return new Promise((resolve, reject) => {
      const { forwarded, deadline = Infinity } = context;
      const left = Math.min(REQUEST_TIMEOUT, deadline - Date.now());
      if (left <= 0) return reject(timedOut());
      const headers = { ...forwarded, ...(traceparent && { traceparent }), 'content-type': 'application/json', accept: 'application/json', 'content-length': Buffer.byteLength(body) };
      const sent = request({ ...target, headers }, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('close', () => clearTimeout(timer));
        response.on('end', () => resolve((chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)).toString()));
      });
      const timer = setTimeout(() => sent.destroy(timedOut()), left);
      sent.on('error', (error) => {
        clearTimeout(timer);
        if (mayRetry && sent.reusedSocket && error.code === 'ECONNRESET') post(body, context, false, traceparent).then(resolve, reject);
        else reject(error);
      });
      sent.end(body);
    });
  };
}

function timedOut() {
  return Object.assign(new Error('time-out'), { code: 'ETIMEDOUT' });
}

/**
 * One connection per subscription: its token is the caller's own, and its end is the subscription's end.
 *
 * Not an async generator, whose return() would wait for the next event; and not graphql-ws's own iterator, which keeps
 * any number of events for a client that does not read them.
 */
function subscribe(service, url, request) {
  const address = new URL(url);
  address.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const client = createClient({ url: address.href, webSocketImpl: BoundedWebSocket, retryAttempts: 0, connectionParams: request.context?.forwarded });
  const waiting = [];
  let over = false;
  let wake = () => {};

  function end(errors) {
    if (over) return;
    over = true;
    if (errors) waiting.push({ errors });
    client.dispose();
    wake();
  }
  function take(event) {
    if (over) return;
    if (waiting.length === WAITING_EVENTS) end([tooSlow(service)]);
    else waiting.push(withErrors(event, service));
    wake();
  }
  client.subscribe(serializeExecutionRequest({ executionRequest: request, printFn: defaultPrintFn }), {
    next: take,
    error: (reason) => end(endOfSubscription(service, reason)),
    complete: () => end(),
  });

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      while (waiting.length === 0 && !over) await new Promise((resolve) => (wake = resolve));
      return waiting.length ? { done: false, value: waiting.shift() } : { done: true, value: undefined };
    },
    async return() {
      waiting.length = 0;
      end();
      return { done: true, value: undefined };
    },
  };
}

class BoundedWebSocket extends WebSocket {
  constructor(address, protocols) {
    super(address, protocols, { maxPayload: LARGEST_EVENT, handshakeTimeout: REQUEST_TIMEOUT });
  }
}

function tooSlow(service) {
  return new GraphQLError('The subscription ended: its events were not read quickly enough. Resume it from your last cursor.', { extensions: { code: 'RATE_LIMITED', service } });
}

function endOfSubscription(service, reason) {
  if (Array.isArray(reason)) return withErrors({ errors: reason }, service).errors;
  if (reason?.code === 4401 || reason?.code === 4403) return [new GraphQLError('The subscription ended: the token is missing, refused or has expired.', { extensions: { code: 'UNAUTHENTICATED', service } })];
  log('error', 'subscription broken', { from: service, reason: reason?.code ?? reason?.name });
  return [unavailable(service)];
}

/**
 * A service's errors as GraphQLErrors: path and extensions unchanged; without a code of our list only the service's name
 * is kept, which publicError logs. Locations are dropped: they point into the gateway's own sub-query.
 */
function withErrors(result, service) {
  if (!result.errors?.length) return result;
  return { ...result, errors: result.errors.map(({ message, path, extensions }) => new GraphQLError(message, { path, extensions: CODES.has(extensions?.code) ? extensions : { service } })) };
}
