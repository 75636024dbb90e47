import { GraphQLError, Kind, parse, validate, visit } from 'graphql';

import { paramsIn } from './answers.mjs';
import { Recent } from './recent.mjs';

/** Wide enough for a full introspection query (15 deep) and for a desk's widest page; a client that needs more splits its query. */
export const MAX_BODY = 256 * 1024;
export const MAX_DOCUMENT = 64 * 1024; // characters; the rest of a body is for variables
export const MAX_TOKENS = 2_000;
export const MAX_DEPTH = 15;
export const MAX_ALIASES = 30;
export const MAX_FIELDS = 1_000;

const REMEMBERED_DOCUMENTS = 16 * 1024 * 1024; // bytes, by weightOf
const BYTES_PER_TOKEN = 500; // of a parsed document, at most; measured

/**
 * Parse under the limits. They are checked with the parsing, before validation (whose cost a hostile document can make
 * quadratic), and a document that is remembered costs nothing.
 */
export function parseWithinLimits(source, options, introspection) {
  if (source.length > MAX_DOCUMENT) throw tooMuch(source.length, MAX_DOCUMENT, 'characters');
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

/**
 * With `introspection` false a document that asks for the schema is refused, and what validation says gives no hints.
 *
 * Valid documents are remembered here, up to a size. Yoga would keep a thousand of any size, wrong ones too, and the
 * runtime passes no setting for that on: its memory of documents is taken off. (That of validations hangs on ours.)
 */
export function useLimits({ introspection }) {
  const documents = new Recent(REMEMBERED_DOCUMENTS);

  return {
    onRequestParse({ request, setRequestParser }) {
      if (request.method === 'POST') setRequestParser(async () => paramsIn(Buffer.from(await request.arrayBuffer())));
    },
    onPluginInit({ plugins }) {
      const remembering = plugins.filter((one) => one && Object.keys(one).join() === 'onParse,onValidate');
      if (remembering.length !== 1) throw new Error('Yoga remembers documents in another way than is known here.');
      delete remembering[0].onParse;
    },
    onParse({ setParseFn }) {
      setParseFn((source, options) => documents.get(source) ?? parseWithinLimits(source, options, introspection));
    },
    onValidate({ params, setValidationFn }) {
      if (!introspection) setValidationFn((schema, document, rules) => validate(schema, document, rules, { hideSuggestions: true }));
      return ({ valid }) => {
        const source = params.documentAST.loc.source.body;
        if (valid && documents.get(source) === undefined) documents.set(source, params.documentAST, weightOf(params.documentAST));
      };
    },
  };
}

function weightOf(document) {
  return 2 * document.loc.source.body.length + BYTES_PER_TOKEN * document.tokenCount;
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
  if (found > limit) throw tooMuch(found, limit, what, node);
}

function tooMuch(found, limit, what, node) {
  return new GraphQLError(`The operation has ${found} ${what}; ${limit} are allowed.`, { nodes: node && [node], extensions: { code: 'INVALID_INPUT', limit, http: { status: 400, spec: true } } });
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
