import assert from 'node:assert/strict';

const THE_DAY = '2026-11-24T10:00:00+08:00'; // the day of the test district

const operation = (page, title) => page.locator('.operations button').filter({ has: page.getByText(title, { exact: true }) });
const run = (page) => page.getByRole('button', { name: /^▶/ }).click();
const who = (page) => page.locator('.identity select');
const answer = (page) => page.locator('.answer .cm-content');

/** Choose a ready operation and run it; the answer's text. */
async function ran(page, title) {
  await operation(page, title).click();
  await page.getByRole('tab', { name: title, exact: true, selected: true }).waitFor();
  await run(page);
  return answered(page);
}

async function answered(page) {
  await page.locator('.state', { hasText: 'HTTP 200' }).waitFor();
  assert.deepEqual(await page.locator('.refusal').allTextContents(), []);
  return answer(page).innerText();
}

async function be(page, user) {
  await who(page).selectOption(user);
}

export const SCENARIOS = {
  'every ready operation runs in its order': {
    async play({ opened, picture }) {
      const page = await opened({ at: THE_DAY });
      const titles = await page.locator('.operations b').allTextContents();
      assert.ok(titles.length >= 15, titles.join());
      const requests = [];
      const followed = [];
      page.on('request', (request) => request.url().endsWith('/graphql') && requests.push(request));
      for (const title of titles) {
        await operation(page, title).click();
        await page.getByRole('tab', { name: title, exact: true, selected: true }).waitFor();
        const shown = await page.locator('.asking .cm-content').first().innerText();
        await run(page);
        if (shown.includes('subscription ')) {
          await page.locator('.entries li').first().waitFor();
          followed.push([title, await page.locator('.entries li').count()]);
          continue; // it goes on while the others run
        }
        const said = await answered(page);
        assert.ok(said.includes('"data"'), `${title}: ${said}`);
      }
      assert.equal(followed.length, 2);
      for (const [title, before] of followed) {
        await page.getByRole('tab', { name: title, exact: true }).click();
        await page.locator('.entries li').nth(before).waitFor();
        await page.getByRole('button', { name: '停止' }).click();
        await page.getByText('订阅已结束').waitFor();
      }
      assert.match(await ran(page, '我的诉求办到哪一步'), /"已办结"|"EVALUATE"|"民评"/);
      await picture(page, 'console-petition');
      const positions = requests.map((request) => request.headers()['read-after']).filter(Boolean);
      assert.ok(new Set(positions).size > 5, 'the last position goes with what follows');
      const code = await page.locator('.in-hand code').innerText();
      assert.match(code, /^[0-9A-Z-]{8,}$/);
      await page.getByRole('tab', { name: '请求头' }).click();
      const headers = await page.locator('.headers').innerText();
      assert.match(headers, /Authorization\s+Bearer ey/);
      assert.match(headers, /Read-After/);
    },
  },

  'a petition is followed live while others work on it': {
    async play({ opened, picture }) {
      const page = await opened({ locale: 'en-GB', at: THE_DAY });
      await ran(page, 'File a petition');
      await operation(page, 'Follow it live (subscription)').click();
      await run(page);
      await page.locator('.state.live').waitFor();
      await page.locator('.entries li', { hasText: 'Submitted' }).waitFor();
      assert.equal(await page.locator('.entries li').count(), 1);
      for (const title of ['Accept it', 'Screen it: listen, look, deliberate', 'Hand it over']) await ran(page, title);
      await page.getByRole('tab', { name: 'Follow it live (subscription)' }).click();
      await page.locator('.entries li', { hasText: 'Handed over' }).first().waitFor();
      await picture(page, 'console-live');
      await page.getByRole('button', { name: 'Stop' }).click();
      const stopped = await page.locator('.entries li').count();
      await ran(page, 'The order, and who is suggested');
      await ran(page, 'Assign it');
      await page.getByRole('tab', { name: 'Follow it live (subscription)' }).click();
      await page.getByText('The subscription has ended').waitFor();
      assert.equal(await page.locator('.entries li').count(), stopped);
    },
  },

  'a connection that breaks is made again, and nothing is shown twice': {
    async play({ opened }) {
      const page = await opened({ locale: 'en-GB', at: THE_DAY });
      const sockets = [];
      await page.routeWebSocket(/\/graphql$/, (socket) => {
        socket.connectToServer();
        sockets.push(socket);
      });
      await page.reload();
      await ran(page, 'File a petition');
      await ran(page, 'Accept it');
      await operation(page, 'Follow it live (subscription)').click();
      await run(page);
      const entries = page.locator('.entries li');
      await entries.filter({ hasText: '"label": "Accepted"' }).waitFor();
      await sockets[0].close({ code: 1011, reason: 'broken' });
      await page.locator('.state.again').waitFor();
      await page.locator('.state.live').waitFor();
      assert.equal(sockets.length, 2);
      await ran(page, 'Screen it: listen, look, deliberate');
      await page.getByRole('tab', { name: 'Follow it live (subscription)' }).click();
      await entries.filter({ hasText: '"label": "Deliberated"' }).waitFor();
      const labels = (await entries.allInnerTexts()).map((text) => /"label": "(.+)"/.exec(text)[1]);
      assert.deepEqual(labels, ['Submitted', 'Accepted', 'Listened', 'Looked', 'Deliberated']);
    },
  },

  'a refusal says in words what was refused, and another role is let in': {
    async play({ opened, picture, tolerate }) {
      tolerate(/status of 40[13]/);
      const page = await opened({ locale: 'en-GB', at: THE_DAY });
      await ran(page, 'File a petition');
      await operation(page, 'Accept it').click();
      assert.equal(await who(page).inputValue(), 'street_committee');
      await be(page, 'department');
      await run(page);
      const refusal = page.getByRole('alert');
      await refusal.waitFor();
      assert.match(await refusal.innerText(), /FORBIDDEN not for this role/);
      await picture(page, 'console-refusal');
      await be(page, 'street_committee.dewu');
      await run(page);
      await page.getByText('NOT_FOUND', { exact: true }).waitFor();
      await be(page, 'street_committee');
      await run(page);
      assert.match(await answered(page), /"state": "ACCEPTED"/);
      await ran(page, 'Who am I');
      assert.match(await answer(page).innerText(), /demo-street-committee/);
      await be(page, '');
      await run(page);
      await page.locator('.answer').getByText('"anyone"').first().waitFor();
    },
  },

  'it speaks the language of the browser, and the other when it is told to': {
    async play({ opened }) {
      const page = await opened({ locale: 'zh-CN' });
      assert.equal(await page.title(), '直通车控制台');
      await operation(page, '我是谁').click();
      const query = page.locator('.asking .cm-content').first();
      await query.getByText('令牌说了什么').waitFor();
      await page.getByRole('button', { name: 'English' }).click();
      assert.equal(await page.title(), 'Through Train console');
      assert.equal(await page.locator('html').getAttribute('lang'), 'en');
      await query.getByText('What the token says').waitFor();
      await page.getByRole('button', { name: 'Run' }).waitFor();
      assert.doesNotMatch(await chrome(page), /[一-鿿]/);
      await query.press('ControlOrMeta+End');
      await page.keyboard.type('# mine');
      await page.getByRole('button', { name: '中文' }).click();
      await page.getByRole('button', { name: '运行' }).waitFor();
      assert.match(await query.innerText(), /What the token says[^]*# mine/, 'what one has written stays');
      await page.getByRole('button', { name: 'English' }).click();
      await page.reload();
      await operation(page, 'Who am I').waitFor();
      const other = await opened({ locale: 'fr-FR' });
      assert.equal(await other.title(), 'Through Train console');
    },
  },

  'a token that has ended is replaced by itself': {
    async play({ opened }) {
      const page = await opened({ locale: 'en-GB' });
      const given = [];
      page.on('request', (request) => request.url().endsWith('/console/token') && given.push(request.postDataJSON().user));
      await ran(page, 'Who am I');
      await run(page);
      await answered(page);
      assert.deepEqual(given, ['street_committee']);
      await page.clock.install({ time: Date.now() + 12 * 3_600_000 });
      await run(page);
      await page.getByText('demo-street-committee').waitFor();
      assert.deepEqual(given, ['street_committee', 'street_committee']);
    },
  },

  'the documentation is searched and walked through, and the keyboard is enough': {
    async play({ opened, picture }) {
      const page = await opened({ locale: 'zh-CN', at: THE_DAY });
      await page.getByRole('tab', { name: '文档' }).click();
      await page.getByRole('button', { name: 'Query', exact: true }).waitFor();
      await page.getByRole('searchbox').fill('handling');
      await page.getByRole('button', { name: 'Petition.handling', exact: true }).click();
      await page.locator('.field.marked', { hasText: 'handling' }).waitFor();
      await picture(page, 'console-documentation');
      await page.locator('.field.marked').getByRole('button', { name: 'Handling' }).click();
      await page.locator('.crumbs', { hasText: 'Handling' }).waitFor();
      await page.getByRole('button', { name: /返回/ }).click();
      await page.locator('.crumbs', { hasText: 'Petition' }).waitFor();

      await page.getByRole('button', { name: '新建标签页' }).click();
      const query = page.locator('.asking .cm-content').first();
      await query.focus();
      await page.keyboard.type('{ chan');
      await page.locator('.cm-tooltip-autocomplete', { hasText: 'channels' }).waitFor();
      await page.waitForTimeout(300); // for 75 ms the editor takes no answer to a list that has just opened
      await page.keyboard.press('Enter');
      await page.keyboard.type(' { id }');
      await page.keyboard.press('Control+Enter');
      assert.match(await answered(page), /"household-chat"/);
      await query.focus();
      await page.keyboard.press('Tab');
      assert.notEqual(await page.evaluate(() => document.activeElement?.className), await query.getAttribute('class'));
    },
  },
};

/** The words of the interface, without the editors' and without names that are in the other language on purpose. */
async function chrome(page) {
  const all = await page.locator('header, .side, .tabs, .run, .status, .choice').allInnerTexts();
  return all.join('\n').replace('中文', '');
}
