import { GraphQLError, Kind, parse, validate, visit } from 'graphql';

/** Wide enough for a full introspection query (15 deep) and for a desk's widest page; a client that needs more splits its query. */
export const MAX_BODY = 256 * 1024;
export const MAX_TOKENS = 2_000;
export const MAX_DEPTH = 15;
export const MAX_ALIASES = 30;
export const MAX_FIELDS = 1_000;

/**
 * Parse under the limits. They are checked with the parsing, before validation (whose cost a hostile document can make
 * quadratic) and inside Yoga's document cache, so that a document seen before costs nothing.
 */
export function parseWithinLimits(source, options, introspection) {
  const document = parse(source, { ...options, maxTokens: MAX_TOKENS });
  if (!introspection) refuseIntrospection(document);
  const fragments = new Map(document.definitions.filter((one) => one.kind === Kind.FRAGMENT_DEFINITION).map((one) => [one.name.value, one]));
  const measured = new Map();
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const { depth, aliases, fields } = measure(definition.selectionSet, fragments, measured, new Set());
    refuseAbove(depth, MAX_DEPTH, 'levels deep', definition);
    refuseAbove(aliases, MAX_ALIASES, 'aliases', definition);
    refuseAbove(fields, MAX_FIELDS, 'fields', definition);
  }
  return document;
}

/** With `introspection` false a document that asks for the schema is refused, and what validation says gives no hints. */
export function useLimits({ introspection }) {
  return {
    onParse({ setParseFn }) {
      setParseFn((source, options) => parseWithinLimits(source, options, introspection));
    },
    onValidate({ setValidationFn }) {
      if (!introspection) setValidationFn((schema, document, rules) => validate(schema, document, rules, { hideSuggestions: true }));
    },
  };
}

function refuseIntrospection(document) {
  visit(document, {
    Field(node) {
      if (!SCHEMA_FIELDS.has(node.name.value)) return;
      throw new GraphQLError('The schema is not told here; it is published with the software.', { nodes: [node], extensions: { code: 'FORBIDDEN', http: { status: 403, spec: true } } });
    },
  });
}

const SCHEMA_FIELDS = new Set(['__schema', '__type']);

function refuseAbove(found, limit, what, node) {
  if (found > limit) throw new GraphQLError(`The operation has ${found} ${what}; ${limit} are allowed.`, { nodes: [node], extensions: { code: 'INVALID_INPUT', limit, http: { status: 400, spec: true } } });
}

/** Depth, aliases and fields of a selection with its fragments spread out; each fragment is measured once. */
function measure(selectionSet, fragments, measured, open) {
  const total = { depth: 0, aliases: 0, fields: 0 };
  for (const selection of selectionSet.selections) {
    const inner = measureSelection(selection, fragments, measured, open);
    const isField = selection.kind === Kind.FIELD;
    total.depth = Math.max(total.depth, inner.depth + (isField ? 1 : 0));
    total.aliases += inner.aliases + (isField && selection.alias ? 1 : 0);
    total.fields += inner.fields + (isField ? 1 : 0);
  }
  return total;
}

const NOTHING = { depth: 0, aliases: 0, fields: 0 };

function measureSelection(selection, fragments, measured, open) {
  if (selection.kind !== Kind.FRAGMENT_SPREAD) return selection.selectionSet ? measure(selection.selectionSet, fragments, measured, open) : NOTHING;
  const name = selection.name.value;
  const fragment = fragments.get(name);
  if (!fragment || open.has(name)) return NOTHING; // unknown or circular: validation says so
  if (!measured.has(name)) measured.set(name, measure(fragment.selectionSet, fragments, measured, new Set(open).add(name)));
  return measured.get(name);
}
