import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GraphQLError, validate } from 'graphql';

import { parseWithinLimits } from './limits.mjs';
import { BadSetting } from './settings.mjs';

const ID = /^(?:sha256:)?([0-9a-f]{64})$/;
const FORMAT = 'apollo-persisted-query-manifest';
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Read the documents that may be asked for by their ids: each `.graphql` file of the folders, and each manifest in
 * Apollo's format (`.json`), which clients' tools write.
 *
 * They are parsed, held to the limits and validated here, once, so that a request by id costs neither. One that the
 * schema cannot answer keeps the gateway from starting: its clients would be the first to learn of it.
 */
export async function readOperations(folders, schema, introspection) {
  const operations = new Map();
  for (const { name, body } of (await Promise.all(folders.map(documentsIn))).flat()) {
    const id = idOf(body);
    if (!operations.has(id)) operations.set(id, { body, document: checked(name, body, schema, introspection) });
  }
  return operations;
}

async function documentsIn(folder) {
  const names = await readdir(folder, { recursive: true }).catch((error) => {
    throw new BadSetting(`GATEWAY_PERSISTED_OPERATIONS names ${folder}, which can't be read (${error.code}).`);
  });
  return (await Promise.all(names.sort().map((name) => documentsOf(join(folder, name))))).flat();
}

async function documentsOf(file) {
  if (file.endsWith('.graphql')) return [{ name: file, body: await textOf(file) }];
  return file.endsWith('.json') ? manifestOf(file, await textOf(file)) : [];
}

async function textOf(file) {
  try {
    return UTF8.decode(await readFile(file));
  } catch (error) {
    throw new BadSetting(`The persisted operations of ${file} can't be read (${error.code}).`);
  }
}

function manifestOf(file, text) {
  let manifest;
  try {
    manifest = JSON.parse(text);
  } catch {
    manifest = undefined; // said below
  }
  if (manifest?.format !== FORMAT || !Array.isArray(manifest.operations)) throw new BadSetting(`The persisted operations of ${file} are no manifest: its format must be "${FORMAT}".`);
  return manifest.operations.map(({ id, name, body }) => {
    const named = `${file}, "${name}"`;
    if (typeof body !== 'string' || ID.exec(id)?.[1] !== idOf(body)) throw new BadSetting(`The persisted operation ${named}, has an id that is not the SHA-256 of its body.`);
    return { name: named, body };
  });
}

function checked(name, body, schema, introspection) {
  let errors;
  let document;
  try {
    document = parseWithinLimits(body, {}, introspection);
    errors = validate(schema, document);
  } catch (error) {
    errors = [error];
  }
  if (errors.length) throw new BadSetting(`The persisted operation ${name} can't be answered: ${errors[0].message}`);
  return document;
}

/** A document's id: the SHA-256 of its UTF-8. */
function idOf(body) {
  return createHash('sha256').update(body).digest('hex');
}

/**
 * Answer requests by id: Hive's own setting for it, and the plugin for what that does not do.
 *
 * `only` refuses documents that are not registered: from `all`, or from the `anonymous`, which is whoever has no token of
 * the organisation's, since anybody can have a resident's. What is registered may also be sent whole. A document that
 * comes with an id must be the one that the id stands for, or the two ends mean different things.
 */
export function persisted(operations, only) {
  const byId = new WeakMap(); // the operation of each request whose document came from here, by its context
  const isFree = (caller) => only === 'off' || (only === 'anonymous' && caller.subject !== undefined);

  const documents = {
    allowArbitraryDocuments: true, // the plugin decides: it knows who asks, and finds what is registered also by its text
    skipDocumentValidation: true, // done at the start
    extractPersistedOperationId: askedId,
    getPersistedOperation(id, _request, context) {
      const asked = operations.get(id);
      if (asked) byId.set(context, asked);
      return asked?.body; // as text: the Rust planner reads what the engine took for the source
    },
    customErrors: {
      notFound: () => refusal('NOT_FOUND', 404, 'No persisted operation has this id here; they are registered with the installation, not by sending them.', 'documentId'),
      keyNotFound: () => refusal('INVALID_INPUT', 400, 'Send a document as "query", or the id of a persisted operation as "documentId".', 'query'),
    },
  };

  const plugin = {
    onParams({ params, request, context, setParams }) {
      const { documentId, ...rest } = params;
      if (byId.has(context) || typeof params.query !== 'string') return; // what is no string the engine refuses
      const id = askedId(params, request);
      const digest = id !== undefined || !isFree(context.caller) ? idOf(params.query) : undefined;
      if (id !== undefined && id !== digest) throw refusal('INVALID_INPUT', 400, 'The id is not the SHA-256 of the document beside it.', 'documentId');
      if (!isFree(context.caller) && !operations.has(digest)) throw refusal('FORBIDDEN', 403, 'Only persisted operations are answered here: send one by its "documentId".');
      if (documentId !== undefined) setParams(rest); // the engine knows no such parameter
    },
    onParse({ context, setParsedDocument }) {
      const asked = byId.get(context);
      if (asked) setParsedDocument(asked.document);
    },
  };

  return { documents, plugin };
}

/**
 * The id that a request names, in the form of GraphQL over HTTP's draft for persisted documents or of Apollo's
 * extension; undefined for none. The engine's own reading of a GET knows no documentId.
 */
function askedId(params, request) {
  const given = params.documentId ?? params.extensions?.persistedQuery?.sha256Hash ?? inAddress(request);
  if (given === undefined || given === null) return undefined;
  const id = typeof given === 'string' ? ID.exec(given)?.[1] : undefined;
  if (id === undefined) throw refusal('INVALID_INPUT', 400, 'The id of a persisted operation is "sha256:" and 64 hexadecimal digits in lower case.', 'documentId');
  return id;
}

function inAddress({ method, url }) {
  const start = method === 'GET' ? url.indexOf('?') : -1;
  return start < 0 ? undefined : (new URLSearchParams(url.slice(start)).get('documentId') ?? undefined);
}

function refusal(code, status, message, field) {
  return new GraphQLError(message, { extensions: { code, ...(field && { field }), http: { status } } });
}
