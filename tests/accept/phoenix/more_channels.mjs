#!/usr/bin/env node
// more_channels.mjs URL [--only REGEX] [--skip REGEX]: what accept_channels.mjs leaves out, of the same server and with the
// same contract: frames as only a raw socket can send them, edges of the protocol, crowds. The exit status is the number
// of failed tests. ./dev accept phoenix --channels runs both.
import { Socket, Presence } from 'phoenix';
import WebSocket from 'ws';
import net from 'node:net';
import assert from 'node:assert/strict';
import { FaultProxy } from './faultproxy.mjs';

const argv = process.argv.slice(2), opt = n => { const i = argv.indexOf('--' + n); return i < 0 ? null : argv[i + 1]; };
const base = new URL(argv[0] ?? 'http://127.0.0.1:4100'), WS = base.href.replace(/^http/, 'ws').replace(/\/$/, '');
const only = opt('only') && new RegExp(opt('only')), skip = opt('skip') && new RegExp(opt('skip'));
const pause = ms => new Promise(r => setTimeout(r, ms)), now = () => performance.now();
const until = async (f, ms = 3000, what = String(f)) => { const t = now(); for (;;) { let v; try { v = await f(); } catch { } if (v) return v; if (now() - t > ms) throw new Error(`timed out after ${ms} ms waiting for: ${what}`); await pause(5); } };
const room = () => 'room:m' + Math.random().toString(36).slice(2, 10);
const cleanup = [], tests = [], T = (name, fn) => tests.push({ name, fn });

const P = push => new Promise((ok, no) => push.receive('ok', ok).receive('error', r => no(Object.assign(new Error('error reply ' + JSON.stringify(r)), { resp: r }))).receive('timeout', () => no(new Error('timeout'))));
function sock(opts = {}) { const s = new Socket(WS + '/socket', { transport: WebSocket, ...opts }); s.connect(); cleanup.push(() => s.disconnect()); return s; }
async function join(s, topic, params = { user: 'a' }) { const c = s.channel(topic, params); await P(c.join(3000)); return c; }
const users = p => p.list((k, v) => k + ':' + v.metas.length).sort().join(',');

// A WebSocket of `ws`, with the frames it got in .q and the code it was closed with in .closed.
async function conn(headers = {}, path = '/socket/websocket?vsn=2.0.0', opts = {}) {
  const ws = new WebSocket(WS + path, { headers, perMessageDeflate: false, ...opts }), q = [];
  ws.q = q; ws.on('message', (d, bin) => q.push(bin ? d : JSON.parse(d.toString()))); ws.on('error', () => { }); ws.on('close', (code, why) => { ws.closed = code; ws.why = why; });
  ws.status = await new Promise(ok => { ws.on('open', () => ok(101)); ws.on('unexpected-response', (_q, res) => { ok(res.statusCode); ws.terminate(); }); ws.on('error', () => ok(0)); });
  ws.j = (...a) => ws.send(JSON.stringify(a)); cleanup.push(() => ws.terminate());
  ws.want = (f, ms = 3000) => until(() => { const i = q.findIndex(m => f(m)); return i >= 0 && q.splice(i, 1)[0]; }, ms, 'frame ' + f);
  ws.joined = async (t, r = '1', p = { user: 'x' }) => { ws.j(r, r, t, 'phx_join', p); const m = await ws.want(m => m[1] === r && m[3] === 'phx_reply'); assert.equal(m[4].status, 'ok'); return m; };
  return ws;
}
// A WebSocket by hand: whatever bytes one likes.
async function bare() {
  const s = net.connect(+base.port, base.hostname), got = []; s.setNoDelay(true); cleanup.push(() => s.destroy()); s.on('error', () => { });
  s.on('close', () => { s.gone = true; }); s.on('data', d => got.push(d)); await new Promise(r => s.on('connect', r));
  s.write(`GET /socket/websocket?vsn=2.0.0 HTTP/1.1\r\nHost: ${base.host}\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
  await until(() => Buffer.concat(got).includes('\r\n\r\n'), 3000, 'the upgrade'); assert.match(Buffer.concat(got).toString(), /^HTTP\/1\.1 101 [^]*s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/); got.length = 0;
  s.frame = (first, payload = '', { masked = true, len } = {}) => {
    const p = Buffer.from(payload), n = len ?? p.length, head = n < 126 ? Buffer.from([first, n]) : n < 65536 ? Buffer.from([first, 126, n >> 8, n & 255]) : Buffer.concat([Buffer.from([first, 127, 0, 0, 0, 0]), Buffer.from([n >>> 24, n >> 16 & 255, n >> 8 & 255, n & 255])]);
    if (!masked) return Buffer.concat([head, p]); head[1] |= 128; const k = Buffer.from([7, 77, 177, 1]); return Buffer.concat([head, k, p.map((b, i) => b ^ k[i & 3])]);
  };
  s.all = () => Buffer.concat(got); s.code = () => { let b = s.all(); while (b.length >= 2) { let n = b[1] & 127, at = 2; if (n === 126) { n = b.readUInt16BE(2); at = 4; } if (n === 127) { n = Number(b.readBigUInt64BE(2)); at = 10; } if ((b[0] & 15) === 8) return n >= 2 ? b.readUInt16BE(at) : 1005; b = b.subarray(at + n); } return 0; };
  s.closes = async code => { await until(() => s.code() === code, 3000, `close ${code} (is ${s.code()})`); await until(() => s.gone || s.readableEnded, 4000, 'the end of the connection'); };
  return s;
}
const one = JSON.stringify([null, '1', 'phoenix', 'heartbeat', {}]);

T('M01 protocol errors close with 1002', async () => {
  const bad = [s => s.frame(0x81, one, { masked: false }), s => s.frame(0xc1, one), s => s.frame(0xa1, one), s => s.frame(0x91, one), s => s.frame(0x83, 'x'), s => s.frame(0x8b, 'x'), s => s.frame(0x80, 'x'), s => s.frame(0x09, 'x'), s => s.frame(0x89, 'x'.repeat(126)), s => Buffer.concat([s.frame(0x01, '['), s.frame(0x81, one)]), s => s.frame(0x88, 'x'), s => s.frame(0x88, Buffer.from([3, 0xec])), s => s.frame(0x88, Buffer.from([0, 5])), s => s.frame(0x88, Buffer.from([0x17, 0x70]))];
  for (const f of bad) { const s = await bare(); s.write(f(s)); await s.closes(1002); s.destroy(); }
});
T('M02 text that is not UTF-8 closes with 1007, also over fragments and in a close reason', async () => {
  for (const b of [[0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xff], [0x22, 0xc3]]) { const s = await bare(); s.write(s.frame(0x81, Buffer.from(b))); await s.closes(1007); }
  const s = await bare(); s.write(s.frame(0x01, Buffer.from([0x22, 0xc3]))); s.write(s.frame(0x80, Buffer.from([0x28, 0x22]))); await s.closes(1007);
  const c = await bare(); c.write(c.frame(0x88, Buffer.from([3, 0xe8, 0xff]))); await c.closes(1007);
});
T('M03 a message over the limit closes with 1009 before it is sent, fragments too', async () => {
  const s = await bare(); s.write(s.frame(0x81, '', { len: 64 << 20 })); await s.closes(1009);
  const f = await bare(), part = 'x'.repeat(1 << 20); f.write(f.frame(0x01, part)); for (let i = 0; i < 3; i++) f.write(f.frame(0x00, part)); await f.closes(1009);
});
T('M04 text that is no message closes that connection and no other', async () => {
  const ok = await conn(), t = room(); await ok.joined(t);
  for (const g of ['', '{', '[]', '[1,2]', '{"a":1}', 'null', '[null,null,null,null,null]', `["1","1","${t}","phx_join",5]`, '["1","1",{},[],"x"]', '\u0000', `[1,"1","${t}","echo",{}]`, `["1",1,"${t}","echo",{}]`, `["1","1","${t}","echo",{}`, `["1","1","${t}","echo",{},]`, `["1","1","${t}","echo",{"a":01}]`, '['.repeat(5000)]) {
    const ws = await conn(); ws.send(g); await until(() => ws.closed, 2000, 'close after ' + g.slice(0, 40)); assert.ok([1002, 1003, 1007].includes(ws.closed), `${ws.closed} after ${g.slice(0, 40)}`);
  }
  ok.j('1', '9', t, 'echo', { still: 1 }); assert.deepEqual((await ok.want(m => m[1] === '9'))[4].response, { still: 1 });
});
T('M05 more than five elements, spaces and escapes are fine', async () => {
  const ws = await conn(), t = room(); await ws.joined(t);
  ws.send(` [ "1" ,\t"2"\n, "${t.replace('room', 'r\\u006f\\u006fm')}" , "ech\\u006f" , { "a" : [ 1 , 2 ] } , "more", 7 ] `); assert.deepEqual(await ws.want(m => m[1] === '2'), ['1', '2', t, 'phx_reply', { status: 'ok', response: { a: [1, 2] } }]);
});
T('M06 a byte at a time, and many messages in one write', async () => {
  const s = await bare(), t = room(), f = s.frame(0x81, JSON.stringify(['1', '1', t, 'phx_join', { user: 'x' }])); for (const b of f) { s.write(Buffer.from([b])); await new Promise(setImmediate); }
  await until(() => s.all().includes('"phx_reply"')); s.write(Buffer.concat(Array.from({ length: 300 }, (_, i) => s.frame(0x81, JSON.stringify(['1', 'n' + i, t, 'echo', { i }]))))); await until(() => s.all().includes('"n299"'));
});
T('M07 200,000 bytes in fragments as a browser sends them, pings in between, echoed whole', async () => {
  const ws = await conn(), t = room(); await ws.joined(t); const big = 'é'.repeat(100000), s = Buffer.from(JSON.stringify(['1', '2', t, 'echo', { big }])); let pongs = 0; ws.on('pong', d => { if (d.toString() === 'p') pongs++; });
  const cuts = [0, 60990, 60990 + 131000, s.length]; for (let i = 0; i < 3; i++) { ws.send(s.subarray(cuts[i], cuts[i + 1]), { binary: false, fin: i === 2 }); ws.ping('p'); }
  assert.equal((await ws.want(m => m[1] === '2', 8000))[4].response.big, big); await until(() => pongs === 3);
});
T('M08 empty fragments, an empty binary frame, a ping of 125 bytes, pongs nobody asked for', async () => {
  const s = await bare(); s.write(Buffer.concat([s.frame(0x01, ''), s.frame(0x00, one.slice(0, 7)), s.frame(0x8a, 'x'), s.frame(0x00, ''), s.frame(0x89, 'q'.repeat(125)), s.frame(0x80, one.slice(7))])); await until(() => s.all().includes('"phx_reply"')); assert.ok(s.all().includes('q'.repeat(125)));
  s.write(s.frame(0x82, '')); await s.closes(1003);
});
T('M09 what a client says last: its close code comes back, then the end', async () => {
  for (const [code, back] of [[1000, 1000], [1001, 1001], [3000, 3000], [4999, 4999]]) { const s = await bare(); s.write(s.frame(0x88, Buffer.from([code >> 8, code & 255, 0x62]))); await s.closes(back); }
  const s = await bare(); s.write(s.frame(0x88, '')); await s.closes(1005);
});
T('M10 binary pushes of edge sizes', async () => {
  const s = sock(), t = 'room:' + 'x'.repeat(250), c = await join(s, t); for (const n of [0, 1, 125, 126, 127, 65535, 65536, 1 << 20]) { const b = new Uint8Array(n).map((_, i) => i * 31 >> 3); const r = await P(c.push('echo', b.buffer, 5000)); assert.deepEqual(Buffer.from(r), Buffer.from(b)); }
});
T('M11 binary frames by hand: no refs, unknown topics, lengths that lie', async () => {
  const ws = await conn(), t = room(); await ws.joined(t); const bin = (jr, ref, topic, event, data) => Buffer.concat([Buffer.from([0, jr.length, ref.length, topic.length, event.length]), Buffer.from(jr + ref + topic + event), Buffer.from(data)]);
  ws.send(bin('1', '7', t, 'echo', 'abc')); const r = await ws.want(m => Buffer.isBuffer(m)); assert.deepEqual(r, Buffer.concat([Buffer.from([1, 1, 1, t.length, 2]), Buffer.from('17' + t + 'ok' + 'abc')]));
  ws.send(bin('', '8', t, 'echo', '')); const e = await ws.want(m => Buffer.isBuffer(m)); assert.equal(e[0], 1); assert.ok(e.toString().endsWith('8' + t + 'ok'));
  ws.send(bin('', '', t, 'echo', 'x')); ws.send(bin('1', '9', 'room:none', 'echo', 'x')); assert.deepEqual(await ws.want(m => m[1] === '9'), [null, '9', 'room:none', 'phx_reply', { status: 'error', response: { reason: 'unmatched topic' } }]); assert.ok(!ws.q.some(Buffer.isBuffer));
  ws.send(bin('0', '10', t, 'echo', 'stale')); ws.send(bin('1', '11', t, 'echo', 'live')); const l = await ws.want(m => Buffer.isBuffer(m)); assert.ok(l.toString().endsWith('oklive'));
  for (const b of [[], [0], [0, 255, 255, 255, 255], [9, 1, 1, 1, 1, 65, 65, 65, 65], [0, 1, 1, 1, 1], [0, 1, 1, 1, 1, 0xff, 65, 65, 65]]) { const w = await conn(); w.send(Buffer.from(b)); await until(() => w.closed); assert.ok([1002, 1003, 1007].includes(w.closed)); }
});
T('M12 null refs: no reply, but done; null join_ref is the current join', async () => {
  const ws = await conn(), t = room(); await ws.joined(t, '5'); ws.j('5', null, t, 'new_msg', { body: 'quiet' }); assert.equal((await ws.want(m => m[3] === 'new_msg'))[4].body, 'quiet'); ws.j(null, '6', t, 'echo', { a: 1 });
  assert.deepEqual(await ws.want(m => m[1] === '6'), ['5', '6', t, 'phx_reply', { status: 'ok', response: { a: 1 } }]); assert.ok(!ws.q.some(m => m[3] === 'phx_reply')); ws.j(null, '7', t, 'phx_leave', {}); assert.equal((await ws.want(m => m[1] === '7'))[4].status, 'ok'); assert.deepEqual(await ws.want(m => m[3] === 'phx_close'), ['5', '5', t, 'phx_close', {}]);
});
T('M13 a leave with a foreign join_ref is ignored without a word', async () => {
  const ws = await conn(), t = room(); await ws.joined(t, '5'); ws.j('4', '6', t, 'phx_leave', {}); ws.j('5', '7', t, 'echo', { a: 1 }); await ws.want(m => m[1] === '7'); assert.ok(!ws.q.some(m => m[1] === '6' || m[3] === 'phx_close'));
});
T('M14 broadcasts and diffs: refs are null, the same bytes for every member', async () => {
  const a = await conn(), b = await conn(), t = room(), raw = { a: [], b: [] }; await a.joined(t, '1'); await b.joined(t, '33'); await a.want(m => m[3] === 'presence_diff' && m[4].joins.x); await b.want(m => m[3] === 'presence_state');
  a.on('message', d => raw.a.push(d.toString())); b.on('message', d => raw.b.push(d.toString())); a.j('1', '2', t, 'new_msg', { body: { deep: ['\u0000', 'é', 1e21] } }); const m = await b.want(m => m[3] === 'new_msg'); assert.deepEqual(m.slice(0, 3), [null, null, t]); assert.deepEqual(m[4].body, { deep: ['\u0000', 'é', 1e21] });
  await until(() => raw.a.some(x => x.includes('new_msg'))); assert.deepEqual(raw.a.filter(x => x.includes('new_msg')), raw.b.filter(x => x.includes('new_msg')));
});
T('M15 presence_state is a push of the join, after its reply; a diff names both halves', async () => {
  const ws = await conn(), t = room(); ws.j('8', '8', t, 'phx_join', { user: 'me' }); await until(() => ws.q.length >= 2); assert.equal(ws.q[0][3], 'phx_reply'); const s = await ws.want(m => m[3] === 'presence_state'); assert.deepEqual(s.slice(0, 3), ['8', null, t]);
  ws.j('8', '9', t, 'set_status', { status: 'away' }); const d = await ws.want(m => m[3] === 'presence_diff' && m[4].leaves.me); assert.equal(d[4].joins.me.metas[0].status, 'away'); assert.equal(d[4].joins.me.metas[0].phx_ref_prev, d[4].leaves.me.metas[0].phx_ref); for (const k of ['joins', 'leaves']) assert.equal(typeof d[4][k], 'object');
});
T('M16 one socket, several rooms and several people: each room counts for itself; updates chain', async () => {
  const s = sock(), t1 = room(), t2 = room(), c1 = s.channel(t1, { user: 'u' }), p1 = new Presence(c1), c2 = s.channel(t2, { user: 'u' }), p2 = new Presence(c2); await Promise.all([P(c1.join()), P(c2.join())]); await until(() => users(p1) === 'u:1' && users(p2) === 'u:1');
  for (const st of ['a', 'b', 'c']) await P(c1.push('set_status', { status: st })); await until(() => p1.state.u.metas[0].status === 'c'); assert.equal(p1.state.u.metas.length, 1); assert.equal(p2.state.u.metas[0].status, 'online'); await P(c1.leave()); await P(c2.push('set_status', { status: 'z' })); await until(() => p2.state.u.metas[0].status === 'z');
});
T('M17 strange users and topics are kept as they are', async () => {
  for (const user of ['é漢\u{1F9EA}', 'a"b\\c', ' ', 'nul\u0000nul', '__proto__x']) { const s = sock(), t = 'room:ä "b\\' + Math.random(), c = s.channel(t, { user }), p = new Presence(c); await P(c.join()); await until(() => p.list().length === 1); assert.deepEqual(Object.keys(p.state), [user]); c.push('new_msg', { body: user }); await new Promise(r => c.on('new_msg', m => { assert.equal(m.user, user); r(); })); }
});
T('M18 a reset takes the person out of every room, other devices stay', async () => {
  const w = sock(), t1 = room(), t2 = room(), k1 = w.channel(t1, { user: 'w' }), p1 = new Presence(k1), k2 = w.channel(t2, { user: 'w' }), p2 = new Presence(k2); await Promise.all([P(k1.join()), P(k2.join())]);
  const a = await conn(), b = await conn(); await a.joined(t1, '1', { user: 'd' }); await a.joined(t2, '2', { user: 'd' }); await b.joined(t1, '1', { user: 'd' }); await until(() => users(p1) === 'd:2,w:1' && users(p2) === 'd:1,w:1'); a._socket.resetAndDestroy(); await until(() => users(p1) === 'd:1,w:1' && users(p2) === 'w:1', 5000);
});
T('M19 a hundred channels on one connection, the next is refused, one left makes room', async () => {
  const s = sock(), t = room(), all = await Promise.all(Array.from({ length: 100 }, (_, i) => join(s, t + i))); const c = s.channel(t + 'more', { user: 'a' }); await assert.rejects(P(c.join()), e => e.resp.reason === 'too many channels joined'); c.leave();
  assert.deepEqual(await P(all[99].push('echo', { n: 99 })), { n: 99 }); await P(all[0].leave()); await join(s, t + 'again'); await P(all[50].push('echo', {}));
});
T('M20 joining again and again: each join is answered, each old one closed with its own join_ref', async () => {
  const ws = await conn(), t = room(); for (let i = 1; i <= 20; i++) ws.j('' + i, '' + i, t, 'phx_join', { user: 'x' }); for (let i = 1; i <= 20; i++) assert.equal((await ws.want(m => m[1] === '' + i && m[3] === 'phx_reply'))[4].status, 'ok'); for (let i = 1; i <= 19; i++) await ws.want(m => m[3] === 'phx_close' && m[0] === '' + i);
  ws.j('20', '50', t, 'echo', { a: 1 }); await ws.want(m => m[1] === '50'); assert.ok(!ws.q.some(m => m[3] === 'phx_close' && m[0] === '20'));
});
T('M21 said right after a join that is refused: unmatched topic; after one that is accepted: done', async () => {
  const ws = await conn(), t = room(); ws.j('1', '1', 'room:forbidden', 'phx_join', { user: 'x' }); ws.j('1', '2', 'room:forbidden', 'echo', {}); assert.equal((await ws.want(m => m[1] === '1'))[4].response.reason, 'unauthorized'); assert.equal((await ws.want(m => m[1] === '2'))[4].response.reason, 'unmatched topic');
  ws.j('3', '3', t, 'phx_join', { user: 'x' }); ws.j('3', '4', t, 'echo', { a: 1 }); ws.j('3', '5', t, 'phx_leave', {}); ws.j('3', '6', t, 'echo', {}); assert.equal((await ws.want(m => m[1] === '3'))[4].status, 'ok'); assert.deepEqual((await ws.want(m => m[1] === '4'))[4].response, { a: 1 }); assert.equal((await ws.want(m => m[1] === '5'))[4].status, 'ok'); assert.equal((await ws.want(m => m[1] === '6'))[4].response.reason, 'unmatched topic');
});
T('M22 a crash is told once, with its own refs, and the connection goes on', async () => {
  const ws = await conn(), t = room(), u = room(); await ws.joined(t, '1'); await ws.joined(u, '2'); ws.j('1', '3', t, 'crash', {}); const e = await ws.want(m => m[3] === 'phx_error'); assert.deepEqual(e.slice(0, 3), ['1', '1', t]); ws.j('2', '4', u, 'echo', { a: 1 }); await ws.want(m => m[1] === '4'); assert.ok(!ws.q.some(m => m[1] === '3' || m[3] === 'phx_error' || m[3] === 'phx_close'));
  ws.j('1', '5', t, 'echo', {}); assert.equal((await ws.want(m => m[1] === '5'))[4].response.reason, 'unmatched topic'); await ws.joined(t, '6');
});
T('M23 heartbeats: the ref as it came, join_ref null, whatever else is joined', async () => {
  const ws = await conn(); for (const ref of ['1', 'abc', '', 'é']) { ws.j(null, ref, 'phoenix', 'heartbeat', {}); assert.deepEqual(await ws.want(m => m[1] === ref), [null, ref, 'phoenix', 'phx_reply', { status: 'ok', response: {} }]); }
  ws.j(null, '9', 'phoenix', 'nonsense', {}); assert.equal((await ws.want(m => m[1] === '9'))[4].status, 'error'); ws.j('1', '10', 'phoenix', 'phx_join', {}); assert.equal((await ws.want(m => m[1] === '10'))[4].response.reason, 'unmatched topic');
});
T('M24 handshakes that are refused: vsn, origin, method, version, key', async () => {
  const raw = (head, ok) => new Promise(done => { const s = net.connect(+base.port, base.hostname, () => s.write(head)); let t = ''; s.on('data', d => { t += d; if (t.includes('\r\n\r\n')) { done(+t.split(' ')[1]); s.destroy(); } }); s.on('close', () => done(0)); s.on('error', () => done(0)); });
  const req = (o = {}) => `${o.method ?? 'GET'} /socket/websocket?vsn=${o.vsn ?? '2.0.0'} HTTP/1.1\r\nHost: ${base.host}\r\n${o.noup ? '' : 'Upgrade: websocket\r\nConnection: Upgrade\r\n'}Sec-WebSocket-Version: ${o.version ?? 13}\r\nSec-WebSocket-Key: ${o.key ?? 'dGhlIHNhbXBsZSBub25jZQ=='}\r\n${o.origin ? `Origin: ${o.origin}\r\n` : ''}\r\n`;
  assert.equal(await raw(req()), 101); assert.equal(await raw(req({ origin: base.origin })), 101); assert.equal(await raw(req({ vsn: '2.0.7' })), 101);
  for (const vsn of ['1.0.0', '2.1.0', '3.0.0', '', '20.0']) assert.equal(await raw(req({ vsn })), 403, 'vsn ' + vsn); assert.equal(await raw(req({ origin: 'http://evil.example' })), 403); assert.equal(await raw(req({ method: 'POST' })), 400);
  for (const o of [{ version: 12 }, { noup: 1 }]) { const st = await raw(req(o)); assert.ok(st === 400 || st === 426, st); } assert.equal(await raw(req({ key: 'short' })), 400);
});
T('M25 the subprotocol is only named when asked for; a long query is fine', async () => {
  const a = await conn(); assert.equal(a.protocol, ''); const b = await conn({}, '/socket/websocket?pad=' + 'x'.repeat(9000) + '&vsn=2.0.0'); assert.equal(b.status, 101); const c = new WebSocket(WS + '/socket/websocket?vsn=2.0.0', ['phoenix', 'base64url.bearer.phx.dG9r']); cleanup.push(() => c.terminate()); await new Promise((ok, no) => { c.on('open', ok); c.on('error', no); }); assert.equal(c.protocol, 'phoenix');
});
T('M26 a join that times out in the client is left with its own join_ref; the next works', async () => {
  const ws = await conn(), t = room(); ws.j('1', '1', t, 'phx_join', { user: 'x' }); ws.j('1', '2', t, 'phx_leave', {}); ws.j('3', '3', t, 'phx_join', { user: 'x' }); assert.equal((await ws.want(m => m[1] === '3' && m[3] === 'phx_reply'))[4].status, 'ok'); await pause(50); assert.ok(!ws.q.some(m => m[3] === 'phx_close' && (m[0] === '3' || m[0] === null))); ws.j('3', '4', t, 'echo', { a: 1 }); await ws.want(m => m[1] === '4');
});
T('M27 pipelined pushes with text and bytes mixed keep their order', async () => {
  const s = sock(), c = await join(s, room()), got = []; await Promise.all(Array.from({ length: 300 }, (_, i) => P(i % 3 ? c.push('echo', { i }, 8000) : c.push('echo', new Uint8Array([i & 255, i >> 8]).buffer, 8000)).then(r => got.push(r instanceof ArrayBuffer ? new Uint8Array(r)[0] | new Uint8Array(r)[1] << 8 : r.i)))); assert.deepEqual(got, Array.from({ length: 300 }, (_, i) => i));
});
T('M28 a room of 200: joins, a storm of messages, half of them leave', async () => {
  const t = room(), S = Array.from({ length: 200 }, () => sock()), C = S.map((s, i) => s.channel(t, { user: 'u' + i % 50 })), p = new Presence(C[0]), count = new Array(200).fill(0); C.forEach((c, i) => c.on('new_msg', () => count[i]++)); await Promise.all(C.map(c => P(c.join(10000)))); await until(() => p.list().length === 50 && p.list((k, v) => v.metas.length).reduce((a, b) => a + b) === 200, 8000, 'all are seen');
  for (let i = 0; i < 20; i++) C[i].push('new_msg', { body: i }, 10000); await until(() => count.every(n => n === 20), 8000, 'all hear all'); S.forEach((s, i) => i % 2 && s.disconnect()); await until(() => p.list((k, v) => v.metas.length).reduce((a, b) => a + b) === 100, 8000, 'half is gone');
});
T('M29 a client that sends and never reads is slowed or dropped, and others do not notice', async () => {
  const ok = await conn(), t = room(); await ok.joined(t); const s = await bare(), u = room(); s.write(s.frame(0x81, JSON.stringify(['1', '1', u, 'phx_join', { user: 'x' }]))); s.pause(); const f = s.frame(0x81, JSON.stringify(['1', '2', u, 'echo', { big: 'x'.repeat(100000) }])); let sent = 0; for (; sent < 300 && !s.gone; sent++) { s.write(f); if (sent % 20 === 0) await pause(1); }
  const t0 = now(); ok.j('1', '2', t, 'echo', { fine: 1 }); await ok.want(m => m[1] === '2', 2000); assert.ok(now() - t0 < 1000);
});
T('M30 a megabyte echoed eight times at once comes back whole', async () => {
  const s = sock(), c = await join(s, room()), big = { s: 'q'.repeat(1 << 20) }; await Promise.all(Array.from({ length: 8 }, () => P(c.push('echo', big, 20000)).then(r => assert.equal(r.s.length, 1 << 20))));
});
for (const old of ['phoenix-1.8.14', 'phoenix-1.8.9']) T(`M31 ${old}: joins, says, hears, sees who is there, comes back`, async () => {
  const { Socket, Presence } = await import(old), px = new FaultProxy(base.hostname, +base.port); await px.up(); cleanup.push(() => px.stop());
  const s = new Socket(`ws://127.0.0.1:${px.local}/socket`, { transport: WebSocket }); s.connect(); cleanup.push(() => s.disconnect()); const c = s.channel(room(), { user: 'old' }), p = new Presence(c), seen = []; let joins = 0; c.on('new_msg', m => seen.push(m.body)); c.joinPush.receive('ok', () => joins++); c.join(3000); await until(() => joins === 1 && p.list().length === 1);
  assert.deepEqual(await P(c.push('echo', { a: 'é\u0000' })), { a: 'é\u0000' }); assert.equal((await P(c.push('echo', new Uint8Array([1, 2, 3]).buffer))).byteLength, 3); c.push('new_msg', { body: 7 }); await until(() => seen.includes(7)); px.kill(); await until(() => joins === 2 && p.list().length === 1 && p.state.old.metas.length === 1, 6000, 'the rejoin'); await P(c.leave());
});

let bad = 0;
for (const t of tests) {
  if (only && !only.test(t.name) || skip && skip.test(t.name)) continue; const t0 = now(); let err = null;
  try { await Promise.race([t.fn(), pause(30000).then(() => { throw new Error('test took over 30 s'); })]); } catch (e) { err = e; }
  for (const f of cleanup.splice(0).reverse()) try { await f(); } catch { }
  if (err) bad++; console.log(`${err ? 'FAIL' : 'PASS'} ${t.name} (${Math.round(now() - t0)} ms)${err ? '\n     ' + String(err.message).split('\n').slice(0, 12).join('\n     ') : ''}`);
}
console.log(`${bad} failed`); process.exit(bad);
