#!/usr/bin/env node
// accept_channels.mjs URL [--only REGEX] [--skip REGEX] [--json FILE]: a server of Phoenix channels, asked everything
// by the official npm client `phoenix` and by raw WebSockets. The exit status is the number of failed tests.
// ./dev accept phoenix --channels starts the server and runs it.
//
// CONTRACT the server under test must offer
//   WebSocket   GET <base>/socket/websocket?vsn=2.0.0[&any other params]   (V2 JSON; binary V2 frames for "echo" below)
//   topic       "room:<name>"   join payload {"user": "<name>"}   reply ok {...any object...}
//     after the join reply: push "presence_state", then "presence_diff" to every member whenever somebody joins/leaves/updates;
//     presence key = user; every meta has a unique "phx_ref", the field "status" ("online" after join), and after an update "phx_ref_prev"
//     a member whose TCP connection is reset must leave the presence within 5 s
//   topic       "room:forbidden"   join -> error {"reason":"unauthorized"}
//   topic       "nosuch:<x>"       join -> error {"reason":"unmatched topic"}
//   events on room:* (client -> server)
//     "new_msg"    {"body": any}    -> reply ok {...}; broadcast "new_msg" {"user","body",...} to all members including the sender, in order
//     "set_status" {"status": str}  -> reply ok; presence_diff with joins{user:new meta} and leaves{user:old meta}
//     "echo"       any JSON object  -> reply ok with exactly that object; a binary push is answered by a binary reply with the same bytes
//     "fail"       {}               -> reply error {"reason":"failed"}
//     "silent"     {}               -> no reply at all, channel stays usable
//     "crash"      {}               -> no reply; the channel dies: server pushes phx_error for that topic/join_ref, socket stays open
import { Socket, Presence } from 'phoenix';
import WebSocket from 'ws';
import fs from 'node:fs';
import assert from 'node:assert/strict';
import { FaultProxy } from './faultproxy.mjs';

const argv = process.argv.slice(2); const opt = n => { const i = argv.indexOf('--' + n); return i < 0 ? null : argv[i + 1]; };
const base = new URL(argv[0] && !argv[0].startsWith('--') ? argv[0] : 'http://127.0.0.1:4100');
const WSBASE = base.href.replace(/^http/, 'ws').replace(/\/$/, '');
const only = opt('only') && new RegExp(opt('only')), skip = opt('skip') && new RegExp(opt('skip'));
const sleep = ms => new Promise(r => setTimeout(r, ms)); const now = () => performance.now();
const until = async (f, ms = 3000, what = String(f)) => { const t = now(); for (;;) { let v; try { v = await f(); } catch { } if (v) return v; if (now() - t > ms) throw new Error('timed out after ' + ms + ' ms waiting for: ' + what); await sleep(5); } };
const room = () => 'room:t' + Math.random().toString(36).slice(2, 10);
const cleanup = []; const metrics = {};

function sock(url = WSBASE + '/socket', opts = {}) {
  const log = []; const s = new Socket(url, { transport: WebSocket, ...opts });
  s.onOpen(() => log.push(['open', now()])); s.onClose(e => log.push(['close', now(), e && e.code])); s.onError(() => log.push(['error', now()]));
  s.log_ = log; s.connect(); cleanup.push(() => { s.disconnect(); }); return s;
}
const P = (push, ms) => new Promise((ok, no) => { push.receive('ok', r => ok(r)).receive('error', r => no(Object.assign(new Error('error reply ' + JSON.stringify(r)), { resp: r }))).receive('timeout', () => no(Object.assign(new Error('timeout'), { timeout: true }))); });
async function join(s, topic, params = {}, timeout = 3000) { const c = s.channel(topic, params); c.joinPush.timeout = timeout; const r = await P(c.join(timeout)); return Object.assign(c, { joinResp: r }); }
async function rawConn(path = '/socket/websocket?vsn=2.0.0', protocols) {
  const ws = new WebSocket(WSBASE + path, protocols); const q = []; ws.q = q; ws.on('message', (d, bin) => q.push(bin ? d : JSON.parse(d.toString())));
  ws.status = await new Promise((ok, no) => { ws.on('open', () => ok(101)); ws.on('unexpected-response', (_r, res) => { ok(res.statusCode); ws.terminate(); }); ws.on('error', e => no(e)); });
  ws.on('error', () => { }); ws.on('close', (c) => { ws.closed = c; }); ws.j = a => ws.send(JSON.stringify(a));
  ws.want = (f, ms = 2000) => until(() => { const i = q.findIndex(m => Array.isArray(m) && f(m)); return i >= 0 && q.splice(i, 1)[0]; }, ms, 'frame ' + f);
  cleanup.push(() => ws.terminate()); return ws;
}
const tests = []; const T = (name, fn, o = {}) => tests.push({ name, fn, ...o });

T('C01 handshake: 101, no subprotocol unless asked, heartbeat frame exact', async () => {
  const ws = await rawConn(); assert.equal(ws.status, 101); assert.equal(ws.protocol, '');
  ws.j([null, '7', 'phoenix', 'heartbeat', {}]);
  assert.deepEqual(await ws.want(m => m[1] === '7'), [null, '7', 'phoenix', 'phx_reply', { status: 'ok', response: {} }]);
});
T('C02 unsupported vsn is refused at the handshake (403)', async () => { const ws = await rawConn('/socket/websocket?vsn=9.9.9'); assert.notEqual(ws.status, 101); }, { soft: true });
T('C03 extra and odd query params are tolerated', async () => { const ws = await rawConn('/socket/websocket?_csrf_token=a%2Bb%20c&_mounts=0&_live_referer=undefined&_track_static%5B0%5D=http%3A%2F%2Fx%2Fa.js&vsn=2.0.0'); assert.equal(ws.status, 101); });
T('C04 join ok: raw reply shape and ref types', async () => {
  const ws = await rawConn(), t = room(); ws.j(['3', '3', t, 'phx_join', { user: 'raw' }]);
  const m = await ws.want(m => m[3] === 'phx_reply'); assert.equal(m[0], '3'); assert.equal(m[1], '3'); assert.equal(m[2], t); assert.equal(m[4].status, 'ok'); assert.equal(typeof m[4].response, 'object');
});
T('C05 join ok / error / unmatched topic with the official client', async () => {
  const s = sock(); await join(s, room(), { user: 'a' });
  const f = s.channel('room:forbidden', { user: 'a' }); await assert.rejects(P(f.join(2000)), e => e.resp.reason === 'unauthorized'); f.leave();
  const u = s.channel('nosuch:x', {}); await assert.rejects(P(u.join(2000)), e => e.resp.reason === 'unmatched topic'); u.leave();
});
const fidelity = [{}, { a: [] }, { s: 'æøå 漢字 \u{1F9EA} \u{10FFFF} "quotes" \\ / \b\f\n\r\t \u2028' }, { n: [0, -1, 1.5, 1e-7, 123456789.125, 9007199254740991, -9007199254740991, 1e21] }, { t: true, f: false, z: null }, { 'k"\\\n': { '': { ' ': 1 } } }, { deep: Array.from({ length: 60 }).reduce(a => [a], 'x') }, { big: 'x'.repeat(200) }, { big: 'é'.repeat(35000) }, { big: 'y'.repeat(65536 - 60) }, { arr: Array.from({ length: 5000 }, (_, i) => i) }];
T('C06 echo fidelity (unicode, escapes, numbers, nesting, 7/16/64-bit frame lengths)', async () => {
  const s = sock(), c = await join(s, room(), { user: 'a' }); for (const p of fidelity) assert.deepEqual(await P(c.push('echo', p, 5000)), p);
});
T('C07 echo with an embedded NUL character', async () => { const s = sock(), c = await join(s, room(), { user: 'a' }); const p = { s: 'a\u0000b' }; assert.deepEqual(await P(c.push('echo', p, 2000)), p); });
T('C08 echo of 1 MiB', async () => { const s = sock(), c = await join(s, room(), { user: 'a' }); const p = { s: 'z'.repeat(1 << 20) }; assert.deepEqual(await P(c.push('echo', p, 8000)), p); }, { soft: true });
T('C09 error reply; silent push times out in the client and the channel survives', async () => {
  const s = sock(), c = await join(s, room(), { user: 'a' });
  await assert.rejects(P(c.push('fail', {}, 2000)), e => e.resp.reason === 'failed');
  await assert.rejects(P(c.push('silent', {}, 250)), e => e.timeout); assert.deepEqual(await P(c.push('echo', { x: 1 }, 2000)), { x: 1 });
});
T('C10 200 pipelined pushes are answered in order', async () => {
  const s = sock(), c = await join(s, room(), { user: 'a' }); const got = []; await Promise.all(Array.from({ length: 200 }, (_, i) => P(c.push('echo', { i }, 5000)).then(r => got.push(r.i)))); assert.deepEqual(got, Array.from({ length: 200 }, (_, i) => i));
});
T('C11 broadcast: all members incl. sender, order kept, topics isolated', async () => {
  const t = room(), [a, b, c] = [sock(), sock(), sock()], got = { a: [], b: [], c: [] };
  const ca = await join(a, t, { user: 'a' }), cb = await join(b, t, { user: 'b' }), cc = await join(c, room(), { user: 'c' });
  ca.on('new_msg', m => got.a.push(m)); cb.on('new_msg', m => got.b.push(m)); cc.on('new_msg', m => got.c.push(m));
  for (let i = 0; i < 200; i++) (i % 2 ? ca : cb).push('new_msg', { body: i }, 5000);
  await until(() => got.a.length === 200 && got.b.length === 200, 5000);
  assert.deepEqual(got.a.map(m => m.body), got.b.map(m => m.body)); assert.deepEqual(got.a.filter(m => m.user === 'a').map(m => m.body), Array.from({ length: 100 }, (_, i) => 2 * i + 1)); assert.equal(got.c.length, 0);
});
T('C12 two topics multiplexed on one socket', async () => {
  const s = sock(), t1 = room(), t2 = room(), c1 = await join(s, t1, { user: 'a' }), c2 = await join(s, t2, { user: 'a' }); const g = []; c1.on('new_msg', m => g.push(1)); c2.on('new_msg', m => g.push(2));
  await P(c2.push('new_msg', { body: 1 }, 2000)); await until(() => g.length); assert.deepEqual(g, [2]); await P(c1.leave(2000)); assert.deepEqual(await P(c2.push('echo', { y: 2 }, 2000)), { y: 2 });
});
const users = p => p.list((k, v) => k + ':' + v.metas.length).sort().join(',');
T('C13 presence: state, join, second device, leave of one device, leave of all', async () => {
  const t = room(), a = sock(), b = sock(), b2 = sock(); const ca = a.channel(t, { user: 'alice' }), pa = new Presence(ca); const ev = []; pa.onJoin((k, cur, n) => ev.push(['join', k, cur ? cur.metas.length : 0])); pa.onLeave((k, cur, l) => ev.push(['leave', k, cur.metas.length]));
  await P(ca.join(2000)); await until(() => users(pa) === 'alice:1');
  const cb = b.channel(t, { user: 'bob' }), pb = new Presence(cb); await P(cb.join(2000)); await until(() => users(pa) === 'alice:1,bob:1' && users(pb) === users(pa));
  const cb2 = b2.channel(t, { user: 'bob' }); new Presence(cb2); await P(cb2.join(2000)); await until(() => users(pa) === 'alice:1,bob:2');
  const refs = pa.list((k, v) => v.metas.map(m => m.phx_ref)).flat(); assert.equal(new Set(refs).size, 3); assert.ok(refs.every(r => typeof r === 'string' && r.length > 0));
  await P(cb2.leave(2000)); await until(() => users(pa) === 'alice:1,bob:1'); b.disconnect(); await until(() => users(pa) === 'alice:1', 5000);
  assert.deepEqual(ev.filter(e => e[1] === 'bob'), [['join', 'bob', 0], ['join', 'bob', 1], ['leave', 'bob', 1], ['leave', 'bob', 0]]);
});
T('C14 presence update: phx_ref_prev, key never disappears', async () => {
  const t = room(), a = sock(), b = sock(); const ca = a.channel(t, { user: 'alice' }), pa = new Presence(ca); await P(ca.join(2000)); const cb = await join(b, t, { user: 'bob' }); await until(() => users(pa) === 'alice:1,bob:1');
  const old = pa.state.bob.metas[0].phx_ref; let gone = false; pa.onSync(() => { if (!pa.state.bob || pa.state.bob.metas.length !== 1) gone = true; });
  await P(cb.push('set_status', { status: 'away' }, 2000)); await until(() => pa.state.bob?.metas[0].status === 'away'); assert.equal(pa.state.bob.metas[0].phx_ref_prev, old); assert.notEqual(pa.state.bob.metas[0].phx_ref, old); assert.equal(gone, false);
});
T('C15 leave: reply ok, then phx_close; events to the left topic give "unmatched topic"; leave of unknown topic is ok', async () => {
  const ws = await rawConn(), t = room(); ws.j(['1', '1', t, 'phx_join', { user: 'x' }]); await ws.want(m => m[1] === '1'); ws.j(['1', '2', t, 'phx_leave', {}]);
  const m = await ws.want(m => m[1] === '2'); assert.equal(m[4].status, 'ok'); const c = await ws.want(m => m[3] === 'phx_close'); assert.equal(c[0], '1');
  ws.j(['1', '4', t, 'echo', {}]); const u = await ws.want(m => m[1] === '4'); assert.equal(u[4].status, 'error'); assert.equal(u[4].response.reason, 'unmatched topic');
  ws.j(['1', '5', t, 'phx_leave', {}]); assert.equal((await ws.want(m => m[1] === '5'))[4].status, 'ok');
});
T('C16 second phx_join on a joined topic: old one closed with its OWN join_ref, new one works, stale join_ref ignored', async () => {
  const ws = await rawConn(), t = room(); ws.j(['1', '1', t, 'phx_join', { user: 'x' }]); await ws.want(m => m[1] === '1' && m[3] === 'phx_reply'); ws.j(['2', '2', t, 'phx_join', { user: 'x' }]);
  assert.equal((await ws.want(m => m[1] === '2' && m[3] === 'phx_reply'))[4].status, 'ok'); assert.equal((await ws.want(m => m[3] === 'phx_close'))[0], '1');
  ws.j(['1', '8', t, 'echo', { stale: 1 }]); ws.j(['2', '9', t, 'echo', { live: 1 }]); assert.deepEqual((await ws.want(m => m[1] === '9'))[4], { status: 'ok', response: { live: 1 } }); assert.ok(!ws.q.some(m => m[1] === '8' && m[4]?.status === 'ok'), 'stale push was executed');
  ws.j([null, '10', t, 'echo', { nul: 1 }]); assert.deepEqual((await ws.want(m => m[1] === '10'))[4].response, { nul: 1 });
});
T('C17 fragmented text message with a ping in between', async () => {
  const ws = await rawConn(), t = room(); ws.j(['1', '1', t, 'phx_join', { user: 'x' }]); await ws.want(m => m[1] === '1'); const s = JSON.stringify(['1', '2', t, 'echo', { s: 'frag é' }]); let pong = false; ws.on('pong', () => pong = true);
  ws.send(s.slice(0, 5), { fin: false }); ws.ping('hi'); ws.send(s.slice(5, 20), { fin: false }); ws.send(s.slice(20), { fin: true }); assert.deepEqual((await ws.want(m => m[1] === '2'))[4].response, { s: 'frag é' }); await until(() => pong);
});
T('C18 garbage frames hurt nobody else', async () => {
  const s = sock(), c = await join(s, room(), { user: 'a' }); for (const g of ['', '{', '[]', '[1,2]', '{"a":1}', 'null', '[null,null,null,null,null]', '["1","1","room:x","phx_join",5]', '["1","1",{},[],"x"]', '\u0000']) { const ws = await rawConn(); ws.send(g); }
  for (const b of [[], [0], [0, 255, 255, 255, 255], [9, 1, 1, 1, 1], [0, 1, 1, 1, 1]]) { const ws = await rawConn(); ws.send(Buffer.from(b)); }
  await sleep(150); assert.deepEqual(await P(c.push('echo', { ok: 1 }, 2000)), { ok: 1 });
});
T('C19 binary push and binary reply (V2 binary frames)', async () => {
  const s = sock(), c = await join(s, room(), { user: 'a' }); for (const n of [0, 1, 200, 70000]) { const b = new Uint8Array(n).map((_, i) => i * 7); const r = await P(c.push('echo', b.buffer, 3000)); assert.deepEqual(new Uint8Array(r), b); }
});
T('C20 authToken: server selects subprotocol "phoenix"', async () => { const s = sock(undefined, { authToken: 'tok-123' }); await until(() => s.isConnected(), 2000); assert.equal(s.conn.protocol, 'phoenix'); await join(s, room(), { user: 'a' }); }, { soft: true });
T('C21 ping(): heartbeat round trip', async () => { const s = sock(); await until(() => s.isConnected()); const rtt = await new Promise(r => s.ping(r)); metrics.ping_ms = rtt; assert.ok(rtt < 1000); });
T('C22 close handshake answered', async () => { const ws = await rawConn(); ws.close(1000, 'bye'); await until(() => ws.closed !== undefined, 2000); assert.equal(ws.closed, 1000); });
T('C23 60 sockets in one room: presence converges, one message reaches all', async () => {
  const t = room(), N = 60, S = Array.from({ length: N }, () => sock()); const C = S.map((s, i) => s.channel(t, { user: 'u' + i })), Pr = C.map(c => new Presence(c)); const got = new Set(); C.forEach((c, i) => c.on('new_msg', () => got.add(i)));
  await Promise.all(C.map(c => P(c.join(5000)))); await until(() => Pr.every(p => p.list().length === N), 8000, 'presence of all'); C[0].push('new_msg', { body: 1 }); await until(() => got.size === N, 3000);
});
async function proxied(fn, opts = {}) { const px = new FaultProxy(base.hostname, +(base.port || 80)); await px.up(); cleanup.push(() => px.stop()); return fn(px, sock('ws://127.0.0.1:' + px.local + base.pathname.replace(/\/$/, '') + '/socket', opts)); }
T('C24 TCP reset: reconnect after ~10 ms, rejoin on open, buffered push delivered, presence resynced', () => proxied(async (px, s) => {
  const t = room(), other = sock(), co = other.channel(t, { user: 'watch' }), po = new Presence(co); await P(co.join(2000)); const seen = []; co.on('new_msg', m => seen.push(m.body));
  const c = s.channel(t, { user: 'me' }), p = new Presence(c); let joins = 0, tj = []; c.joinPush.receive('ok', () => { joins++; tj.push(now()); }); c.join(3000); await until(() => joins === 1); await until(() => users(p) === 'me:1,watch:1');
  const t0 = px.kill(); await until(() => !s.isConnected(), 1000); c.push('new_msg', { body: 'buffered' }, 5000);
  await until(() => joins === 2, 4000, 'rejoin'); const open = s.log_.filter(e => e[0] === 'open').pop()[1]; metrics.reset_to_open_ms = +(open - t0).toFixed(1); metrics.reset_to_rejoined_ms = +(tj[1] - t0).toFixed(1);
  await until(() => seen.includes('buffered'), 3000, 'buffered push'); await until(() => users(po) === 'me:1,watch:1', 5000, 'presence without ghosts'); await until(() => users(p) === 'me:1,watch:1'); assert.ok(metrics.reset_to_rejoined_ms < 500, 'rejoined after ' + metrics.reset_to_rejoined_ms);
}));
for (const downMs of [300, 1500]) T(`C25 server unreachable for ${downMs} ms: backoff and recovery`, () => proxied(async (px, s) => {
  const c = s.channel(room(), { user: 'me' }); let joins = 0, tj = 0; c.joinPush.receive('ok', () => { joins++; tj = now(); }); c.join(3000); await until(() => joins === 1);
  const t0 = await px.down(); await sleep(downMs - (now() - t0)); await px.up(); const tu = now(); await until(() => joins === 2, 8000, 'rejoin'); metrics[`down_${downMs}_up_to_rejoined_ms`] = +(tj - tu).toFixed(1); metrics[`down_${downMs}_failed_attempts`] = s.log_.filter(e => e[0] === 'error').length; assert.deepEqual(await P(c.push('echo', { z: 1 }, 2000)), { z: 1 });
}));
T('C26 channel crash: phx_error, automatic rejoin after ~1 s on the same socket', async () => {
  const s = sock(), c = s.channel(room(), { user: 'me' }), p = new Presence(c); let joins = 0, tj = 0, err = 0; c.onError(() => err++); c.joinPush.receive('ok', () => { joins++; tj = now(); }); c.join(3000); await until(() => joins === 1); const t0 = now(); c.push('crash', {}, 2000); await until(() => err === 1, 2000, 'phx_error'); await until(() => joins === 2, 4000, 'rejoin');
  metrics.crash_to_rejoined_ms = +(tj - t0).toFixed(1); assert.ok(metrics.crash_to_rejoined_ms > 900 && metrics.crash_to_rejoined_ms < 1600); assert.equal(s.log_.filter(e => e[0] === 'close').length, 0); await until(() => users(p) === 'me:1', 2000, 'own presence once after rejoin');
});
T('C27 black hole (no FIN/RST): heartbeat timeout notices, reconnects when the path is back', () => proxied(async (px, s) => {
  const c = s.channel(room(), { user: 'me' }); let joins = 0, tj = 0; c.joinPush.receive('ok', () => { joins++; tj = now(); }); c.join(1000); await until(() => joins === 1); px.frozen = true; const t0 = now(); let t1 = 0; c.onError(() => t1 ||= now()); await until(() => t1, 6000, 'channel error'); metrics.blackhole_detect_ms = +(t1 - t0).toFixed(0); px.frozen = false; await until(() => joins === 2, 12000, 'rejoin'); metrics.blackhole_total_ms = +(tj - t0).toFixed(0);
}, { heartbeatIntervalMs: 500 }));

let bad = 0; const out = [];
for (const t of tests) {
  if (only && !only.test(t.name) || skip && skip.test(t.name)) continue; const t0 = now(); let err = null;
  try { await Promise.race([t.fn(), sleep(30000).then(() => { throw new Error('test took over 30 s'); })]); } catch (e) { err = e; }
  for (const f of cleanup.splice(0).reverse()) try { await f(); } catch { }
  const st = !err ? 'PASS' : t.soft ? 'WARN' : (bad++, 'FAIL'); out.push({ name: t.name, status: st, ms: Math.round(now() - t0), error: err && err.message }); console.log(`${st} ${t.name} (${Math.round(now() - t0)} ms)${err ? '\n     ' + String(err.message).split('\n').slice(0, 12).join('\n     ') : ''}`);
}
console.log('metrics', JSON.stringify(metrics)); console.log(`${out.filter(o => o.status === 'PASS').length} passed, ${bad} failed, ${out.filter(o => o.status === 'WARN').length} warned`);
if (opt('json')) fs.writeFileSync(opt('json'), JSON.stringify({ base: base.href, tests: out, metrics }, null, 1));
process.exit(bad);
