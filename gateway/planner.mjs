import { handleFederationSupergraph } from '@graphql-mesh/fusion-runtime';
import { executorFromSchema } from '@graphql-tools/executor';
import { Kind, getOperationAST, visit } from 'graphql';

import { placed } from './places.mjs';
import { BadSetting } from './settings.mjs';

/**
 * The engine's handler of a supergraph, by the planner's name: who decides which service is asked for what.
 *
 * `js` is the engine's own, which is what undefined means to it. `rust` takes a third less of a request's CPU
 * (docs/decisions/0049-the-planner.md), and does not know how to tell the schema beside data: such a document, of which
 * there are hardly any and in production none, is left to the other.
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
        if (!tellsSchemaBesideData(request)) return completed(rust.executor(request));
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
