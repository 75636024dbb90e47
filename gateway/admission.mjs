import { GraphQLError, getOperationAST } from 'graphql';

import { createCost } from './cost.mjs';
import { doorsIn } from './doors.mjs';
import { problemsOfVariables } from './variables.mjs';

/**
 * What an operation must pass before a service is asked: variables that fit, a cost within the limit, and for mutations
 * the doors' rates. What passes gets the instant (unix ms) at which all its requests to services end.
 *
 * `costLimit` and `seconds` are undefined for none.
 */
export function useAdmission({ costLimit, seconds, doors, introspection }) {
  const costOf = createCost();

  function refusals({ schema, document, variableValues: variables }, operation) {
    const problems = problemsOfVariables(schema, operation, variables, !introspection);
    if (problems.length) return problems;
    const cost = costLimit === undefined ? 0 : costOf({ schema, document, operation, variables });
    return cost > costLimit ? [tooCostly(cost, costLimit, operation)] : undefined;
  }

  return {
    onExecute({ args, executeFn, setExecuteFn, setResultAndStopExecution }) {
      const { contextValue } = args;
      const operation = getOperationAST(args.document, args.operationName);
      if (!operation) return; // the engine says so
      const errors = refusals(args, operation);
      if (errors) return setResultAndStopExecution({ errors });
      if (seconds !== undefined) contextValue.deadline = Date.now() + seconds * 1000;
      const fields = operation.operation === 'mutation' ? doorsIn(args, operation) : undefined;
      if (!fields) return;
      const wait = doors.enter(fields, contextValue.caller);
      if (wait) return setResultAndStopExecution({ errors: [tooOften(wait, operation)] });
      setExecuteFn(async (executed) => {
        let result;
        try {
          return (result = await executeFn(executed));
        } finally {
          doors.leave(fields, contextValue.caller, result);
        }
      });
    },

    onSubscribe({ args, setResultAndStopExecution }) {
      const errors = refusals(args, getOperationAST(args.document, args.operationName));
      if (errors) setResultAndStopExecution({ errors });
    },
  };
}

function tooCostly(cost, limit, node) {
  const message = `The answer could hold ${cost} objects; ${limit} are allowed. Ask for smaller pages, or for less in each.`;
  return new GraphQLError(message, { nodes: [node], extensions: { code: 'INVALID_INPUT', cost, limit, http: { status: 400, spec: true } } });
}

function tooOften(seconds, node) {
  const http = { status: 429, spec: true, headers: { 'retry-after': String(seconds) } };
  return new GraphQLError(`Too many attempts; try again in ${seconds} seconds.`, { nodes: [node], extensions: { code: 'RATE_LIMITED', retryAfterSeconds: seconds, http } });
}
