import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, errors } from 'jose';

import { log } from './log.mjs';

const REFRESH_AT_MOST_EVERY = 5_000;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
const FETCH_TIMEOUT = 3_000;
const LARGEST = 256 * 1024;
const DISCOVERY = '/.well-known/openid-configuration';

/** The issuer's keys can't be had now, so the token can't be judged: 503, not 401. */
export class KeysUnavailable extends Error {}

/**
 * One issuer's keys, from `jwks` (a file or an address) or, without it, from where the issuer's OpenID configuration says.
 *
 * Fetched when first needed (intake may start after the gateway), when they are `age` ms old, and on an unknown key id,
 * at most every five seconds. While their source is away they are kept, and it is asked ever less often, down to every
 * thirty seconds. `goodUntil()` is the instant (unix ms) up to which what they verified may be remembered.
 */
export function keysOf({ issuer, jwks }, { age, environment }) {
  const pause = Math.min(REFRESH_AT_MOST_EVERY, age);
  let keySet;
  let fetchedAt = -Infinity;
  let triedAt = -Infinity;
  let failing = false;
  let wait = 0; // ms after `triedAt`
  let fetching;

  function refresh() {
    if (fetching || Date.now() - triedAt < wait) return fetching;
    fetching = fetchKeys()
      .then((fetched) => {
        keySet = createLocalJWKSet(fetched);
        fetchedAt = Date.now();
        failing = false;
        wait = pause;
      })
      .catch((error) => {
        wait = failing ? Math.min(wait * 2, LONGEST_PAUSE) : keySet ? pause : Math.min(pause, FIRST_PAUSE); // soon, with nothing to fall back on
        failing = true;
        log('warning', 'issuer keys not fetched', { issuer, reason: error.cause?.code ?? error.code ?? error.name });
      })
      .finally(() => {
        triedAt = Date.now();
        fetching = undefined;
      });
    return fetching;
  }

  async function fetchKeys() {
    const source = jwks ?? (await discovered());
    const found = /^https?:\/\//.test(source) ? await fetchJson(source) : JSON.parse(await readFile(source, 'utf8'));
    if (environment === 'production' && madeForDevelopment(found.keys)) throw failure('KEYS_OF_DEVELOPMENT');
    return found;
  }

  async function discovered() {
    const told = await fetchJson(`${issuer.replace(/\/$/, '')}${DISCOVERY}`);
    if (told.issuer !== issuer) throw failure('OTHER_ISSUER');
    if (!isSafeForKeys(told.jwks_uri, environment)) throw failure('JWKS_URI_NOT_HTTPS');
    return told.jwks_uri;
  }

  return {
    goodUntil: () => Math.max(fetchedAt + age, triedAt + wait),

    async keyFor(header, token) {
      if (!keySet) await refresh();
      else if (Date.now() >= fetchedAt + age) {
        const refreshed = refresh();
        if (!failing) await refreshed; // a withdrawn key must not outlive `age`; but nobody waits for a source that is away
      }
      if (!keySet) throw new KeysUnavailable();
      try {
        return await keySet(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await refresh();
        return await keySet(header, token).catch((unknown) => {
          throw failing ? new KeysUnavailable() : unknown; // it may be a new key
        });
      }
    },
  };
}

/** Keys that the services' development command made say so in their ids. */
export function madeForDevelopment(keys) {
  return Array.isArray(keys) && keys.some((key) => typeof key?.kid === 'string' && key.kid.startsWith('development-'));
}

/** Keys that come in the clear could be anybody's: https, or in development this machine, as the services have it. */
export function isSafeForKeys(address, environment) {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  if (protocol === 'https:') return true;
  return protocol === 'http:' && environment === 'development' && isLoopback(hostname);
}

function isLoopback(hostname) {
  return hostname === 'localhost' || hostname === '[::1]' || hostname === '127.0.0.1';
}

async function fetchJson(address) {
  const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT) });
  if (!response.ok) throw failure(`HTTP_${response.status}`);
  const chunks = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > LARGEST) throw failure('TOO_LARGE');
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}

function failure(code) {
  return Object.assign(new Error(code), { code });
}
