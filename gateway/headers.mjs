import { randomUUID } from 'node:crypto';

const READ_AFTER_WAIT = 2_000;
const REQUEST_ID = /^[\w.:-]{1,64}$/;

/** Keep the caller's request id when it is short and plain, else make one. */
export function requestIdOf(headers) {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/**
 * The headers that every service gets, and no others. `read-after-deadline` is one instant for all hops, so that
 * waiting for a position costs a request two seconds at most; what a client sends under that name is never read.
 */
export function forwardedHeaders(headers, requestId) {
  const forwarded = { 'x-request-id': requestId };
  if (headers.authorization) forwarded.authorization = headers.authorization;
  if (headers['accept-language']) forwarded['accept-language'] = headers['accept-language'];
  if (headers['read-after']) {
    forwarded['read-after'] = headers['read-after'];
    forwarded['read-after-deadline'] = String(Date.now() + READ_AFTER_WAIT);
  }
  return forwarded;
}
