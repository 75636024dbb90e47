import { Recent } from './recent.mjs';

const KEYS = 50_000; // per door: 9 MB when all are in use
const MINUTE = 60_000;
const FORGIVEN_EVERY = 30 * MINUTE;

/**
 * How often something may happen per key, by limits `{ count, seconds }` that must all be kept.
 *
 * Each limit is a bucket of `count` that refills evenly in `seconds`, kept as the one instant when it is full again.
 * Times are unix ms; waits are ms, 0 for none. Without limits nothing ever waits.
 */
export function createRates(limits) {
  const fullAt = new Recent(KEYS);

  return {
    wait(key, times, now) {
      const known = fullAt.get(key);
      return Math.max(0, ...limits.map((limit, n) => filled(known, n, now) + times * pace(limit) - limit.seconds * 1000 - now));
    },
    take(key, times, now) {
      if (!limits.length) return;
      const known = fullAt.get(key);
      fullAt.set(key, limits.map((limit, n) => filled(known, n, now) + times * pace(limit)));
    },
  };
}

const pace = ({ count, seconds }) => (seconds * 1000) / count;
const filled = (known, n, now) => Math.max(known?.[n] ?? 0, now);

/**
 * Locks a key out after failures: the first `free` cost nothing, each further one locks twice as long as the one before,
 * from `first` to `longest` seconds. Each half an hour without a failure forgives one. A success forgives none: whoever
 * can open one petition of their own could otherwise guess at others for ever.
 *
 * Attempts that are not answered yet count as failures, except a single one: whoever asks many times at once learns no
 * more than by asking in turn. Each `begin` must be followed by one `end` with the same number of attempts.
 */
export function createLockout({ free, first, longest }) {
  const most = 1 + Math.ceil(Math.log2(longest / first)); // failures above `free` that make a difference
  const keys = new Recent(KEYS);
  const current = (key, now) => {
    const { failures, pending, until, at } = keys.get(key) ?? { failures: 0, pending: 0, until: 0, at: now };
    const forgiven = Math.max(0, Math.floor((now - at) / FORGIVEN_EVERY));
    return { failures: Math.max(0, failures - forgiven), pending, until, at: at + forgiven * FORGIVEN_EVERY };
  };

  return {
    wait(key, attempts, now) {
      const { failures, pending, until } = current(key, now);
      if (until > now) return until - now;
      const open = pending + attempts;
      return open > 1 && failures + open > free ? 1000 : 0;
    },
    begin(key, attempts, now) {
      const known = current(key, now);
      keys.set(key, { ...known, pending: known.pending + attempts });
    },
    end(key, attempts, failed, now) {
      const known = current(key, now);
      const pending = Math.max(0, known.pending - attempts);
      const failures = Math.min(known.failures + failed, free + most);
      const over = failed ? failures - free : 0;
      const until = over > 0 ? now + 1000 * Math.min(longest, first * 2 ** (over - 1)) : known.until;
      if (failures || pending) keys.set(key, { failures, pending, until, at: failed ? Math.max(now, until) : known.at });
      else keys.delete(key);
    },
  };
}
