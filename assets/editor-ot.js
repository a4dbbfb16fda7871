/* editor-ot.js: edits as values, and the client's half of the protocol. docs/editor.md has the laws and the proof;
 * services/editor/edit.h is the same in C. Touches no page, so that Node can test it. */
(function (root, make) {
  if (typeof module === "object" && module.exports) module.exports = make(); else root.EditorOT = make();
})(typeof self !== "undefined" ? self : this, function () {
  "use strict";

  /* ---- an edit is an array of parts: 5 stays, "abc" is put in, -2 goes ---- */

  const isInsert = (p) => typeof p === "string";
  const isDelete = (p) => typeof p === "number" && p < 0;
  const isRetain = (p) => typeof p === "number" && p > 0;
  const size = (p) => (isInsert(p) ? p.length : Math.abs(p));

  /* Adds a part at the end, so that there is one way to write an edit: neighbours joined, inserts before deletes. */
  function push(edit, part) {
    if (size(part) === 0) return edit;
    const last = edit[edit.length - 1];
    if (isInsert(part)) {
      const gone = isDelete(last) ? edit.pop() : 0;
      if (isInsert(edit[edit.length - 1])) edit[edit.length - 1] += part; else edit.push(part);
      if (gone) edit.push(gone);
    } else if (typeof last === "number" && last > 0 === part > 0) edit[edit.length - 1] += part;
    else edit.push(part);
    return edit;
  }
  const baseLength = (edit) => edit.reduce((n, p) => n + (isInsert(p) ? 0 : Math.abs(p)), 0);
  const targetLength = (edit) => edit.reduce((n, p) => n + (isInsert(p) ? p.length : Math.max(p, 0)), 0);
  const isNothing = (edit) => edit.every(isRetain);
  const fromReplace = (length, at, removed, text) =>
    push(push(push(push([], at), text), -removed), length - at - removed);

  function apply(text, edit) {
    if (text.length !== baseLength(edit)) throw new RangeError("an edit of a text of another length");
    let out = "", at = 0;
    for (const p of edit) {
      if (isInsert(p)) { out += p; continue; }
      if (isRetain(p)) out += text.slice(at, at + p);
      at += Math.abs(p);
    }
    return out;
  }

  /* Walks an edit in steps that the caller chooses. */
  class Walk {
    constructor(edit) { this.edit = edit; this.ix = 0; this.used = 0; }
    get part() { return this.edit[this.ix]; }
    get left() { return size(this.part) - this.used; }
    take(n) {
      const p = this.part, from = this.used;
      this.used += n;
      if (this.used === size(p)) { this.ix++; this.used = 0; }
      return isInsert(p) ? p.slice(from, from + n) : p < 0 ? -n : n;
    }
    rest() { return this.take(this.left); }
  }

  function compose(first, second) {
    if (targetLength(first) !== baseLength(second)) throw new RangeError("these edits do not follow each other");
    const out = [], a = new Walk(first), b = new Walk(second);
    while (a.part !== undefined || b.part !== undefined) {
      if (isDelete(a.part)) { push(out, a.rest()); continue; }
      if (isInsert(b.part)) { push(out, b.rest()); continue; }
      const n = Math.min(a.left, b.left), x = a.take(n), y = b.take(n);
      if (y > 0) push(out, x); else if (!isInsert(x)) push(out, y);
    }
    return out;
  }

  /* [a', b'] of two edits of one text; of two inserts at one place a's comes first. */
  function transform(first, second) {
    if (baseLength(first) !== baseLength(second)) throw new RangeError("these edits are of different texts");
    const a2 = [], b2 = [], a = new Walk(first), b = new Walk(second);
    while (a.part !== undefined || b.part !== undefined) {
      if (isInsert(a.part)) { const s = a.rest(); push(a2, s); push(b2, s.length); continue; }
      if (isInsert(b.part)) { const s = b.rest(); push(b2, s); push(a2, s.length); continue; }
      const n = Math.min(a.left, b.left), x = a.take(n), y = b.take(n);
      if (x > 0 && y > 0) { push(a2, n); push(b2, n); }
      else if (y > 0) push(a2, -n);
      else if (x > 0) push(b2, -n);
    }
    return [a2, b2];
  }

  function invert(edit, before) {
    const out = [];
    let at = 0;
    for (const p of edit) {
      if (isInsert(p)) { push(out, -p.length); continue; }
      push(out, isRetain(p) ? p : before.slice(at, at - p));
      at += Math.abs(p);
    }
    return out;
  }

  /* Where a position is afterwards; an insert exactly there does not push it. */
  function map(edit, at) {
    let base = 0, out = at;
    for (const p of edit) {
      if (base >= at) break;
      if (isInsert(p)) { out += p.length; continue; }
      if (isDelete(p)) out -= Math.min(-p, at - base);
      base += Math.abs(p);
    }
    return out;
  }

  /* Two edits that do, one after the other, what this one does; the first within the limits. */
  function split(edit, unitsMax, partsMax) {
    const first = [], second = [], walk = new Walk(edit);
    let units = 0, parts = 0;
    while (walk.part !== undefined && parts + 2 < partsMax) {
      let n = walk.left;
      if (isInsert(walk.part)) {
        n = Math.min(n, unitsMax - units);
        if (n < walk.left && isHigh(walk.part.charCodeAt(walk.used + n - 1))) n--;
        if (n <= 0) break;
        units += n;
      }
      const p = walk.take(n);
      push(first, p);
      if (!isDelete(p)) push(second, size(p));
      parts++;
    }
    while (walk.part !== undefined) {
      const p = walk.rest();
      if (!isInsert(p)) push(first, Math.abs(p));
      push(second, p);
    }
    return [first, second];
  }

  /* ---- text ---- */

  const isHigh = (c) => c >= 0xd800 && c < 0xdc00;
  const isLow = (c) => c >= 0xdc00 && c < 0xe000;

  /* As a document can hold it: no carriage returns, no lone halves of pairs. Same length but for \r\n. */
  function clean(text) {
    return text.replace(/\r\n?/g, "\n").replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
  }

  /* What turns one text into the other: one replaced piece. The caret (where it is in `now`) decides which of several equal
   * letters it was; pairs are never cut. Null: nothing. */
  function diff(was, now, caret) {
    if (was === now) return null;
    const least = Math.min(was.length, now.length);
    let tail = 0, head = 0;
    const tailMax = caret === undefined ? least : Math.min(least, now.length - caret);
    while (tail < tailMax && was[was.length - 1 - tail] === now[now.length - 1 - tail]) tail++;
    while (head < least - tail && was[head] === now[head]) head++;
    while (tail < least - head && was[was.length - 1 - tail] === now[now.length - 1 - tail]) tail++;
    if (head > 0 && isHigh(was.charCodeAt(head - 1))) head--;
    if (tail > 0 && isLow(was.charCodeAt(was.length - tail))) tail--;
    return fromReplace(was.length, head, was.length - head - tail, now.slice(head, now.length - tail));
  }

  /* ---- one's own edits, taken back and done again ---- */

  const UNDO_MAX = 200, TOGETHER_MS = 1000;

  /* One character put in or taken out: where it begins and ends in the text before, and the caret after. Else null. */
  function keystroke(edit) {
    const parts = edit.filter((p) => !isRetain(p)), from = isRetain(edit[0]) ? edit[0] : 0, p = parts[0];
    if (parts.length !== 1 || size(p) > 2) return null;
    return isInsert(p) ? { from, to: from, caret: from + p.length } : { from, to: from - p, caret: from };
  }

  class Undo {
    constructor() { this.undos = []; this.redos = []; this.last = null; }
    /* An own edit was done to `before`. */
    done(edit, before, now_ms) {
      const back = invert(edit, before), key = keystroke(edit), last = this.last;
      const goes_on = key && last && now_ms - last.at_ms < TOGETHER_MS && (key.from === last.at || key.to === last.at);
      this.undos.push(goes_on && this.undos.length ? compose(back, this.undos.pop()) : back);
      if (this.undos.length > UNDO_MAX) this.undos.shift();
      this.redos = [];
      this.last = key && { at_ms: now_ms, at: key.caret };
    }
    /* Somebody else's edit was done to the text. */
    other(edit) { this.undos = over(this.undos, edit); this.redos = over(this.redos, edit); if (this.last) this.last.at = map(edit, this.last.at); }
    /* Takes the edit off that undoes (or does again); the caller does it to `text`. Null: there is none. */
    undo(text) { return this.turn(this.undos, this.redos, text); }
    redo(text) { return this.turn(this.redos, this.undos, text); }
    turn(from, to, text) {
      this.last = null;
      const edit = from.pop();
      if (!edit) return null;
      to.push(invert(edit, text));
      return edit;
    }
  }
  /* A stack, whose top is for the text as it is, moved over an edit of that text. */
  function over(stack, edit) {
    const out = [];
    for (let i = stack.length - 1; i >= 0; i--) {
      const [moved, rest] = transform(stack[i], edit);
      if (!isNothing(moved)) out.push(moved);
      edit = rest;
    }
    return out.reverse();
  }

  /* ---- the client ---- */

  const INSERT_MAX = 131072, PARTS_MAX = 10000, LATER_MAX = 5000;

  /* One page's copy of a document. The owner sends what `send` is given, shows what `show` is given, and tells it what comes
   * from the server; it never waits and knows no clock.
   *   send(event, payload)       "sync" or "op"
   *   show(edit, text)           somebody else's edit was done to the text; edit null: the text is another
   *   took(msg)                  an operation of the history is in `base` now
   *   changed()                  something that `status` depends on */
  class Session {
    constructor({ client, send, show, took, changed }) {
      this.client = client; this.send = send; this.show = show;
      this.took = took || (() => {}); this.changed = changed || (() => {});
      this.rev = null;          // null: the text has not come yet
      this.base = "";           // the text at rev
      this.text = "";           // what is shown: base, in flight, buffer
      this.flight = null;       // {client, seq, edit}
      this.buffer = null;       // an edit
      this.seq = 0;
      this.later = new Map();   // revisions that came too early
      this.online = false;
      this.syncing = false;
      this.resend = false;      // the one in flight has to be sent again once we are up to date
      this.refused = null;      // why the server will never take it
      this.undo = new Undo();
    }

    get status() {
      if (this.refused) return "refused";
      if (!this.online) return this.flight || this.buffer ? "offline-unsaved" : "offline";
      if (this.rev === null || this.syncing) return "syncing";
      return this.flight || this.buffer ? "saving" : "saved";
    }
    get isQuiet() { return !this.flight && !this.buffer; }

    /* ---- the connection */

    up() { this.online = true; this.resend = this.flight !== null; this.sync(); }
    down() { this.online = false; this.syncing = false; this.changed(); }
    sync() {
      if (!this.online) return;
      this.syncing = true;
      this.send("sync", { since: this.rev, client: this.flight ? this.flight.client : this.client });
      this.changed();
    }

    /* ---- what happens here */

    /* The person made this edit of the text; it is shown already. */
    local(edit, now_ms, isUndo) {
      if (isNothing(edit)) return;
      if (!isUndo) this.undo.done(edit, this.text, now_ms);
      this.text = apply(this.text, edit);
      this.buffer = this.buffer ? compose(this.buffer, edit) : edit;
      if (isNothing(this.buffer)) this.buffer = null;
      this.flush();
      this.changed();
    }
    flush() {
      if (this.flight || !this.buffer || !this.online || this.syncing || this.rev === null || this.refused) return;
      const [edit, rest] = split(this.buffer, INSERT_MAX, PARTS_MAX);
      this.buffer = isNothing(rest) ? null : rest;
      this.flight = { client: this.client, seq: ++this.seq, edit };
      this.push();
    }
    push() {
      const f = this.flight;
      this.resend = false;
      this.send("op", { client: f.client, seq: f.seq, base: this.rev, op: f.edit });
    }

    /* ---- what the server says */

    /* The answer to "sync". */
    state(msg) {
      if (!this.online) return;
      if (msg.text !== undefined) this.whole(msg);
      for (const op of msg.ops || []) this.op(op);
      if (msg.more) { this.sync(); return; }
      this.syncing = false;
      this.drain();
      if (this.flight && this.resend) this.push(); else this.flush();
      this.changed();
    }
    /* An operation of the history. */
    op(msg) {
      if (this.rev === null || msg.rev <= this.rev) return;
      if (this.later.size < LATER_MAX) this.later.set(msg.rev, msg);
      this.drain();
      if (this.later.size > 0 && !this.syncing) this.sync();
    }
    drain() {
      for (let msg; (msg = this.later.get(this.rev + 1)); ) { this.later.delete(msg.rev); this.take(msg); }
      for (const rev of this.later.keys()) if (rev <= this.rev) this.later.delete(rev);
    }
    take(msg) {
      this.rev = msg.rev;
      this.base = apply(this.base, msg.op);
      this.took(msg);
      const f = this.flight;
      if (f && f.client === msg.client && f.seq === msg.seq) {
        this.flight = null;
        this.resend = false;
        this.flush();
        this.changed();
        return;
      }
      this.other(msg.op, msg);
    }
    /* Moves what is not in the history yet over an edit of `base` that is. */
    other(edit, msg) {
      if (this.flight) [edit, this.flight.edit] = transform(edit, this.flight.edit);
      if (this.buffer) {
        [edit, this.buffer] = transform(edit, this.buffer);
        if (isNothing(this.buffer)) this.buffer = null;
      }
      this.undo.other(edit);
      this.text = apply(this.text, edit);
      this.show(edit, this.text, msg);
    }
    /* The text as it is. With edits of our own, or when the history between is gone: the difference is one edit of others. */
    whole(msg) {
      const first = this.rev === null && this.isQuiet;
      if (first) {
        this.base = this.text = msg.text;
        this.rev = msg.rev;
        this.later.clear();
        this.undo = new Undo();
        this.show(null, this.text, msg);
        return;
      }
      if (this.flight && msg.seen >= this.flight.seq) { // it is in that text, somewhere
        this.base = apply(this.base, this.flight.edit);
        this.flight = null;
      }
      const edit = diff(this.base, msg.text);
      this.base = msg.text;
      this.rev = msg.rev;
      this.later.clear();
      if (edit) this.other(edit, msg);
    }
    /* The document's process was restarted and is at this revision. */
    head(msg) {
      if (this.rev === null || this.syncing) return;
      if (this.flight) this.resend = true;
      if (msg.rev > this.rev || this.flight) this.sync();
    }
    /* Returns how long to wait before `retry`, in ms; 0: at once; null: nothing to do. */
    refuse(msg) {
      const f = this.flight;
      if (!f || msg.client !== f.client || msg.seq !== f.seq) return null;
      this.resend = true;
      if (msg.why === "behind") { if (!this.syncing) this.sync(); return null; }
      if (msg.why === "again") return 500;
      this.refused = msg.why;
      this.changed();
      return null;
    }
    /* Asks again, and sends again what is still in flight. */
    retry() { if (this.online && this.flight && !this.syncing) { this.resend = true; this.sync(); } }

    /* ---- over a load of the page */

    /* What must not be lost, or null. */
    kept() {
      if (this.isQuiet || this.rev === null) return null;
      return { rev: this.rev, base: this.base, flight: this.flight, buffer: this.buffer };
    }
    /* Before the first sync of a new page: what `kept` said on the one before. */
    restore(kept) {
      this.rev = kept.rev;
      this.base = this.text = kept.base;
      this.flight = kept.flight;
      this.buffer = kept.buffer;
      if (this.flight) this.text = apply(this.text, this.flight.edit);
      if (this.buffer) this.text = apply(this.text, this.buffer);
      this.show(null, this.text, null);
    }
  }

  return { push, apply, compose, transform, invert, map, split, diff, clean, fromReplace, baseLength, targetLength, isNothing,
    isHigh, isLow, Undo, Session };
});
