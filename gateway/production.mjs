import { readFileSync } from 'node:fs';

import { isSafeForKeys, madeForDevelopment } from './issuers.mjs';
import { BadSetting } from './settings.mjs';

export const DEVELOPMENT_ISSUER = 'https://through-train.local/development';

/** Refuse at start what only development may have. */
export function refuseInProduction({ environment, issuers, services, console, off }) {
  if (environment !== 'production') return;
  if (console) throw new BadSetting('GATEWAY_CONSOLE must be off in production.');
  if (off.length) throw new BadSetting(`${off[0]} is off, which production refuses: give a figure, or leave it out for the default.`);
  for (const { issuer, jwks } of issuers) {
    if (issuer === DEVELOPMENT_ISSUER) throw new BadSetting('GATEWAY_ISSUERS trusts the development issuer, which production refuses.');
    const address = jwks ?? issuer;
    if (/^http:/.test(address) && !isSafeForKeys(address, environment) && !isIntakesOwn(address, services.intake)) {
      throw new BadSetting(`GATEWAY_ISSUERS takes the keys of "${issuer}" from an http address: production needs https, except from the service at INTAKE_URL.`);
    }
    if (!/^https?:/.test(address)) refuseKeysOfDevelopment(issuer, address);
  }
}

function refuseKeysOfDevelopment(issuer, file) {
  let keys;
  try {
    ({ keys } = JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new BadSetting(`GATEWAY_ISSUERS names ${file} for the keys of "${issuer}", which can't be read (${error.code ?? 'no JSON'}).`);
  }
  if (madeForDevelopment(keys)) throw new BadSetting(`GATEWAY_ISSUERS takes the keys of "${issuer}" from ${file}: they were made for development, which production refuses.`);
}

/**
 * Intake's keys may come in the clear from where intake itself is asked in the clear: who could replace them there could
 * replace intake's answers as well.
 */
function isIntakesOwn(address, intake) {
  return new URL(address).origin === new URL(intake).origin;
}
