import http from 'node:http';
import { getGraphQLWSOptions } from '@graphql-hive/gateway-runtime';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

import { forwardedHeaders, requestIdOf } from './headers.mjs';
import { KeysUnavailable, Refused } from './identity.mjs';
import { MAX_BODY } from './limits.mjs';
import { log } from './log.mjs';

const LONGEST_TIMER = 2 ** 31 - 1;
const CLOSING_HANDSHAKE = 1_000;

/** Serve `engine` over HTTP, SSE and WebSocket. `stop(grace)` finishes what is in flight and resolves when all is closed. */
export function createServer(engine, identity) {
  let stopping = false;
  const streams = new Set();

  const server = http.createServer({ maxHeaderSize: 16 * 1024, headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000 }, (req, res) => {
    const path = req.url.split('?', 1)[0];
    if (path === '/graphql') return answer(req, res).catch((error) => internal(res, error));
    if (path === '/healthz') return plain(res, 200, 'ok');
    if (path === '/readyz') return stopping ? plain(res, 503, 'stopping') : plain(res, 200, 'ready');
    return plain(res, 404, 'not found');
  });

  async function answer(req, res) {
    const requestId = requestIdOf(req.headers);
    res.setHeader('x-request-id', requestId);
    if (stopping) {
      res.setHeader('connection', 'close');
      return refuse(res, 503, 'UNAVAILABLE', 'The gateway is stopping; try again.');
    }
    res.once('close', () => stopping && setImmediate(() => server.closeIdleConnections()));
    try {
      const known = identity.check(req.headers.authorization);
      if (known instanceof Promise) await known;
    } catch (error) {
      return refuseToken(res, error);
    }
    if (req.method === 'POST' && !(await bodyWithinLimit(req))) return refuse(res, 413, 'INVALID_INPUT', `The request is larger than ${MAX_BODY} bytes.`);
    if (req.headers.accept?.includes('text/event-stream')) {
      streams.add(res);
      res.once('close', () => streams.delete(res));
    }
    return engine(req, res, { forwarded: forwardedHeaders(req.headers, requestId) });
  }

  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_BODY });
  const graphqlWs = useServer(
    {
      ...getGraphQLWSOptions(engine, (ctx) => ({
        request: ctx.extra.request,
        forwarded: forwardedHeaders(ctx.extra.headers, requestIdOf({})),
      })),
      onConnect: (ctx) => admit(ctx, identity),
      onDisconnect: (ctx) => clearTimeout(ctx.extra.expiry),
    },
    sockets,
  );
  server.on('upgrade', (req, socket, head) => {
    if (stopping || req.url.split('?', 1)[0] !== '/graphql') return socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
    return sockets.handleUpgrade(req, socket, head, (opened) => sockets.emit('connection', opened, req));
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
      const timers = [setTimeout(() => hangUp(sockets), CLOSING_HANDSHAKE), setTimeout(() => cutOff(server), grace)];
      for (const stream of streams) stream.destroy(); // no "complete" event: the client sees a break and resumes by its cursor
      await graphqlWs.dispose(); // close code 1001, going away
      server.closeIdleConnections();
      await closed;
      timers.forEach(clearTimeout);
      await engine.dispose();
    },
  };
}

/** A client that does not answer the closing of its WebSocket is not waited for. */
function hangUp(sockets) {
  for (const socket of sockets.clients) socket.terminate();
}

function cutOff(server) {
  log('warning', 'requests cut off at the end of the grace');
  server.closeAllConnections();
}

/** A WebSocket client says who it is in connection_init; the connection ends with its token. */
async function admit(ctx, identity) {
  const params = Object.fromEntries(Object.entries(ctx.connectionParams ?? {}).filter(([, value]) => typeof value === 'string').map(([name, value]) => [name.toLowerCase(), value]));
  ctx.extra.headers = { 'accept-language': ctx.extra.request.headers['accept-language'], ...params };
  let known;
  try {
    known = await identity.check(params.authorization);
  } catch (error) {
    if (error instanceof Refused) return false; // close code 4403
    if (!(error instanceof KeysUnavailable)) log('error', 'connection refused', { stack: error.stack });
    return ctx.extra.socket.close(1013, 'try again later');
  }
  if (known) ctx.extra.expiry = setTimeout(() => ctx.extra.socket.close(4403, 'the token has expired'), Math.min(known.expires - Date.now(), LONGEST_TIMER));
  return true;
}

/** Bodies of declared length cost nothing to check; one without is read here, up to the limit. */
async function bodyWithinLimit(req) {
  const declared = req.headers['content-length'];
  if (declared !== undefined) return Number(declared) <= MAX_BODY;
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > MAX_BODY) return false;
    chunks.push(chunk);
  }
  req.body = { chunks, async *[Symbol.asyncIterator]() { yield* chunks; } };
  return true;
}

function refuseToken(res, error) {
  if (error instanceof Refused) {
    res.setHeader('www-authenticate', 'Bearer error="invalid_token"');
    return refuse(res, 401, 'UNAUTHENTICATED', error.message);
  }
  if (error instanceof KeysUnavailable) return refuse(res, 503, 'UNAVAILABLE', "The token can't be checked now; try again.");
  throw error;
}

function refuse(res, status, code, message) {
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  res.end(JSON.stringify({ errors: [{ message, extensions: { code } }] }));
}

function internal(res, error) {
  log('error', 'request failed', { stack: error.stack });
  if (!res.headersSent) refuse(res, 500, 'INTERNAL', 'Something went wrong.');
}

function plain(res, status, text) {
  res.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  res.end(`${text}\n`);
}
