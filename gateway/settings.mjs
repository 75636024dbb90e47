import { fileURLToPath } from 'node:url';

export const SERVICES = ['intake', 'dispatch', 'feedback'];

/** A setting is missing or wrong: the process says so in one sentence and ends with status 2. */
export class BadSetting extends Error {}

/** Read every setting from the environment; README.md has the table. */
export function readSettings(env) {
  return {
    host: env.GATEWAY_HOST || '127.0.0.1',
    port: portOf(env.GATEWAY_PORT || '4000'),
    services: Object.fromEntries(SERVICES.map((name) => [name, urlOf(env, `${name.toUpperCase()}_URL`)])),
    supergraph: env.GATEWAY_SUPERGRAPH || fileURLToPath(new URL('supergraph.graphql', import.meta.url)),
    issuers: issuersOf(env.GATEWAY_ISSUERS),
    audience: env.GATEWAY_AUDIENCE || 'through-train',
    planner: oneOf(env, 'GATEWAY_PLANNER', ['js', 'rust'], 'js'),
    grace: secondsOf(env, 'GATEWAY_GRACE', '10'),
    environment: oneOf(env, 'GATEWAY_ENVIRONMENT', ['development', 'production'], 'development'),
  };
}

function portOf(text) {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new BadSetting(`GATEWAY_PORT must be a port number, not "${text}".`);
  return port;
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

function oneOf(env, name, allowed, otherwise) {
  const value = env[name] || otherwise;
  if (!allowed.includes(value)) throw new BadSetting(`${name} must be one of ${allowed.join(', ')}, not "${value}".`);
  return value;
}

function issuersOf(text) {
  const shape = 'GATEWAY_ISSUERS must be a JSON list such as [{"issuer": "through-train/intake", "jwks": "http://127.0.0.1:4001/jwks.json"}].';
  let issuers;
  try {
    issuers = JSON.parse(text);
  } catch {
    throw new BadSetting(shape);
  }
  if (!Array.isArray(issuers) || issuers.length === 0 || !issuers.every((one) => isName(one?.issuer) && isName(one?.jwks))) throw new BadSetting(shape);
  if (new Set(issuers.map((one) => one.issuer)).size !== issuers.length) throw new BadSetting('GATEWAY_ISSUERS names an issuer twice: keys are bound to one issuer each.');
  return issuers.map(({ issuer, jwks }) => ({ issuer, jwks }));
}

const isName = (value) => typeof value === 'string' && value !== '';
