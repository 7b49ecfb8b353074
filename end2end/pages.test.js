// Every page: accessible, in light and dark, on a phone; the history and the set-up page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { CALL, act, base, hydrated, open, place, until, untilPhase, view, withPage } from './lib.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds that is serious or worse. */
async function findings(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  const serious = violations.filter((v) => ['serious', 'critical'].includes(v.impact));
  return serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(' | ')}`);
}

/** A call that has been talked on and has ended. */
async function ended() {
  const call = await place('+15550100001', 'Grace Hopper');
  await until(call, 'the customer has spoken', (v) => v.transcript.some((l) => l.speaker === 'customer' && l.final));
  await act(call, 'hangup');
  return call;
}

test('no page has a serious accessibility finding, in light and dark, wide and on a phone', { timeout: CALL }, async () => {
  const call = await ended();
  for (const colorScheme of ['light', 'dark']) {
    for (const viewport of [{ width: 1380, height: 900 }, { width: 390, height: 844 }]) {
      await withPage(`axe-${colorScheme}-${viewport.width}`, { colorScheme, viewport }, async (page) => {
        for (const path of ['/', '/console', `/console?call=${call}`, `/call/${call}`, '/history', '/phone', '/phone?number=%2B15550100188', '/setup']) {
          await open(page, path);
          assert.deepEqual(await findings(page), [], `${path}, ${colorScheme}, ${viewport.width}`);
          const { wide, window } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, window: innerWidth }));
          assert.ok(wide <= window, `${path} is ${wide} px wide in a window of ${window}`);
        }
      });
    }
  }
});

test('the history answers what happened and why, before and after hydration', { timeout: CALL }, async () => {
  const call = await ended();
  const said = (await view(call)).transcript.find((l) => l.speaker === 'customer' && l.final).text;
  const word = said.match(/[A-Za-z]{5,}/)[0];
  await withPage('history-plain', { javaScriptEnabled: false }, async (page) => {
    await page.goto(`/history?q=${word.toUpperCase()}`);
    assert.match(await page.textContent(`[data-call="${call}"]`), /Grace Hopper/);
    assert.match(await page.textContent(`[data-call="${call}"]`), /Ended from the console/);
    assert.match((await page.textContent(`[data-call="${call}"] mark`)).toLowerCase(), new RegExp(word.toLowerCase()));
  });
  await withPage('history', {}, async (page) => {
    await open(page, '/history');
    await page.selectOption('[name=reason]', 'voicemail');
    await page.waitForURL(/reason=voicemail/);
    await page.waitForSelector(`[data-call="${call}"]`, { state: 'detached' });
    await page.goto('/history?reason=operator_hung_up');
    await hydrated(page);
    const csv = await (await page.request.get('/calls/export?format=csv&reason=operator_hung_up')).text();
    assert.match(csv.split('\n')[0], /^call,placed_at,phone_number/);
    assert.ok(csv.includes(call) && csv.includes('operator_hung_up'));
    const json = await (await page.request.get('/calls/export?format=json&reason=operator_hung_up')).json();
    assert.ok(json.some((c) => c.call === call));
    await page.click(`[data-call="${call}"] a`);
    await page.waitForURL(`${base}/call/${call}`);
    assert.match(await page.textContent('#ending'), /Ended from the console/);
    assert.match(await page.textContent('#timeline'), /hung up/);
    const bundle = await (await page.request.get(`/calls/${call}/bundle`)).json();
    assert.equal(bundle.events.at(-1).type, 'call_ended');
  });
});

test('the set-up page shows the doctor and tests this browser', { timeout: 60_000 }, () =>
  withPage('setup', { permissions: ['microphone', 'notifications'] }, async (page) => {
    await open(page, '/setup');
    await page.waitForSelector('#report:has-text("Store")', { timeout: 20_000 });
    assert.match(await page.textContent('#report'), /Calls can be placed/);
    const tests = page.locator('#browser-checks button');
    for (let n = 0; n < (await tests.count()); n += 1) await tests.nth(n).click();
    await page.waitForFunction(() => !/not tested/i.test(document.querySelector('#browser-checks').textContent), null, { timeout: 20_000 });
  }),
);

test('a page that came before its program can be used', () =>
  withPage('before-wasm', {}, async (page) => {
    await page.route(/\.wasm$/, () => {});
    await page.goto('/');
    await page.fill('#phone_number', '+15550100017');
    await page.fill('[name=name]', 'Early Bird');
    await page.click('#place');
    await page.waitForURL(/\/call\/outbound-/);
    assert.match(await page.textContent('h1'), /Early Bird/);
    await untilPhase(page.url().split('/').pop(), 'ended');
  }),
);

test('pages follow each other, and back again', { timeout: 60_000 }, () =>
  withPage('walk', {}, async (page) => {
    /** That page is shown, and live; whether it was loaded anew. */
    const shows = async (path, title, anew) => {
      await page.waitForURL((url) => url.pathname + url.search === path);
      await hydrated(page);
      await page.waitForFunction((title) => document.title === title, title);
      assert.equal(await page.locator('nav [aria-current=page]').getAttribute('href'), path.split('?')[0]);
      assert.equal(await page.evaluate(() => !globalThis.stayed), anew, `${path} loaded anew`);
      await page.evaluate(() => (globalThis.stayed = true));
    };
    await open(page, '/');
    await shows('/', 'Warmline', true);
    await page.click('#nav-console');
    await shows('/console', 'Console · Warmline', false);
    await page.click('text="Ended"');
    await shows('/console?show=ended', 'Console · Warmline', false);
    await page.goBack();
    await shows('/console', 'Console · Warmline', false);
    await page.goBack();
    await shows('/', 'Warmline', false);
    // These are another program's.
    await page.click('#nav-history');
    await shows('/history', 'History · Warmline', true);
    await page.selectOption('select[name=phase]', 'ended');
    await shows('/history?phase=ended', 'History · Warmline', false);
    await page.click('#nav-phone');
    await shows('/phone', 'Phone · Warmline', false);
    await page.goBack();
    await shows('/history?phase=ended', 'History · Warmline', false);
    await page.waitForFunction(() => document.querySelector('select[name=phase]').value === 'ended');
    await page.goBack();
    await shows('/history', 'History · Warmline', false);
    await page.goBack();
    await shows('/', 'Warmline', true);
  }));
