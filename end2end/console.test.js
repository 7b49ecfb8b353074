// Supervisors at the console: alarms, claims, decisions, listening, taking over, and a connection that is cut.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CALL, act, busyBoard, endCall, escalated, inputToPaint, open, place, until, untilPhase, view, withPage } from './lib.js';

/** Gives the person at a page a name. */
async function sitDown(page, name) {
  await page.click('#me');
  await page.fill('#me-name', name);
  await page.keyboard.press('Enter');
  await page.waitForFunction((name) => document.querySelector('#me').textContent === name, name);
}

/** Loudest sample of a frame of 16-bit audio. */
const loudness = (frame) => {
  let loudest = 0;
  for (let at = 0; at + 1 < frame.length; at += 2) loudest = Math.max(loudest, Math.abs(frame.readInt16LE(at)));
  return loudest;
};

/** The loudest that came and went over a page's sockets at a path. */
function sound(page, path) {
  const heard = { received: 0, sent: 0 };
  page.on('websocket', (socket) => {
    if (!socket.url().includes(path)) return;
    for (const [event, key] of [['framereceived', 'received'], ['framesent', 'sent']]) {
      socket.on(event, ({ payload }) => {
        if (typeof payload !== 'string') heard[key] = Math.max(heard[key], loudness(payload));
      });
    }
  });
  return heard;
}

test('an escalation rings, is claimed by one of two, and the other is told', { timeout: CALL }, () =>
  withPage('claim-ann', {}, (ann) =>
    withPage('claim-bob', {}, async (bob) => {
      await Promise.all([open(ann, '/console'), open(bob, '/console')]);
      await sitDown(ann, 'Ann');
      await sitDown(bob, 'Bob');
      const call = await escalated();
      for (const page of [ann, bob]) {
        await page.waitForSelector('#alerts li:has-text("Ada Lovelace waits for a person")');
        await page.waitForFunction(() => document.title.startsWith('1 waits'));
        assert.equal(await page.getAttribute('link[rel=icon]', 'href'), '/favicon-alert.svg');
      }
      // At once: whoever comes second may find the button gone already.
      await Promise.all([ann, bob].map((page) => page.evaluate(() => document.querySelector('#claim')?.click())));
      const { claimed_by: winner } = await until(call, 'a claim', (v) => v.claimed_by);
      assert.ok(['Ann', 'Bob'].includes(winner));
      const loser = winner === 'Ann' ? bob : ann;
      await loser.waitForFunction((who) => document.querySelector('#people').textContent.includes(`claimed by ${who}`), winner);
      await (winner === 'Ann' ? ann : bob).waitForSelector('#people:has-text("claimed by you")');
      for (const page of [ann, bob]) {
        await page.waitForSelector('#alerts', { state: 'hidden' });
        assert.ok(!(await page.title()).includes('waits'));
      }
      const again = await act(call, 'claim', {}, 'Carl');
      assert.equal(again.status, 409);
      assert.match(again.body.detail, new RegExp(`^${winner} has claimed this call`));
      await act(call, 'hangup');
    }),
  ),
);

test('a decline with its reason reaches the agent, the attempt and the customer', { timeout: CALL }, () =>
  withPage('decline', {}, async (page) => {
    const call = await escalated();
    await open(page, `/console?call=${call}`);
    await page.waitForSelector('#accept', { timeout: CALL });
    await page.fill('#decline-reason', 'in a meeting');
    await page.click('#decline');
    await page.waitForSelector('[data-phase=conversing]');
    const shown = await until(call, 'the agent says why', (v) => v.transcript.some((l) => l.final && /can't take your call/.test(l.text)));
    assert.deepEqual(
      shown.attempts.map((a) => [a.outcome, a.by, a.reason]),
      [['declined', 'console', 'in a meeting']],
    );
    await page.waitForSelector('[aria-label="Transfer attempts"]:has-text("declined: in a meeting")');
    await endCall(page);
    assert.match(await page.textContent('#timeline'), /declined/);
  }),
);

test('by keyboard alone: find the call, claim it, accept it', { timeout: CALL }, () =>
  withPage('keyboard', {}, async (page) => {
    const call = await escalated();
    await open(page, '/');
    await page.keyboard.press('2');
    await page.waitForURL(/\/console/);
    await page.waitForSelector('#claim');
    await page.keyboard.press('c');
    await page.waitForSelector('#people:has-text("claimed by you")');
    await page.waitForSelector('#accept', { timeout: CALL });
    await page.keyboard.press('a');
    await untilPhase(call, 'merged');
    assert.equal((await view(call)).attempts[0].by, 'console');
    await page.keyboard.press('?');
    await page.waitForSelector('#keys-dialog[open]');
    await page.keyboard.press('Escape');
    await page.waitForSelector('#keys-dialog', { state: 'hidden' });
    await page.keyboard.press('x');
    await page.waitForSelector('#ending');
  }),
);

test('a supervisor listens in and everybody sees it', { timeout: CALL }, () =>
  withPage('listen', {}, async (page) => {
    const heard = sound(page, '/ws/listen/');
    const call = await place('+15550100007');
    await untilPhase(call, 'conversing');
    await open(page, `/call/${call}`);
    await page.click('#listen');
    await page.waitForSelector('#voice:has-text("You hear the call")');
    await page.waitForSelector('#people:has-text("you listening")');
    assert.deepEqual((await view(call)).listeners, ['console']);
    await act(call, 'say', { text: 'One moment, please.' });
    await until(call, 'the agent speaks', (v) => v.transcript.some((l) => l.final && l.text.includes('One moment')));
    assert.ok(heard.received > 1000, `the agent can be heard: ${heard.received}`);
    await page.click('#listen');
    await until(call, 'nobody listens', (v) => v.listeners.length === 0);
    await endCall(page);
  }),
);

test('a supervisor takes over with the microphone and gives back', { timeout: CALL }, () =>
  withPage('take-over', { permissions: ['microphone'] }, async (page) => {
    const heard = sound(page, '/ws/take-over/');
    const call = await place('+15550100001');
    await untilPhase(call, 'conversing');
    await open(page, `/call/${call}`);
    await page.click('#take-over');
    await page.waitForSelector('#voice:has-text("You speak with the customer")');
    assert.equal((await until(call, 'taken over', (v) => v.taken_over_by)).taken_over_by, 'console');
    await until(call, 'the customer speaks', (v) => v.transcript.some((l) => l.speaker === 'customer' && l.final));
    assert.ok(heard.received > 1000, `the customer can be heard: ${heard.received}`);
    // The fake microphone beeps each second.
    assert.ok(heard.sent > 1000, `the microphone is sent: ${heard.sent}`);
    const refused = await act(call, 'escalate', {}, 'Bob');
    assert.equal(refused.status, 409);
    assert.match(refused.body.detail, /console speaks with the customer/);
    await page.click('#take-over');
    const after = await until(call, 'the agent answers again', (v) => v.phase === 'on_hold' || v.transcript.some((l) => /the assistant again/.test(l.text)));
    assert.equal(after.taken_over_by, null);
    assert.deepEqual(after.acts.map((a) => a.action), ['take_over', 'give_back']);
    await endCall(page);
  }),
);

test('a connection that is cut in mid-call misses nothing and doubles nothing', { timeout: CALL }, () =>
  withPage('cut', {}, async (page) => {
    let cut;
    let connected = 0;
    await page.routeWebSocket(/ws\/console/, (socket) => {
      connected += 1;
      socket.connectToServer();
      cut = () => socket.close({ code: 4000 });
    });
    const call = await place();
    await open(page, `/call/${call}`);
    await untilPhase(call, 'conversing');
    await cut();
    await page.waitForFunction(() => document.querySelector('#link').textContent.includes('stale'));
    await page.waitForFunction(() => document.querySelector('#link').textContent.includes('live'), null, { timeout: 30_000 });
    assert.equal(connected, 2);
    await until(call, 'the customer has spoken', (v) => v.transcript.some((l) => l.speaker === 'customer' && l.final));
    await cut();
    await act(call, 'hangup');
    await page.waitForSelector('#ending', { timeout: 30_000 });
    const said = (await view(call)).transcript.filter((l) => l.side === 'call' && l.final).map((l) => l.text);
    const shown = await page.$$eval('#transcript [role=log] .said-text', (all) => all.map((e) => e.textContent));
    assert.deepEqual(shown, said);
  }),
);

test('200 calls on the board stay usable at 50 events a second', { timeout: 120_000 }, () =>
  withPage('board', {}, async (page) => {
    await busyBoard(page);
    await open(page, '/console');
    await page.waitForFunction(() => document.querySelectorAll('#board > li').length === 200);
    const taken = await inputToPaint(page, 8);
    console.log(`input to paint with 200 calls and 50 events a second: ${taken.map((t) => t.toFixed(0)).join(', ')} ms`);
    assert.ok(taken.length === 8 && taken.every((t) => t < 5_000), 'the page answers');
    await page.fill('#console-q', 'Customer 199');
    await page.waitForFunction(() => document.querySelectorAll('#board > li').length === 1);
    assert.match(page.url(), /q=Customer%20199/);
  }),
);
