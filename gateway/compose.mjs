import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { composeServices } from '@theguild/federation-composition';
import { Kind, parse, print } from 'graphql';

import { SERVICES } from './settings.mjs';

/**
 * Compose gateway/subgraphs/*.graphql into gateway/supergraph.graphql, or with --check fail when they differ.
 * `--from DIR --to FILE` compose elsewhere (tests).
 */
const options = optionsOf(process.argv.slice(2));
const services = await Promise.all(SERVICES.map((name) => readService(name, options.from)));
const { supergraphSdl, errors = [] } = composeServices(services);
const problems = [...errors.map((error) => `${error.extensions?.code ?? 'ERROR'}: ${error.message}`), ...differences(services)];
if (problems.length) {
  for (const problem of problems) console.error(problem);
  fail(`${problems.length} composition error(s): the supergraph is unchanged.`);
}
const composed = `${supergraphSdl.trim()}\n`;
if (!options.check) await writeFile(options.to, composed);
else if (composed !== (await readFile(options.to, 'utf8').catch(() => ''))) fail('supergraph.graphql is stale: run "python -m gateway.schema write" and commit the result.');

async function readService(name, from) {
  const file = new URL(`${name}.graphql`, from);
  const text = await readFile(file, 'utf8').catch(() => fail(`[${name}] its schema file ${name}.graphql is missing: run "python -m gateway.schema write".`));
  try {
    // The address is a placeholder: the gateway takes the real one from its environment.
    return { name, url: `http://${name}.invalid/graphql`, typeDefs: parse(text) };
  } catch (error) {
    const { line, column } = error.locations?.[0] ?? {};
    return fail(`[${name}] ${name}.graphql:${line}:${column}: ${error.message}`);
  }
}

/**
 * Enums and inputs of one name must be the same everywhere. Composition itself keeps only what all services share of an
 * input or an input's enum, and says nothing: a value would be gone from the supergraph without a word.
 */
function differences(services) {
  const seen = new Map();
  const found = [];
  for (const { name: service, typeDefs } of services) {
    for (const { kind, name, values, fields } of typeDefs.definitions) {
      if (kind !== Kind.ENUM_TYPE_DEFINITION && kind !== Kind.INPUT_OBJECT_TYPE_DEFINITION) continue;
      const members = new Set((values ?? fields).map((one) => (one.type ? `${one.name.value}: ${print(one.type)}` : one.name.value)));
      const first = seen.get(name.value);
      if (!first) seen.set(name.value, { service, members });
      else {
        const odd = [...members.symmetricDifference(first.members)];
        if (odd.length) found.push(`SHARED_TYPE_DIFFERS: [${first.service}, ${service}] "${name.value}" is not the same in both: ${odd.join(', ')}`);
      }
    }
  }
  return found;
}

function optionsOf(args) {
  const options = { check: false, from: new URL('subgraphs/', import.meta.url), to: new URL('supergraph.graphql', import.meta.url) };
  while (args.length) {
    const arg = args.shift();
    if (arg === '--check') options.check = true;
    else if (arg === '--from') options.from = pathToFileURL(`${resolve(args.shift())}/`);
    else if (arg === '--to') options.to = pathToFileURL(resolve(args.shift()));
    else fail(`Unknown option ${arg}. Use --check, --from DIR, --to FILE.`);
  }
  return options;
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
