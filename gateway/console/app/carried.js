/**
 * What earlier answers leave for later operations: the petition in hand, its order, its resident's code and secret, and
 * the position of the last change. Variables name them as "$petition" and so on.
 */
const KEY = 'carried';

export function keptBefore() {
  return JSON.parse(sessionStorage.getItem(KEY) ?? '{}');
}

export function keep(carried) {
  sessionStorage.setItem(KEY, JSON.stringify(carried));
}

/** `carried` with what an answer adds: what the operation says to remember, and the position that a mutation returned. */
export function remembering(carried, data, remembers = []) {
  if (!data) return carried;
  const found = remembers.map((one) => one.split(' as ')).map(([path, name]) => [name, at(data, path)]);
  const position = Object.values(data).map((field) => field?.position).findLast((one) => typeof one === 'string');
  return { ...carried, ...Object.fromEntries([...found, ['position', position]].filter(([, value]) => value != null)) };
}

/** The text of variables with every "$name" that is known put in. */
export function filled(text, carried, language) {
  const known = { ...carried, ...ofToday(), locale: language === 'zh' ? 'zh-CN' : 'en' };
  return text.replace(/"\$(\w+)"/g, (whole, name) => (known[name] == null ? whole : JSON.stringify(known[name])));
}

/** The names that are still to be put in. */
export function missing(text) {
  return [...new Set([...text.matchAll(/"\$(\w+)"/g)].map(([, name]) => name))];
}

function at(data, path) {
  return path.split('.').reduce((value, key) => value?.[key], data);
}

function ofToday() {
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  return { monthAgo: day(-30), tomorrow: day(1) };
}
