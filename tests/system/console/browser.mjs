// Uses the console in Chromium as a person does: `node browser.mjs SCENARIO`. Nothing beyond the console's own origin is let through.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

import { SCENARIOS } from './scenarios.mjs';

const { CONSOLE, CHROMIUM, PICTURES, KEPT } = process.env;
const SIZE = { width: 1280, height: 800 };
const PATIENCE = 15_000;

const [, , name] = process.argv;
const scenario = SCENARIOS[name];
assert.ok(scenario, `There is no scenario "${name}".`);

const browser = await chromium.launch({ executablePath: CHROMIUM, chromiumSandbox: process.getuid() !== 0 });
const complaints = [];
const pages = [];
const tolerated = [];
try {
  await scenario.play({ opened, picture, tolerate: (pattern) => tolerated.push(pattern) });
  assert.deepEqual(complaints, []);
} catch (error) {
  await keep(error);
  throw error;
} finally {
  await browser.close();
}

/** The console in a fresh browser whose language is `locale`; the domain's day is the browser's. */
async function opened({ locale = 'zh-CN', path = '/', at } = {}) {
  const context = await browser.newContext({ viewport: SIZE, locale, timezoneId: 'Asia/Shanghai', reducedMotion: 'reduce' });
  context.setDefaultTimeout(PATIENCE);
  await context.route(
    (url) => url.origin !== CONSOLE,
    (route) => {
      complaints.push(`a request went out to ${route.request().url()}`);
      return route.abort();
    },
  );
  await context.addInitScript(() => document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  const page = await context.newPage();
  pages.push(page);
  page.on('pageerror', (error) => complaints.push(`the page failed: ${error.stack}`));
  page.on('websocket', (socket) => new URL(socket.url()).host === new URL(CONSOLE).host || complaints.push(`a WebSocket went out to ${socket.url()}`));
  page.on('console', (message) => {
    const said = message.text();
    if (['error', 'warning'].includes(message.type()) && !tolerated.some((pattern) => pattern.test(said))) complaints.push(`the browser's console: ${said}`);
  });
  if (at) await page.clock.install({ time: new Date(at) }); // which goes on from there: the editor waits for time to pass
  await page.goto(CONSOLE + path);
  await page.locator('.operations button').first().waitFor();
  return page;
}

/** A picture for the documentation, when they are asked for. */
async function picture(page, file) {
  if (!PICTURES) return;
  await mkdir(PICTURES, { recursive: true });
  await page.mouse.move(SIZE.width - 1, SIZE.height - 1);
  await page.evaluate(() => document.activeElement?.blur());
  await page.screenshot({ path: join(PICTURES, `${file}.png`), animations: 'disabled', caret: 'hide' });
}

async function keep(error) {
  await mkdir(KEPT, { recursive: true });
  await writeFile(join(KEPT, 'error.txt'), `${error.stack}\n${complaints.join('\n')}\n`);
  for (const [index, page] of pages.entries()) {
    await page.screenshot({ path: join(KEPT, `page-${index}.png`) }).catch(() => {});
    await writeFile(join(KEPT, `page-${index}.html`), await page.content().catch(() => ''));
  }
}
