import { NoDeprecatedCustomRule, getNullableType, getOperationAST, isEnumType, isInputObjectType, isListType, typeFromAST, validate } from 'graphql';

import { log } from './log.mjs';

const REMEMBERED = 1_000; // callers with a sentence, per document
const LONGEST_NAME = 64; // in the log

/**
 * Tell who asks for something deprecated: in the answer's extensions as `deprecations`, a sentence for each, and in the
 * log, once for each document, caller and sentence, so that an operator knows whom a removal would meet.
 *
 * A document is looked at once, its variables each time. Where the schema deprecates nothing, neither is. A subscription
 * is told in the log alone.
 */
export function useDeprecations() {
  const sentences = new WeakMap();
  const callers = new WeakMap();
  const schemas = new WeakMap();

  function sentencesFor({ schema, document, operationName, variableValues }) {
    if (!schemas.has(schema)) schemas.set(schema, deprecatesAnything(schema));
    if (!schemas.get(schema)) return [];
    if (!sentences.has(document)) sentences.set(document, validate(schema, document, [NoDeprecatedCustomRule]).map((one) => one.message));
    return [...new Set([...sentences.get(document), ...inVariables(schema, getOperationAST(document, operationName), variableValues ?? {})])];
  }

  function note({ document, operationName, contextValue: { caller } }, found) {
    if (!callers.has(document)) callers.set(document, new Set());
    const known = callers.get(document);
    const subject = caller.subject ?? 'without a token of staff';
    const deprecations = found.filter((sentence) => !known.has(`${subject} ${sentence}`)).slice(0, REMEMBERED - known.size);
    if (!deprecations.length) return;
    for (const sentence of deprecations) known.add(`${subject} ${sentence}`);
    const operation = getOperationAST(document, operationName)?.name?.value.slice(0, LONGEST_NAME); // what was sent as its name may be anything
    log('warning', 'deprecated places are asked for', { subject, operation, deprecations });
  }

  return {
    onExecute({ args }) {
      const found = sentencesFor(args);
      if (!found.length) return undefined;
      note(args, found);
      return {
        onExecuteDone({ result, setResult }) {
          if (!result?.[Symbol.asyncIterator]) setResult({ ...result, extensions: { ...result?.extensions, deprecations: found } });
        },
      };
    },
    onSubscribe({ args }) {
      const found = sentencesFor(args);
      if (found.length) note(args, found);
    },
  };
}

/** A sentence, as the rule's, for each deprecated input field and enum value that variables give. What does not fit its type is not looked at. */
function* inVariables(schema, operation, given) {
  for (const { variable, type } of operation?.variableDefinitions ?? []) {
    const name = variable.name.value;
    if (Object.hasOwn(given, name)) yield* inValue(typeFromAST(schema, type), given[name]);
  }
}

function* inValue(nullable, value) {
  const type = getNullableType(nullable);
  if (value === null || value === undefined) return;
  if (isListType(type)) {
    for (const one of Array.isArray(value) ? value : [value]) yield* inValue(type.ofType, one);
  } else if (isEnumType(type)) {
    const reason = type.getValue(value)?.deprecationReason;
    if (reason) yield `The enum value "${type.name}.${value}" is deprecated. ${reason}`;
  } else if (isInputObjectType(type)) {
    const fields = type.getFields();
    for (const name of Object.keys(value)) {
      if (!Object.hasOwn(fields, name)) continue;
      const reason = fields[name].deprecationReason;
      if (reason) yield `The input field ${type.name}.${name} is deprecated. ${reason}`;
      yield* inValue(fields[name].type, value[name]);
    }
  }
}

function deprecatesAnything(schema) {
  return Object.values(schema.getTypeMap()).some((type) => membersOf(type).some((one) => one.deprecationReason !== undefined && one.deprecationReason !== null));
}

function membersOf(type) {
  if (isEnumType(type)) return type.getValues();
  const fields = Object.values(type.getFields?.() ?? {});
  return isInputObjectType(type) ? fields : fields.flatMap((one) => [one, ...one.args]);
}
