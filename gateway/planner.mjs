import { handleFederationSupergraph } from '@graphql-mesh/fusion-runtime';
import { executorFromSchema } from '@graphql-tools/executor';
import { BREAK, Kind, getOperationAST, visit } from 'graphql';

import { placed } from './places.mjs';
import { BadSetting } from './settings.mjs';

/**
 * The engine's handler of a supergraph, by the planner's name: who decides which service is asked for what.
 *
 * `js` is the engine's own, which is what undefined means to it. `rust` takes a third less of a request's CPU
 * (docs/decisions/0049-the-planner.md), and does not know how to tell the schema beside data, nor to read every string that a document may have in it: such
 * documents, of which there are hardly any (serious clients send texts as variables), are left to the other.
 */
export async function planning(planner) {
  if (planner === 'js') return undefined;
  const { unifiedGraphHandler } = await import('@graphql-hive/router-runtime');

  return async function handle(options) {
    const onSubgraphExecute = async (service, request) => placed(await options.onSubgraphExecute(service, request), request, rust.unifiedGraph);
    const rust = await unifiedGraphHandler({ ...options, onSubgraphExecute }).catch((error) => {
      throw new BadSetting(`GATEWAY_PLANNER is rust, whose program can't be loaded on ${process.platform} ${process.arch} (${error.code ?? error.message}); set it to js.`);
    });
    let js;
    return {
      ...rust,
      executor(request) {
        if (!tellsSchemaBesideData(request) && !hasOddStrings(request.document)) return completed(rust.executor(request));
        js ??= executorFromSchema(handleFederationSupergraph(options).unifiedGraph);
        return js(request);
      },
    };
  };
}

/** The Rust planner leaves `data` out when nothing was found; by GraphQL it is then null, or empty if nothing was wanted. */
async function completed(answering) {
  const result = await answering;
  if (result[Symbol.asyncIterator] || result.data !== undefined) return result;
  return { ...result, data: result.errors ? null : {} };
}

/** Strings with escapes, in blocks, or with characters that take two of UTF-16's units: Rust refuses or changes some. */
function hasOddStrings(document) {
  if (!oddStrings.has(document)) {
    let found = false;
    visit(document, {
      StringValue({ block, value, loc }) {
        if (!block && PLAIN.test(value) && loc?.end - loc?.start === value.length + 2) return undefined;
        found = true;
        return BREAK;
      },
    });
    oddStrings.set(document, found);
  }
  return oddStrings.get(document);
}

const oddStrings = new WeakMap();
const PLAIN = /^[^\p{Cc}\p{Cs}\p{Co}\p{Cn}\u{10000}-\u{10FFFF}\u2028\u2029]*$/u;

const schemaFields = new WeakMap();

function tellsSchemaBesideData({ document, operationName }) {
  if (!schemaFields.has(document)) schemaFields.set(document, asksForSchema(document));
  return schemaFields.get(document) && !getOperationAST(document, operationName).selectionSet.selections.every(isOfTheSchema);
}

const isOfTheSchema = ({ kind, name }) => kind === Kind.FIELD && name.value.startsWith('__');

function asksForSchema(document) {
  let found = false;
  visit(document, {
    Field({ name }) {
      found ||= name.value === '__schema' || name.value === '__type';
    },
  });
  return found;
}
