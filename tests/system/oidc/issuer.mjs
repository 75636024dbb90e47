// An organisation's identity provider, as a test needs one: oidc-provider with two clients, a few people with roles,
// and an operator's door (/operator/…) by which its signing keys are exchanged while it runs.
//
// ISSUER_PORT is where it listens on loopback; ISSUER_KEYS is the file in which its keys outlive it; ISSUER_PROGRAM is
// how its one program proves itself.

import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { Provider, errors } from 'oidc-provider';

const port = Number(process.env.ISSUER_PORT);
const keysFile = process.env.ISSUER_KEYS;
const address = `http://127.0.0.1:${port}`;
const RESOURCE = 'https://through-train.example/';
const AUDIENCE = 'through-train';

// As most providers do, it gives roles of other systems too, and has names of its own for what it says of people.
const PEOPLE = {
  'wang-street': { realm_access: { roles: ['offline_access', 'street_committee'] }, unit: { street: 'huangtupo' } },
  'li-housing': { realm_access: { roles: ['department', 'mail-admin'] }, unit: { department: 'housing' } },
  'zhao-visitor': { realm_access: { roles: ['offline_access', 'mail-admin'] } },
  'qian-forger': { realm_access: { roles: ['street_committee', 'resident'] }, unit: { street: 'huangtupo' } },
};
const PROGRAMS = { 'hotline-import': { realm_access: { roles: ['integrator'] }, unit: { street: 'huangtupo' } } };

const CLIENTS = [
  {
    client_id: 'portal',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    redirect_uris: ['https://portal.example/signed-in'],
  },
  {
    client_id: 'hotline-import',
    client_secret: process.env.ISSUER_PROGRAM,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  },
];

function newKey(alg) {
  const { privateKey } = alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: randomUUID() };
}

const cookieKeys = [randomBytes(32).toString('hex')];
let keys = existsSync(keysFile) ? JSON.parse(readFileSync(keysFile, 'utf8')) : [newKey('ES256')];
let answer;

/** Sign with the first key from now on, and publish all of them. */
function use(chosen) {
  keys = chosen;
  writeFileSync(keysFile, JSON.stringify(keys), { mode: 0o600 });
  const [{ alg, kid }] = keys;
  const provider = new Provider(address, {
    jwks: { keys },
    clients: CLIENTS,
    clientDefaults: { id_token_signed_response_alg: alg },
    cookies: { keys: cookieKeys },
    pkce: { required: () => true },
    findAccount: (_, id) => (id in PEOPLE ? { accountId: id, claims: () => ({ sub: id }) } : undefined),
    extraTokenClaims: (_, token) => PEOPLE[token.accountId] ?? PROGRAMS[token.clientId],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_, resource) {
          if (resource !== RESOURCE) throw new errors.InvalidTarget();
          return { scope: 'petitions', audience: AUDIENCE, accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg, kid } } };
        },
      },
    },
  });
  answer = provider.callback();
}

const OPERATOR = {
  'POST /operator/rotate-to-rs256': () => use([newKey('RS256'), ...keys]),
  'POST /operator/rotate-to-es256': () => use([newKey('ES256'), ...keys]),
  'POST /operator/withdraw-old-keys': () => use(keys.slice(0, 1)),
};

use(keys);
const server = createServer((request, response) => {
  if (request.url === '/readyz') return response.writeHead(200).end();
  const order = OPERATOR[`${request.method} ${request.url}`];
  if (!order) return answer(request, response);
  order();
  return response.writeHead(204).end();
});
server.listen(port, '127.0.0.1');
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
