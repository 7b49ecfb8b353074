// What the pages weigh, how soon they answer, how fast they are rendered. 'cargo xtask pages --release' starts it.
//
//   BASE_URL   where Warmline answers            SMOKE   only to see that it runs: the numbers mean nothing

import { Agent, get } from 'node:http';
import { test } from 'node:test';
import { base, busyBoard, inputToPaint, newContext, open, place } from './lib.js';

const smoke = Boolean(process.env.SMOKE);
const at = (times, share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
const ms = (times) => `${at(times, 0.5).toFixed(0)} ms p50, ${at(times, 0.95).toFixed(0)} ms p95`;

/** Bytes of an answer as it travels. */
const weigh = (url, encoding) =>
  new Promise((resolve, reject) => {
    get(url, { headers: { 'accept-encoding': encoding } }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk) => (bytes += chunk.length)).on('end', () => resolve(bytes)).on('error', reject);
    }).on('error', reject);
  });

test('weight of the pages', async () => {
  const call = await place('+15550100017', 'Customer');
  for (const path of ['/', '/console', `/call/${call}`, '/history', '/phone', '/setup']) {
    const context = await newContext();
    const page = await context.newPage();
    const urls = new Set();
    page.on('response', (response) => urls.add(response.url()));
    await open(page, path);
    await context.close();
    const ours = [...urls].filter((url) => url.startsWith(base));
    const bytes = await Promise.all(ours.map((url) => weigh(url, 'br')));
    const sum = (suffix) => bytes.filter((_, n) => ours[n].endsWith(suffix)).reduce((all, one) => all + one, 0) / 1000;
    console.log(`weight of ${path}: ${sum('').toFixed(0)} kB with brotli, ${sum('.wasm').toFixed(0)} of it the program, ${ours.length} files (goal 340 kB)`);
  }
});

test('time to interactive', { timeout: 120_000 }, async () => {
  const times = { cold: [], warm: [] };
  for (let n = 0; n < (smoke ? 1 : 10); n += 1) {
    const context = await newContext();
    await context.addInitScript(() => {
      new MutationObserver((_, self) => {
        if (!document.documentElement?.hasAttribute('data-hydrated')) return;
        globalThis.hydratedAt = performance.now();
        self.disconnect();
      }).observe(document, { subtree: true, childList: true, attributes: true });
    });
    const page = await context.newPage();
    for (const kind of ['cold', 'warm']) {
      await page.goto('/');
      await page.waitForFunction(() => globalThis.hydratedAt);
      times[kind].push(await page.evaluate(() => globalThis.hydratedAt));
    }
    await context.close();
  }
  for (const [kind, all] of Object.entries(times)) console.log(`interactive, ${kind} cache: ${ms(all.sort((a, b) => a - b))}`);
});

test('input response under load', { timeout: 120_000 }, async () => {
  const context = await newContext();
  const page = await context.newPage();
  await busyBoard(page);
  await open(page, '/console');
  await page.waitForFunction(() => document.querySelectorAll('#board > li').length === 200);
  const times = await inputToPaint(page, smoke ? 4 : 80);
  await context.close();
  console.log(`input to paint, 200 calls and 50 events a second: ${ms(times)} (goal 100 ms)`);
});

test('pages a second', { timeout: 120_000 }, async () => {
  // Calls that are over at once, so that there is something to render.
  for (let n = 0; n < (smoke ? 1 : 20); n += 1) await place('+15550100017', `Customer ${n}`);
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const fetchOne = (path) =>
    new Promise((resolve, reject) => get(base + path, { agent }, (a) => a.resume().on('end', resolve).on('error', reject)).on('error', reject));
  for (const path of ['/', '/console', '/history']) {
    const until = performance.now() + (smoke ? 200 : 5_000);
    let pages = 0;
    const begun = performance.now();
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (performance.now() < until) {
          await fetchOne(path);
          pages += 1;
        }
      }),
    );
    console.log(`rendered ${path}: ${((pages / (performance.now() - begun)) * 1000).toFixed(0)} pages a second, 16 at once, asked from the same machine`);
  }
  agent.destroy();
});
