import { createClient } from 'graphql-ws';
import { Kind, parse } from 'graphql';

import { Refusal } from './session.js';

const PAUSE = 1_000;
const TOKEN_SERVED = 5_000;
const TOKEN_REFUSED = new Set([4401, 4403]);

/** Which operation of a document runs, and whether it is a subscription; undefined when the document can't be read. */
export function operationIn(document) {
  try {
    const operation = parse(document).definitions.find((one) => one.kind === Kind.OPERATION_DEFINITION);
    return operation && { name: operation.name?.value, isSubscription: operation.operation === 'subscription', variables: operation.variableDefinitions.map((one) => one.variable.name.value) };
  } catch {
    return undefined;
  }
}

/** The headers of a request, as the page shows them and as they are sent. */
export function headersOf({ token, language, position }) {
  return {
    ...(token && { Authorization: `Bearer ${token}` }),
    'Accept-Language': language === 'zh' ? 'zh-CN' : 'en',
    ...(position && { 'Read-After': position }),
  };
}

/** Send a query or mutation; the answer, with its HTTP status and how long it took in ms. */
export async function ask(body, headers) {
  const began = performance.now();
  const response = await fetch('/graphql', { method: 'POST', headers: { ...headers, 'content-type': 'application/json', accept: 'application/json' }, body: JSON.stringify(body) });
  const answer = await response.json();
  return { answer, status: response.status, took: Math.round(performance.now() - began) };
}

/**
 * Follow a subscription over WebSocket until it ends or `stop()` is called.
 *
 * A break is mended: it goes on after the last cursor that was seen, when the operation takes one in `after`. `say`
 * hears what comes: `{ state }` and `{ entry }`, at last `{ state: 'ended' }` or `{ errors }`. `headers()` is asked for each
 * connection, so that it begins with a token that is good; `refused()` is told when one was not.
 */
export function follow({ query, variables, operation }, { headers, refused }, say) {
  let stopped = false;
  let after;
  let dispose = () => {};

  async function once() {
    const connectionParams = await headers();
    if (stopped) return;
    const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`;
    const client = createClient({ url, lazy: true, retryAttempts: 0, connectionParams, on: { connected: () => say({ state: 'live' }) } });
    dispose = () => client.dispose();
    const given = after !== undefined && operation.variables.includes('after') ? { ...variables, after } : variables;
    for await (const entry of client.iterate({ query, variables: given, operationName: operation.name })) {
      if (entry.errors && !entry.data) throw new Refusal(entry.errors);
      after = cursorOf(entry.data) ?? after;
      say({ entry });
    }
  }

  (async () => {
    say({ state: 'connecting' });
    while (!stopped) {
      const began = Date.now();
      try {
        await once();
        break;
      } catch (error) {
        if (stopped) break;
        const errors = errorsOf(error);
        if (errors?.some((one) => one.extensions?.code === 'UNAUTHENTICATED')) refused();
        if (errors && !isBreak(errors, Date.now() - began)) return say({ errors });
        say({ state: 'again' });
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }
    say({ state: 'ended' });
  })();

  return {
    stop() {
      stopped = true;
      dispose();
    },
  };
}

/**
 * What the gateway says of an operation is errors, and so is the code with which it closes on a token. Any other close, and
 * a WebSocket that never opened, throws an event that says nothing.
 */
function errorsOf(thrown) {
  if (thrown instanceof Refusal) return thrown.errors;
  if (TOKEN_REFUSED.has(thrown?.code)) return [{ message: 'The token is refused, or has expired.', extensions: { code: 'UNAUTHENTICATED' } }];
  return Array.isArray(thrown) ? thrown : undefined;
}

/** A service that went away comes back, and a token that has served for a while has ended; one that never served will not do next time. */
function isBreak(errors, lasted) {
  const mended = lasted > TOKEN_SERVED ? ['UNAVAILABLE', 'UNAUTHENTICATED'] : ['UNAVAILABLE'];
  return errors.every((one) => mended.includes(one.extensions?.code));
}

function cursorOf(data) {
  const [field] = Object.values(data ?? {});
  return typeof field?.cursor === 'string' ? field.cursor : undefined;
}
