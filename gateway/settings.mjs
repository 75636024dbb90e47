import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';

export const SERVICES = ['intake', 'dispatch', 'feedback'];

/** A setting is missing or wrong: the process says so in one sentence and ends with status 2. */
export class BadSetting extends Error {}

/** Read every setting from the environment; README.md has the table. A limit that is off is undefined, a rate empty; `off` names them. */
export function readSettings(env) {
  const off = [];
  const figure = (name, otherwise, most) => noted(name, figureOf(env, name, otherwise, most), off);
  const rates = (name, otherwise) => noted(name, ratesOf(env, name, otherwise), off);
  const environment = oneOf(env, 'GATEWAY_ENVIRONMENT', ['development', 'production'], 'production');
  return {
    environment,
    off,
    host: env.GATEWAY_HOST || '127.0.0.1',
    port: portOf(env.GATEWAY_PORT || '4000'),
    services: Object.fromEntries(SERVICES.map((name) => [name, urlOf(env, `${name.toUpperCase()}_URL`)])),
    supergraph: env.GATEWAY_SUPERGRAPH || fileURLToPath(new URL('supergraph.graphql', import.meta.url)),
    issuers: issuersOf(env.GATEWAY_ISSUERS),
    audience: env.GATEWAY_AUDIENCE || 'through-train',
    keysSeconds: figureOf(env, 'GATEWAY_KEYS_SECONDS', '600', 600) ?? 1,
    planner: oneOf(env, 'GATEWAY_PLANNER', ['js', 'rust'], 'rust'),
    grace: secondsOf(env, 'GATEWAY_GRACE', '10'),
    metricsPort: env.GATEWAY_METRICS_PORT ? portOf(env.GATEWAY_METRICS_PORT, 'GATEWAY_METRICS_PORT') : undefined,
    metricsHost: env.GATEWAY_METRICS_HOST || '127.0.0.1',
    tracesEndpoint: env.GATEWAY_TRACES_ENDPOINT ? urlOf(env, 'GATEWAY_TRACES_ENDPOINT') : undefined,
    tracesRatio: ratioOf(env, 'GATEWAY_TRACES_RATIO', '0.05'),
    console: oneOf(env, 'GATEWAY_CONSOLE', ['off', 'on'], 'off') === 'on',
    consoleKeys: consoleKeysOf(env),
    proxies: wholeOf(env, 'GATEWAY_PROXIES', '0', 10),
    costLimit: figure('GATEWAY_COST_LIMIT', '10000', 1_000_000),
    requestSeconds: figure('GATEWAY_REQUEST_SECONDS', '20', 600),
    headersSeconds: figure('GATEWAY_HEADERS_SECONDS', '10', 600),
    bodySeconds: figure('GATEWAY_BODY_SECONDS', '30', 600),
    connections: figure('GATEWAY_CONNECTIONS', '4000', 1_000_000),
    subscriptions: {
      inAll: figure('GATEWAY_SUBSCRIPTIONS', '1000', 1_000_000),
      perCaller: figure('GATEWAY_SUBSCRIPTIONS_PER_CALLER', '100', 1_000_000),
      perConnection: figure('GATEWAY_SUBSCRIPTIONS_PER_CONNECTION', '20', 1_000_000),
    },
    submit: { address: rates('GATEWAY_SUBMIT_PER_ADDRESS', '30/minute 300/hour'), subject: rates('GATEWAY_SUBMIT_PER_SUBJECT', '120/minute 2000/hour') },
    open: { address: rates('GATEWAY_OPEN_PER_ADDRESS', '20/minute 200/hour'), subject: rates('GATEWAY_OPEN_PER_SUBJECT', '60/minute 600/hour') },
    lockout: lockoutOf(figure('GATEWAY_OPEN_FAILURES', '10', 1000), env),
    persisted: { folders: foldersOf(env), only: oneOf(env, 'GATEWAY_PERSISTED_ONLY', ['off', 'anonymous', 'all'], 'off') },
    introspection: oneOf(env, 'GATEWAY_INTROSPECTION', ['allow', 'refuse'], environment === 'production' ? 'refuse' : 'allow') === 'allow',
  };
}

function noted(name, value, off) {
  if (value === undefined || value.length === 0) off.push(name);
  return value;
}

function portOf(text, name = 'GATEWAY_PORT') {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new BadSetting(`${name} must be a port number, not "${text}".`);
  return port;
}

/** The folder with the demo users and their issuer's key. Whoever reaches the door for tokens may be anybody, so that it opens to this machine alone. */
function consoleKeysOf(env) {
  const folder = env.GATEWAY_CONSOLE_KEYS || undefined;
  if (folder === undefined) return undefined;
  if (env.GATEWAY_CONSOLE !== 'on') throw new BadSetting('GATEWAY_CONSOLE_KEYS is for the console: set GATEWAY_CONSOLE to on, or leave it out.');
  if (!['127.0.0.1', 'localhost', '::1'].includes(env.GATEWAY_HOST || '127.0.0.1')) throw new BadSetting(`GATEWAY_CONSOLE_KEYS needs a GATEWAY_HOST that only this machine reaches, such as 127.0.0.1, not "${env.GATEWAY_HOST}".`);
  return folder;
}

function foldersOf(env) {
  const text = env.GATEWAY_PERSISTED_OPERATIONS || fileURLToPath(new URL('operations', import.meta.url));
  return isOff(text) ? [] : text.split(delimiter).filter(Boolean);
}

function urlOf(env, name) {
  if (!env[name]) throw new BadSetting(`${name} is missing: give the service's full GraphQL address, such as http://127.0.0.1:4001/graphql.`);
  if (!URL.canParse(env[name]) || !/^https?:$/.test(new URL(env[name]).protocol)) throw new BadSetting(`${name} must be a full http or https address.`);
  return env[name];
}

function secondsOf(env, name, otherwise) {
  const seconds = Number(env[name] || otherwise);
  if (!(seconds >= 0 && seconds <= 600)) throw new BadSetting(`${name} must be a number of seconds up to 600, not "${env[name]}".`);
  return seconds;
}

function ratioOf(env, name, otherwise) {
  const ratio = Number(env[name] || otherwise);
  if (!(ratio >= 0 && ratio <= 1)) throw new BadSetting(`${name} must be a number from 0 to 1, not "${env[name]}".`);
  return ratio;
}

function wholeOf(env, name, otherwise, most) {
  const number = Number(env[name] || otherwise);
  if (!Number.isInteger(number) || number < 0 || number > most) throw new BadSetting(`${name} must be a whole number up to ${most}, not "${env[name]}".`);
  return number;
}

const isOff = (text) => text === 'off' || text === '0';

function figureOf(env, name, otherwise, most) {
  const text = env[name] || otherwise;
  if (isOff(text)) return undefined;
  const number = Number(text);
  if (!(number > 0 && number <= most)) throw new BadSetting(`${name} must be a number up to ${most}, or off, not "${text}".`);
  return number;
}

const UNITS = { second: 1, minute: 60, hour: 3600, day: 86400 };

function ratesOf(env, name, otherwise) {
  const text = env[name] || otherwise;
  if (isOff(text)) return [];
  return text.trim().split(/\s+/).map((one) => {
    const [, count, unit] = /^(\d{1,9})\/(second|minute|hour|day)$/.exec(one) ?? [];
    if (!(Number(count) > 0)) throw new BadSetting(`${name} must be off or rates such as "30/minute 300/hour", not "${text}".`);
    return { count: Number(count), seconds: UNITS[unit] };
  });
}

function lockoutOf(free, env) {
  const name = 'GATEWAY_OPEN_LOCK_SECONDS';
  const [first, longest, ...more] = (env[name] || '60 3600').trim().split(/\s+/).map(Number);
  if (!(first > 0 && longest >= first && longest <= 86400) || more.length) throw new BadSetting(`${name} must be the first and the longest lock in seconds, such as "60 3600", not "${env[name]}".`);
  return free === undefined ? undefined : { free, first, longest };
}

function oneOf(env, name, allowed, otherwise) {
  const value = env[name] || otherwise;
  if (!allowed.includes(value)) throw new BadSetting(`${name} must be one of ${allowed.join(', ')}, not "${value}".`);
  return value;
}

function issuersOf(text) {
  const shape = 'GATEWAY_ISSUERS must be a JSON list such as [{"issuer": "through-train/intake", "jwks": "http://127.0.0.1:4001/jwks.json"}, {"issuer": "https://login.example"}].';
  let issuers;
  try {
    issuers = JSON.parse(text);
  } catch {
    throw new BadSetting(shape);
  }
  if (!Array.isArray(issuers) || issuers.length === 0 || !issuers.every((one) => isName(one?.issuer) && (one.jwks == null || isName(one.jwks)))) throw new BadSetting(shape);
  if (new Set(issuers.map((one) => one.issuer)).size !== issuers.length) throw new BadSetting('GATEWAY_ISSUERS names an issuer twice: keys are bound to one issuer each.');
  for (const { issuer, jwks } of issuers) {
    if (jwks != null && !/^https?:\/\//.test(jwks) && (jwks.includes('://') || jwks.trim() !== jwks)) throw new BadSetting(`GATEWAY_ISSUERS gives "${jwks}" as the keys of "${issuer}", which is neither a file's path nor an address that begins with https://.`);
    if (jwks == null && !/^https?:\/\//.test(issuer)) throw new BadSetting(`GATEWAY_ISSUERS gives no jwks for "${issuer}", which is no address where it could be looked up.`);
  }
  return issuers.map(({ issuer, jwks }) => ({ issuer, jwks: jwks ?? undefined }));
}

const isName = (value) => typeof value === 'string' && value !== '';
