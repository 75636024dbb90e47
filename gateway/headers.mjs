import { randomUUID } from 'node:crypto';

const READ_AFTER_WAIT = 2_000;
const REQUEST_ID = /^[\w.:-]{1,64}$/;
const OF_A_PERSON = /(?<!\d)(?:1[.:-]?[3-9](?:[.:-]?\d){9}|[1-9](?:[.:-]?\d){14,17}[\dXx])(?!\d)/; // a phone, identity or card number
const LANGUAGES = /^[\w*,;=. -]{1,200}$/;
const POSITION = /^[\w-]{1,2000}$/; // URL-safe base 64; twenty positions of the longest kind are 1 520 characters

export const NOT_A_POSITION = 'Read-After must be a position as a mutation returned it.';

/** Keep the caller's request id when it is short and plain and can be no person's number (it goes into events and logs), else make one. */
export function requestIdOf(headers) {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) && !OF_A_PERSON.test(given) ? given : randomUUID();
}

/** Whether Read-After can be a position. What it says is the services' to read; this spares them what is none. */
export function readsAfterPosition(headers) {
  return !headers['read-after'] || POSITION.test(headers['read-after']);
}

/**
 * The headers that every service gets, and no others. `x-client-address` and `read-after-deadline` are the gateway's own:
 * what a client sends under those names is never read. The deadline is one instant for all hops, so that waiting for a
 * position costs a request two seconds at most.
 */
export function forwardedHeaders(headers, requestId, address) {
  const forwarded = { 'x-request-id': requestId, 'x-client-address': address };
  if (headers.authorization) forwarded.authorization = headers.authorization;
  if (LANGUAGES.test(headers['accept-language'] ?? '')) forwarded['accept-language'] = headers['accept-language'];
  if (headers['read-after']) {
    forwarded['read-after'] = headers['read-after'];
    forwarded['read-after-deadline'] = String(Date.now() + READ_AFTER_WAIT);
  }
  return forwarded;
}
