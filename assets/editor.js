/* editor.js: the page of one document: a textarea, the cursors of others over it, who is here, and what was. What goes
 * over the wire and why it converges is editor-ot.js; this file is what a person sees of it. */
(() => {
  "use strict";
  const ot = window.EditorOT;
  const $ = (id) => document.getElementById(id);

  const CURSOR_MS = 120, AGAIN_MS = 500, STALL_MS = 5000, KEEP_MS = 1000, LOG_MAX = 500, COLOURS = 8;
  const MIRROR_MAX = 200000; // above so many characters cursors are only named in the list

  const WORDS = {
    saved: "Saved", saving: "Saving…", syncing: "Catching up…", offline: "Offline", "offline-unsaved": "Offline: your edits are kept, and merged when you are back",
    refused: "Not saved",
  };
  const REFUSED = { full: "the document is as long as it can be", bad: "the server does not take this edit" };

  const draw = () => crypto.getRandomValues(new Uint32Array(2)).reduce((s, n) => s + n.toString(36), "");
  const colourOf = (client) => [...client].reduce((n, c) => (n * 31 + c.charCodeAt(0)) >>> 0, 7) % COLOURS;
  const made = (tag, cls, text) => { const e = document.createElement(tag); if (cls) e.className = cls; if (text !== undefined) e.textContent = text; return e; };
  const store = (area, key, value) => { try { if (value === undefined) return JSON.parse(area.getItem(key)); if (value === null) area.removeItem(key); else area.setItem(key, JSON.stringify(value)); } catch { return null; } return null; };

  /* ---- the cursors of others ---- */

  class Carets {
    constructor(area, layer) {
      this.area = area; this.layer = layer;
      this.mirror = made("div", "mirror"); this.node = document.createTextNode("");
      this.mirror.append(this.node);
      this.marks = made("div", "marks");
      layer.append(this.mirror, this.marks);
      this.wanted = [];
      area.addEventListener("scroll", () => this.scroll());
      new ResizeObserver(() => this.show(this.wanted)).observe(area);
    }
    scroll() { this.mirror.style.transform = this.marks.style.transform = `translate(${-this.area.scrollLeft}px, ${-this.area.scrollTop}px)`; }
    /* people: [{name, colour, from, to}], in the text as it is shown */
    show(people) {
      this.wanted = people;
      if (this.asked) return;
      this.asked = requestAnimationFrame(() => { this.asked = 0; this.paint(); });
    }
    paint() {
      this.marks.replaceChildren();
      const text = this.area.value;
      if (!this.wanted.length || text.length > MIRROR_MAX) { this.node.data = ""; return; }
      this.mirror.style.width = this.area.clientWidth + "px";
      if (this.node.data !== text + "\u200b") this.node.data = text + "\u200b";
      this.scroll();
      const origin = this.mirror.getBoundingClientRect(), range = document.createRange();
      for (const p of this.wanted) {
        const from = Math.min(p.from, p.to, text.length), to = Math.min(Math.max(p.from, p.to), text.length);
        if (from < to) {
          range.setStart(this.node, from); range.setEnd(this.node, to);
          for (const r of [...range.getClientRects()].slice(0, 200)) this.put("range", p, r, origin);
        }
        range.setStart(this.node, Math.min(p.to, text.length)); range.setEnd(this.node, Math.min(p.to, text.length) + 1);
        const rects = range.getClientRects();
        const at = rects[0] && rects[0].width === 0 && rects.length > 1 ? rects[1] : rects[0];
        if (at) { const mark = this.put("caret", p, at, origin); mark.append(made("span", "flag", p.name)); if (at.top - origin.top < 18) mark.classList.add("low"); }
      }
    }
    put(kind, p, r, origin) {
      const mark = made("div", `${kind} c${p.colour}`);
      mark.style.left = r.left - origin.left + "px"; mark.style.top = r.top - origin.top + "px"; mark.style.height = r.height + "px";
      if (kind === "range") mark.style.width = Math.max(r.width, 3) + "px";
      this.marks.append(mark);
      return mark;
    }
  }

  /* ---- who is here ---- */

  class People {
    constructor() { this.all = new Map(); this.log = new Map(); }
    told({ all, joins, leaves }) {
      if (all) this.all.clear();
      for (const ref of leaves) this.all.delete(ref);
      for (const p of joins) this.all.set(p.ref, p);
    }
    /* An operation of the history: cursors that were told before move along. */
    took(msg) {
      this.log.set(msg.rev, msg);
      this.log.delete(msg.rev - LOG_MAX);
    }
    /* One entry a page, with its cursor in the text at `rev`, where it is known. */
    list(rev) {
      const pages = new Map();
      for (const p of this.all.values()) {
        this.move(p, rev);
        pages.set(p.client, p);
      }
      return [...pages.values()].sort((a, b) => a.name.localeCompare(b.name) || (a.client < b.client ? -1 : 1));
    }
    move(p, rev) {
      while (p.rev !== undefined && p.rev < rev) {
        const msg = this.log.get(p.rev + 1);
        if (!msg) { p.rev = undefined; return; }
        if (msg.client === p.client) p.from = p.to = endOf(msg.op, p.to);
        else { p.from = ot.map(msg.op, p.from); p.to = ot.map(msg.op, p.to); }
        p.rev++;
      }
    }
  }
  /* Where whoever made this edit is after it: behind the last thing that changed. */
  function endOf(edit, otherwise) {
    let at = 0, end = null;
    for (const p of edit) {
      if (typeof p === "string") at += p.length; else if (p > 0) { at += p; continue; }
      end = at;
    }
    return end === null ? otherwise : end;
  }

  /* ---- what was ---- */

  class Past {
    constructor(page) {
      this.page = page; this.list = []; this.before = null; this.shown = null;
      $("past-toggle").addEventListener("click", () => this.toggle());
      $("past-more").addEventListener("click", () => page.say("history", { before: this.before }));
      $("past-back").addEventListener("click", () => this.leave());
      $("past-restore").addEventListener("click", () => this.restore());
    }
    toggle() {
      const open = $("past").hidden;
      $("past").hidden = !open;
      $("past-toggle").setAttribute("aria-expanded", open);
      if (open) this.load(); else this.leave();
    }
    load() { this.list = []; this.page.say("history", { before: null }); }
    versions(msg) {
      $("past-error").textContent = msg.error || "";
      if (msg.error) return;
      if (this.before === null || !this.list.length || msg.list[0]?.rev >= this.list[0].rev) this.list = [];
      this.list.push(...msg.list);
      const last = this.list[this.list.length - 1];
      this.before = last ? last.first : null;
      $("past-more").hidden = !msg.more;
      $("past-list").replaceChildren(...this.list.map((v) => this.row(v)));
      if (!this.list.length) $("past-list").append(made("li", "none", "Nothing was written yet."));
    }
    row(v) {
      const li = made("li"), button = made("button", "version"), when = new Date(v.at_ms);
      button.type = "button";
      const name = made("b", `c${colourOf(v.client)}`, v.by || "Somebody");
      const time = made("time", "", when.toLocaleString([], { dateStyle: when.toDateString() === new Date().toDateString() ? undefined : "medium", timeStyle: "short" }));
      time.dateTime = when.toISOString();
      const sizes = made("span", "sizes");
      if (v.inserted) sizes.append(made("ins", "", "+" + v.inserted));
      if (v.deleted) sizes.append(made("del", "", "−" + v.deleted));
      button.append(name, time, sizes);
      button.addEventListener("click", () => { this.asked = v; this.page.say("at", { rev: v.rev }); });
      if (this.shown && this.shown.rev === v.rev) button.setAttribute("aria-current", "true");
      li.append(button);
      return li;
    }
    text(msg) {
      if (!this.asked || msg.rev !== this.asked.rev) return;
      $("past-error").textContent = msg.error || "";
      if (msg.error) return;
      this.shown = { ...this.asked, text: msg.text };
      $("preview-text").textContent = msg.text;
      $("preview-title").textContent = `As it was ${new Date(this.shown.at_ms).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}, after ${this.shown.by || "somebody"}`;
      $("preview").hidden = false;
      $("past-list").replaceChildren(...this.list.map((v) => this.row(v)));
    }
    leave() {
      this.shown = this.asked = null;
      $("preview").hidden = true;
      $("past-list").replaceChildren(...this.list.map((v) => this.row(v)));
    }
    restore() {
      if (this.shown) this.page.edit(ot.diff(this.page.session.text, this.shown.text));
      this.leave();
      setTimeout(() => { if (!$("past").hidden) this.load(); }, AGAIN_MS);
    }
  }

  /* ---- the page ---- */

  class Page {
    constructor(hook) {
      this.hook = hook;
      this.area = hook.el;
      this.key = "editor:" + location.pathname;
      this.client = draw();
      this.people = new People();
      this.carets = $("carets") && new Carets(this.area, $("carets"));
      this.past = $("past") && new Past(this);
      this.held = []; // what came while a character was being composed
      this.session = new ot.Session({
        client: this.client,
        send: (event, msg) => this.say(event, msg),
        show: (edit, text) => this.show(edit, text),
        took: (msg) => this.people.took(msg),
        changed: () => this.changed(),
      });
      this.begin();
      this.listen();
      this.name();
    }
    /* With what was kept over a load of the page; or with what the page was delivered with. */
    begin() {
      const kept = store(sessionStorage, this.key), typed = this.area.value, was = this.area.defaultValue;
      store(sessionStorage, this.key, null);
      if (kept) this.session.restore(kept);
      else if (this.area.dataset.rev) {
        this.session.rev = Number(this.area.dataset.rev);
        this.session.base = this.session.text = was;
        if (typed !== was) this.read();
      } else this.area.readOnly = true;
    }
    listen() {
      const area = this.area;
      area.addEventListener("input", () => { if (!this.composing) this.read(); });
      area.addEventListener("compositionstart", () => { this.composing = true; });
      area.addEventListener("compositionend", () => { this.composing = false; this.read(); for (const [event, msg] of this.held.splice(0)) this.hear(event, msg); });
      area.addEventListener("beforeinput", (e) => { if (e.inputType === "historyUndo" || e.inputType === "historyRedo") { e.preventDefault(); this.turn(e.inputType === "historyUndo" ? "undo" : "redo"); } });
      area.addEventListener("keydown", (e) => {
        if (!(e.ctrlKey || e.metaKey) || e.altKey) return;
        const key = e.key.toLowerCase(), which = key === "y" || (key === "z" && e.shiftKey) ? "redo" : key === "z" ? "undo" : null;
        if (which) { e.preventDefault(); this.turn(which); }
      });
      for (const which of ["undo", "redo"]) $(which)?.addEventListener("click", () => { this.turn(which); area.focus(); });
      this.onSelect = () => { if (document.activeElement === area) this.cursorSoon(); };
      document.addEventListener("selectionchange", this.onSelect);
      this.onHide = () => this.keep();
      addEventListener("pagehide", this.onHide);
      this.stall = setInterval(() => this.unstall(), STALL_MS);
    }
    name() {
      const me = $("me");
      this.called = localStorage.getItem("editor.name") || "Guest " + (10 + Math.floor(Math.random() * 90));
      if (!me) return;
      me.value = this.called;
      me.addEventListener("change", () => {
        this.called = me.value.trim().slice(0, 40) || this.called;
        me.value = this.called;
        localStorage.setItem("editor.name", this.called);
        this.say("hello", { client: this.client, name: this.called });
        this.told = null;
        this.cursorSoon();
      });
    }
    end() {
      this.keep();
      document.removeEventListener("selectionchange", this.onSelect);
      removeEventListener("pagehide", this.onHide);
      clearInterval(this.stall);
    }

    /* ---- the wire */

    say(event, msg) { const said = this.hook.pushEvent(event, msg); if (said && said.catch) said.catch(() => {}); }
    up() { this.told = null; this.say("hello", { client: this.client, name: this.called }); this.session.up(); this.cursorSoon(); }
    down() { this.session.down(); this.people.all.clear(); this.crowd(); }
    hear(event, msg) {
      if (this.composing && (event === "op" || event === "state")) { this.held.push([event, msg]); return; }
      this.read();
      if (event === "people") { this.people.told(msg); this.crowd(); }
      else if (event === "versions") this.past?.versions(msg);
      else if (event === "text") this.past?.text(msg);
      else if (event === "part") this.part(msg);
      else if (event === "again") setTimeout(() => { if (this.session.syncing) this.session.sync(); }, AGAIN_MS);
      else if (event === "refused") { const wait = this.session.refuse(msg); if (wait !== null) setTimeout(() => this.session.retry(), wait); }
      else this.session[event](msg);
      if (event === "state") this.area.readOnly = false;
      if (event === "op") { this.crowd(); this.cursorSoon(); }
    }
    /* What is too large for one event. */
    part(msg) {
      if (msg.at === 0) this.parts = "";
      this.parts += msg.json;
      if (msg.next !== null) this.say("part", { at: msg.next });
      else { const json = this.parts; this.parts = ""; this.hear(msg.event, JSON.parse(json)); }
    }
    /* An answer that does not come: it may have been lost on the way. */
    unstall() {
      const f = this.session.flight, id = this.session.syncing ? "sync" : f && f.client + f.seq;
      if (id && id === this.stalled) { if (this.session.syncing) this.session.sync(); else this.session.retry(); }
      this.stalled = id;
    }

    /* ---- the textarea */

    /* What was typed since it was last looked at. */
    read() {
      const area = this.area, session = this.session;
      if (this.composing || session.rev === null || area.value === session.text) return;
      const caret = area.selectionStart;
      let now = area.value;
      const clean = ot.clean(now);
      if (clean !== now) { now = area.value = clean; area.setSelectionRange(caret, caret); }
      session.local(ot.diff(session.text, now, document.activeElement === area ? caret : undefined) || [], performance.now());
      this.crowd();
    }
    /* An edit that was not typed: undo, a version of before. */
    edit(edit, isUndo) {
      if (!edit) return;
      const text = ot.apply(this.session.text, edit), at = endOf(edit, 0);
      this.put(edit, text);
      this.area.setSelectionRange(at, at);
      this.session.local(edit, performance.now(), isUndo);
      this.crowd();
    }
    turn(which) { this.read(); this.edit(this.session.undo[which](this.session.text), true); this.buttons(); }
    /* Somebody else's edit, or another text altogether. */
    show(edit, text) { this.put(edit, text); }
    put(edit, text) {
      const area = this.area, [from, to, way, top] = [area.selectionStart, area.selectionEnd, area.selectionDirection, area.scrollTop];
      if (!edit) { area.value = text; return; }
      const many = edit.length > 60;
      let at = 0;
      if (many) area.value = text;
      else for (const p of edit) {
        if (typeof p === "string") { area.setRangeText(p, at, at, "preserve"); at += p.length; }
        else if (p < 0) area.setRangeText("", at, at - p, "preserve");
        else at += p;
      }
      area.setSelectionRange(ot.map(edit, from), ot.map(edit, to), way);
      area.scrollTop = top;
    }

    /* ---- what is shown beside it */

    changed() {
      const session = this.session, status = $("status"), state = session.status;
      if (status && (status.dataset.state !== state || state === "refused")) {
        status.dataset.state = state;
        $("status-text").textContent = WORDS[state] + (state === "refused" ? ": " + (REFUSED[session.refused] || session.refused) + ". Copy your text before you load the page anew." : "");
      }
      this.buttons();
      if ($("count")) $("count").textContent = session.text.length.toLocaleString() + (session.text.length === 1 ? " character" : " characters");
      if (session.isQuiet) { if (this.hasKept) { store(sessionStorage, this.key, null); this.hasKept = false; } }
      else if (!session.online && !this.keeping) this.keeping = setTimeout(() => { this.keeping = 0; this.keep(); }, KEEP_MS);
    }
    buttons() {
      if ($("undo")) $("undo").disabled = !this.session.undo.undos.length;
      if ($("redo")) $("redo").disabled = !this.session.undo.redos.length;
    }
    keep() {
      const kept = this.session.kept();
      if (kept) { store(sessionStorage, this.key, kept); this.hasKept = true; }
    }
    crowd() {
      const session = this.session, all = session.rev === null ? [] : this.people.list(session.rev);
      const seen = (at) => { if (session.flight) at = ot.map(session.flight.edit, at); if (session.buffer) at = ot.map(session.buffer, at); return at; };
      const others = all.filter((p) => p.client !== this.client && p.rev === session.rev).map((p) => ({ name: p.name, colour: colourOf(p.client), from: seen(p.from), to: seen(p.to) }));
      this.carets?.show(others);
      const list = $("people-list");
      if (!list) return;
      const key = all.map((p) => p.client + p.name).join("\n");
      if (key === this.listed) return;
      this.listed = key;
      $("people-count").textContent = all.length || "";
      list.replaceChildren(...all.map((p) => {
        const li = made("li", "", ""), dot = made("span", `dot c${colourOf(p.client)}`);
        li.append(dot, made("span", "who", p.name || "Somebody"));
        if (p.client === this.client) li.append(made("span", "you", "you"));
        return li;
      }));
    }
    cursorSoon() { if (!this.cursorTimer) this.cursorTimer = setTimeout(() => { this.cursorTimer = 0; this.cursor(); }, CURSOR_MS); }
    cursor() {
      const session = this.session, area = this.area;
      if (!session.online || session.rev === null) return;
      if (!session.isQuiet || session.syncing) { this.cursorSoon(); return; }
      const at = { rev: session.rev, from: area.selectionDirection === "backward" ? area.selectionEnd : area.selectionStart, to: area.selectionDirection === "backward" ? area.selectionStart : area.selectionEnd };
      const same = this.told && this.told.from === at.from && this.told.to === at.to && at.rev - this.told.rev < LOG_MAX / 2;
      if (same && this.told.rev === at.rev) return;
      this.told = at;
      this.say("cursor", at);
    }
  }

  window.Hooks = window.Hooks || {};
  window.Hooks.Editor = {
    mounted() {
      this.page = new Page(this);
      for (const event of ["op", "state", "head", "refused", "again", "people", "versions", "text", "part"]) this.handleEvent(event, (msg) => this.page.hear(event, msg));
      this.page.up();
      window.editorPage = this.page;
    },
    disconnected() { this.page.down(); },
    reconnected() { this.page.up(); },
    destroyed() { this.page.end(); },
  };
})();
