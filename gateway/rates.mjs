import { Recent } from './recent.mjs';

const KEYS = 50_000; // per door: 9 MB when all are in use
const MINUTE = 60_000;
const FORGOTTEN_AFTER = 24 * 60 * MINUTE;

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
 * from `first` to `longest` seconds. A success forgets them, and so does a day without one.
 *
 * Attempts that are not answered yet count as failures, except a single one: whoever asks many times at once learns no
 * more than by asking in turn. Each `begin` must be followed by one `end` with the same number of attempts.
 */
export function createLockout({ free, first, longest }) {
  const keys = new Recent(KEYS);
  const current = (key, now) => {
    const known = keys.get(key);
    return known && (known.pending || now < known.at + FORGOTTEN_AFTER) ? known : { failures: 0, pending: 0, until: 0, at: now };
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
    end(key, attempts, { failed, succeeded }, now) {
      const known = current(key, now);
      const pending = Math.max(0, known.pending - attempts);
      const failures = (succeeded ? 0 : known.failures) + failed;
      const over = failed ? failures - free : 0;
      const until = over > 0 ? now + 1000 * Math.min(longest, first * 2 ** (over - 1)) : known.until;
      if (failures || pending) keys.set(key, { failures, pending, until, at: now });
      else keys.delete(key);
    },
  };
}
