import { isIP } from 'node:net';

import { log } from './log.mjs';

/**
 * Returns a function that gives the address that a request came from.
 *
 * `proxies` says how many trusted proxies stand before the gateway: each adds at the right of X-Forwarded-For whom it
 * heard from, so the client is the one that many from the right, and what stands left of it was the client's to invent.
 * With none the header is not read, which is said once: behind a proxy that is not counted everybody is one caller.
 */
export function createAddressing(proxies) {
  let said = false;

  return function clientAddress(req) {
    const peer = plain(req.socket.remoteAddress ?? '');
    const forwarded = req.headers['x-forwarded-for'];
    if (!proxies || !forwarded) {
      if (forwarded && !said) log('warning', 'X-Forwarded-For is not read: GATEWAY_PROXIES is 0');
      said ||= forwarded !== undefined;
      return peer;
    }
    const named = forwarded.split(',').map((one) => one.trim()).filter(Boolean);
    return plain(withoutPort(named.at(-Math.min(proxies, named.length)) ?? '')) || peer;
  };
}

/** What rates go by: an IPv4 address, or the /64 of an IPv6 one, which is what one household or host gets. */
function networkOf(address) {
  if (isIP(address) !== 6) return address;
  const [left, right = ''] = address.split('::');
  const before = left ? left.split(':') : [];
  const after = right ? right.split(':') : [];
  const gap = address.includes('::') ? Array(8 - before.length - after.length).fill('0') : [];
  return `${[...before, ...gap, ...after].slice(0, 4).join(':')}::/64`;
}

/** Who asks, as far as counting goes: from where, and for staff (whom a token names) as whom. */
export function callerAt(address, known) {
  return { network: networkOf(address), subject: known?.subject };
}

/** One spelling per address, and '' for what is none. A new string: a slice would keep the whole header in memory. */
function plain(text) {
  const address = text.replace(/%.*$/, '').replace(/^::ffff:(?=[\d.]+$)/i, '');
  if (isIP(address) === 4) return address.split('.').map(Number).join('.');
  if (isIP(address) === 6) return new URL(`http://[${address}]`).hostname.slice(1, -1).split(':').join(':');
  return '';
}

function withoutPort(text) {
  return /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}
