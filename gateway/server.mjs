import http from 'node:http';

import { callerAt, createAddressing } from './addresses.mjs';
import { answerTypeFor, createAnswers } from './answers.mjs';
import { NOT_A_POSITION, forwardedHeaders, readsAfterPosition, requestIdOf } from './headers.mjs';
import { Refused } from './identity.mjs';
import { KeysUnavailable } from './issuers.mjs';
import { MAX_BODY } from './limits.mjs';
import { log } from './log.mjs';
import { Course, refusedBy } from './measures.mjs';
import { createSockets, turnAway } from './sockets.mjs';

const SLOW_CLIENTS_LOOKED_FOR_EVERY = 500; // node's own 30 s would let them stay that much longer

/** Serve `engine` over HTTP, SSE and WebSocket, and the console if there is one. `stop(grace)` finishes what is in flight and resolves when all is closed. */
export function createServer(engine, identity, traces, { proxies, subscriptions, connections, headersSeconds, bodySeconds, introspection }, consolePages) {
  let stopping = false;
  const clientAddress = createAddressing(proxies);
  const answerPost = createAnswers(engine, { introspection });
  const streams = new Set();
  const limits = {
    maxHeaderSize: 16 * 1024,
    headersTimeout: (headersSeconds ?? 0) * 1000,
    requestTimeout: (bodySeconds ?? 0) * 1000,
    connectionsCheckingInterval: SLOW_CLIENTS_LOOKED_FOR_EVERY,
    keepAliveTimeout: 65_000,
  };

  const server = http.createServer(limits, (req, res) => {
    res.setHeader('x-content-type-options', 'nosniff');
    const path = req.url.split('?', 1)[0];
    if (path === '/graphql') return answer(req, res).catch((error) => failed(req, res, error));
    if (path === '/healthz') return plain(res, 200, 'ok');
    if (path === '/readyz') return stopping ? plain(res, 503, 'stopping') : plain(res, 200, 'ready');
    if (consolePages?.serves(path)) return consolePages.answer(req, res, path).catch((error) => failed(req, res, error));
    return plain(res, 404, 'not found');
  });
  if (connections !== undefined) server.maxConnections = connections; // node closes what comes above it, without a word

  async function answer(req, res) {
    const requestId = requestIdOf(req.headers);
    res.setHeader('x-request-id', requestId);
    res.setHeader('cache-control', 'no-store');
    const course = new Course(traces.begin(requestId));
    res.course = course;
    res.once('close', () => (res.writableFinished ? course.end() : course.breakOff()));
    if (stopping) {
      res.setHeader('connection', 'close');
      return refuse(res, 503, 'UNAVAILABLE', 'The gateway is stopping; try again.');
    }
    res.once('close', () => stopping && setImmediate(() => server.closeIdleConnections()));
    let known;
    try {
      known = identity.check(req.headers.authorization);
      if (known instanceof Promise) known = await known;
    } catch (error) {
      return refuseToken(res, error);
    }
    if (!readsAfterPosition(req.headers)) return refuse(res, 400, 'INVALID_INPUT', NOT_A_POSITION, { field: 'Read-After' });
    if (req.method === 'POST' && !isJson(req.headers['content-type'])) return refuse(res, 415, 'INVALID_INPUT', 'The content type must be application/json.', { field: 'Content-Type' });
    const body = req.method === 'POST' ? await bodyOf(req) : undefined;
    if (body === TOO_LARGE) return refuse(res, 413, 'INVALID_INPUT', `The request is larger than ${MAX_BODY} bytes.`);
    const address = clientAddress(req);
    const caller = callerAt(address, known);
    const context = { forwarded: forwardedHeaders(req.headers, requestId, address), caller, course };
    if (req.headers.accept?.includes('text/event-stream')) {
      caller.takesEvents = true;
      caller.expires = known?.expires;
      caller.whenGone = (end) => res.once('close', end);
      streams.add(res);
      res.once('close', () => streams.delete(res));
    } else if (body !== undefined) {
      const type = answerTypeFor(req.headers.accept);
      if (type !== undefined) return answerPost(req, res, body, type, context);
    }
    if (body !== undefined) giveBack(req, body);
    return engine(req, res, context);
  }

  const sockets = createSockets(engine, identity, traces, { clientAddress, subscriptions });
  server.on('upgrade', (req, socket, head) => {
    if (stopping || req.url.split('?', 1)[0] !== '/graphql') return turnAway(socket, '404 Not Found');
    return sockets.open(req, socket, head);
  });

  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => resolve(server.address()));
      }),

    async stop(grace) {
      stopping = true;
      const closed = new Promise((resolve) => server.close(resolve));
      const timers = [setTimeout(() => cutOff(server), grace)];
      for (const stream of streams) stream.destroy(); // no "complete" event: the client sees a break and resumes by its cursor
      await sockets.close();
      server.closeIdleConnections();
      await closed;
      timers.forEach(clearTimeout);
      await engine.dispose();
      await traces.close();
    },
  };
}

function cutOff(server) {
  log('warning', 'requests cut off at the end of the grace');
  server.closeAllConnections();
}

/** A form on anybody's page can send any other type that the engine reads, without asking first. */
function isJson(type = '') {
  return type.split(';', 1)[0].trim().toLowerCase() === 'application/json';
}

const TOO_LARGE = Symbol('a body above the limit');

/** A request's whole body, or TOO_LARGE as soon as it is known to be. */
function bodyOf(req) {
  if (Number(req.headers['content-length'] ?? 0) > MAX_BODY) return TOO_LARGE;
  return new Promise((resolve, reject) => {
    const chunks = [];
    let size = 0;
    req.on('data', (chunk) => {
      size += chunk.length;
      if (size <= MAX_BODY) chunks.push(chunk);
      else resolve(TOO_LARGE);
    });
    req.once('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    req.once('error', reject);
  });
}

/** Let the engine read what has been read here. */
function giveBack(req, body) {
  req.headers['content-type'] = req.headers['content-type'].toLowerCase(); // it takes no capitals
  req.body = { body, async *[Symbol.asyncIterator]() { yield body; } };
}

function refuseToken(res, error) {
  if (error instanceof Refused) {
    refusedBy('token');
    res.setHeader('www-authenticate', 'Bearer error="invalid_token"');
    return refuse(res, 401, 'UNAUTHENTICATED', error.message);
  }
  if (error instanceof KeysUnavailable) return refuse(res, 503, 'UNAVAILABLE', "The token can't be checked now; try again.");
  throw error;
}

function refuse(res, status, code, message, details) {
  if (res.course) res.course.outcome = code;
  if (status === 413 || status === 415) refusedBy('body');
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  res.end(JSON.stringify({ errors: [{ message, extensions: { code, ...details } }] }));
}

function failed(req, res, error) {
  if (error.code === 'ECONNRESET' && req.socket.destroyed) return; // the client has left, or was too slow
  log('error', 'request failed', { stack: error.stack });
  if (!res.headersSent) refuse(res, 500, 'INTERNAL', 'Something went wrong.');
}

function plain(res, status, text) {
  res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  res.end(`${text}\n`);
}
