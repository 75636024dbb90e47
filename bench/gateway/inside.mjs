/**
 * What one request costs inside a gateway's process, without its sockets: CPU in µs for each round, by question, as JSON.
 *
 * `node inside.mjs FOLDER QUESTIONS CUT`: the gateway's folder, a file with what is asked and what the services answer to
 * it, and a change to one of its modules, made in memory alone, or null. Settings come from the environment, as the
 * gateway's.
 */
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

process.env.NODE_ENV ||= 'production';

const WARM_UP = 2_000;
const ROUNDS = 8;
const REQUESTS = 300;

const [folder, file, cut] = process.argv.slice(2);
const { module, before, after } = JSON.parse(cut) ?? {};
const { questions, answers } = JSON.parse(readFileSync(file, 'utf8'));

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    const name = url.split('/').at(-1);
    if (!url.startsWith(pathToFileURL(folder).href) || url.includes('node_modules')) return loaded;
    if (name === 'subgraphs.mjs') return { ...loaded, source: `export const transports = globalThis.fromMemory;` };
    if (name !== module) return loaded;
    const source = loaded.source.toString();
    if (!source.includes(before)) throw new Error(`${module} does not have "${before}".`);
    return { ...loaded, source: source.replace(before, after) };
  },
});

const ours = (name) => import(pathToFileURL(join(folder, name)));
const { serializeExecutionRequest, defaultPrintFn } = await import(pathToFileURL(join(folder, 'node_modules/@graphql-tools/executor-common/dist/index.js')));

globalThis.fromMemory = {
  http: {
    getSubgraphExecutor: ({ subgraphName }) => async (executionRequest) => {
      const body = JSON.stringify(serializeExecutionRequest({ executionRequest, printFn: defaultPrintFn }));
      const answer = answers[subgraphName][body];
      if (answer === undefined) throw new Error(`${subgraphName} was never asked ${body}`);
      return JSON.parse(answer);
    },
  },
};

const { readSettings } = await ours('settings.mjs');
const settings = readSettings(process.env);
const [{ createEngine }, { createIdentity }, { createServer }, { createTraces }] = await Promise.all(['engine.mjs', 'identity.mjs', 'server.mjs', 'traces.mjs'].map(ours));

let listener;
const http = (await import('node:http')).default;
const { createServer: real } = http;
http.createServer = (options, given) => {
  listener = given;
  return real(options);
};
createServer(await createEngine(settings), createIdentity(settings), await createTraces(settings), settings);

class Answer extends EventEmitter {
  setHeader() {}
  writeHead(status) {
    this.statusCode = status;
  }
  end(text) {
    this.writableFinished = true;
    this.answered(text);
    this.emit('close');
  }
}

function ask({ body, headers, name }) {
  return new Promise((resolve, reject) => {
    const req = Object.assign(new EventEmitter(), { method: 'POST', url: '/graphql', headers: { ...headers }, socket: { remoteAddress: '127.0.0.1' } });
    const res = new Answer();
    res.answered = (text) => (res.statusCode === 200 ? resolve(text) : reject(new Error(`${name} was answered ${res.statusCode} ${text}`)));
    listener(req, res);
    const send = () => {
      if (!req.listenerCount('data')) return setImmediate(send); // the token is seen for the first time
      req.emit('data', body);
      return req.emit('end');
    };
    setImmediate(send);
  });
}

const bodies = questions.map(({ name, body, headers }) => ({ name, body: Buffer.from(body), headers }));
const told = {};
for (const question of bodies) for (let n = 0; n < WARM_UP / bodies.length; n++) await ask(question);
for (let round = 0; round < ROUNDS; round++) {
  for (const question of bodies) {
    const before = process.cpuUsage();
    for (let n = 0; n < REQUESTS; n++) await ask(question);
    const { user, system } = process.cpuUsage(before);
    (told[question.name] ??= []).push((user + system) / REQUESTS);
  }
}
process.stdout.write(JSON.stringify(told));
process.exit(0);
