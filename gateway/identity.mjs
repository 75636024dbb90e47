import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, decodeJwt, errors, jwtVerify } from 'jose';

import { log } from './log.mjs';

const ALGORITHMS = ['ES256', 'RS256'];
const CACHED_TOKENS = 10_000;
const REFRESH_AT_MOST_EVERY = 5_000;
const KEYS_GROW_OLD_AFTER = 600_000;
const FETCH_TIMEOUT = 3_000;

/** The token is bad: 401. The message never says which check failed in detail, and never repeats the token. */
export class Refused extends Error {}

/** The issuer's keys can't be had now, so the token can't be judged: 503, not 401. */
export class KeysUnavailable extends Error {}

/**
 * Judge Authorization headers.
 *
 * `check(header)` returns undefined for an anonymous caller, else `{ expires }` (unix ms): at once when the token is
 * known, as a promise the first time. It throws Refused or KeysUnavailable. A verified token is kept until its `exp`,
 * so a key that is withdrawn stops new tokens at once and known ones at their end (an hour at most for residents).
 */
export function createIdentity({ issuers, audience }) {
  const keys = new Map(issuers.map((one) => [one.issuer, keysOf(one)]));
  const verified = new Map();

  async function verify(token) {
    const issuer = claimedIssuer(token);
    const keySet = keys.get(issuer);
    if (!keySet) throw new Refused('The token comes from an issuer that is not trusted here.');
    let claims;
    try {
      ({ payload: claims } = await jwtVerify(token, keySet, { issuer, audience, algorithms: ALGORITHMS, requiredClaims: ['exp', 'sub'] }));
    } catch (error) {
      if (error instanceof KeysUnavailable) throw error;
      throw new Refused(error instanceof errors.JWTExpired ? 'The token has expired.' : 'The token is not valid.');
    }
    const known = { expires: claims.exp * 1000 };
    if (verified.size >= CACHED_TOKENS) verified.delete(verified.keys().next().value);
    verified.set(token, known);
    return known;
  }

  return {
    check(header) {
      if (header === undefined || header === '') return undefined;
      const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
      if (!token) throw new Refused('The Authorization header must be "Bearer" and a token.');
      const known = verified.get(token);
      if (known) {
        if (known.expires > Date.now()) return known;
        verified.delete(token);
      }
      return verify(token);
    },
  };
}

function claimedIssuer(token) {
  try {
    return decodeJwt(token).iss;
  } catch {
    throw new Refused('The token is not valid.');
  }
}

/**
 * One issuer's keys, fetched when first needed (intake may start after the gateway) and again on an unknown key id or
 * after ten minutes, at most every five seconds; keys once fetched are kept while their source is away.
 */
function keysOf({ issuer, jwks }) {
  let keySet;
  let fetchedAt = -Infinity;
  let triedAt = -Infinity;
  let fetching;

  function refresh() {
    if (fetching || Date.now() - triedAt < REFRESH_AT_MOST_EVERY) return fetching;
    triedAt = Date.now();
    fetching = fetchKeys(jwks)
      .then((fetched) => {
        keySet = createLocalJWKSet(fetched);
        fetchedAt = Date.now();
      })
      .catch((error) => log('warning', 'issuer keys not fetched', { issuer, reason: error.cause?.code ?? error.code ?? error.name }))
      .finally(() => {
        if (!keySet) triedAt = Date.now() - REFRESH_AT_MOST_EVERY + 500; // nothing to fall back on: try again soon
        fetching = undefined;
      });
    return fetching;
  }

  return async function keyFor(header, token) {
    if (!keySet) await refresh();
    else if (Date.now() - fetchedAt > KEYS_GROW_OLD_AFTER) refresh();
    if (!keySet) throw new KeysUnavailable();
    try {
      return await keySet(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh();
      return keySet(header, token);
    }
  };
}

async function fetchKeys(jwks) {
  if (!/^https?:\/\//.test(jwks)) return JSON.parse(await readFile(jwks, 'utf8'));
  const response = await fetch(jwks, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT) });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}
