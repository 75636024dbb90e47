import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GraphQLError } from 'graphql';

import { log } from './log.mjs';

/** The whole list of codes a client can meet, the same through the gateway as from a service. */
export const CODES = new Set(JSON.parse(readFileSync(new URL('error-codes.json', import.meta.url), 'utf8')));

/** Hive's own names for "the document or its variables are wrong". */
const DOCUMENT_CODES = new Set(['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED', 'BAD_USER_INPUT', 'BAD_REQUEST', 'OPERATION_RESOLUTION_FAILURE']);

/** A service did not answer. Says which, and neither where it lives nor how the connection failed. */
export function unavailable(service) {
  return new GraphQLError(`The service "${service}" is not answering.`, { extensions: { code: 'UNAVAILABLE', service } });
}

/**
 * Turn any error of an answer into one that may leave: a listed code passes unchanged, the rest is mapped or masked.
 *
 * With `hidden` nothing is said of the schema that the document does not name itself.
 */
export function publicError(error, requestId, hidden, traceId) {
  const code = error.extensions?.code;
  if (CODES.has(code)) return error;
  if (isAboutTheDocument(error, code)) {
    const http = error.extensions?.http ?? { status: 400, spec: true }; // read and removed when the answer is written
    const message = hidden ? withoutSchema(withoutValues(error.message), error.source?.body) : withoutValues(error.message);
    return new GraphQLError(message, { nodes: error.nodes, source: error.source, positions: error.positions, path: error.path, extensions: { code: 'INVALID_INPUT', http } });
  }
  if (error.originalError instanceof SyntaxError) return new GraphQLError('Variables and extensions must be JSON.', { extensions: { code: 'INVALID_INPUT', http: { status: 400 } } });
  const id = randomUUID();
  const cause = error.originalError ?? error;
  const bornHere = error.extensions?.service === undefined;
  log('error', 'internal error', { id, requestId, trace_id: traceId, path: error.path?.join('.'), from: error.extensions?.service ?? 'gateway', ...(bornHere && { name: cause.name, frames: frames(cause) }) });
  return new GraphQLError('Something went wrong. Quote the id when you report it.', { path: error.path, extensions: { code: 'INTERNAL', id } });
}

/** graphql-js quotes the document's literals, which may be what a resident wrote: `found "…"`, `value: "…"`; Yoga odd keys. */
function withoutValues(message) {
  return message.replace(/ ".*"(?= in the request body)/s, '').replace(/, found (?!<EOF>).*$/s, '.').replace(/ value: .*$/s, ' value.').replace(/(String|Int|Float) ".*"/s, '$1');
}

/** Messages name types, arguments and fields in double quotes; those that the document has not named stay here. */
function withoutSchema(message, document = '') {
  const words = new Set(document.match(/\w+/g));
  const quoted = [...message.matchAll(/"([^"]*)"/g)].flatMap((one) => one[1].match(/\w+/g) ?? []);
  return quoted.every((word) => ROOTS.has(word) || words.has(word)) ? message : 'The document does not fit the schema here.';
}

const ROOTS = new Set(['Query', 'Mutation', 'Subscription']);

/** Where an error was born. Never its message, with which a stack begins: it may quote what a resident wrote. */
function frames(error) {
  return (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
}

/** graphql-js gives no code to a bad variable: it is a GraphQLError that points into the document and has no path. */
function isAboutTheDocument(error, code) {
  if (DOCUMENT_CODES.has(code)) return true;
  return code === undefined && error instanceof GraphQLError && error.path === undefined && error.nodes !== undefined;
}

/** What was thrown instead of an answer, as the errors of one. */
export function publicErrorsOf(thrown, { forwarded, course }, hidden) {
  const error = thrown instanceof GraphQLError ? thrown : new GraphQLError(thrown.message, { originalError: thrown });
  return [publicError(error, forwarded['x-request-id'], hidden, course?.trace?.id)];
}

/** `http` in an error's extensions says how to answer over HTTP, and is no client's. */
export function withoutHttp(error) {
  const { http, ...extensions } = error.extensions;
  return { ...error.toJSON(), extensions };
}

/** Yoga's plugin form of publicError, for HTTP and WebSocket answers and for each event of a subscription. */
export function usePublicErrors({ introspection }) {
  const clean = (result, requestId, traceId) => (result?.errors?.length ? { ...result, errors: result.errors.map((error) => publicError(error, requestId, !introspection, traceId)) } : result);
  return {
    onExecutionResult({ result, setResult, context }) {
      const requestId = context.forwarded?.['x-request-id'];
      if (result?.[Symbol.asyncIterator]) setResult(cleanEach(result[Symbol.asyncIterator](), (event) => clean(event, requestId)));
      else setResult(clean(result, requestId, context.course?.trace?.id));
    },
    onResultProcess({ result, setResult, serverContext }) {
      if (!result?.[Symbol.asyncIterator]) setResult(clean(result, serverContext?.forwarded?.['x-request-id'], serverContext?.course?.trace?.id));
    },
  };
}

/** Not an async generator: its return() would wait for the next event before it ended the subscription. */
function cleanEach(events, clean) {
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const { done, value } = await events.next();
      return { done, value: clean(value) };
    },
    async return(value) {
      return events.return ? events.return(value) : { done: true, value };
    },
  };
}
