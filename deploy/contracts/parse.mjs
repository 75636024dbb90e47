// Holds an AsyncAPI document against the specification with its makers' own parser: `node parse.mjs DOCUMENT`.
// Prints a JSON list of what the parser says, each with its severity, place and sentence; ends with 1 at an error.
import { readFile } from 'node:fs/promises';
import { Parser } from '@asyncapi/parser';

const SEVERITIES = ['error', 'warning', 'information', 'hint'];

const [, , file] = process.argv;
const { diagnostics } = await new Parser().parse(await readFile(file, 'utf8'));
const said = diagnostics.map(({ severity, code, message, path }) => ({ severity: SEVERITIES[severity], code, place: path.join('/'), message }));
console.log(JSON.stringify(said, null, 2));
process.exitCode = said.some(({ severity }) => severity === 'error') ? 1 : 0;
