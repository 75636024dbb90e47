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
const services = [];
for (const name of SERVICES) services.push(await readService(name, options.from)); // in turn: the first that is wrong is told
const { supergraphSdl, errors = [] } = composeServices(services);
const problems = [...errors.map((error) => `${error.extensions?.code ?? 'ERROR'}: ${error.message}`), ...differences(services), ...fieldsThatBlankAnswers(services)];
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

/**
 * A field of an entity that another service can hand out must be nullable, also the owner's: with its service away the
 * null would climb to the list that began elsewhere and blank the whole answer. Keys, and fields that every service of
 * the entity has, are never fetched from another one.
 */
function fieldsThatBlankAnswers(services) {
  const entities = new Map();
  for (const { name: service, typeDefs } of services) {
    for (const type of typeDefs.definitions) {
      const keys = type.directives?.filter((one) => one.name.value === 'key').map(keyFields) ?? [];
      if (keys.length) entities.set(type.name.value, [...(entities.get(type.name.value) ?? []), { service, keys: keys.flat(), fields: type.fields ?? [] }]);
    }
  }
  const found = [];
  for (const [name, parts] of entities) {
    for (const { service, keys, fields } of parts) {
      for (const { name: field, type } of fields) {
        const everywhere = parts.every((part) => part.fields.some((one) => one.name.value === field.value));
        if (type.kind === Kind.NON_NULL_TYPE && !everywhere && !keys.includes(field.value)) {
          found.push(`NOT_NULLABLE: [${service}] "${name}.${field.value}" must be nullable: other services hand out a ${name} too, and with ${service} away the whole answer would be blank`);
        }
      }
    }
  }
  return found;
}

function keyFields(key) {
  return key.arguments.find((one) => one.name.value === 'fields').value.value.split(/\W+/);
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
