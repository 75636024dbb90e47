import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT, importJWK } from 'jose';

import { DEVELOPMENT_ISSUER } from './production.mjs';

const LIFETIME_SECONDS = 12 * 3600;
const USERS = 'demo-users.json';
const KEY = 'development-issuer.private.jwk.json';

/**
 * The demo users of a local run, and tokens for them, from the folder that the services' development command fills.
 *
 * Both files are read anew each time: that command may run again while the gateway is up.
 */
export function demoTokens({ folder, audience }) {
  const read = async (name) => JSON.parse(await readFile(join(folder, name), 'utf8'));
  return {
    /** Who one can be: id, role, and their names in both languages. */
    async users() {
      return (await read(USERS)).map(({ claims, ...user }) => user);
    },

    /** A token for a demo user with its end (unix ms), or undefined when there is no such user. */
    async tokenFor(id) {
      const [users, jwk] = await Promise.all([read(USERS), read(KEY)]);
      const user = users.find((one) => one.id === id);
      if (!user) return undefined;
      const now = Math.floor(Date.now() / 1000);
      const claims = { ...user.claims, iss: DEVELOPMENT_ISSUER, aud: audience, roles: [user.role], iat: now, exp: now + LIFETIME_SECONDS };
      const token = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: jwk.kid }).sign(await importJWK(jwk, 'ES256'));
      return { token, expires: claims.exp * 1000 };
    },
  };
}
