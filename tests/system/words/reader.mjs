// Reads the documentation's site in Chromium, as opened files: `node reader.mjs SITE WORD PAGE…`. Nothing else is let through.
// PICTURES names the folder for the documentation's pictures, when they are asked for.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [, , site, word, ...pages] = process.argv;
const PATIENCE = 15_000;

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, chromiumSandbox: process.getuid() !== 0 });
const complaints = [];
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.route(
    (url) => !['file:', 'blob:', 'data:'].includes(url.protocol),
    (route) => {
      complaints.push(`a request went out to ${route.request().url()}`);
      return route.abort();
    },
  );
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
  for (const name of pages) {
    await page.goto(pathToFileURL(`${site}/${name}`).href);
    // A diagram that was drawn is a box with a closed inside in the place of its text.
    await page.waitForFunction(() => !document.querySelector('pre.mermaid') && document.querySelector('div.mermaid'));
  }
  await page.goto(pathToFileURL(`${site}/index.html`).href);
  await page.locator('button.md-search__button').click();
  await page.keyboard.type(word);
  await page.getByText(/^\d+ results?$/).waitFor();
  console.log((await page.getByText(/^\d+ results?$/).innerText()).split(' ')[0]);
  if (process.env.PICTURES) await pictureOfTheCatalogue();
  assert.deepEqual(complaints, []);
} catch (error) {
  error.message = [error.message, ...complaints].join('\n');
  throw error;
} finally {
  await browser.close();
}

async function pictureOfTheCatalogue() {
  const shown = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  await shown.goto(`${pathToFileURL(`${site}/events/petition-dispatch.html`).href}#work_orderassigned`);
  await shown.evaluate(() => document.fonts.ready);
  await shown.screenshot({ path: join(process.env.PICTURES, 'catalogue.png'), animations: 'disabled', caret: 'hide' });
}
