// The pictures of the README, taken of a running Warmline with fresh data:
//   mkdir -p docs/pages && cd end2end && BASE_URL=http://127.0.0.1:8000 node --test shots.js

import { test } from 'node:test';
import { join } from 'node:path';
import { hydrated, newContext, place, until, untilPhase } from './lib.js';

const folder = process.env.OUT ?? '../docs/pages';

/** One picture, light and dark. */
async function shot(name, path, { width = 1280, height = 860 } = {}) {
  for (const colorScheme of ['light', 'dark']) {
    const context = await newContext({ colorScheme, viewport: { width, height }, permissions: ['notifications'] });
    const page = await context.newPage();
    await page.goto(path);
    await hydrated(page);
    await page.waitForFunction(() => document.querySelector('#link').textContent.includes('live'));
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) });
    await context.close();
  }
}

test('pictures', { timeout: 240_000 }, async () => {
  const grace = await place('+15550100004', 'Grace Hopper');
  await until(grace, 'the end', (v) => v.end);
  const ada = await place('+15550100001', 'Ada Lovelace');
  await untilPhase(ada, 'conversing');
  await place('+15550100004', 'Mary Somerville');
  await untilPhase(ada, 'briefing');
  await shot('console', '/console');
  await shot('phone-sized', `/call/${ada}`, { width: 390, height: 844 });
  await until(ada, 'the end', (v) => v.end);
  await shot('call', `/call/${ada}`, { height: 1180 });
  await shot('form', '/');
  await shot('history', '/history');
  await shot('setup', '/setup');
});
