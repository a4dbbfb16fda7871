#!/usr/bin/env node
// The editor as people use it: pages in headless Chromium, typing, cursors, undo, versions; and the service killed under
// them.   node editor_in_browser.mjs FAULTLINE [--shots DIR]      (tests/suites/editor-in-browser installs and runs it)
import { chromium } from 'playwright-core';
import { spawn } from 'node:child_process';
import assert from 'node:assert/strict';
import fs from 'node:fs'; import os from 'node:os'; import path from 'node:path';

const program = process.argv[2], shots = process.argv[3] === '--shots' && process.argv[4];
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'editor-'));
let port = 0; // a free one, and kept
let service = null;
async function up() {
  service = spawn(program, ['worker', 'service', 'editor', '--folder', folder, '--port', String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((ready, gone) => { service.stdout.on('data', (d) => { const at = /http:\/\/127\.0\.0\.1:(\d+)/.exec(d); if (at) { port = +at[1]; ready(); } }); service.on('exit', () => gone(new Error('it does not start'))); });
}
const down = () => new Promise((r) => { service.removeAllListeners('exit'); service.on('exit', r); service.kill('SIGTERM'); });

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
let pages = [], troubles = [];
async function open(doc, options = {}) {
  const page = await (await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options })).newPage();
  page.on('pageerror', (e) => troubles.push(e.message));
  page.on('console', (m) => { if (m.type() === 'error' && !/WebSocket|ERR_CONNECTION|favicon/.test(m.text() + m.location().url)) troubles.push(m.text()); });
  await page.goto(`http://127.0.0.1:${port}${doc}`);
  await page.waitForSelector('[data-phx-main].phx-connected', { state: 'attached' });
  pages.push(page);
  return page;
}
const area = (page) => page.locator('#editor'), val = (page) => page.inputValue('#editor'), state = (page) => page.getAttribute('#status', 'data-state');
async function until(what, f, ms = 15000) {
  for (const end = Date.now() + ms; !(await f()); ) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}; pages show ${JSON.stringify((await Promise.all(pages.filter((p) => p.url().includes('/editor/')).map(val))).map((t) => t.slice(0, 80)))}`);
    await new Promise((r) => setTimeout(r, 20));
  }
}
const both = (a, b, text) => until(`both show ${JSON.stringify(text.slice(0, 60))}`, async () => (await val(a)) === text && (await val(b)) === text);
const shot = (page, name) => shots && page.screenshot({ path: path.join(shots, name + '.png') });
/* As a paste or an input method does it. */
const put = (page, from, to, text) => page.evaluate(([f, t, s]) => { const e = document.getElementById('editor'); e.focus(); e.setRangeText(s, f, t, 'end'); e.dispatchEvent(new Event('input')); }, [from, to, text]);

const tests = {
  async 'typing appears at the other page, and is there after a reload'() {
    const [a, b] = [await open('/editor/one'), await open('/editor/one')];
    await area(a).pressSequentially('hello 😀 world');
    await both(a, b, 'hello 😀 world');
    await until('saved', async () => (await state(a)) === 'saved');
    await a.reload();
    await both(a, b, 'hello 😀 world');
    assert.match(await a.title(), /^one/);
  },
  async 'what is typed before the page is connected is not lost'() {
    const page = await (await browser.newContext()).newPage();
    pages.push(page);
    await page.route('**/assets/live.js*', async (route) => { await put(page, 0, 0, 'early '); await route.continue(); });
    await page.goto(`http://127.0.0.1:${port}/editor/early`);
    await until('saved', async () => (await state(page)) === 'saved' && (await val(page)) === 'early ');
    const b = await open('/editor/early');
    assert.equal(await val(b), 'early ');
  },
  async 'undo takes back my own and leaves what others did'() {
    const [a, b] = [await open('/editor/undo'), await open('/editor/undo')];
    await area(a).pressSequentially('mine');
    await both(a, b, 'mine');
    await area(b).press('Control+End');
    await area(b).pressSequentially(' yours');
    await both(a, b, 'mine yours');
    await area(a).press('Control+z');
    await both(a, b, ' yours');
    await area(a).press('Control+Shift+z');
    await both(a, b, 'mine yours');
    await b.locator('#undo').click();
    await both(a, b, 'mine');
  },
  async 'people and their cursors are shown'() {
    const [a, b] = [await open('/editor/people'), await open('/editor/people')];
    await a.fill('#me', 'Ana'); await a.locator('#me').blur();
    await b.fill('#me', 'Zoë'); await b.locator('#me').blur();
    await area(a).pressSequentially('Somebody stands here.\nAnd nobody here.');
    await both(a, b, 'Somebody stands here.\nAnd nobody here.');
    await b.evaluate(() => { const e = document.getElementById('editor'); e.focus(); e.setSelectionRange(9, 15); });
    await until('her selection', async () => (await a.$$('.range')).length === 1 && (await a.textContent('.caret .flag')) === 'Zoë');
    const where = () => a.$eval('.caret', (e) => Math.round(e.getBoundingClientRect().left));
    const before = await where();
    await put(a, 0, 0, '12345');
    await until('it moves with the text', async () => (await where()) > before + 20);
    assert.deepEqual((await a.locator('#people-list .who').allTextContents()).sort(), ['Ana', 'Zoë']);
    await shot(a, 'people');
    await b.close(); pages = pages.filter((p) => p !== b);
    await until('she is gone', async () => (await a.$$('.caret')).length === 0 && (await a.locator('#people-list li').count()) === 1);
  },
  async 'a version of before is shown and restored'() {
    const [a, b] = [await open('/editor/past'), await open('/editor/past')];
    await area(a).pressSequentially('the first');
    await both(a, b, 'the first');
    await put(b, 0, 9, 'quite another');
    await both(a, b, 'quite another');
    await a.locator('#past-toggle').click();
    await until('two versions', async () => (await a.locator('.version').count()) === 2);
    await a.locator('.version').last().click();
    await until('the preview', async () => (await a.textContent('#preview-text')) === 'the first');
    await shot(a, 'history');
    await a.locator('#past-restore').click();
    await both(a, b, 'the first');
    await area(a).press('Control+z');
    await both(a, b, 'quite another');
  },
  async 'a text that is long, and one that HTML cannot hold'() {
    const [a, b] = [await open('/editor/long'), await open('/editor/long')], long = '中文'.repeat(120000);
    await put(a, 0, 0, long);
    await both(a, b, long);
    await put(b, 0, 0, '\0x');
    await both(a, b, '\0x' + long);
    const c = await open('/editor/long');
    await both(a, c, '\0x' + long);
  },
  async 'the service is stopped: typing goes on, over a reload too, and is merged'() {
    const [a, b] = [await open('/editor/off'), await open('/editor/off')];
    await area(a).pressSequentially('middle');
    await both(a, b, 'middle');
    await down();
    await until('offline', async () => /^offline/.test(await state(a)) && /^offline/.test(await state(b)));
    await area(a).press('Control+Home'); await area(a).pressSequentially('A ');
    await area(b).press('Control+End'); await area(b).pressSequentially(' B');
    await until('it says so', async () => (await state(a)) === 'offline-unsaved');
    await shot(a, 'offline');
    await a.goto('about:blank'); // the tab is turned to something else, and back later
    await up();
    await a.goBack();
    await both(a, b, 'A middle B');
    await until('saved', async () => (await state(a)) === 'saved' && (await state(b)) === 'saved');
    await a.reload();
    await both(a, b, 'A middle B');
  },
  async 'the list of documents opens one'() {
    const page = await open('/');
    await until('the list', async () => (await page.locator('#documents a').count()) >= 5);
    await shot(page, 'list');
    await page.fill('#name', 'fresh');
    await page.locator('#open button').click();
    await page.waitForURL(/\/editor\/fresh$/);
    await page.waitForSelector('[data-phx-main].phx-connected', { state: 'attached' });
    await area(page).pressSequentially('new');
    await until('saved', async () => (await state(page)) === 'saved');
  },
};

let failed = 0;
await up();
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    if (troubles.length) throw new Error('browser errors: ' + troubles.slice(0, 3).join(' | '));
    console.log('PASS', name);
  } catch (e) { failed++; console.log('FAIL', name + ':', e.message); }
  for (const page of pages) await page.context().close();
  pages = []; troubles = [];
}
await browser.close();
await down();
fs.rmSync(folder, { recursive: true, force: true });
process.exit(failed);
