import { randomBytes } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { demoTokens } from './demo-tokens.mjs';
import { log } from './log.mjs';

const FOLDER = fileURLToPath(new URL('console/', import.meta.url));
const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/;
const LARGEST = 1024;

/**
 * Serve the console, in development alone: its page, its program, the ready operations, and tokens for the demo users.
 *
 * A browser that is led here under another name (DNS rebinding) gets nothing, and a token only the console's own page:
 * whoever may ask for one can be anybody in this installation.
 */
export async function createConsole({ consoleKeys, audience }) {
  const [program, style, page] = await Promise.all([bundled(), readFile(`${FOLDER}console.css`), readFile(`${FOLDER}page.html`, 'utf8')]);
  const tokens = consoleKeys === undefined ? undefined : demoTokens({ folder: consoleKeys, audience });
  const routes = {
    '/': ['GET', (req, res) => res.writeHead(302, { location: '/console' }).end()],
    '/console': ['GET', (req, res, nonce) => send(res, 'text/html', page.replaceAll('{nonce}', nonce))],
    '/console/app.js': ['GET', (req, res) => send(res, 'text/javascript', program)],
    '/console/console.css': ['GET', (req, res) => send(res, 'text/css', style)],
    '/console/icon.svg': ['GET', async (req, res) => send(res, 'image/svg+xml', await readFile(`${FOLDER}icon.svg`))],
    '/console/operations': ['GET', async (req, res) => json(res, 200, await readyOperations())],
    '/console/users': ['GET', async (req, res) => json(res, 200, tokens ? await tokens.users() : [])],
    '/console/token': ['POST', (req, res) => giveToken(req, res, tokens)],
  };

  return {
    serves: (path) => Object.hasOwn(routes, path),

    async answer(req, res, path) {
      const nonce = randomBytes(16).toString('base64');
      guard(res, nonce, req.headers.host);
      if (!LOOPBACK.test(req.headers.host ?? '')) return refuse(res, 403, 'FORBIDDEN', 'The console is served under the names of this machine alone: 127.0.0.1, localhost and [::1].');
      const [method, answer] = routes[path];
      if (req.method !== method) return refuse(res.setHeader('allow', method), 405, 'INVALID_INPUT', `The method must be ${method}.`);
      return answer(req, res, nonce);
    },
  };
}

/** Headers of all that the console serves: nothing from elsewhere may come into its page, nor the page into another. */
function guard(res, nonce, host) {
  const policy = [
    "default-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:", // the editor draws its marks so
    `connect-src 'self'${LOOPBACK.test(host ?? '') ? ` ws://${host}` : ''}`, // not every browser counts WebSockets to 'self'
    "font-src 'none'",
    "worker-src 'none'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  res.setHeader('content-security-policy', policy.join('; '));
  res.setHeader('x-content-type-options', 'nosniff');
  res.setHeader('referrer-policy', 'no-referrer');
  res.setHeader('cross-origin-opener-policy', 'same-origin');
  res.setHeader('cross-origin-resource-policy', 'same-origin');
  res.setHeader('cache-control', 'no-store');
}

async function giveToken(req, res, tokens) {
  const { host, origin, 'sec-fetch-site': site = 'same-origin', 'content-type': type = '' } = req.headers;
  if (origin !== `http://${host}` || site !== 'same-origin') return refuse(res, 403, 'FORBIDDEN', "Tokens are for the console's own page.");
  if (type.split(';', 1)[0].trim().toLowerCase() !== 'application/json') return refuse(res, 415, 'INVALID_INPUT', 'The content type must be application/json.');
  const user = await askedUser(req);
  if (user === undefined) return refuse(res, 400, 'INVALID_INPUT', 'The body must be {"user": …}.');
  const given = await tokens?.tokenFor(user);
  if (!given) return refuse(res, 404, 'NOT_FOUND', 'There is no such demo user.');
  log('info', 'demo token given', { user });
  return json(res, 200, given);
}

async function askedUser(req) {
  let text = '';
  for await (const chunk of req.setEncoding('utf8')) {
    text += chunk;
    if (text.length > LARGEST) return undefined;
  }
  try {
    const { user } = JSON.parse(text);
    return typeof user === 'string' ? user : undefined;
  } catch {
    return undefined;
  }
}

/** The operations in the order of their files' names; read anew, so that an edited one needs no restart. */
async function readyOperations() {
  const folder = `${FOLDER}operations/`;
  const names = (await readdir(folder)).filter((name) => name.endsWith('.graphql')).sort();
  return Promise.all(
    names.map(async (name) => {
      const id = name.slice(0, -'.graphql'.length);
      const [document, about] = await Promise.all([readFile(folder + name, 'utf8'), readFile(`${folder}${id}.json`, 'utf8')]);
      return { id, document, ...JSON.parse(about) };
    }),
  );
}

/** The program as one file, kept in memory: esbuild takes a quarter of a second, and nothing built lies about. */
async function bundled() {
  const { build, stop } = await import('esbuild');
  const built = await build({
    entryPoints: [`${FOLDER}app/main.jsx`],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { 'process.env.NODE_ENV': '"production"', 'globalThis.process': 'undefined' },
    logLevel: 'error',
  });
  await stop();
  return built.outputFiles[0].contents;
}

function send(res, type, body) {
  res.writeHead(200, { 'content-type': `${type}; charset=utf-8` });
  res.end(body);
}

function json(res, status, value) {
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  res.end(JSON.stringify(value));
}

function refuse(res, status, code, message) {
  return json(res, status, { errors: [{ message, extensions: { code } }] });
}
