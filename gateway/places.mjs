import { GraphQLError, Kind, isNonNullType, valueFromASTUntyped } from 'graphql';

import { isLeftOut } from './doors.mjs';

/**
 * Give a service's answer that is nothing but an error its places: null, and the error, wherever the request asked for
 * something.
 *
 * The Rust planner moves errors with a path to the client's own places; one without it would put at the nearest entity,
 * with no index of a list, and leave the root fields out of the answer.
 */
export function placed(result, { document, variables = {}, operationType }, schema) {
  if (result.data || !result.errors?.length || result.errors.some((one) => one.path)) return result;
  const fragments = new Map(document.definitions.filter((one) => one.kind === Kind.FRAGMENT_DEFINITION).map((one) => [one.name.value, one]));
  const fields = (selectionSet, type) => fieldsIn(selectionSet, { fragments, variables, type });
  const root = schema.getRootType(operationType).getFields();
  const data = {};
  const paths = [];
  for (const field of fields(document.definitions.find((one) => one.kind === Kind.OPERATION_DEFINITION).selectionSet)) {
    const key = keyOf(field);
    if (field.name.value === '_entities') {
      for (const [n, entity] of valueFromASTUntyped(field.arguments[0].value, variables).entries()) {
        for (const inner of fields(field.selectionSet, entity.__typename)) paths.push([key, n, keyOf(inner)]);
      }
    } else {
      if (!isNonNullType(root[field.name.value].type)) data[key] = null; // else it is missing, and so is all
      paths.push([key]);
    }
  }
  return { data, errors: paths.flatMap((path) => result.errors.map(({ message, extensions }) => new GraphQLError(message, { path, extensions }))) };
}

const keyOf = (field) => field.alias?.value ?? field.name.value;

/** The fields of a selection, with its fragments spread out; of those on a `type`, if it is known. */
function* fieldsIn(selectionSet, known) {
  for (const selection of selectionSet.selections) {
    if (isLeftOut(selection, () => known.variables)) continue;
    if (selection.kind === Kind.FIELD) {
      if (!selection.name.value.startsWith('__')) yield selection;
      continue;
    }
    const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? known.fragments.get(selection.name.value) : selection;
    const on = fragment.typeCondition?.name.value;
    if (known.type === undefined || on === undefined || on === known.type) yield* fieldsIn(fragment.selectionSet, known);
  }
}
