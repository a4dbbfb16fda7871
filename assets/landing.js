/* landing.js: the services, their tree, and what the reader crashes. */
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, props, ...children) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  };
  const say = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const span = (ns) => (ns < 1e6 ? `${(ns / 1e6).toFixed(2)} ms` : ns < 1e9 ? `${(ns / 1e6).toFixed(ns < 1e8 ? 1 : 0)} ms` : `${(ns / 1e9).toFixed(2)} s`);

  /* ---- the log ---- */
  function logged(words) {
    const none = $("log").querySelector(".none");
    if (none) none.remove();
    const outcome = make("span", { className: "wait" }, "crashed …");
    $("log").prepend(make("li", {}, make("time", {}, new Date().toTimeString().slice(0, 8)), make("span", {}, ...words), outcome));
    while ($("log").children.length > 50) $("log").lastChild.remove();
    return (kind, text) => { outcome.className = kind; outcome.textContent = text; };
  }

  /* ---- crashing ---- */
  const pending = new Set(); /* what is not back yet */
  function crash(event, payload, words, button) {
    const done = logged(words);
    const over = (kind, text) => {
      if (!pending.delete(over)) return;
      done(kind, text);
      if (button) button.disabled = false;
    };
    pending.add(over);
    if (button) button.disabled = true;
    crashes.push(event, payload, 30000)
      .receive("ok", (r) => (r.healed ? over("took", `back after ${span(r.took_ns)}`) : over("bad", r.words)))
      .receive("error", (r) => over("bad", `not crashed: ${r.reason}`))
      .receive("timeout", () => over("bad", "no word for 30 s"));
  }
  const crashService = (instance, button) =>
    crash("service", { instance }, [make("b", {}, instance), ", the whole OS process (SIGKILL)"], button);
  const crashProcess = (item, service, button) =>
    crash("process", { node: item.node, pid: item.pid, parent: item.parent, id: item.id, name: item.registered ? item.name : "" },
      [make("b", {}, item.name || item.server), ` ${item.pid}${service ? ` of ${service}` : ""}`], button);

  /* ---- the services ---- */
  const cards = new Map(), victims = new Map();

  function makeCard(s) {
    const link = make("a", { href: `http://${location.hostname}:${s.port}/` }, s.instance);
    const state = make("span"), help = make("p", {}, s.help), facts = make("p", { className: "facts" });
    const choice = make("select", { ariaLabel: `what to crash in ${s.instance}` }), button = make("button", { className: "crash" }, "Crash");
    const form = make("form", {}, choice, button);
    form.addEventListener("submit", (e) => {
      e.preventDefault();
      const item = (victims.get(s.instance) || []).find((v) => v.key === choice.value);
      if (item) crashProcess(item, s.instance, button); else crashService(s.instance, button);
    });
    const card = make("li", { className: "card" }, make("h3", {}, link, state), help, facts, form);
    return { card, link, state, facts, choice };
  }

  function showChoice(instance) {
    const c = cards.get(instance);
    if (!c || document.activeElement === c.choice) return;
    const list = victims.get(instance) || [];
    const key = list.map((v) => v.key).join();
    if (c.choices === key) return;
    c.choices = key;
    const was = c.choice.value;
    c.choice.replaceChildren(make("option", { value: "" }, "all of it (SIGKILL)"),
      ...list.map((v) => make("option", { value: v.key }, v.name && v.name !== v.server ? `${v.name} (${v.server})` : v.server)));
    c.choice.value = list.some((v) => v.key === was) ? was : "";
  }

  function showServices({ services }) {
    const here = new Set();
    for (const s of services) {
      here.add(s.instance);
      if (!cards.has(s.instance)) { cards.set(s.instance, makeCard(s)); $("services").append(cards.get(s.instance).card); }
      const c = cards.get(s.instance);
      c.card.dataset.state = s.state;
      say(c.state, s.state);
      say(c.facts, `port ${s.port}${s.pid ? `, pid ${s.pid}` : ""}${s.restarts ? `, started anew ${s.restarts} time${s.restarts === 1 ? "" : "s"}` : ""}`);
      showChoice(s.instance);
    }
    for (const [name, c] of cards) if (!here.has(name)) { c.card.remove(); cards.delete(name); }
  }

  /* ---- the tree ---- */
  let chosen = null;
  const tree = FaultlineTree.mount($("tree"), {
    onSelect: (item) => {
      chosen = item;
      $("act").hidden = item.kind === "node";
      say($("act-name"), item.name || item.server);
      say($("act-what"), item.kind === "os" ? `OS process ${item.os_pid || ""}` : `${item.kind} ${item.pid}`);
      say($("act-crash"), item.kind === "os" ? "Kill it (SIGKILL)" : "Crash it");
    },
    onDraw: (items) => {
      const all = FaultlineTree.flat(items);
      if (chosen) chosen = all.find((i) => i.key === chosen.key) || chosen;
      for (const item of all) {
        if (item.kind !== "os") continue;
        victims.set(item.name, FaultlineTree.flat(item.children).filter((i) => i.kind === "worker" || i.kind === "supervisor"));
        showChoice(item.name);
      }
    },
  });
  $("act-crash").addEventListener("click", () => {
    if (!chosen) return;
    if (chosen.kind === "os") crashService(chosen.name, $("act-crash")); else crashProcess(chosen, "", $("act-crash"));
  });
  const close = () => { $("act").hidden = true; chosen = null; tree.unchoose(); };
  $("act-close").addEventListener("click", close);
  document.addEventListener("keydown", (e) => { if (e.key === "Escape") close(); });

  /* ---- the wire ---- */
  const link = (state, words) => { $("link").dataset.link = state; say($("link"), words); };
  const socket = new Phoenix.Socket("/socket", { reconnectAfterMs: (tries) => [50, 100, 250, 500][tries - 1] || 1000 });
  socket.onOpen(() => link("live", "live"));
  socket.onClose(() => link("lost", "connection lost, trying again"));
  socket.connect();
  const looks = socket.channel("look:tree", {}), list = socket.channel("list", {});
  const crashes = socket.channel("crash", { token: document.querySelector("meta[name=crash-token]").content });
  looks.on("tree", tree.show);
  list.on("list", showServices);
  looks.join();
  list.join();
  crashes.onError(() => pending.forEach((over) => over("wait", "it carried this page: look at the tree")));
  crashes.join().receive("error", () => link("lost", "load this page again to crash anything"));
})();
