#!/usr/bin/env node
// more_liveview.mjs URL [--only REGEX] [--skip REGEX]: what accept_liveview.mjs leaves out, of the same server: every
// shape of a template through the real client (/zoo), streams against their truth, tokens, storms of events, histories,
// forms that come back, a server that is killed. The exit status is the number of failed tests.
//   /zoo?seed=N   a page that follows from N alone, but for its streams, whose children #truth and .truth name in order;
//                 hook events: "go" {seed} shows another seed by a patch, "slow" is answered after a second
//   ACCEPT_PROGRAM names the program that serves URL; one test starts its own with --port P --folder D
import { chromium } from 'playwright-core';
import WebSocket from 'ws';
import { spawn } from 'node:child_process';
import fs from 'node:fs'; import os from 'node:os'; import path from 'node:path'; import readline from 'node:readline';
import assert from 'node:assert/strict';

const argv = process.argv.slice(2), opt = n => { const i = argv.indexOf('--' + n); return i < 0 ? null : argv[i + 1]; };
const base = new URL(argv[0] ?? 'http://127.0.0.1:4100'), BASE = base.href.replace(/\/$/, ''), WS = BASE.replace(/^http/, 'ws');
const only = opt('only') && new RegExp(opt('only')), skip = opt('skip') && new RegExp(opt('skip'));
const pause = ms => new Promise(r => setTimeout(r, ms)), now = () => performance.now();
const until = async (f, ms = 4000, what = String(f)) => { const t = now(); let e; for (;;) { try { const v = await f(); if (v) return v; } catch (x) { e = x; } if (now() - t > ms) throw new Error(`timed out after ${ms} ms waiting for: ${what} ${e?.message ?? ''}`); await pause(10); } };
const cleanup = [], tests = [], T = (name, fn) => tests.push({ name, fn });
const udd = fs.mkdtempSync(path.join(os.tmpdir(), 'more-lv-'));
const ctx = await chromium.launchPersistentContext(udd, { executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'] });

const MAIN = '[data-phx-main]', connected = page => page.waitForSelector(MAIN + '.phx-connected', { timeout: 15000, state: 'attached' });
async function open(p, o = {}) {
  const page = await ctx.newPage(); page.L = { errors: [], sockets: 0 };
  page.on('console', m => { if ((m.type() === 'error' || m.type() === 'warning') && !/favicon|ERR_CONNECTION|WebSocket connection/.test(m.text() + m.location()?.url)) page.L.errors.push(m.text()); });
  page.on('pageerror', e => page.L.errors.push(e.message)); page.on('websocket', () => page.L.sockets++);
  cleanup.push(async () => { const bad = o.dirty ? [] : page.L.errors; if (!page.isClosed()) await page.close(); if (bad.length) throw new Error('browser errors: ' + bad.slice(0, 3).join(' | ')); });
  await page.goto((o.base ?? BASE) + p); await connected(page); await page.evaluate(() => { window.__mark = 1; }); return page;
}
const text = (page, sel) => page.locator(sel).textContent({ timeout: 1500 });
const click = async (page, sel) => { await page.bringToFront(); await page.locator(sel).click({ timeout: 5000 }); };
const noReload = async page => assert.equal(await page.evaluate(() => window.__mark), 1, 'the page was reloaded');
// Pushes a hook's event from the page's main view; resolves with the reply.
const push = (page, event, value) => page.evaluate(([e, v]) => new Promise((ok, no) => { const view = Object.values(window.liveSocket.roots)[0]; view.channel.push('event', { type: 'hook', event: e, value: v }).receive('ok', r => { if (r.diff) view.applyDiff ? view.applyDiff('update', r.diff, ({ diff, events }) => view.update(diff, events)) : view.update(r.diff, []); ok(r); }).receive('error', no).receive('timeout', no); }), [event, value]);
// What a page shows, without what only a live page has.
const shape = root => { const c = root.cloneNode(true); for (const e of [c, ...c.querySelectorAll('*')]) { const at = [...e.attributes].filter(a => !/^data-phx-(?!link)/.test(a.name)).sort((a, b) => a.name < b.name ? -1 : 1); while (e.attributes.length) e.removeAttribute(e.attributes[0].name); for (const a of at) e.setAttribute(a.name, a.value); } for (const s of c.querySelectorAll('#truth, .truth, [phx-update=stream]')) s.replaceChildren(); return c.innerHTML; };

T('N01 zoo: whatever is shown next, the page is as a fresh one would be; the stream is as its truth', async () => {
  const page = await open('/zoo?seed=1'); let seed = 1;
  for (let i = 0; i < 150; i++) {
    const was = seed; seed = i % 7 === 6 ? seed : (seed * 7919 + i) % 100003; await push(page, 'go', { seed }); await until(async () => await text(page, '#seed') === String(seed), 3000, `seed ${seed}`);
    const [live, fresh, feed, truth] = await page.evaluate(async ([s, f]) => { const fn = eval('(' + f + ')'); const doc = new DOMParser().parseFromString(await (await fetch('/zoo?seed=' + s)).text(), 'text/html'); return [fn(document.querySelector('[data-phx-main]')), fn(doc.querySelector('[data-phx-main]')), [[...document.querySelectorAll('[phx-update=stream]')].map(u => [...u.children].map(e => e.id.replace(/.*-/, '')).join(' ')).join('; '), [...document.querySelectorAll('#truth, .truth')].map(e => e.textContent).join('; ')]].flat(); }, [seed, String(shape)]);
    assert.equal(live, fresh, `seed ${was} to ${seed}`); assert.equal(feed, truth, `the stream, seed ${was} to ${seed}`);
  }
  await noReload(page); assert.equal(page.L.sockets, 1);
});
T('N02 zoo: a rejoin shows the same page, and the list of the stream anew', async () => {
  const page = await open('/zoo?seed=5'); for (const s of [6, 7, 8, 9]) await push(page, 'go', { seed: s }); await until(async () => await text(page, '#seed') === '9');
  const was = await page.evaluate(f => eval('(' + f + ')')(document.querySelector('[data-phx-main]')), String(shape)); await page.evaluate(() => window.liveSocket.getSocket().conn.close()); await until(async () => page.L.sockets === 2); await connected(page);
  await until(async () => await page.evaluate(f => eval('(' + f + ')')(document.querySelector('[data-phx-main]')), String(shape)) === was); const [feed, truth] = await page.evaluate(() => [[...document.querySelectorAll('[phx-update=stream]')].map(u => [...u.children].map(e => e.id.replace(/.*-/, '')).join(' ')).join('; '), [...document.querySelectorAll('#truth, .truth')].map(e => e.textContent).join('; ')]); assert.equal(feed, truth); await noReload(page);
});
// A page's id and token, and a socket that joins by hand.
async function visit(p) { const h = await (await fetch(BASE + p)).text(); return { id: h.match(/ id="(phx-[^"]+)"/)[1], session: h.match(/data-phx-session="([^"]+)"/)[1] }; }
async function conn() {
  const ws = new WebSocket(WS + '/live/websocket?vsn=2.0.0', { perMessageDeflate: false }), q = []; ws.q = q; ws.on('message', d => q.push(JSON.parse(d.toString()))); ws.on('error', () => { }); await new Promise(ok => ws.on('open', ok)); cleanup.push(() => ws.terminate());
  ws.j = (...a) => ws.send(JSON.stringify(a)); ws.want = f => until(() => { const i = q.findIndex(f); return i >= 0 && q.splice(0, i + 1).at(-1); }, 4000, 'frame ' + f);
  ws.join = async (id, url, session, key = 'url', ref = '4') => { ws.j(ref, ref, 'lv:' + id, 'phx_join', { [key]: BASE + url, params: { _mounts: 0 }, session, static: null, sticky: false }); return (await ws.want(m => m[1] === ref && m[3] === 'phx_reply'))[4]; }; return ws;
}
T('N03 tokens: of another page, changed, none at all: refused; of another path: good', async () => {
  const a = await visit('/dashboard'), b = await visit('/dashboard'), ws = await conn(); assert.notEqual(a.id, b.id);
  for (const s of [b.session, a.session.slice(0, -2) + 'xx', 'B' + a.session.slice(1), '', 'nonsense', '..', a.session + '.x', 5, null]) { const r = await ws.join(a.id, '/dashboard', s); assert.equal(r.status, 'error'); assert.match(r.response.reason, /^(stale|unauthorized)$/, String(s)); }
  assert.equal((await ws.join('phx-unknown', '/dashboard', a.session)).status, 'error'); assert.equal((await ws.join(a.id, '/no-such-page', a.session, 'redirect')).response.reason, 'unauthorized');
  const t = await ws.join(a.id, '/tasks', a.session, 'redirect'); assert.equal(t.status, 'ok'); assert.equal(t.response.rendered.t, 'Tasks'); assert.equal((await ws.join(a.id, '/dashboard', a.session, 'url', '5')).status, 'ok');
});
T('N04 nothing comes before the answer to the join, and only strings come as values', async () => {
  const a = await visit('/dashboard'), ws = await conn(); const r = await ws.join(a.id, '/dashboard', a.session); assert.equal(r.status, 'ok'); assert.equal(r.response.liveview_version, '1.2.12'); assert.equal(typeof r.response.rendered['0'], 'string'); const d = await ws.want(m => m[3] === 'diff'); assert.equal(d[0], '4'); assert.equal(d[1], null);
  for (const [k, v] of Object.entries(d[4])) assert.ok(/^\d+$/.test(k) && typeof v === 'string', JSON.stringify(d[4]));
});
T('N05 odd events: each is answered ok, the view lives', async () => {
  const a = await visit('/dashboard'), ws = await conn(); await ws.join(a.id, '/dashboard', a.session); let ref = 10; const t = 'lv:' + a.id;
  for (const p of [{}, { event: 1 }, { type: 'click', event: 'no such', value: {} }, { type: 'form', event: 'inc', value: '%zz&=&&a=%00' }, { type: 'form', event: 'inc', value: 7 }, { type: 'click', event: 'inc', value: { by: 'x'.repeat(100000) } }, { type: 'click', event: 'inc', value: 'text' }, { type: 'click', event: 'inc', value: null }, { type: 'click', event: 'inc', value: { by: '99999999999999999999' } }, { type: 'click', event: 'x\u0000', value: { '\u0000': '\ud800' } }]) { const r = String(ref++); ws.j('4', r, t, 'event', p); assert.equal((await ws.want(m => m[1] === r))[4].status, 'ok', JSON.stringify(p)); }
  for (const e of ['cids_will_destroy', 'cids_destroyed', 'allow_upload', 'progress', 'whatever']) { const r = String(ref++); ws.j('4', r, t, e, {}); assert.equal((await ws.want(m => m[1] === r))[4].status, 'ok', e); }
});
T('N06 a storm of 2000 events: all are answered, in order, none is lost', async () => {
  const a = await visit('/dashboard'), ws = await conn(); await ws.join(a.id, '/dashboard', a.session); const t0 = now(); for (let i = 0; i < 2000; i++) ws.j('4', String(100 + i), 'lv:' + a.id, 'event', { type: 'click', event: 'inc', value: { value: '' } });
  await until(() => ws.q.filter(m => m[3] === 'phx_reply').length === 2000, 20000, '2000 answers'); const r = ws.q.filter(m => m[3] === 'phx_reply'); r.forEach((m, i) => { assert.equal(m[1], String(100 + i)); assert.equal(m[4].status, 'ok'); }); assert.equal(r.at(-1)[4].response.diff['0'], '2000'); console.log(`     ${Math.round(2000 / (now() - t0) * 1000)} events/s`);
});
T('N07 tabs: each has a view of its own, a crash of one is none of the others', async () => {
  const a = await open('/dashboard', { dirty: true }), b = await open('/dashboard'); await click(a, '#inc'); await until(async () => await text(a, '#count') === '1'); assert.equal(await text(b, '#count'), '0'); await click(b, '#inc5'); await until(async () => await text(b, '#count') === '5'); await click(a, '#crash'); await a.waitForSelector(MAIN + '.phx-error', { state: 'attached' }); await click(b, '#inc'); await until(async () => await text(b, '#count') === '6'); await connected(a); await until(async () => await text(a, '#count') === '0'); assert.equal(b.L.sockets, 1); await noReload(a);
});
T('N08 history: back and forward over patches and navigations, titles follow', async () => {
  const page = await open('/dashboard'); assert.equal(await page.title(), 'Dashboard · contract'); await click(page, '#nav-patch'); await until(async () => await text(page, '#tab') === 'two'); await click(page, '#nav-redirect'); await page.waitForSelector('#tasks', { state: 'attached' }); await connected(page); await until(async () => await page.title() === 'Tasks · contract');
  await page.goBack(); await until(async () => await text(page, '#tab') === 'two'); await connected(page); await until(async () => await page.title() === 'Dashboard · contract'); await page.goBack(); await until(async () => await text(page, '#tab') === 'main'); await page.goForward(); await until(async () => await text(page, '#tab') === 'two'); await page.goForward(); await page.waitForSelector('#tasks', { state: 'attached' }); await connected(page); await noReload(page); assert.equal(page.L.sockets, 1);
  await page.evaluate(() => window.liveSocket.getSocket().conn.close()); await until(() => page.L.sockets === 2); await connected(page); await page.waitForSelector('#tasks', { state: 'attached' }); await noReload(page);
});
T('N09 forms come back: what was typed is validated again after a rejoin', async () => {
  const page = await open('/tasks', { dirty: true }); await page.locator('#title').fill('a title that is much too long'); await until(async () => (await text(page, '#err')).trim() !== ''); await click(page, '#crash'); await page.waitForSelector(MAIN + '.phx-error', { state: 'attached' }); await connected(page); await until(async () => (await text(page, '#err')).trim() !== ''); assert.equal(await page.inputValue('#title'), 'a title that is much too long'); await until(() => page.evaluate(() => !document.querySelector('[data-phx-ref-src]'))); await noReload(page);
});
T('N10 what an address says is text, in the dead page and in the live one', async () => {
  const evil = '"><script>window.__xss=1</script><b a=\'&amp;'; const page = await open('/dashboard?tab=' + encodeURIComponent(evil)); assert.equal(await text(page, '#tab'), evil); await page.evaluate(u => { const a = document.querySelector('#nav-patch'); a.href = u; a.click(); }, '/dashboard?tab=' + encodeURIComponent(evil + '2')); await until(async () => await text(page, '#tab') === evil + '2'); assert.equal(await page.evaluate(() => window.__xss), undefined); assert.ok(!(await (await fetch(BASE + '/dashboard?tab=' + encodeURIComponent(evil))).text()).includes('<script>window'));
});
T('N11 a view that takes its time locks its own page only', async () => {
  const a = await open('/zoo?seed=3'), b = await open('/zoo?seed=3'); const t0 = now(); const slow = push(a, 'slow', {}); await pause(50); await push(b, 'go', { seed: 4 }); await until(async () => await text(b, '#seed') === '4'); assert.ok(now() - t0 < 900); await slow; assert.ok(now() - t0 >= 900); await push(a, 'go', { seed: 4 }); await until(async () => await text(a, '#seed') === '4');
});
T('N12 pages are answered as HTML, also those that are not there; other methods are refused', async () => {
  const r = await fetch(BASE + '/no-such-page'); assert.equal(r.status, 404); assert.match(r.headers.get('content-type'), /text\/html/); assert.equal((await fetch(BASE + '/dashboard', { method: 'POST' })).status, 405); const h = await fetch(BASE + '/dashboard', { method: 'HEAD' }); assert.equal(h.status, 200); assert.equal((await h.text()).length, 0); assert.match((await fetch(BASE + '/dashboard')).headers.get('content-security-policy'), /default-src 'self'/);
});
async function serve(port, folder) { const p = spawn(process.env.ACCEPT_PROGRAM, ['--port', String(port), '--folder', folder], { stdio: ['ignore', 'pipe', 'inherit'] }); cleanup.push(() => { p.kill('SIGKILL'); }); for await (const l of readline.createInterface({ input: p.stdout })) { p.url = l.replace('listening on ', ''); break; } return p; }
T('N13 a server that is killed and comes back: the page goes on without a reload', async () => {
  assert.ok(process.env.ACCEPT_PROGRAM, 'ACCEPT_PROGRAM is not set'); const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'more-lv-f-')); cleanup.push(() => fs.rmSync(folder, { recursive: true, force: true })); let server = await serve(0, folder); const page = await open('/dashboard?tab=kept', { base: server.url, dirty: true }); await click(page, '#inc'); await until(async () => await text(page, '#count') === '1');
  const t0 = now(); server.kill('SIGKILL'); await page.waitForSelector(MAIN + '.phx-error', { state: 'attached' }); server = await serve(new URL(server.url).port, folder); await connected(page); console.log(`     connected ${Math.round(now() - t0)} ms after the kill`); await until(async () => await text(page, '#count') === '0'); assert.equal(await text(page, '#tab'), 'kept'); await noReload(page); await click(page, '#inc'); await until(async () => await text(page, '#count') === '1');
});

let bad = 0;
for (const t of tests) {
  if (only && !only.test(t.name) || skip && skip.test(t.name)) continue; const t0 = now(); let err = null;
  try { await Promise.race([t.fn(), pause(60000).then(() => { throw new Error('test took too long'); })]); } catch (e) { err = e; }
  for (const f of cleanup.splice(0).reverse()) try { await f(); } catch (e) { err ||= e; }
  if (err) bad++; console.log(`${err ? 'FAIL' : 'PASS'} ${t.name} (${Math.round(now() - t0)} ms)${err ? '\n     ' + String(err.message).split('\n').slice(0, 14).join('\n     ') : ''}`);
}
console.log(`${bad} failed`); await ctx.close(); fs.rmSync(udd, { recursive: true, force: true }); process.exit(bad);
