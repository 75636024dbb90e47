import { NoDeprecatedCustomRule, getOperationAST, isEnumType, isInputObjectType, validate } from 'graphql';

import { log } from './log.mjs';

const REMEMBERED_CALLERS = 1_000; // per document
const LONGEST_NAME = 64; // in the log

/**
 * Tell who asks for something deprecated: in the answer's extensions as `deprecations`, a sentence for each, and in the
 * log, once for each document and caller, so that an operator knows whom a removal would meet.
 *
 * A document is looked at once. Where the schema deprecates nothing, none is. A subscription is told in the log alone.
 */
export function useDeprecations() {
  const sentences = new WeakMap();
  const callers = new WeakMap();
  const schemas = new WeakMap();

  function sentencesFor(schema, document) {
    if (!schemas.has(schema)) schemas.set(schema, deprecatesAnything(schema));
    if (!schemas.get(schema)) return [];
    if (!sentences.has(document)) sentences.set(document, validate(schema, document, [NoDeprecatedCustomRule]).map((one) => one.message));
    return sentences.get(document);
  }

  function note({ document, operationName, contextValue: { caller } }, deprecations) {
    if (!callers.has(document)) callers.set(document, new Set());
    const known = callers.get(document);
    const subject = caller.subject ?? 'without a token of staff';
    if (known.has(subject) || known.size >= REMEMBERED_CALLERS) return;
    known.add(subject);
    const operation = getOperationAST(document, operationName)?.name?.value.slice(0, LONGEST_NAME); // what was sent as its name may be anything
    log('warning', 'deprecated places are asked for', { subject, operation, deprecations });
  }

  return {
    onExecute({ args }) {
      const found = sentencesFor(args.schema, args.document);
      if (!found.length) return undefined;
      note(args, found);
      return {
        onExecuteDone({ result, setResult }) {
          if (!result?.[Symbol.asyncIterator]) setResult({ ...result, extensions: { ...result?.extensions, deprecations: found } });
        },
      };
    },
    onSubscribe({ args }) {
      const found = sentencesFor(args.schema, args.document);
      if (found.length) note(args, found);
    },
  };
}

function deprecatesAnything(schema) {
  return Object.values(schema.getTypeMap()).some((type) => membersOf(type).some((one) => one.deprecationReason !== undefined && one.deprecationReason !== null));
}

function membersOf(type) {
  if (isEnumType(type)) return type.getValues();
  const fields = Object.values(type.getFields?.() ?? {});
  return isInputObjectType(type) ? fields : fields.flatMap((one) => [one, ...one.args]);
}
