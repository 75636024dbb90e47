import { GraphQLError, coerceInputValue, getNullableType, isInputObjectType, isInputType, isLeafType, isListType, isNonNullType, typeFromAST } from 'graphql';

const ENOUGH = 10; // problems that one answer tells
const NAME = /^[_A-Za-z]\w{0,63}$/;

/**
 * What is wrong with an operation's variables, as errors that quote no value.
 *
 * graphql-js would say the same with the values in it, which may be what a resident wrote, and with the names that a
 * client may have meant. With `hidden` neither a type nor a field is named that the client has not named itself.
 */
export function problemsOfVariables(schema, operation, given, hidden) {
  const problems = [];
  for (const definition of operation.variableDefinitions ?? []) {
    const name = definition.variable.name.value;
    const type = typeFromAST(schema, definition.type);
    if (!isInputType(type)) continue; // validation has said so
    const value = given && Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined) {
      if (isNonNullType(type) && !definition.defaultValue) problems.push(problem(definition, [], `a value of type "${type}" is required`));
    } else {
      for (const { path, error } of misfits(value, type, hidden)) problems.push(problem(definition, path, hidden ? hint(type, path) : explanation(type, path, error)));
    }
  }
  return problems.slice(0, ENOUGH);
}

/** Where a value does not fit its type, up to the tenth place: a list may hold thousands. */
function misfits(value, type, hidden) {
  const found = [];
  try {
    coerceInputValue(value, type, (path, _value, error) => {
      found.push({ path, error });
      if (found.length === ENOUGH) throw ENOUGH;
    }, hidden);
  } catch (thrown) {
    if (thrown !== ENOUGH) throw thrown;
  }
  return found;
}

function hint(type, path) {
  return path.length ? 'the value there does not fit its type' : `a value of type "${type}" is expected`;
}

function explanation(type, path, error) {
  const at = typeAt(type, path);
  if (isLeafType(getNullableType(at))) return `a value of type "${at}" is expected`;
  const name = /^Field "(.*)" is not defined/s.exec(error.message)?.[1];
  if (name !== undefined && !NAME.test(name)) return `it has a field that "${getNullableType(at)}" does not have`;
  return error.message.replace(/\.$/, '');
}

/** The type at a path; a list also takes a single value, so that not every list has an index in the path. */
function typeAt(type, path) {
  let at = type;
  for (const step of path) {
    at = getNullableType(at);
    if (typeof step === 'number') at = at.ofType;
    else at = insideLists(at).getFields()[step].type;
  }
  return isInputObjectType(insideLists(at)) || isListType(getNullableType(at)) ? insideLists(at) : at;
}

function insideLists(type) {
  const at = getNullableType(type);
  return isListType(at) ? insideLists(at.ofType) : at;
}

function problem(definition, path, what) {
  const name = definition.variable.name.value;
  const inside = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
  const field = inside.replace(/^\./, '') || name; // as the services name it: without the input that it is in
  return new GraphQLError(`Variable "$${name}${inside}" does not fit: ${what}.`, { nodes: [definition], extensions: { code: 'INVALID_INPUT', field, http: { status: 400, spec: true } } });
}
