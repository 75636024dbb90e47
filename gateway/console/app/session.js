const SOONEST = 60_000; // a token that ends within a minute is replaced before it is used
const OPEN = 'mutation Open($input: OpenPetitionInput!) { openPetition(input: $input) { token expiresInSeconds } }';

export const NOBODY = '';
export const RESIDENT = 'resident';

/** Tokens of whom one is, fetched when they are needed and again when they end. Kept in memory alone. */
export function createSession() {
  const tokens = new Map();

  return {
    /** The token of a demo user, or of the resident of the petition in hand, with its end; undefined for nobody. */
    async tokenOf(user, carried) {
      if (user === NOBODY) return undefined;
      const key = keyOf(user, carried);
      const known = tokens.get(key);
      if (known && known.expires - Date.now() > SOONEST) return known;
      const given = await (user === RESIDENT ? residents(carried) : demo(user));
      tokens.set(key, given);
      return given;
    },
    known: (user, carried) => tokens.get(keyOf(user, carried)),
    /** The gateway refused a token: the next is a new one. */
    forget: (user, carried) => tokens.delete(keyOf(user, carried)),
  };
}

const keyOf = (user, carried) => (user === RESIDENT ? `${RESIDENT} ${carried.trackingCode}` : user);

async function demo(user) {
  return post('/console/token', { user });
}

async function residents({ trackingCode, secret }) {
  const { data, errors } = await post('/graphql', { query: OPEN, variables: { input: { trackingCode, secret } } });
  if (errors) throw new Refusal(errors);
  return { token: data.openPetition.token, expires: Date.now() + data.openPetition.expiresInSeconds * 1000 };
}

/** An answer that is errors alone. */
export class Refusal extends Error {
  constructor(errors) {
    super(errors[0].message);
    this.errors = errors;
  }
}

async function post(path, body) {
  const response = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Refusal(answer.errors);
  return answer;
}
