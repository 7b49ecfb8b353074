// What the browser tests share: one Chromium a file, a page that must complain of nothing, and calls.
//
//   BASE_URL   where Warmline answers            CHROMIUM   the browser's program
//   CUSTOMER   a number whose persona asks for a human (default +15550100001)
//   SHOTS      a folder for screenshots of what failed

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const base = process.env.BASE_URL ?? 'http://127.0.0.1:8000';
export const customer = process.env.CUSTOMER ?? '+15550100001';
/** A whole call, spoken at the speed of speech. */
export const CALL = 180_000;

let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
    ],
  });
});

after(() => browser?.close());

/** Opens a page, gives it to `use`, and expects that it complained of nothing. */
export async function withPage(name, options, use) {
  const context = await browser.newContext({ baseURL: base, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    // A refused action is shown in the page as well; the browser notes every status of 400 and more.
    const refused = message.text().startsWith('Failed to load resource');
    if (['error', 'warning'].includes(message.type()) && !refused) complaints.push(message.text());
  });
  try {
    await use(page);
    assert.deepEqual(complaints, [], 'the browser complained');
  } catch (error) {
    if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: true });
    throw error;
  } finally {
    await context.close();
  }
}

export const hydrated = (page) =>
  page.waitForSelector('html[data-hydrated]', { state: 'attached', timeout: 30_000 });

/** Opens an address and waits until the page is live. */
export async function open(page, path) {
  await page.goto(path);
  await hydrated(page);
  await page.waitForFunction(() => document.querySelector('#link').textContent.includes('live'));
}

export const calls = async (page) => (await (await page.request.get('/calls')).json()).calls.map((c) => c.call);

/** Hangs up, so that the next test starts from silence. */
export async function endCall(page) {
  await page.click('#hangup');
  await page.waitForSelector('#ending', { timeout: 20_000 });
}

/** Places a call over REST; gives its id. */
export async function place(number = customer, name = 'Ada Lovelace') {
  const answer = await fetch(`${base}/calls/outbound-with-escalation`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ phone_number: number, name }),
  });
  return (await answer.json()).details.call_id;
}

export const view = async (call) => (await fetch(`${base}/calls/${call}`)).json();

/** Acts over REST; gives the answer's status and body. */
export async function act(call, action, body = {}, as = 'test') {
  const answer = await fetch(`${base}/calls/${call}/${action}?as=${encodeURIComponent(as)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: await answer.json() };
}

/** Waits until a call looks like that; gives it as it is then. Fails when the call ends before. */
export async function until(call, what, fits) {
  const late = Date.now() + CALL;
  while (Date.now() < late) {
    const now = await view(call);
    if (fits(now)) return now;
    if (now.end) throw new Error(`the call ended before '${what}': ${JSON.stringify(now.end)}`);
    await new Promise((next) => setTimeout(next, 100));
  }
  throw new Error(`'${what}' did not come`);
}

export const untilPhase = (call, phase) => until(call, phase, (v) => v.phase === phase);

/** A call whose customer has answered and which an operator has escalated: the short way to a supervisor. */
export async function escalated(number = '+15550100007', name = 'Ada Lovelace') {
  const call = await place(number, name);
  await untilPhase(call, 'conversing');
  assert.equal((await act(call, 'escalate', { reason: 'a refund' })).status, 200);
  return call;
}
