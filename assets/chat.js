// chat.js: what the pages of a chat do in the browser: times and days in the reader's zone, scrolling, a composer whose
// messages are kept and asked again until the room has said yes.
(() => {
  const NAME = "chat.name";
  const store = {
    get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
    set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* private mode: for this page only */ } },
    drop: (key) => { try { localStorage.removeItem(key); } catch { /* the same */ } },
  };
  const agent = navigator.userAgent;
  const device = /iPad|Tablet/.test(agent) ? "tablet" : /Mobi|Android/.test(agent) ? "phone" : "computer";
  // What cannot be told now is told again when the page is back, or does not matter any more.
  const tell = (hook, event, value) => hook.pushEvent(event, value).then(() => true, () => false);
  const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");

  // ---- times

  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
  const full = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
  const near = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
  const dayOf = (ms) => { const d = new Date(ms); return new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime(); };
  const dayName = (ms) => {
    const days = Math.round((dayOf(Date.now()) - dayOf(ms)) / 86400000);
    if (days === 0) return "Today";
    if (days === 1) return "Yesterday";
    return days < 300 ? weekday.format(ms) : full.format(ms);
  };
  const ago = (ms) => {
    const minutes = Math.round((Date.now() - ms) / 60000);
    if (minutes < 1) return "now";
    if (minutes < 60) return near.format(-minutes, "minute");
    return dayOf(ms) === dayOf(Date.now()) ? clock.format(ms) : dayName(ms);
  };
  const showAgo = () => {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const text = ago(+time.dataset.ago);
      if (time.textContent !== text) time.textContent = text;
    }
  };
  setInterval(showAgo, 20000);
  window.addEventListener("phx:update", showAgo);
  document.addEventListener("DOMContentLoaded", showAgo);

  // ---- a room: who I am, whether I look, what belongs together

  const me = () => document.getElementById("room")?.dataset.me ?? "";

  // Days, groups of one speaker, and what is mine: by what stands before a message, so from the first that has changed.
  function arrange(list) {
    let before = null;
    for (const item of list.children) {
      const at = +item.dataset.at, day = dayOf(at);
      const isNewDay = before === null || dayOf(+before.dataset.at) !== day;
      const goesOn = !isNewDay && before.dataset.user === item.dataset.user && at - before.dataset.at < 300000;
      const name = isNewDay ? dayName(at) : null;
      if (name !== null && item.dataset.day !== name) item.dataset.day = name;
      if (name === null && item.dataset.day !== undefined) delete item.dataset.day;
      item.classList.toggle("goes-on", goesOn);
      item.classList.toggle("mine", item.dataset.user === me());
      const time = item.querySelector("time");
      if (time !== null && time.textContent === "") {
        time.textContent = clock.format(at);
        time.dateTime = new Date(at).toISOString();
        time.title = new Date(at).toLocaleString();
      }
      before = item;
    }
  }

  const Room = {
    mounted() {
      this.onSeen = () => this.tellStatus();
      document.addEventListener("visibilitychange", this.onSeen);
      this.handleEvent("named", ({ name }) => { store.set(NAME, name); this.who = name; });
      this.handleEvent("renaming", () => { store.drop(NAME); this.who = undefined; });
      this.el.querySelector("#who").addEventListener("click", (event) => {
        const open = this.el.classList.toggle("shows-people");
        event.currentTarget.setAttribute("aria-expanded", open);
      });
      this.onKey = (event) => {
        if (event.key === "Escape") this.el.classList.remove("shows-people");
      };
      document.addEventListener("keydown", this.onKey);
      this.hello();
    },
    reconnected() { this.hello(); },
    updated() { arrange(document.getElementById("messages")); },
    destroyed() {
      document.removeEventListener("visibilitychange", this.onSeen);
      document.removeEventListener("keydown", this.onKey);
    },
    hello() {
      const name = store.get(NAME) ?? this.who;
      if (name) tell(this, "hello", { name, device }).then((done) => { if (done) this.tellStatus(); });
    },
    tellStatus() {
      if (me() !== "" && document.hidden !== this.hidden) {
        this.hidden = document.hidden;
        tell(this, "status", { status: document.hidden ? "away" : "online" });
      }
    },
  };

  const Naming = {
    mounted() {
      this.el.elements.device.value = device;
      if (matchMedia("(hover: hover)").matches) this.el.elements.name.focus();
    },
  };

  // Stays at the end while the reader is there; else counts what has come, and marks where it begins.
  const Scroll = {
    mounted() {
      this.list = this.el.querySelector("#messages");
      this.pill = document.querySelector("#newer button");
      this.fresh = 0;
      this.seen = +(this.list.lastElementChild?.dataset.seq ?? 0);
      this.title = document.title;
      this.watch = new MutationObserver((records) => this.changed(records));
      this.watch.observe(this.list, { childList: true, subtree: true });
      this.el.addEventListener("scroll", () => this.looked(), { passive: true });
      this.onSeen = () => this.looked();
      document.addEventListener("visibilitychange", this.onSeen);
      this.pill.addEventListener("click", () => this.toEnd(true));
      this.el.addEventListener("click", (event) => this.clicked(event));
      this.resize = new ResizeObserver(() => { if (this.stuck) this.toEnd(false); });
      this.resize.observe(this.el);
      arrange(this.list);
      this.toEnd(false);
    },
    destroyed() {
      this.watch.disconnect();
      this.resize.disconnect();
      document.removeEventListener("visibilitychange", this.onSeen);
      this.show(0);
    },
    beforeUpdate() { this.height = this.el.scrollHeight; this.top = this.el.scrollTop; },
    isAtEnd() { return this.el.scrollHeight - this.el.scrollTop - this.el.clientHeight < 60; },
    toEnd(smooth) {
      this.stuck = true;
      this.el.scrollTo({ top: this.el.scrollHeight, behavior: smooth ? "smooth" : "instant" });
      this.looked();
    },
    changed(records) {
      const first = this.list.firstElementChild;
      arrange(this.list);
      if (this.first !== undefined && first !== this.first && this.stuck === false) {
        const grown = this.el.scrollHeight - (this.before ?? this.el.scrollHeight); // older ones came: stay where the reader is
        if (grown > 0) this.el.scrollTop += grown;
      }
      this.first = first;
      this.before = this.el.scrollHeight;
      for (const record of records)
        for (const node of record.addedNodes)
          if (node.nodeType === 1 && node.parentNode === this.list) this.came(node);
      if (this.stuck) this.toEnd(false);
    },
    came(item) {
      const seq = +item.dataset.seq;
      if (seq <= this.seen) return;
      this.seen = seq;
      const unseen = (document.hidden || !this.stuck) && item.dataset.user !== me();
      if (!unseen) return;
      if (this.fresh === 0) {
        this.list.querySelector(".first-new")?.classList.remove("first-new");
        item.classList.add("first-new");
      }
      this.show(this.fresh + 1);
    },
    show(count) {
      this.fresh = count;
      this.pill.hidden = count === 0;
      this.pill.textContent = `${count} new ${count === 1 ? "message" : "messages"} ↓`;
      const title = document.title.replace(/^\(\d+\) /, "");
      document.title = count === 0 ? title : `(${count}) ${title}`;
    },
    looked() {
      this.stuck = this.isAtEnd();
      this.before = this.el.scrollHeight;
      if (this.stuck && !document.hidden && this.fresh > 0) this.show(0);
    },
    clicked(event) {
      const button = event.target.closest("[data-do]");
      if (button === null) return;
      const item = button.closest("li");
      if (button.dataset.do === "edit") {
        document.dispatchEvent(new CustomEvent("chat:edit", { detail: item }));
      } else if (button.dataset.sure === undefined) {
        button.dataset.sure = "";
        button.textContent = "Really?";
        setTimeout(() => { delete button.dataset.sure; button.textContent = "Delete"; }, 3000);
      } else {
        tell(this, "delete", { seq: +item.dataset.seq, id: newId() });
      }
    },
  };

  // What is sent stays here, with its id, until the room has answered: after a reconnect it is asked again, and is one message.
  const waiting = new Map();

  const Composer = {
    mounted() {
      this.text = this.el.querySelector("textarea");
      this.editing = this.el.querySelector(".editing");
      this.problem = this.el.querySelector(".problem");
      this.pending = document.getElementById("pending");
      this.el.addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
      this.text.addEventListener("keydown", (event) => this.key(event));
      this.text.addEventListener("input", () => this.typed());
      this.editing.querySelector("button").addEventListener("click", () => this.edit(null));
      this.onEdit = (event) => this.edit(event.detail);
      document.addEventListener("chat:edit", this.onEdit);
      this.handleEvent("done", (answer) => this.done(answer));
      this.text.value = store.get(this.draftKey()) ?? "";
      this.fit();
      this.again();
      if (matchMedia("(hover: hover)").matches) this.text.focus();
    },
    reconnected() { this.again(); },
    destroyed() { document.removeEventListener("chat:edit", this.onEdit); },
    draftKey() { return `chat.draft.${document.getElementById("room").dataset.room}`; },
    key(event) {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.send();
      } else if (event.key === "Escape" && this.target) {
        event.stopPropagation();
        this.edit(null);
      } else if (event.key === "ArrowUp" && this.text.value === "") {
        const mine = document.querySelectorAll("#messages > .mine:not([data-erased])");
        if (mine.length === 0) return;
        event.preventDefault();
        this.edit(mine[mine.length - 1]);
      }
    },
    fit() {
      this.text.rows = Math.min(8, Math.max(1, this.text.value.split("\n").length));
    },
    typed() {
      this.fit();
      this.problem.hidden = true;
      if (!this.target) store.set(this.draftKey(), this.text.value);
      const now = Date.now(), on = this.text.value !== "";
      if (on === this.hinted && (!on || now - this.hintedAt < 2500)) return;
      this.hinted = on;
      this.hintedAt = now;
      tell(this, "typing", { on });
    },
    edit(item) {
      this.target = item === null ? null : +item.dataset.seq;
      document.querySelector("#messages .being-edited")?.classList.remove("being-edited");
      item?.classList.add("being-edited");
      this.editing.hidden = item === null;
      this.text.value = item === null ? "" : item.querySelector(".text").textContent;
      this.fit();
      this.text.focus();
    },
    send() {
      const text = this.text.value.trimEnd();
      if (text.trim() === "") return;
      const id = newId();
      const request = this.target ? { event: "edit", value: { id, text, seq: this.target } } : { event: "say", value: { id, text } };
      if (!this.target) this.bubble(id, text);
      waiting.set(id, request);
      this.ask(request);
      this.edit(null);
      store.drop(this.draftKey());
      this.hinted = false;
      document.getElementById("scroll").scrollTo({ top: 1e9, behavior: "instant" });
    },
    ask(request) { tell(this, request.event, request.value); },
    again() { for (const request of waiting.values()) this.ask(request); },
    bubble(id, text) {
      const item = document.createElement("li"), words = document.createElement("p");
      item.className = "message mine goes-on";
      item.id = `pending-${id}`;
      words.className = "text";
      words.textContent = text;
      item.append(words);
      this.pending.append(item);
    },
    done({ id, problem }) {
      const request = waiting.get(id);
      waiting.delete(id);
      document.getElementById(`pending-${id}`)?.remove();
      if (problem === undefined) return;
      this.problem.textContent = `Not sent: ${problem}.`;
      this.problem.hidden = false;
      if (request?.event === "say" && this.text.value === "") { this.text.value = request.value.text; this.fit(); }
    },
  };

  window.Hooks = { ...window.Hooks, Room, Naming, Scroll, Composer };
})();
