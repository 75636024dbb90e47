/**
 * What one request costs inside a gateway's process, without its sockets, as JSON: by question the CPU in µs for each
 * round, and each module's share of it for each profile.
 *
 * `node inside.mjs FOLDER QUESTIONS`: the gateway's folder, and a file with what is asked and what the services answer to
 * it. Settings come from the environment, as the gateway's. A sample of a profile is put down to the module of the
 * gateway's that is nearest above it, with what that calls in libraries; what has none above it is the runtime's, and so
 * is what admission calls when it lets a mutation through to the engine.
 */
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

process.env.NODE_ENV ||= 'production';

const WARM_UP = 2_000;
const ROUNDS = 8;
const REQUESTS = 300;
const PROFILES = 5;
const PROFILED = 4_000;
const SAMPLED_EVERY_US = 100;

const [folder, file] = process.argv.slice(2);
const home = `${pathToFileURL(folder).href}/`;
const { questions, answers } = JSON.parse(readFileSync(file, 'utf8'));

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    return url === `${home}subgraphs.mjs` ? { ...loaded, source: `export const transports = globalThis.fromMemory;` } : loaded;
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

const inspector = new Session();
inspector.connect();
await inspector.post('Profiler.enable');
await inspector.post('Profiler.setSamplingInterval', { interval: SAMPLED_EVERY_US });

const IDLE = '(idle)';
const RUNTIME = 'runtime';
const LETS_THROUGH = { module: 'admission.mjs', functionName: '' }; // the only one there that has no name

async function sharesOfModules(work) {
  await inspector.post('Profiler.start');
  await work();
  const { profile } = await inspector.post('Profiler.stop');
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const owners = new Map();
  const own = (id, above) => {
    const { callFrame, children = [] } = nodes.get(id);
    const { url, functionName } = callFrame;
    const module = url.startsWith(home) && !url.includes('/node_modules/') ? url.slice(home.length) : undefined;
    const mine = module ?? above;
    owners.set(id, functionName === IDLE ? null : mine);
    const passedOn = module === LETS_THROUGH.module && functionName === LETS_THROUGH.functionName;
    for (const child of children) own(child, passedOn ? RUNTIME : mine);
  };
  own(profile.nodes[0].id, RUNTIME);
  const seen = profile.samples.map((id) => owners.get(id)).filter(Boolean);
  const shares = {};
  for (const owner of seen) shares[owner] = (shares[owner] ?? 0) + 1 / seen.length;
  return shares;
}

const bodies = questions.map(({ name, body, headers }) => ({ name, body: Buffer.from(body), headers }));
const told = Object.fromEntries(questions.map(({ name }) => [name, { rounds: [], shares: [] }]));
const often = async (question, times) => {
  for (let n = 0; n < times; n++) await ask(question);
};

for (const question of bodies) await often(question, WARM_UP);
for (let round = 0; round < ROUNDS; round++) {
  for (const question of bodies) {
    const before = process.cpuUsage();
    await often(question, REQUESTS);
    const { user, system } = process.cpuUsage(before);
    told[question.name].rounds.push((user + system) / REQUESTS);
  }
}
for (let nth = 0; nth < PROFILES; nth++) {
  for (const question of bodies) told[question.name].shares.push(await sharesOfModules(() => often(question, PROFILED)));
}
process.stdout.write(JSON.stringify(told), () => process.exit(0));
