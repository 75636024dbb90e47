import { isUtf8 } from 'node:buffer';
import { GraphQLError } from 'graphql';

import { publicErrorsOf, withoutHttp } from './errors.mjs';

const JSON_TYPE = 'application/json';
const RESPONSE_TYPE = 'application/graphql-response+json';
const ANSWERED = new Map([['*/*', JSON_TYPE], ['application/*', JSON_TYPE], [JSON_TYPE, JSON_TYPE], [RESPONSE_TYPE, RESPONSE_TYPE]]);

/** The type of a plain answer to a client that accepts this, by GraphQL over HTTP; undefined where it takes none. */
export function answerTypeFor(accept = '*/*') {
  for (const one of accept.replace(/\s/g, '').toLowerCase().split(',')) {
    const [type, ...params] = one.split(';');
    const charset = params.find((param) => param.includes('charset='));
    if (ANSWERED.has(type) && (charset === undefined || charset === 'charset=utf-8')) return ANSWERED.get(type);
  }
  return undefined;
}

/**
 * Returns a function that answers a POST whose body has been read, on node's own response.
 *
 * The engine would make a Request, a Response and an address of it, and ask each of its plugins which of five kinds of
 * body it is: a third of what a mutation costs (docs/performance-gateway.md). Here the operation goes where the engine's
 * own HTTP would bring it, through all plugins that look at operations and results; what is left out is what looks at
 * requests, which server.mjs has done. Whatever is no such POST (GET, event streams) goes the engine's way.
 */
export function createAnswers(engine, { introspection }) {
  const { getResultForParams } = engine;

  async function resultOf(req, body, context) {
    try {
      const params = paramsIn(body);
      return await getResultForParams({ params, request: req }, context);
    } catch (error) {
      return { errors: publicErrorsOf(error, context, !introspection) };
    }
  }

  return async function answer(req, res, body, type, context) {
    const result = await resultOf(req, body, { ...context, req, res });
    context.course.answer(result);
    send(res, result, type);
  };
}

/**
 * Read a body's JSON. A decoder would put a sign of its own for each byte that is no UTF-8: what a client sent in
 * another encoding would be stored as nonsense.
 */
export function paramsIn(body) {
  let asked;
  try {
    asked = isUtf8(body) ? JSON.parse(body.toString()) : undefined;
  } catch {
    asked = undefined; // the parser's own sentence would quote it
  }
  if (Array.isArray(asked)) throw unreadable('Batches are not answered; send each operation by itself.');
  if (typeof asked !== 'object' || asked === null) throw unreadable('The body must be JSON in UTF-8.');
  return asked;
}

function unreadable(message) {
  return new GraphQLError(message, { extensions: { code: 'INVALID_INPUT', field: 'body', http: { status: 400 } } });
}

function send(res, result, type) {
  let status;
  let sent = result;
  if (result.errors?.length) {
    for (const { extensions } of result.errors) {
      const http = extensions?.http;
      for (const [name, value] of Object.entries(http?.headers ?? {})) res.setHeader(name, value);
      if (http?.status && !(type === JSON_TYPE && http.spec)) status = Math.max(status ?? 0, http.status);
    }
    sent = { ...result, errors: result.errors.map(withoutHttp) };
  }
  const text = Buffer.from(JSON.stringify(sent));
  res.writeHead(status ?? 200, { 'content-type': `${type}; charset=utf-8`, 'content-length': text.length });
  res.end(text);
}
