import { GraphQLError } from 'graphql';

import { subscriptionsOpen } from './measures.mjs';
import { createTally } from './tally.mjs';

const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Count open subscriptions per caller (a staff member's subject, else the network) and in all, and end each with its
 * token.
 *
 * A WebSocket's end is its subscriptions' end already. A stream of events has no end of its own, so `caller.expires`
 * ends it with a last event that says why, and `caller.whenGone` (called with the function to call) when its client has
 * gone, also before anything was read.
 */
export function useSubscriptions({ perCaller, inAll }) {
  const tally = createTally({ perKey: perCaller ?? Infinity, inAll: inAll ?? Infinity });

  return {
    onSubscribe({ args, subscribeFn, setSubscribeFn, setResultAndStopExecution }) {
      const { caller } = args.contextValue;
      if (!caller.takesEvents) return setResultAndStopExecution({ errors: [needsEvents()] });
      const release = counted(tally.take(caller.subject ?? caller.network));
      if (!release) return setResultAndStopExecution({ errors: [tooMany('Too many subscriptions are open; end one first, or try again later.')] });
      setSubscribeFn(async (subscribed) => {
        let events;
        try {
          const result = await subscribeFn(subscribed);
          if (result?.[Symbol.asyncIterator]) return (events = endingWith(caller, result[Symbol.asyncIterator](), release));
          return result;
        } finally {
          if (!events) release();
        }
      });
    },

    onResponse({ response, serverContext }) {
      if (serverContext?.caller?.takesEvents) response.headers.set('cache-control', 'no-store'); // Yoga says no-cache
    },
  };
}

/** The gauge goes down with the tally, once. */
function counted(release) {
  if (!release) return undefined;
  subscriptionsOpen(1);
  let given = false;
  return () => {
    release();
    if (!given) subscriptionsOpen(-1);
    given = true;
  };
}

/** Not an async generator: its return() would wait for the next event before it ended the subscription. */
function endingWith(caller, events, release) {
  let over = false;
  let left; // the last event, when nobody was waiting for one
  let tell;
  const timer = caller.expires === undefined ? undefined : setTimeout(() => end({ done: false, value: { errors: [expired()] } }), Math.min(caller.expires - Date.now(), LONGEST_TIMER));
  caller.whenGone?.(() => end());

  function end(last) {
    if (over) return;
    over = true;
    clearTimeout(timer);
    release();
    if (tell) tell(last ?? DONE);
    else left = last;
    Promise.resolve(events.return?.()).catch(() => {}); // it is over already; how it ends is nobody's to know
  }
  async function take() {
    try {
      const event = await events.next();
      if (event.done) end();
      return event;
    } catch (error) {
      end();
      throw error;
    }
  }

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (over) {
        const last = left ?? DONE;
        left = undefined;
        return last;
      }
      try {
        return await new Promise((resolve, reject) => {
          tell = resolve;
          take().then(resolve, reject);
        });
      } finally {
        tell = undefined;
      }
    },
    async return(value) {
      end();
      return { done: true, value };
    },
  };
}

const DONE = { done: true, value: undefined };

export function tooMany(message) {
  return new GraphQLError(message, { extensions: { code: 'RATE_LIMITED', http: { status: 429, spec: true } } });
}

function expired() {
  return new GraphQLError('The subscription ended: the token has expired.', { extensions: { code: 'UNAUTHENTICATED' } });
}

function needsEvents() {
  const message = 'A subscription needs a WebSocket, or a request that accepts text/event-stream.';
  return new GraphQLError(message, { extensions: { code: 'INVALID_INPUT', http: { status: 406 } } });
}
