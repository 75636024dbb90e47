import { getGraphQLWSOptions } from '@graphql-hive/gateway-runtime';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

import { callerAt } from './addresses.mjs';
import { CODES, withoutHttp } from './errors.mjs';
import { NOT_A_POSITION, forwardedHeaders, readsAfterPosition, requestIdOf } from './headers.mjs';
import { Refused } from './identity.mjs';
import { KeysUnavailable } from './issuers.mjs';
import { MAX_BODY } from './limits.mjs';
import { log } from './log.mjs';
import { Course, refusedBy, socketsOpen } from './measures.mjs';
import { tooMany } from './subscriptions.mjs';
import { createTally } from './tally.mjs';

const LONGEST_TIMER = 2 ** 31 - 1;
const CLOSING_HANDSHAKE = 1_000;

/**
 * Serve `engine` over WebSocket (graphql-transport-ws).
 *
 * A network and the whole process may have as many connections as subscriptions, and a connection runs a few operations
 * at once. Mutations are refused: Yoga sees the request of the upgrade, which is a GET. `close()` tells every client 1001,
 * going away, and resolves when they have answered or a second has passed.
 */
export function createSockets(engine, identity, traces, { clientAddress, subscriptions }) {
  const { perConnection = Infinity, perCaller = Infinity, inAll = Infinity } = subscriptions;
  const connections = createTally({ perKey: perCaller, inAll });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_BODY });
  const operations = getGraphQLWSOptions(engine, ({ extra }) => ({
    request: extra.request,
    forwarded: forwardedHeaders(extra.headers, requestIdOf({}), extra.request.clientAddress),
    caller: { ...callerAt(extra.request.clientAddress, extra.known), takesEvents: true },
    isOpen: () => extra.socket.readyState === extra.socket.OPEN,
  }));
  const served = useServer(
    {
      ...operations,
      execute: (args) => answered(operations.execute, args, traces),
      subscribe: (args) => answered(operations.subscribe, args, traces),
      jsonMessageReviver: withQuery,
      onConnect: (ctx) => admit(ctx, identity),
      onSubscribe(ctx, id, payload) {
        const running = Object.keys(ctx.subscriptions).length; // this one included
        if (running > perConnection) return refusedAtOnce(tooMany('Too many operations run on this connection; end one first.'));
        return operations.onSubscribe(ctx, id, payload);
      },
      onNext: (_ctx, _id, _payload, _args, result) => result.errors && { ...result, errors: result.errors.map(withoutHttp) },
      onError: (_ctx, _id, _payload, errors) => errors.map(withoutHttp),
    },
    sockets,
  );

  return {
    open(req, socket, head) {
      req.clientAddress = clientAddress(req);
      const release = connections.take(callerAt(req.clientAddress).network);
      if (!release) {
        refusedBy('sockets');
        return turnAway(socket, '429 Too Many Requests');
      }
      socketsOpen(1);
      socket.once('close', () => {
        release();
        socketsOpen(-1);
      });
      return sockets.handleUpgrade(req, socket, head, (opened) => sockets.emit('connection', opened, req));
    },
    async close() {
      const terminating = setTimeout(() => sockets.clients.forEach((socket) => socket.terminate()), CLOSING_HANDSHAKE);
      await served.dispose();
      clearTimeout(terminating);
    },
  };
}

/**
 * Answer an operation, and count it: over HTTP Yoga processes results where that is done, here it does not.
 *
 * A refusal that Yoga throws before it executes would close the socket with all that runs on it.
 */
async function answered(operation, args, traces) {
  const { forwarded, isOpen } = args.contextValue;
  const course = new Course(traces.begin(forwarded['x-request-id']));
  args.contextValue.course = course;
  let result;
  try {
    result = await operation(args);
  } catch (error) {
    result = { errors: [error] };
    if (!CODES.has(error.extensions?.code)) throw error;
  } finally {
    course.answer(result);
    if (isOpen()) course.end();
    else course.breakOff();
  }
  return result;
}

function refusedAtOnce(error) {
  const course = new Course();
  course.answer({ errors: [error] });
  course.end();
  return [error];
}

/** The protocol wants a `query` in each operation; one that comes by its id has none. */
function withQuery(key, value) {
  if (key !== '' || value?.type !== 'subscribe' || typeof value.payload !== 'object' || value.payload === null) return value;
  return { ...value, payload: { query: '', ...value.payload } };
}

/** Answer a request for another protocol with a plain refusal. */
export function turnAway(socket, status) {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
}

/** The client says who it is in connection_init; the connection ends with its token. False closes it with 4403. */
async function admit({ connectionParams, extra }, identity) {
  const { request, socket } = extra;
  const said = Object.entries(connectionParams ?? {});
  if (said.some(([name, value]) => name.toLowerCase() === 'authorization' && typeof value !== 'string')) return false;
  const params = Object.fromEntries(said.filter(([, value]) => typeof value === 'string').map(([name, value]) => [name.toLowerCase(), value]));
  if (!readsAfterPosition(params)) return hangUp(socket, 4400, NOT_A_POSITION);
  try {
    extra.known = await identity.check(params.authorization);
  } catch (error) {
    if (error instanceof Refused) {
      refusedBy('token');
      return false;
    }
    if (!(error instanceof KeysUnavailable)) log('error', 'connection refused', { stack: error.stack });
    return hangUp(socket, 1013, 'try again later');
  }
  if (socket.readyState !== socket.OPEN) return false;
  extra.headers = { 'accept-language': request.headers['accept-language'], ...params };
  if (extra.known) {
    const expiry = setTimeout(() => hangUp(socket, 4403, 'the token has expired'), Math.min(extra.known.expires - Date.now(), LONGEST_TIMER));
    socket.once('close', () => clearTimeout(expiry));
  }
  return true;
}

/** A client that does not answer the closing of its WebSocket is not waited for. */
function hangUp(socket, code, reason) {
  socket.close(code, reason);
  setTimeout(() => socket.terminate(), CLOSING_HANDSHAKE).unref();
  return false;
}
