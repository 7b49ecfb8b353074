// The way of an operator through the form, and the phone in the browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CALL, base, calls, customer, endCall, hydrated, newContext, until, withPage } from './lib.js';

test('a call from the form to the supervisor, seen live', { timeout: CALL + 60_000 }, () =>
  withPage('call', {}, async (page) => {
    await page.goto('/');
    await hydrated(page);
    await page.waitForFunction(() => document.querySelector('#link').textContent.includes('live'));

    await page.fill('#phone_number', customer);
    await page.waitForFunction(() => document.querySelector('#phone-note').textContent.startsWith('will dial +1 555'));
    await page.fill('[name=name]', 'Ada Lovelace');
    await page.fill('[name=dynamic_instruction]', 'Follow up on the ticket about the log-in.');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL(/\/call\/outbound-[0-9a-f]{12}$/, { timeout: 10_000 });
    assert.equal(await page.textContent('h1'), 'Ada Lovelace');

    await page.waitForSelector('[data-phase=merged]', { timeout: CALL });
    assert.match(await page.textContent('#transcript'), /Agent/);
    assert.match(await page.textContent('#transcript'), /Customer/);
    assert.match(await page.textContent('#consult'), /Supervisor/);
    assert.match(await page.textContent('.private-note'), /the customer does not hear this/);

    // A personas' call ends by itself; if this one does not, the operator ends it.
    const over = await page.waitForSelector('#ending', { timeout: 30_000 }).catch(() => null);
    if (!over) await endCall(page);
    assert.equal(await page.locator('#hangup').count(), 0);
    assert.equal(await page.getAttribute('.stepper [aria-current=step]', 'data-state'), 'now');

    // What was seen live is what the server renders.
    const live = await page.textContent('#transcript [role=log]');
    await page.reload();
    await hydrated(page);
    assert.equal(await page.textContent('#transcript [role=log]'), live);
  }),
);

test('a wrong number is refused beside its field, and nothing is dialled', () =>
  withPage('wrong-number', {}, async (page) => {
    await page.goto('/');
    await hydrated(page);
    const before = await calls(page);
    await page.fill('#phone_number', '12345');
    await page.click('#place');
    assert.equal(await page.getAttribute('#phone_number', 'aria-invalid'), 'true');
    assert.match(await page.textContent('#phone-note'), /^Can't be dialled/);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'phone_number');
    assert.deepEqual(await calls(page), before);
  }),
);

test('a double click dials once', () =>
  withPage('double-click', {}, async (page) => {
    await page.goto('/');
    await hydrated(page);
    const before = await calls(page);
    await page.fill('#phone_number', customer);
    await page.dblclick('#place');
    await page.waitForURL(/\/call\//);
    assert.equal((await calls(page)).length, before.length + 1);
    await endCall(page);
  }),
);

test('without JavaScript the form works, is refused with what was typed, and never dials twice', () =>
  withPage('no-javascript', { javaScriptEnabled: false }, async (page) => {
    await page.goto('/');
    const key = await page.getAttribute('[name=idempotency_key]', 'value');
    assert.match(key, /^[0-9a-f]{32}$/);

    await page.fill('#phone_number', '555');
    await page.fill('[name=name]', 'Grace Hopper');
    await page.click('#place');
    await page.waitForSelector('#form-error:not(:empty)');
    assert.match(await page.textContent('#form-error'), /Invalid phone number format/);
    assert.equal(await page.inputValue('#phone_number'), '555');
    assert.equal(await page.inputValue('[name=name]'), 'Grace Hopper');

    const before = await calls(page);
    await page.fill('#phone_number', customer);
    const form = await page.$$eval('#call-form [name]', (all) => all.map((e) => [e.name, e.value]));
    await page.click('#place');
    await page.waitForURL(/\/call\/outbound-/);
    assert.match(await page.textContent('h1'), /Grace Hopper/);
    const again = await page.request.post('/form/call', { form: Object.fromEntries(form), maxRedirects: 0 });
    assert.equal(new URL(again.headers().location, base).href, page.url());
    assert.equal((await calls(page)).length, before.length + 1);
    await page.request.post(`${page.url().replace('/call/', '/calls/')}/hangup`);
  }),
);

test('an address made elsewhere runs no script, says nothing of its own and places no call', () =>
  withPage('address-from-elsewhere', {}, async (page) => {
    const before = await calls(page);
    const script = `</textarea><script>window.ran = true; document.querySelector('#call-form').submit()</script>`;
    const query = new URLSearchParams({ phone: customer, name: script, instruction: script, error: 'Call +1 900 555 0100' });
    await page.goto(`/?${query}`);
    await hydrated(page);
    assert.equal(await page.evaluate(() => window.ran), undefined);
    assert.equal(await page.inputValue('#call_instruction'), script);
    assert.equal(await page.inputValue('#call_name'), script);
    assert.equal(await page.textContent('#form-error'), '');
    assert.deepEqual(await calls(page), before);
  }),
);

test('a script that got into a page all the same does not run', async () => {
  const context = await newContext();
  const page = await context.newPage();
  await page.goto('/');
  await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.ran = true';
    document.body.append(script);
    const image = document.createElement('div');
    image.innerHTML = '<button onclick="window.ran = true"></button>';
    document.body.append(image);
    image.firstChild.click();
  });
  assert.equal(await page.evaluate(() => window.ran), undefined);
  await context.close();
});

test('a phone in the browser rings, answers with its microphone and hangs up', { timeout: 120_000 }, () =>
  withPage('phone', { permissions: ['microphone'] }, async (page) => {
    const shows = (text) =>
      page.waitForFunction((text) => document.querySelector('#phone-state').textContent.match(text), text, { timeout: 30_000 });
    await page.goto('/phone');
    await page.fill('[name=number]', '+1 555 010 0123');
    await page.click('text=Switch on');
    await hydrated(page);
    assert.equal(await page.textContent('h1'), '+1 555 010 0123');
    await shows('waiting for a call');

    const placed = await page.request.post('/calls/outbound-with-escalation', { data: { phone_number: '+15550100123' } });
    const call = (await placed.json()).details.call_id;
    await shows('is calling');
    await page.click('#phone-answer');
    await shows('^[0-9]+:[0-9]{2}$');
    await page.waitForSelector('text=Microphone on');
    await page.click('.key >> text=1');
    await page.click('#phone-hangup');
    await shows('^ended');
    const { end } = await until(call, 'the end', (v) => v.end);
    assert.equal(end.reason, 'customer_hung_up');
  }),
);

test('an unknown call says so', () =>
  withPage('unknown-call', {}, async (page) => {
    await page.goto('/call/outbound-ffffffffffff');
    await page.waitForSelector('text=There is no such call');
  }),
);
