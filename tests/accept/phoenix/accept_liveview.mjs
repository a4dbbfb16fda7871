#!/usr/bin/env node
// accept_liveview.mjs URL [--only REGEX] [--skip REGEX] [--json FILE] [--slow] [--headed]: a server of live views, asked
// everything by the official npm clients `phoenix` and `phoenix_live_view` (as it serves them) in headless Chromium. The
// exit status is the number of failed tests. ./dev accept phoenix --liveview starts the server and runs it.
//
// CONTRACT of the pages.  Every page: dead-rendered HTML that already shows its content, <title>, ONE root element with data-phx-main,
//   non-empty id and data-phx-session; loads phoenix.min.js, phoenix_live_view.min.js and a script that does
//   window.liveSocket = new LiveView.LiveSocket("/live", Phoenix.Socket, {hooks, params}); liveSocket.connect()
//   WebSocket at <base>/live/websocket.  A path that is no page answers 404.  Session tokens must survive a server restart.
// /dashboard        #count "0" (per view), #tick (integer, +1 per server push, 10 Hz), #tab ("main" or ?tab=<x> of the URL)
//   buttons (phx-click): #inc -> count+1   #inc5 (phx-value-by=5) -> count+5   #badge exists only while count>2 and contains the count
//   <tbody id="rows"> with 5 rows <tr id="row-1..5"> (keyed); text in td.n starts "0"
//     #rotate last row becomes first   #bump 2nd row's td.n +1   #rotate-bump rotate, then first row's td.n +1
//     #grow appends a row with the next id (max+1)   #shrink drops the last row   #clear drops all
//   <svg id="chart"> containing <polyline id="spark"> whose points change with every tick
//   #retitle -> document.title must contain "Retitled & <count>"      #crash -> the view dies with phx_error (socket stays)
//   #toast -> push_event "toast" {text: "hello <b>COUNT</b>"}
//   element #hook with phx-hook="Probe" (phx-update="ignore"); the hook sets window.probe = {hook:this, seen:[], life:["mounted"]}, appends every
//     "toast" payload to seen and "disconnected"/"reconnected" to life.  pushEvent("ping",{n}) is answered with reply {n:n+1}
//   #nav-patch live-patch link to /dashboard?tab=two   #nav-redirect live-redirect link to /tasks
//   #goto -> server side push_patch to /dashboard?tab=pushed      #goto-tasks -> server side push_navigate to /tasks
// /tasks            board shared by all views.  <ul|tbody id="tasks" phx-update="stream"> with children #tasks-<id> containing .title, button.toggle, button.del; child class "open"/"done"
//   form#task-form (phx-change=validate, phx-submit=add) with input#title[name=title]; #err shows a non-empty text iff the title is longer than 20 characters
//   submit appends at the end; #add-top inserts at the top (title "on top"); toggle flips the class in place; del removes
//   #reload re-sends the whole stream with reset; #total = number of tasks on the server; #crash as above
// /editor/<doc>     textarea#editor with phx-hook inside a phx-update="ignore" element; all viewers of one doc converge to the same text; text survives a page reload
import { chromium } from 'playwright-core';
import fs from 'node:fs'; import os from 'node:os'; import path from 'node:path'; import crypto from 'node:crypto';
import assert from 'node:assert/strict';
import { FaultProxy } from './faultproxy.mjs';

const argv = process.argv.slice(2); const opt = n => { const i = argv.indexOf('--' + n); return i < 0 ? null : (argv[i + 1] ?? true); };
const base = new URL(argv[0] && !argv[0].startsWith('--') ? argv[0] : 'http://127.0.0.1:4100'); const BASE = base.href.replace(/\/$/, '');
const only = opt('only') && new RegExp(opt('only')), skip = opt('skip') && new RegExp(opt('skip')); const slow = argv.includes('--slow');
const sleep = ms => new Promise(r => setTimeout(r, ms)); const now = () => performance.now();
const until = async (f, ms = 3000, what = String(f)) => { const t = now(); let e; for (;;) { try { const v = await f(); if (v) return v; } catch (x) { e = x; } if (now() - t > ms) throw new Error(`timed out after ${ms} ms waiting for: ${what}${e ? ' (' + e.message.split('\n')[0] + ')' : ''}`); await sleep(10); } };
const eq = async (f, want, ms = 3000) => { let got; try { await until(async () => { got = await f(); return JSON.stringify(got) === JSON.stringify(want); }, ms); } catch { assert.deepEqual(got, want); } };
const metrics = {}; const cleanup = []; const tests = []; const T = (name, fn, o = {}) => tests.push({ name, fn, ...o });
const udd = fs.mkdtempSync(path.join(os.tmpdir(), 'accept-lv-'));
const ctx = await chromium.launchPersistentContext(udd, { executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: !argv.includes('--headed'), args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'] });

const MAIN = '[data-phx-main]';
async function open(p, o = {}) {
  const page = await ctx.newPage(); const L = { console: [], errors: [], frames: [], sockets: [] }; page.L = L;
  page.on('console', m => { if (!/favicon\.ico$/.test(m.location()?.url || '')) L.console.push([m.type(), m.text()]); }); page.on('pageerror', e => L.errors.push(e.message));
  page.on('websocket', ws => { L.sockets.push(ws.url()); ws.on('framesent', f => L.frames.push(['>', now(), f.payload])); ws.on('framereceived', f => L.frames.push(['<', now(), f.payload])); });
  cleanup.push(async () => { if (!page.isClosed()) { const bad = o.dirty ? [] : [...L.errors, ...L.console.filter(c => c[0] === 'error' && !/ERR_CONNECTION|WebSocket connection/.test(c[1])).map(c => c[1])]; await page.close(); if (bad.length) throw new Error('browser errors: ' + bad.slice(0, 3).join(' | ')); } });
  await page.goto((o.base || BASE) + p); await connected(page); await page.evaluate(() => { window.__mark = 1; }); return page;
}
// Recovery times are taken inside the page (MutationObserver): Playwright's waiters poll with up to 500 ms granularity.
const abs = () => performance.timeOrigin + performance.now();
const watch = page => page.evaluate(() => { const el = document.querySelector('[data-phx-main]'); window.__cls = []; new MutationObserver(() => window.__cls.push([performance.timeOrigin + performance.now(), el.className])).observe(el, { attributes: true, attributeFilter: ['class'] }); });
const when = async (page, cls, after = 0, ms = 8000) => { await until(() => page.evaluate(([c, a]) => window.__cls.some(x => x[0] >= a && x[1].split(' ').includes(c)), [cls, after]), ms, cls); return (await page.evaluate(() => window.__cls)).find(x => x[0] >= after && x[1].split(' ').includes(cls))[0]; };
const connected = (page, ms = 6000) => page.waitForSelector(MAIN + '.phx-connected', { timeout: ms, state: 'attached' });
const text = (page, sel) => page.locator(sel).textContent({ timeout: 1500 }); const num = async (page, sel) => parseInt(await text(page, sel), 10);
const click = async (page, sel) => { await page.bringToFront(); await page.locator(sel).click({ timeout: 5000 }); };
const idle = page => until(() => page.evaluate(() => !document.querySelector('[data-phx-ref-src]')), 3000, 'all event locks released');
const noReload = async page => assert.equal(await page.evaluate(() => window.__mark), 1, 'the page was reloaded');
const frames = (page, dir, ev) => page.L.frames.filter(f => f[0] === dir && typeof f[2] === 'string').map(f => JSON.parse(f[2])).filter(f => f[3] === ev);
const rows = page => page.$$eval('#rows tr', e => e.map(x => x.id.slice(4) + '=' + x.querySelector('.n').textContent.trim()).join(' '));
const tasks = page => page.$$eval('#tasks > *', e => e.map(x => x.id + '|' + x.className.trim() + '|' + x.querySelector('.title').textContent));
const ids = async page => (await tasks(page)).map(t => t.split('|')[0]);
async function proxied(p, fn, o) { const px = new FaultProxy(base.hostname, +(base.port || 80)); await px.up(); cleanup.push(() => px.stop()); return fn(px, await open(p, { ...o, base: 'http://127.0.0.1:' + px.local + base.pathname.replace(/\/$/, '') })); }

for (const p of ['/dashboard', '/tasks', '/editor/acc']) T(`L01 dead render of ${p}`, async () => {
  const r = await fetch(BASE + p); assert.equal(r.status, 200); assert.match(r.headers.get('content-type'), /text\/html/); const h = await r.text();
  assert.equal(h.match(/\sdata-phx-main(?=[\s=>])/g)?.length, 1); const tag = h.match(/<[a-z]+[^>]*\sdata-phx-main[^>]*>/)[0]; assert.match(tag, /\sid="[^"]+"/); assert.match(tag, /\sdata-phx-session="[^"]+"/); assert.match(h, /<title[\s>]/);
  assert.ok(/charset=utf-8/i.test(r.headers.get('content-type')) || /<meta charset="?utf-8/i.test(h)); assert.match(h, { '/dashboard': /id="count"[^>]*>0</, '/tasks': /id="tasks"/, '/editor/acc': /id="editor"/ }[p]);
});
T('L02 unknown path is 404', async () => assert.equal((await fetch(BASE + '/no-such-page')).status, 404));
T('L03 the served client scripts are the unmodified npm files', async () => {
  const h = await (await fetch(BASE + '/dashboard')).text(); const sums = new Set();
  for (const m of h.matchAll(/<script[^>]*\ssrc="([^"]+)"/g)) { const r = await fetch(new URL(m[1], BASE + '/dashboard')); assert.equal(r.status, 200, m[1]); assert.match(r.headers.get('content-type') || '', /javascript/, m[1]); sums.add(crypto.createHash('sha256').update(Buffer.from(await r.arrayBuffer())).digest('hex')); }
  for (const f of [['phoenix', 'priv/static/phoenix.min.js'], ['phoenix_live_view', 'priv/static/phoenix_live_view.min.js']]) { const d = path.join(path.dirname(new URL(import.meta.url).pathname), 'node_modules', ...f); assert.ok(sums.has(crypto.createHash('sha256').update(fs.readFileSync(d)).digest('hex')), f.join('/') + ' is not among the served scripts'); }
}, { soft: true });
T('L04 mount: URL, join and reply frames, no warnings', async () => {
  const page = await open('/dashboard'); await noReload(page); assert.equal(page.L.sockets.length, 1); const u = new URL(page.L.sockets[0]); assert.match(u.pathname, /\/live\/websocket$/); assert.equal(u.searchParams.get('vsn'), '2.0.0');
  const j = frames(page, '>', 'phx_join')[0]; const id = await page.getAttribute(MAIN, 'id'); assert.equal(j[2], 'lv:' + id); const r = frames(page, '<', 'phx_reply').find(f => f[1] === j[1]); assert.equal(r[4].status, 'ok'); assert.ok(r[4].response.rendered.s || r[4].response.rendered.s === 0);
  const w = page.L.console.filter(c => c[0] === 'warning'); assert.deepEqual(w, []);
});
T('L05 click -> diff in the reply, phx-value-*, locks released, conditional block', async () => {
  const page = await open('/dashboard'); assert.equal(await num(page, '#count'), 0); const lat = [];
  for (let i = 1; i <= 10; i++) { const t0 = await page.evaluate(() => new Promise(r => { const c = document.querySelector('#count'), was = c.textContent, t = performance.now(); const mo = new MutationObserver(() => { if (c.textContent !== was) { mo.disconnect(); r(performance.now() - t); } }); mo.observe(document.querySelector('[data-phx-main]'), { childList: true, subtree: true, characterData: true }); document.querySelector('#inc').click(); })); lat.push(t0); await eq(() => num(page, '#count'), i); await idle(page); assert.equal(await page.locator('#badge').count(), i > 2 ? 1 : 0); if (i > 2) assert.match(await text(page, '#badge'), new RegExp('\\b' + i + '\\b')); }
  metrics.click_to_dom_ms_median = +lat.sort((a, b) => a - b)[5].toFixed(2); await click(page, '#inc5'); await eq(() => num(page, '#count'), 15); await idle(page);
});
T('L06 server pushed diffs at 10 Hz, inline SVG keeps its namespace, small frames', async () => {
  const page = await open('/dashboard'); const ns = await page.$eval('#spark', e => e.namespaceURI); assert.equal(ns, 'http://www.w3.org/2000/svg'); const [t1, p1] = [await num(page, '#tick'), await page.getAttribute('#spark', 'points')]; const n0 = page.L.frames.length; await page.$eval('#spark', e => { e.__same = 1; }); await sleep(2000);
  const t2 = await num(page, '#tick'); assert.ok(t2 - t1 >= 14 && t2 - t1 <= 26, `${t2 - t1} ticks in 2 s`); assert.notEqual(await page.getAttribute('#spark', 'points'), p1); assert.equal(await page.$eval('#spark', e => e.namespaceURI), ns); assert.equal(await page.$eval('#spark', e => e.__same), 1, 'polyline element was replaced instead of patched');
  const d = page.L.frames.slice(n0).filter(f => f[0] === '<').map(f => f[2].length); metrics.tick_frame_bytes_max = Math.max(...d); assert.ok(Math.max(...d) < 2000);
});
T('L07 keyed rows: grow, bump, move, move+change, shrink, clear, refill; DOM nodes move instead of being rebuilt', async () => {
  const page = await open('/dashboard'); const step = async (b, want) => { await click(page, b); await eq(() => rows(page), want); await idle(page); };
  assert.equal(await rows(page), '1=0 2=0 3=0 4=0 5=0'); await page.$$eval('#rows tr', e => e.forEach(x => { x.__k = x.id; }));
  await step('#grow', '1=0 2=0 3=0 4=0 5=0 6=0'); await step('#bump', '1=0 2=1 3=0 4=0 5=0 6=0'); await step('#rotate', '6=0 1=0 2=1 3=0 4=0 5=0'); await step('#rotate-bump', '5=1 6=0 1=0 2=1 3=0 4=0'); await step('#rotate', '4=0 5=1 6=0 1=0 2=1 3=0'); await step('#bump', '4=0 5=2 6=0 1=0 2=1 3=0'); await step('#shrink', '4=0 5=2 6=0 1=0 2=1'); await step('#rotate-bump', '2=2 4=0 5=2 6=0 1=0'); await step('#grow', '2=2 4=0 5=2 6=0 1=0 7=0');
  assert.equal(await page.$$eval('#rows tr', e => e.filter(x => x.__k === x.id).length), 4); await step('#clear', ''); await step('#grow', '1=0'); await step('#grow', '1=0 2=0');
});
T('L08 title updates', async () => { const page = await open('/dashboard'); await click(page, '#inc'); await eq(() => num(page, '#count'), 1); await click(page, '#retitle'); await until(async () => (await page.title()).includes('Retitled & 1')); assert.notEqual(await page.title(), 'undefined'); });
T('L09 push_event reaches the hook unescaped; hook pushEvent gets its reply', async () => {
  const page = await open('/dashboard'); await click(page, '#toast'); await eq(() => page.evaluate(() => window.probe.seen), [{ text: 'hello <b>0</b>' }]);
  assert.deepEqual(await page.evaluate(() => new Promise(r => window.probe.hook.pushEvent('ping', { n: 41 }, x => r(x)))), { n: 42 }); const n = await page.evaluate(async () => { const r = []; for (let i = 0; i < 50; i++) r.push((await window.probe.hook.pushEvent('ping', { n: i })).n - i); return r.every(x => x === 1); }); assert.ok(n);
});
T('L10 live patch: link, browser back, server side push_patch, all without reload', async () => {
  const page = await open('/dashboard'); await click(page, '#inc'); await eq(() => num(page, '#count'), 1); await click(page, '#nav-patch'); await eq(() => text(page, '#tab'), 'two'); assert.match(page.url(), /tab=two$/); assert.equal(await num(page, '#count'), 1); await page.goBack(); await eq(() => text(page, '#tab'), 'main'); await click(page, '#goto'); await eq(() => text(page, '#tab'), 'pushed'); await until(() => /tab=pushed$/.test(page.url())); assert.equal(await num(page, '#count'), 1); await noReload(page); assert.equal(page.L.sockets.length, 1);
});
T('L11 live navigation /dashboard -> /tasks by link and by server, and back, over the same socket', async () => {
  const page = await open('/dashboard'); await click(page, '#nav-redirect'); await page.waitForSelector('#tasks', { timeout: 3000, state: 'attached' }); await connected(page); await until(() => /\/tasks$/.test(page.url())); await page.goBack(); await page.waitForSelector('#count', { timeout: 3000 }); await connected(page); await click(page, '#inc'); await eq(() => num(page, '#count'), 1); await click(page, '#goto-tasks'); await page.waitForSelector('#tasks', { timeout: 3000, state: 'attached' }); await connected(page); await noReload(page); assert.equal(page.L.sockets.length, 1);
});
T('L12 crash: phx_error, error class, rejoin after ~1 s, hook told, works again, no reload', async () => {
  const page = await open('/dashboard'); await click(page, '#inc'); await eq(() => num(page, '#count'), 1); await watch(page); await click(page, '#crash'); const te = await when(page, 'phx-error'); const tc = await when(page, 'phx-connected', te); metrics.lv_crash_to_connected_ms = +(tc - te).toFixed(1); assert.ok(metrics.lv_crash_to_connected_ms > 900 && metrics.lv_crash_to_connected_ms < 1800); await eq(() => page.evaluate(() => window.probe.life), ['mounted', 'disconnected', 'reconnected']);
  const c = await num(page, '#count'); await click(page, '#inc'); await eq(() => num(page, '#count'), c + 1); await idle(page); await noReload(page); assert.equal(page.L.sockets.length, 1);
});
T('L13 TCP reset: reconnects and remounts within a fraction of a second, no reload', () => proxied('/dashboard', async (px, page) => {
  await watch(page); const t0 = abs(); px.kill(); const tc = await when(page, 'phx-connected', t0, 4000); metrics.lv_reset_to_connected_ms = +(tc - t0).toFixed(1); assert.ok(metrics.lv_reset_to_connected_ms < 1000); const n = await num(page, '#count'); await click(page, '#inc'); await eq(() => num(page, '#count'), n + 1); await noReload(page); assert.equal(page.L.sockets.length, 2);
}));
T('L14 server unreachable for 1.5 s: page recovers by itself, no reload', () => proxied('/dashboard', async (px, page) => {
  await watch(page); const t0 = abs(); await px.down(); await when(page, 'phx-client-error', t0, 2000); await sleep(Math.max(0, 1500 - (abs() - t0))); await px.up(); const tu = abs(); const tc = await when(page, 'phx-connected', tu); metrics.lv_down1500_up_to_connected_ms = +(tc - tu).toFixed(1); const a = await num(page, '#tick'); await until(async () => await num(page, '#tick') > a); await noReload(page);
}, { dirty: true }));
T('L15 tasks: add by form, validate, insert at top, toggle in place, delete; typed text and focus survive foreign diffs', async () => {
  const a = await open('/tasks'), b = await open('/tasks'); const start = await ids(a); assert.deepEqual(await ids(b), start); await a.$$eval('#tasks > *', e => e.forEach(x => { x.__k = x.id; }));
  await a.locator('#title').fill(''); await a.locator('#title').pressSequentially('hel'); await click(b, '#add-top'); await until(async () => (await ids(a)).length === start.length + 1); assert.equal(await a.inputValue('#title'), 'hel'); assert.equal(await a.evaluate(() => document.activeElement.id), 'title'); await a.locator('#title').pressSequentially('lo <b>x</b>'); await a.locator('#title').press('Enter');
  for (const p of [a, b]) await until(async () => (await ids(p)).length === start.length + 2); const l = await tasks(a); assert.ok(l[0].endsWith('|on top')); assert.ok(l.at(-1).endsWith('|hello <b>x</b>')); await eq(() => tasks(b), l); const nid = l.at(-1).split('|')[0], tid = l[0].split('|')[0];
  await a.locator('#title').fill('0123456789012345678901'); await until(async () => (await text(a, '#err')).trim() !== ''); await a.locator('#title').fill('short'); await until(async () => (await text(a, '#err')).trim() === '');
  await click(a, `#${tid} .toggle`); for (const p of [a, b]) await until(async () => (await tasks(p))[0].startsWith(tid + '|done')); await eq(() => tasks(a), await tasks(b)); assert.equal((await ids(a))[0], tid); await click(b, `#${nid} .del`); await until(async () => !(await ids(a)).includes(nid)); await click(b, `#${tid} .del`); await eq(() => ids(a), start); await eq(() => ids(b), start); assert.equal(await a.$$eval('#tasks > *', e => e.filter(x => x.__k === x.id).length), start.length); await eq(() => num(a, '#total'), start.length);
});
T('L16 tasks: markup in a title is text, never HTML', async () => {
  const a = await open('/tasks'); const x = '<img src=x onerror="window.__xss=1">&amp;\'"'; await a.locator('#title').fill(x); await a.locator('#title').press('Enter'); await until(async () => (await tasks(a)).some(t => t.endsWith('|' + x))); const id = (await tasks(a)).find(t => t.endsWith('|' + x)).split('|')[0]; await a.reload(); await connected(a); await until(async () => (await tasks(a)).some(t => t.endsWith('|' + x))); assert.equal(await a.evaluate(() => window.__xss), undefined); await click(a, `#${id} .del`); await until(async () => !(await ids(a)).includes(id));
});
T('L17 tasks: reset and rejoin after crash give exactly the server list (no duplicates, no losses)', async () => {
  const a = await open('/tasks'), b = await open('/tasks'); for (const t of ['one', 'two', 'three']) { await a.locator('#title').fill(t); await a.locator('#title').press('Enter'); await until(async () => (await tasks(b)).some(x => x.endsWith('|' + t))); } const l = await tasks(b); await a.$eval('#tasks > *', e => { const c = e.cloneNode(true); c.id = 'tasks-stray'; e.parentNode.append(c); }); await click(a, '#reload'); await idle(a); await eq(() => tasks(a), l); await click(a, '#crash'); await a.waitForSelector(MAIN + '.phx-error', { timeout: 2000, state: 'attached' }); await click(b, '#add-top'); await until(async () => (await tasks(b)).length === l.length + 1); await connected(a); await eq(() => tasks(a), await tasks(b)); for (const t of (await tasks(b)).filter(x => /\|(one|two|three|on top)$/.test(x))) { const id = t.split('|')[0]; await click(b, `#${id} .del`); await until(async () => !(await ids(b)).includes(id)); } await eq(() => tasks(a), await tasks(b)); await noReload(a);
});
const docName = () => '/editor/d' + Math.random().toString(36).slice(2, 9); const val = p => p.inputValue('#editor');
T('L18 editor: typing appears at the other viewer; reload keeps the text', async () => {
  const p = docName(), a = await open(p), b = await open(p); await a.locator('#editor').pressSequentially('hello world', { delay: 5 }); await eq(() => val(b), 'hello world'); await b.locator('#editor').press('End'); await b.locator('#editor').press('Control+End'); await b.locator('#editor').pressSequentially('!\nzwei é <b>&amp;', { delay: 5 }); await eq(() => val(a), 'hello world!\nzwei é <b>&amp;'); await a.reload(); await connected(a); await eq(() => val(a), 'hello world!\nzwei é <b>&amp;');
});
T('L19 editor: three concurrent writers converge, nothing is lost', async () => {
  const p = docName(), P = [await open(p), await open(p), await open(p)]; await Promise.all(P.map((x, i) => x.locator('#editor').pressSequentially('abc'[i].repeat(40), { delay: 4 }))); let v; await until(async () => { v = await Promise.all(P.map(val)); return v[0].length === 120 && v.every(x => x === v[0]); }, 5000, 'convergence'); for (const c of 'abc') assert.equal(v[0].split(c).length - 1, 40);
});
T('L20 editor: connection reset in the middle of typing, viewers converge afterwards', () => { const p = docName(); return proxied(p, async (px, a) => { const b = await open(p); await a.locator('#editor').pressSequentially('before ', { delay: 3 }); await eq(() => val(b), 'before '); px.kill(); await connected(a); await sleep(200); await a.locator('#editor').press('Control+End'); await a.locator('#editor').pressSequentially('after', { delay: 3 }); await until(async () => { const [x, y] = [await val(a), await val(b)]; return x === y && x.endsWith('after') && x.startsWith('before'); }, 5000, 'convergence'); await noReload(a); }, { dirty: true }); });
T('L21 eight dashboards at once each get their own 10 Hz stream', async () => { const P = []; for (let i = 0; i < 8; i++) P.push(await open('/dashboard')); const a = await Promise.all(P.map(p => num(p, '#tick'))); const t0 = now(); await sleep(2000); const b = await Promise.all(P.map(p => num(p, '#tick'))); const hz = b.map((x, i) => (x - a[i]) / ((now() - t0) / 1000)); metrics.eight_dash_hz_min = +Math.min(...hz).toFixed(1); assert.ok(Math.min(...hz) > 6); });
if (slow) T('L30 idle for 75 s: heartbeats answered, connection kept', async () => { const page = await open(docName()); await sleep(75000); assert.equal(page.L.sockets.length, 1); assert.ok(frames(page, '>', 'heartbeat').length >= 2); await noReload(page); }, { long: 1 });

let bad = 0; const out = [];
for (const t of tests) {
  if (only && !only.test(t.name) || skip && skip.test(t.name)) continue; const t0 = now(); let err = null;
  try { await Promise.race([t.fn(), sleep(t.long ? 120000 : 40000).then(() => { throw new Error('test took too long'); })]); } catch (e) { err = e; }
  for (const f of cleanup.splice(0).reverse()) try { await f(); } catch (e) { err ||= e; }
  const st = !err ? 'PASS' : t.soft ? 'WARN' : (bad++, 'FAIL'); out.push({ name: t.name, status: st, ms: Math.round(now() - t0), error: err && err.message }); console.log(`${st} ${t.name} (${Math.round(now() - t0)} ms)${err ? '\n     ' + String(err.message).split('\n').slice(0, 12).join('\n     ') : ''}`);
}
console.log('metrics', JSON.stringify(metrics)); console.log(`${out.filter(o => o.status === 'PASS').length} passed, ${bad} failed, ${out.filter(o => o.status === 'WARN').length} warned`);
if (opt('json')) fs.writeFileSync(opt('json'), JSON.stringify({ base: base.href, tests: out, metrics }, null, 1));
await ctx.close(); fs.rmSync(udd, { recursive: true, force: true }); process.exit(bad);
