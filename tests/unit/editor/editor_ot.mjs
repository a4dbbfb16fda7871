#!/usr/bin/env node
// The browser's half of the editor, without a browser: the laws, and pages that lose their connection at every turn.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { draws, randomText, randomEdit } from './random_edit.mjs';
const ot = createRequire(import.meta.url)('../../../assets/editor-ot.js');

test('two at once give one text in either order', () => {
  const draw = draws(1);
  for (let i = 0; i < 3000; i++) {
    const d = randomText(draw, 50), a = randomEdit(draw, d), b = randomEdit(draw, d), [a2, b2] = ot.transform(a, b);
    assert.equal(ot.apply(ot.apply(d, a), b2), ot.apply(ot.apply(d, b), a2));
  }
});
test('a joined edit does what both do, an inverse takes back, a split one is the whole', () => {
  const draw = draws(2);
  for (let i = 0; i < 3000; i++) {
    const d = randomText(draw, 50), a = randomEdit(draw, d), e = ot.apply(d, a), b = randomEdit(draw, e);
    assert.equal(ot.apply(d, ot.compose(a, b)), ot.apply(e, b));
    assert.equal(ot.apply(e, ot.invert(a, d)), d);
    const [x, y] = ot.split(a, 1 + draw(6), 3 + draw(5));
    assert.deepEqual(ot.compose(x, y), a);
    assert.ok(ot.apply(d, x).isWellFormed());
  }
});
test('a difference is one piece, at the caret, and never cuts a pair', () => {
  const draw = draws(3);
  for (let i = 0; i < 3000; i++) {
    const a = randomText(draw, 20), b = draw(2) ? ot.apply(a, randomEdit(draw, a)) : randomText(draw, 20), e = ot.diff(a, b, draw(b.length + 1));
    assert.equal(e ? ot.apply(a, e) : a, b);
    let at = 0;
    for (const p of e || []) { assert.ok(typeof p !== 'string' || p.isWellFormed()); if (typeof p === 'number') { at += Math.abs(p); assert.ok(!(ot.isHigh(a.charCodeAt(at - 1)) && ot.isLow(a.charCodeAt(at)))); } }
  }
  assert.deepEqual(ot.diff('aa', 'aaa', 1), ['a', 2]);
  assert.deepEqual(ot.diff('aa', 'aaa', 3), [2, 'a']);
  assert.deepEqual(ot.diff('\u{1f600}', '\u{1f601}', 2), ['\u{1f601}', -2]);
});
test('a text is cleaned to what a document holds', () => {
  assert.equal(ot.clean('a\r\nb\rc\ud83dd\ude00\u{1f600}\0'), 'a\nb\nc\ufffdd\ufffd\u{1f600}\0');
});

/* ---- a server and pages, with a network between them that keeps order, until it breaks ---- */

class Server {
  constructor(draw) { this.draw = draw; this.text = ''; this.ops = []; this.floor = 0; this.pages = []; this.window = 40; }
  submit(msg) {
    if (msg.base > this.ops.length) return 'behind';
    if (msg.base < this.floor || msg.base < this.ops.length - this.window) return 'behind';
    if (this.draw(20) === 0) return 'again';
    let x = msg.op;
    for (let r = msg.base; r < this.ops.length; r++) {
      const h = this.ops[r];
      if (h.client === msg.client && h.seq === msg.seq) return null;
      x = ot.transform(h.op, x)[1];
    }
    this.text = ot.apply(this.text, x);
    const op = { rev: this.ops.length + 1, client: msg.client, seq: msg.seq, op: x };
    this.ops.push(op);
    for (const page of this.pages) page.hear('op', op);
    return null;
  }
  sync(msg) {
    const head = this.ops.length;
    if (msg.since === null) return { rev: head, text: this.text };
    if (msg.since < this.floor) return { rev: head, text: this.text, reset: true, seen: this.ops.reduce((n, o) => (o.client === msg.client ? o.seq : n), 0) };
    const ops = this.ops.slice(msg.since, msg.since + 7);
    return { rev: head, ops, more: msg.since + ops.length < head };
  }
}
/* An edit of the first few hundred units, so that a long text stays quick. */
function editNear(draw, text) {
  let end = Math.min(text.length, 200);
  if (end < text.length && ot.isHigh(text.charCodeAt(end - 1))) end--;
  return randomEdit(draw, text.slice(0, end)).concat(end < text.length ? [text.length - end] : []);
}
class Page {
  constructor(server, client, draw) {
    this.server = server; this.draw = draw; this.out = []; this.in = []; this.ms = 0; this.shown = '';
    this.open(client);
    server.pages.push(this);
  }
  open(client) {
    this.session = new ot.Session({ client, send: (event, msg) => this.out.push([event, structuredClone(msg)]), show: (edit, text) => { this.shown = edit ? ot.apply(this.shown, edit) : text; } });
  }
  hear(event, msg) { if (this.session.online) this.in.push([event, structuredClone(msg)]); }
  /* One thing happens: something typed, or a message arrives on one side. */
  step(typing) {
    const what = this.draw(4), s = this.session;
    if (what === 0 && typing && s.rev !== null) {
      const undo = this.draw(6);
      const edit = undo === 0 ? s.undo.undo(s.text) : undo === 1 ? s.undo.redo(s.text) : editNear(this.draw, s.text);
      if (!edit) return;
      const norm = edit.reduce((e, p) => ot.push(e, p), []);
      this.shown = ot.apply(this.shown, norm);
      s.local(norm, (this.ms += 700), undo < 2);
    } else if (what === 1 && this.out.length) {
      const [event, msg] = this.out.shift();
      if (event === 'sync') this.hear('state', this.server.sync(msg));
      else { const why = this.server.submit(msg); if (why) this.hear('refused', { client: msg.client, seq: msg.seq, why }); }
    } else if (what > 1 && this.in.length) {
      const [event, msg] = this.in.shift();
      if (event === 'refused') { if (s.refuse(msg) !== null) s.retry(); } else s[event](msg);
    }
    assert.equal(this.shown, s.text);
  }
  cut() { this.out = []; this.in = []; this.session.down(); }
  /* The page is loaded anew: what is kept is another object. */
  load(client) {
    const kept = this.session.kept();
    this.cut();
    this.open(client);
    this.shown = '';
    if (kept) this.session.restore(structuredClone(kept));
    this.session.up();
  }
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) test(`pages that come and go show one text in the end, each word once (${seed})`, () => {
  const draw = draws(seed * 1000), server = new Server(draw), pages = [];
  for (let i = 0; i < 4; i++) { pages.push(new Page(server, 'c' + i, draw)); pages[i].session.up(); }
  for (let n = 0; n < 4000; n++) {
    const page = pages[draw(pages.length)];
    const what = draw(120);
    if (what === 0) page.cut();
    else if (what === 1) page.load('c' + n);
    else if (what < 6 && !page.session.online) page.session.up();
    else if (what === 6 && seed > 6 && server.ops.length > 30) server.floor = server.ops.length - 15;
    else if (what === 7) for (const p of pages) p.hear('head', { rev: server.ops.length });
    else page.step(true);
  }
  for (const p of pages) if (!p.session.online) p.session.up();
  for (let n = 0; n < 60000 && !pages.every((p) => p.session.status === 'saved' && !p.in.length && !p.out.length); n++) pages[draw(pages.length)].step(false);
  for (const p of pages) { assert.equal(p.session.status, 'saved'); assert.equal(p.session.text, server.text); assert.equal(p.session.base, server.text); }
  const ids = server.ops.map((o) => o.client + '/' + o.seq);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(server.ops.length > 200);
});

function two() {
  const server = new Server(() => 1), pages = [new Page(server, 'a'), new Page(server, 'b')];
  const draw = draws(5);
  for (const p of pages) { p.draw = draw; p.session.up(); }
  const settle = () => { while (pages.some((p) => p.out.length || p.in.length)) for (const p of pages) p.step(false); };
  settle();
  const type = (p, at, removed, text, ms = 0) => { const e = ot.fromReplace(p.session.text.length, at, removed, text); p.shown = ot.apply(p.shown, e); p.session.local(e, ms); };
  const turn = (p, which) => { const e = p.session.undo[which](p.session.text); if (!e) return false; p.shown = ot.apply(p.shown, e); p.session.local(e, 0, true); return true; };
  return { server, a: pages[0], b: pages[1], settle, type, turn };
}
test('undo takes back my own and leaves what others did, also in the middle of it', () => {
  const { server, a, b, settle, type, turn } = two();
  type(a, 0, 0, 'hello world', 0); settle();
  type(b, 5, 0, ' big', 0); settle();
  type(b, 0, 1, 'J', 5000); settle();
  assert.equal(server.text, 'Jello big world');
  turn(a, 'undo'); settle();
  assert.equal(server.text, 'J big');
  turn(a, 'redo'); settle();
  assert.equal(b.session.text, a.session.text);
  assert.equal([...server.text].sort().join(''), [...'Jello big world'].sort().join('')); // his place among its letters is lost
  assert.ok(turn(b, 'undo')); assert.ok(turn(b, 'undo')); settle();
  assert.ok(!turn(b, 'undo'));
  assert.ok(!server.text.includes('big'));
});
test('keys pressed within a second are one edit, a pause or another place begins the next', () => {
  const { server, a, settle, type, turn } = two();
  [...'abc'].forEach((c, i) => type(a, i, 0, c, i * 100));
  [...'def'].forEach((c, i) => type(a, 3 + i, 0, c, 5000 + i * 100));
  type(a, 0, 0, '!', 5400); settle();
  assert.equal(server.text, '!abcdef');
  turn(a, 'undo'); assert.equal(a.session.text, 'abcdef');
  turn(a, 'undo'); assert.equal(a.session.text, 'abc');
  turn(a, 'undo'); assert.equal(a.session.text, '');
  turn(a, 'redo'); settle(); assert.equal(server.text, 'abc');
});
test('who was away while the history was compacted merges all the same, nothing twice', () => {
  const { server, a, b, settle, type } = two();
  type(a, 0, 0, 'one two three', 0); settle();
  type(a, 13, 0, ' four', 0);
  assert.equal(server.submit(a.out.shift()[1]), null); // it arrives, and the answer is lost
  assert.equal(server.text, 'one two three four');
  a.cut();
  type(a, 0, 3, 'ONE', 0);
  type(b, 4, 3, 'TWO', 0); b.out.length && settle();
  server.floor = server.ops.length;
  a.session.up(); settle();
  assert.equal(server.text, 'ONE TWO three four');
  assert.equal(a.session.text, server.text);
});
test('a large paste goes in pieces and arrives whole', () => {
  const { server, a, b, settle, type } = two(), large = 'x\u{1f600}'.repeat(120000);
  type(a, 0, 0, large, 0); settle();
  assert.equal(server.text, large);
  assert.equal(b.session.text, large);
  assert.ok(server.ops.length >= 3);
  for (const o of server.ops) assert.ok(o.op.every((p) => typeof p !== 'string' || p.length <= 131072));
});
test('what the server will never take is said and kept on the page', () => {
  const { a, settle, type } = two();
  type(a, 0, 0, 'mine', 0);
  a.session.refuse({ client: 'a', seq: 1, why: 'full' });
  assert.equal(a.session.status, 'refused');
  assert.equal(a.session.text, 'mine');
});
