process.env.NODE_ENV ||= 'production'; // before anything is imported: the libraries read it once

const { log, logConsole } = await import('./log.mjs');
const { BadSetting, readSettings } = await import('./settings.mjs');
const { refuseInProduction } = await import('./production.mjs');

logConsole();
try {
  const settings = readSettings(process.env);
  refuseInProduction(settings);
  const [{ createEngine }, { createIdentity }, { createServer }, { createTraces }] = await Promise.all([import('./engine.mjs'), import('./identity.mjs'), import('./server.mjs'), import('./traces.mjs')]);
  const consolePages = settings.console ? await (await import('./console.mjs')).createConsole(settings) : undefined;
  const server = createServer(await createEngine(settings), createIdentity(settings), await createTraces(settings), settings, consolePages);
  const { address, port } = await server.listen(settings.port, settings.host);
  const metrics = settings.metricsPort === undefined ? undefined : await listenForScrapes(settings);
  stopOnSignal(server, settings.grace); // before it is said: who reads that may stop us at once
  log('info', 'started', { host: address, port, metricsPort: metrics?.address.port, planner: settings.planner, environment: settings.environment, node: process.version });
} catch (error) {
  if (error instanceof BadSetting) fail(2, error.message);
  if (error.code === 'EADDRINUSE' || error.code === 'EACCES' || error.code === 'EADDRNOTAVAIL') fail(2, `GATEWAY_HOST and GATEWAY_PORT can't be listened on (${error.code}).`);
  throw error;
}

async function listenForScrapes({ metricsPort, metricsHost }) {
  const { serveMetrics } = await import('./measures.mjs');
  try {
    return await serveMetrics(metricsPort, metricsHost);
  } catch (error) {
    if (error.syscall !== 'listen' && error.syscall !== 'getaddrinfo') throw error;
    return fail(2, `GATEWAY_METRICS_HOST and GATEWAY_METRICS_PORT can't be listened on (${error.code}).`);
  }
}

function stopOnSignal(server, grace) {
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.on(signal, async () => {
      if (stopping) return;
      stopping = true;
      log('info', 'stopping', { signal });
      await server.stop(grace * 1000);
      log('info', 'stopped');
      process.exit(0);
    });
  }
}

function fail(status, sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(status);
}
