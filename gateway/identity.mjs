import { createHash } from 'node:crypto';
import { decodeJwt, errors, jwtVerify } from 'jose';

import { KeysUnavailable, keysOf } from './issuers.mjs';
import { Recent } from './recent.mjs';

const ALGORITHMS = ['ES256', 'RS256'];
const SKEW_SECONDS = 30; // of clocks, for exp, nbf and iat; the services' SKEW_SECONDS
const REMEMBERED = 10_000;
const LONGEST = 16 * 1024;
const RESIDENT = 'resident';

/** The token is bad: 401. The message never says which check failed in detail, and never repeats the token. */
export class Refused extends Error {}

/**
 * Judge Authorization headers.
 *
 * `check(header)` returns undefined for an anonymous caller, else `{ expires, subject }`: at once when the token is
 * known, as a promise the first time. `expires` is unix ms, the skew included; `subject` is whom rates count by, and
 * undefined for residents. It throws Refused or KeysUnavailable. A verified token is remembered no longer than its
 * issuer's keys, so that a key that is withdrawn stops known tokens within `keysSeconds`.
 */
export function createIdentity({ issuers, audience, keysSeconds, environment }) {
  const keys = new Map(issuers.map((one) => [one.issuer, keysOf(one, { age: keysSeconds * 1000, environment })]));
  const verified = new Recent(REMEMBERED);

  async function verify(token, digest) {
    const issuer = claimedIssuer(token);
    const source = keys.get(issuer);
    if (!source) throw new Refused('The token comes from an issuer that is not trusted here.');
    const claims = await judge(token, source, { issuer, audience, algorithms: ALGORITHMS, requiredClaims: ['exp', 'sub'], clockTolerance: SKEW_SECONDS });
    const expires = (claims.exp + SKEW_SECONDS) * 1000;
    const known = { expires, until: Math.min(expires, source.goodUntil()), subject: isResident(claims) ? undefined : `${issuer} ${claims.sub}` };
    verified.set(digest, known);
    return known;
  }

  return {
    check(header) {
      if (header === undefined || header === '') return undefined;
      const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
      if (!token || token.length > LONGEST) throw new Refused('The Authorization header must be "Bearer" and a token.');
      const digest = createHash('sha256').update(token).digest('base64'); // a token may be 16 kB, and lets its holder in
      const known = verified.get(digest);
      if (known && known.until > Date.now()) return known;
      verified.delete(digest);
      return verify(token, digest);
    },
  };
}

async function judge(token, source, rules) {
  let claims;
  try {
    ({ payload: claims } = await jwtVerify(token, source.keyFor, rules));
  } catch (error) {
    if (error instanceof KeysUnavailable) throw error;
    throw new Refused(error instanceof errors.JWTExpired ? 'The token has expired.' : 'The token is not valid.');
  }
  if (claims.iat > Date.now() / 1000 + SKEW_SECONDS) throw new Refused('The token is not valid.');
  return claims;
}

/** Intake gives residents this role and no other; organisations name theirs as they like, and never so. */
function isResident({ roles }) {
  return Array.isArray(roles) && roles.length > 0 && roles.every((role) => role === RESIDENT);
}

function claimedIssuer(token) {
  try {
    return decodeJwt(token).iss;
  } catch {
    throw new Refused('The token is not valid.');
  }
}
