/** One JSON line per event on stdout. Callers pass names, counts and ids: never tokens, headers, variables or answers. */
export function log(level, event, fields = {}) {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, service: 'gateway', event, ...fields })}\n`);
}

/** What libraries print becomes a line too: their sentence alone, for what they print beside it may quote a client. */
export function logConsole() {
  for (const name of ['error', 'warn', 'info', 'log', 'debug']) console[name] = (sentence) => log('warning', 'a library says', { sentence: String(sentence).slice(0, 200) });
}
