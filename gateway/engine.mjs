import { readFile } from 'node:fs/promises';
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';

import { useAdmission } from './admission.mjs';
import { useDeprecations } from './deprecations.mjs';
import { createDoors } from './doors.mjs';
import { usePublicErrors } from './errors.mjs';
import { useLimits } from './limits.mjs';
import { useMeasures } from './measures.mjs';
import { persisted, readOperations } from './persisted.mjs';
import { planning } from './planner.mjs';
import { BadSetting } from './settings.mjs';
import { transports } from './subgraphs.mjs';
import { useSubscriptions } from './subscriptions.mjs';

/** Build the federation engine and load the supergraph; no service need be up. */
export async function createEngine(settings) {
  const { supergraph, services, planner, introspection } = settings;
  const sdl = await readFile(supergraph, 'utf8').catch((error) => {
    throw new BadSetting(`The supergraph ${supergraph} can't be read (${error.code}); compose it with "python -m gateway.schema write".`);
  });
  const operations = new Map();
  const byId = persisted(operations, settings.persisted.only);
  const engine = createGatewayRuntime({
    supergraph: sdl,
    // The committed supergraph has placeholders; the addresses come from the environment.
    transportEntries: Object.fromEntries(Object.entries(services).map(([name, location]) => [name, { location }])),
    transports,
    unifiedGraphHandler: await planning(planner),
    __experimental__batchExecution: planner === 'js', // the other puts what one service is asked into one request by itself
    persistedDocuments: byId.documents,
    plugins: () => [
      byId.plugin,
      useLimits({ introspection }),
      useAdmission({ costLimit: settings.costLimit, seconds: settings.requestSeconds, doors: createDoors(settings), introspection }),
      useDeprecations(),
      useSubscriptions(settings.subscriptions),
      usePublicErrors({ introspection }),
      useMeasures(), // behind it: what is counted is what leaves
    ],
    maskedErrors: false, // usePublicErrors does it in one place, by our own list of codes
    subgraphErrors: false,
    requestId: false,
    logging: false,
    graphiql: false, // loads its page from outside
    landingPage: false,
    cors: false,
    multipart: false,
    graphqlEndpoint: '/graphql',
  });
  let schema;
  try {
    schema = await engine.getSchema();
  } catch (error) {
    if (error instanceof BadSetting) throw error;
    throw new BadSetting(`The supergraph ${supergraph} is not valid: ${error.message}`);
  }
  for (const [id, operation] of await readOperations(settings.persisted.folders, schema, introspection)) operations.set(id, operation);
  takeBackSignals(engine);
  return engine;
}

/** Yoga ends its requests at once on SIGTERM and SIGINT and offers no switch for it: here start.mjs decides, after a grace. */
function takeBackSignals(engine) {
  const ours = new Set(SIGNALS.flatMap((signal) => process.listeners(signal)));
  engine.disposableStack; // registers its listeners now, if it has not yet
  for (const signal of SIGNALS) {
    for (const listener of process.listeners(signal)) if (listener.name === 'terminateHandler' || !ours.has(listener)) process.removeListener(signal, listener);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'];
