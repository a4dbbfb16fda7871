/* dashboard.js: keeps the page as the server made it up to date. */
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);

  /* ---- words, as services/dashboard/page.c writes them ---- */
  const rate = (n) => (n < 100 ? n.toFixed(1) : n.toFixed(0));
  const span = (ns) =>
    ns < 1e9 ? `${(ns / 1e6).toFixed(ns < 1e7 ? 1 : 0)} ms` : `${(ns / 1e9).toFixed(1)} s`;
  const make = (tag, text, props) => {
    const node = Object.assign(document.createElement(tag), props);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const say = (id, text) => {
    if ($(id).textContent !== text) $(id).textContent = text;
  };
  /* The DOM is touched when something is new, not ten times a second. */
  const shown = new Map();
  const isNews = (what, value) => {
    const text = JSON.stringify(value);
    if (shown.get(what) === text) return false;
    shown.set(what, text);
    return true;
  };

  function showHead(f) {
    const total = f.total_ns / 1e9 || 0, elapsed = (f.elapsed_ns || 0) / 1e9;
    say("phase", f.phase || "waiting");
    $("phase").dataset.phase = f.phase || "waiting";
    $("progress").hidden = !total;
    $("progress").max = total || 1;
    $("progress").value = total ? elapsed : 0;
    say("clock", total ? `${elapsed.toFixed(0)} of ${total.toFixed(0)} s` : `${elapsed.toFixed(0)} s`);
  }

  function showTiles(f) {
    const errors = f.loads.reduce((sum, l) => sum + l.errors, 0);
    document.body.classList.toggle("no-load", f.loads.length === 0);
    say("rate", rate(f.loads.reduce((sum, l) => sum + l.rate, 0)));
    say("errors", rate(errors));
    $("errors-tile").classList.toggle("bad", errors > 0);
    say("p99", span(f.loads.reduce((worst, l) => Math.max(worst, l.p99_ns), 0)));
    say("restarts", String(f.restarts || 0));
    if (!isNews("faults", f.faults)) return;
    const faults = f.faults.map((name) => make("li", name));
    $("faults").replaceChildren(...(faults.length ? faults : [make("li", "none", { className: "none" })]));
  }

  function showLoads(loads) {
    if (!isNews("loads", loads)) return;
    $("loads").replaceChildren(
      ...loads.map((l, i) => {
        const row = make("tr"), name = make("th", undefined, { scope: "row" });
        name.append(make("i", "", { className: `c${i % 6}` }), l.name);
        row.append(
          name,
          make("td", rate(l.rate)),
          make("td", rate(l.errors), { className: l.errors > 0 ? "bad" : "" }),
          make("td", span(l.p50_ns)),
          make("td", span(l.p99_ns)),
          make("td", String(l.inflight ?? 0)),
        );
        return row;
      }),
    );
  }

  function showProcesses(processes) {
    if (!isNews("processes", processes)) return;
    $("processes").replaceChildren(
      ...processes.map((p) => {
        const item = make("li"), n = p.restarts || 0;
        item.dataset.state = p.state;
        item.append(
          make("b", p.instance),
          make("span", p.pid > 0 ? `${p.state} · pid ${p.pid}` : p.state),
          make("em", `${n} restart${n === 1 ? "" : "s"}`, { className: n === 0 ? "none" : "" }),
        );
        return item;
      }),
    );
  }

  /* What the run says happened, the newest first; recoveries with how long they took. */
  function showEvents(events) {
    $("events-card").hidden = events.length === 0;
    if (!isNews("events", events)) return;
    $("events").replaceChildren(
      ...events.slice().reverse().map((e) => {
        const item = make("li", undefined, { className: e.kind });
        item.append(make("time", `${(e.at_ns / 1e9).toFixed(1)} s`), make("span", e.text), make("b", e.took_ns ? span(e.took_ns) : ""));
        return item;
      }),
    );
  }

  /* ---- the wire ---- */
  let lastRun = null, lostAt = 0, whole = null, wholeAt = 0;
  const socket = new Phoenix.Socket("/socket", { reconnectAfterMs: (tries) => [50, 100, 250, 500][tries - 1] || 1000 });
  const channel = socket.channel("dashboard:run", {}), looks = socket.channel("look:tree", {});
  const charts = FaultlineCharts.mount($("sources"), (event, payload, done, failed) =>
    channel.push(event, payload).receive("ok", done).receive("error", failed || (() => {})).receive("timeout", failed || (() => {})));
  const tree = FaultlineTree.mount($("tree"));

  function show(update) {
    const f = { loads: [], processes: [], faults: [], events: [], ...update };
    f.marks = f.events.filter((e) => e.kind === "fault" || e.kind === "healed" || e.kind === "phase");
    showHead(f);
    showTiles(f);
    showLoads(f.loads);
    showProcesses(f.processes);
    showEvents(f.events);
    charts.feed(f);
    if (f.report) lastRun = f;
    document.documentElement.dataset.seq = f.seq;
  }

  function link(state, words) {
    $("link").dataset.link = state;
    say("link", words);
  }

  /* The dashboard of a run ends with it: what was seen last stays. */
  function lost() {
    link("lost", "connection lost, trying again");
    if (!lastRun) return;
    lostAt = lostAt || performance.now();
    if (performance.now() - lostAt < 1500) return;
    if (whole && $("ended").hidden) tree.show(whole);
    link("ended", "ended");
    $("ended").hidden = false;
    say("ended", `The run has ended; this page shows its last moment. Report: ${lastRun.report}`);
    say("phase", "ended");
    $("phase").dataset.phase = "ended";
  }

  socket.onOpen(() => { lostAt = 0; $("ended").hidden = true; link("live", "live"); });
  socket.onClose(lost);
  socket.onError(lost);
  socket.connect();
  channel.on("figures", show);
  channel.on("series", (t) => charts.setTable(t));
  channel.onError(() => link("lost", "updates stopped, trying again"));
  channel.join().receive("ok", () => link("live", "live"));
  /* When a run is over its nodes go one by one; what its page keeps is how it was before. */
  looks.on("tree", (t) => {
    if (!whole || t.nodes.length >= whole.nodes.length || performance.now() - wholeAt > 5000) {
      whole = t;
      wholeAt = performance.now();
    }
    tree.show(t);
  });
  looks.join();

  for (const button of $("spans").children)
    button.addEventListener("click", () => {
      for (const b of $("spans").children) b.setAttribute("aria-pressed", String(b === button));
      charts.setSpan(button.dataset.span);
    });
})();
