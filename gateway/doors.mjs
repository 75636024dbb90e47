import { GraphQLIncludeDirective, GraphQLSkipDirective, Kind, getDirectiveValues, getVariableValues } from 'graphql';

import { createLockout, createRates } from './rates.mjs';

/** The mutations that need no token, and by which one could fill the desks or guess a resident's secret. */
const SUBMIT = 'submitPetition';
const OPEN = 'openPetition';
const WRONG = new Set(['NOT_FOUND', 'INVALID_INPUT']);

/**
 * Guard the doors that stand open to anybody.
 *
 * Each occurrence of a door in an operation counts, whatever its alias and in whatever fragment. Staff are counted by
 * their token's subject, everybody else by the network they come from; a resident's token counts as none, because
 * anybody can have as many of those as petitions.
 *
 * `enter(fields, caller)` returns the seconds to wait, having counted nothing, or 0, and then `leave` must be called
 * with the answer: wrong openings lock the caller out for a while, and right ones make up for none.
 */
export function createDoors({ submit, open, lockout }) {
  const rates = {
    [SUBMIT]: { address: createRates(submit.address), subject: createRates(submit.subject) },
    [OPEN]: { address: createRates(open.address), subject: createRates(open.subject) },
  };
  const lock = lockout && createLockout(lockout);

  return {
    enter(fields, caller, now = Date.now()) {
      const by = caller.subject === undefined ? 'address' : 'subject';
      const key = caller.subject ?? caller.network;
      const counted = Object.entries(rates).flatMap(([name, door]) => (fields[name] ? [{ rate: door[by], times: fields[name].length }] : []));
      const openings = lock ? (fields[OPEN]?.length ?? 0) : 0;
      const waits = counted.map(({ rate, times }) => rate.wait(key, times, now));
      const wait = Math.max(0, ...waits, openings && lock.wait(key, openings, now));
      if (wait > 0) return Math.max(1, Math.ceil(wait / 1000));
      for (const { rate, times } of counted) rate.take(key, times, now);
      if (openings) lock.begin(key, openings, now);
      return 0;
    },

    leave(fields, caller, result, now = Date.now()) {
      if (!lock || !fields[OPEN]) return;
      const wrong = new Set((result?.errors ?? []).filter((one) => WRONG.has(one.extensions?.code)).map((one) => one.path?.[0]));
      const failed = fields[OPEN].filter((key) => wrong.has(key)).length;
      lock.end(caller.subject ?? caller.network, fields[OPEN].length, failed, now);
    },
  };
}

/** The doors that a mutation goes through: `{ openPetition: [its response keys] }`, or undefined for none. */
export function doorsIn({ schema, document, variableValues }, operation) {
  const values = lazily(() => getVariableValues(schema, operation.variableDefinitions ?? [], variableValues ?? {}).coerced);
  const found = {};
  collect(operation.selectionSet, { document, values, found, spread: new Set() });
  return Object.keys(found).length ? found : undefined;
}

function lazily(make) {
  let made;
  return () => (made ??= make());
}

function collect(selectionSet, walk) {
  for (const selection of selectionSet.selections) {
    if (isLeftOut(selection, walk.values)) continue;
    if (selection.kind === Kind.FIELD) note(selection, walk.found);
    else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet, walk);
    else if (!walk.spread.has(selection.name.value)) {
      walk.spread.add(selection.name.value);
      const fragment = walk.document.definitions.find((one) => one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === selection.name.value);
      collect(fragment.selectionSet, walk);
    }
  }
}

/** The same field under the same key is one execution. */
function note(field, found) {
  const name = field.name.value;
  if (name !== SUBMIT && name !== OPEN) return;
  const key = field.alias?.value ?? name;
  if (!(found[name] ??= []).includes(key)) found[name].push(key);
}

/** Whether @skip or @include leaves a selection out; `values` gives the variables' values, and is called if it matters. */
export function isLeftOut(selection, values) {
  if (!selection.directives?.length) return false;
  return getDirectiveValues(GraphQLSkipDirective, selection, values())?.if === true || getDirectiveValues(GraphQLIncludeDirective, selection, values())?.if === false;
}
