import { getNamedType, getNullableType, isIntrospectionType, isLeafType, isListType, Kind } from 'graphql';
import { getComplexity } from 'graphql-query-complexity';

const UNPAGED_LIST = 5; // work orders, deadlines, visits of one petition: seldom more
const VARIANTS = 50; // per document: costs with different page sizes that are remembered

/**
 * How many objects an operation's answer may hold: pages as large as `first` says, other lists five long.
 *
 * Scalars cost nothing (a document's fields are limited already), nor does introspection. The cost depends on nothing
 * but the document and its variables of type Int and Boolean, so it is reckoned once for each of their values.
 */
export function createCost() {
  const known = new WeakMap();
  const estimators = new WeakMap();

  return function costOf({ schema, document, operation, variables }) {
    const key = variant(document, operation, variables);
    const costs = known.get(document) ?? new Map();
    let cost = costs.get(key);
    if (cost === undefined) {
      if (!estimators.has(schema)) estimators.set(schema, [estimatorFor(schema)]);
      const operationName = operation.name?.value;
      cost = getComplexity({ schema, query: document, operationName, variables: { ...variables }, estimators: estimators.get(schema) });
      if (costs.size >= VARIANTS) costs.clear();
      known.set(document, costs.set(key, cost));
    }
    return cost;
  };
}

function variant(document, operation, variables) {
  const parts = [document.definitions.indexOf(operation)]; // not its name, which may be long
  for (const { type, variable } of operation.variableDefinitions ?? []) {
    const named = type.kind === Kind.NON_NULL_TYPE ? type.type : type;
    if (named.kind === Kind.NAMED_TYPE && SIZING.has(named.name.value)) parts.push(variables?.[variable.name.value]);
  }
  return JSON.stringify(parts);
}

const SIZING = new Set(['Int', 'Boolean']); // `first`, @skip and @include

function estimatorFor(schema) {
  const pages = new Set(Object.values(schema.getTypeMap()).flatMap(pageTypes));

  return function objects({ field, args, type, childComplexity }) {
    const named = getNamedType(field.type);
    if (isLeafType(named) || isIntrospectionType(named)) return 0;
    const list = isListType(getNullableType(field.type));
    if (isPaged(field)) {
      const size = Math.max(1, args.first ?? 1);
      return list ? size * (1 + childComplexity) : 1 + size * Math.max(1, childComplexity); // read, even if nothing of it is asked
    }
    return (list && !pages.has(type.name) ? UNPAGED_LIST : 1) * (1 + childComplexity);
  };
}

/** The connections: what a field with `first` returns. Their lists are as long as the page, which was counted there. */
function pageTypes(type) {
  const fields = Object.values(type.getFields?.() ?? {});
  return fields.filter((field) => isPaged(field) && !isListType(getNullableType(field.type))).map((field) => getNamedType(field.type).name);
}

function isPaged(field) {
  return field.args?.some((one) => one.name === 'first' && getNamedType(one.type).name === 'Int') ?? false;
}
