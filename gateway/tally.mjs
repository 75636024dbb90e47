/** Counts what is open, per key and in all. `take(key)` returns the function that gives it back, or undefined above a limit. */
export function createTally({ perKey, inAll }) {
  const open = new Map();
  let all = 0;

  return {
    take(key) {
      const count = open.get(key) ?? 0;
      if (count >= perKey || all >= inAll) return undefined;
      open.set(key, count + 1);
      all += 1;
      let given = false;
      return () => {
        if (given) return;
        given = true;
        all -= 1;
        const left = open.get(key) - 1;
        if (left) open.set(key, left);
        else open.delete(key);
      };
    },
  };
}
