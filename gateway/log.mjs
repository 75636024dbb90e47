/** One JSON line per event on stdout. Callers pass names, counts and ids: never tokens, headers, variables or answers. */
export function log(level, event, fields = {}) {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, service: 'gateway', event, ...fields })}\n`);
}
