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

/** A context of its own, for what has no page to complain about. */
export const newContext = (options) => browser.newContext({ baseURL: base, ...options });

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

/** A call as the console's snapshot holds it. */
const fake = (n) => ({
  call: `outbound-${n.toString(16).padStart(12, '0')}`,
  phase: 'conversing',
  phase_since: '2026-11-22T10:00:00.000Z',
  phone_number: `+1555${String(1_000_000 + n)}`,
  name: `Customer ${n}`,
  language: 'en',
  emotion: 'Calm',
  escalation_enabled: true,
  placed_at: '2026-11-22T10:00:00.000Z',
  phases: [],
  legs: [],
  escalation: null,
  attempts: [],
  briefing: null,
  transcript: [],
  hold_music: false,
  degraded: false,
  claimed_by: null,
  taken_over_by: null,
  listeners: [],
  acts: [],
  timings: [],
  end: null,
  seq: 1,
});

/** Puts 200 calls before a page, and 50 events a second, in the server's place. */
export async function busyBoard(page) {
  await page.routeWebSocket(/ws\/console/, (socket) => {
    let seq = 1;
    socket.send(JSON.stringify({ type: 'snapshot', seq, calls: Array.from({ length: 200 }, (_, n) => fake(n + 1)) }));
    const timer = setInterval(() => {
      seq += 1;
      const at = new Date().toISOString();
      const call = fake((seq % 200) + 1).call;
      const utterance = { side: 'call', speaker: 'customer', utterance: seq, text: `Line ${seq}`, final: true, interrupted: false };
      const event = { seq, call, at, type: 'utterance', ...utterance, started_at: at, ended_at: at };
      socket.send(JSON.stringify({ type: 'event', event }));
    }, 20);
    timer.unref();
    socket.onClose(() => clearInterval(timer));
  });
}

/** Types into the console's field; gives from each key to the frame that shows the board as asked, in ms, sorted. */
export const inputToPaint = (page, keys) =>
  page.evaluate(async (keys) => {
    const field = document.querySelector('#console-q');
    const texts = ['Customer 7', 'Customer 77', 'Customer 7', '', 'Customer 1', '', 'Customer 20', ''];
    const times = [];
    for (let n = 0; n < keys; n += 1) {
      const begun = performance.now();
      field.value = texts[n % texts.length];
      field.dispatchEvent(new InputEvent('input', { bubbles: true }));
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      times.push(performance.now() - begun);
      await new Promise((done) => setTimeout(done, 100));
    }
    return times.sort((a, b) => a - b);
  }, keys);
