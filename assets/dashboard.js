/* dashboard.js: keeps the page as the server made it up to date, and draws the last minute. */
"use strict";
(() => {
  const WINDOW_S = 60;
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

  function showHead(f) {
    const total = f.total_ns / 1e9 || 0, elapsed = (f.elapsed_ns || 0) / 1e9;
    say("phase", f.phase || "waiting");
    $("phase").dataset.phase = f.phase || "waiting";
    $("progress").max = total || 1;
    $("progress").value = total ? elapsed : 0;
    say("clock", total ? `${elapsed.toFixed(0)} of ${total.toFixed(0)} s` : `${elapsed.toFixed(0)} s`);
  }

  function showTiles(f) {
    const errors = f.loads.reduce((sum, l) => sum + l.errors, 0);
    say("rate", rate(f.loads.reduce((sum, l) => sum + l.rate, 0)));
    say("errors", rate(errors));
    $("errors-tile").classList.toggle("bad", errors > 0);
    say("p99", span(f.loads.reduce((worst, l) => Math.max(worst, l.p99_ns), 0)));
    say("restarts", String(f.restarts || 0));
    const faults = f.faults.map((name) => make("li", name));
    $("faults").replaceChildren(...(faults.length ? faults : [make("li", "none", { className: "none" })]));
  }

  function showLoads(loads) {
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

  /* ---- charts: one line a load, the same colours as its row ---- */
  const kinds = [
    { id: "chart-rate", of: (l) => l.rate },
    { id: "chart-errors", of: (l) => l.errors },
    { id: "chart-p99", of: (l) => l.p99_ns / 1e6 },
  ];
  const times = [], ages = [60, 45, 30, 15, 0];
  const last = () => times[times.length - 1] || 0;
  let names = "", plots = [], drawnAt = 0;

  function plotOptions(kind, loads) {
    const css = getComputedStyle(document.documentElement);
    const colour = (name) => css.getPropertyValue(name).trim();
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const box = $(kind.id);
    return {
      width: box.clientWidth,
      height: box.clientHeight,
      legend: { show: false },
      cursor: { drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: () => [last() - WINDOW_S, last()] },
        y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 1)] },
      },
      axes: [
        { ...axis, size: 28, splits: () => ages.map((age) => last() - age), values: () => ages.map((age) => (age ? `-${age} s` : "now")) },
        { ...axis, size: 48 },
      ],
      series: [{}].concat(loads.map((l, i) => ({
        label: l.name, stroke: colour(`--c${i % 6}`), width: 2, points: { show: false },
      }))),
    };
  }

  function makePlots(loads) {
    plots.forEach((p) => p.plot.destroy());
    times.length = 0;
    $("charts").hidden = loads.length === 0;
    $("loads-card").hidden = loads.length === 0;
    plots = loads.length === 0 ? [] : kinds.map((kind) => {
      const data = [times].concat(loads.map(() => []));
      return { kind, data, plot: new uPlot(plotOptions(kind, loads), data, $(kind.id)) };
    });
  }

  function drawPlots(f) {
    const key = f.loads.map((l) => l.name).join("\n");
    if (key !== names || (plots.length === 0 && f.loads.length > 0)) {
      names = key;
      makePlots(f.loads);
    }
    const now = f.t_ns / 1e9;
    if (now < last()) makePlots(f.loads); /* another machine's clock */
    times.push(now);
    plots.forEach((p) => f.loads.forEach((l, i) => p.data[i + 1].push(p.kind.of(l))));
    while (times.length && times[0] < now - WINDOW_S - 1) {
      times.shift();
      plots.forEach((p) => p.data.slice(1).forEach((line) => line.shift()));
    }
    /* ten updates a second are for the numbers; four frames a second are plenty for lines */
    if (performance.now() - drawnAt < 240) return;
    drawnAt = performance.now();
    plots.forEach((p) => p.plot.setData(p.data));
  }

  /* What was before this page was opened, put in front of what it has seen itself. */
  function showHistory(h) {
    if (h.loads.map((l) => l.name).join("\n") !== names || plots.length === 0) return;
    const from = times.length ? times[0] : Infinity;
    const before = h.t_ns.map((t) => t / 1e9).filter((t) => t < from);
    times.unshift(...before);
    plots.forEach((p) => h.loads.forEach((l, i) => {
      const points = before.map((_t, at) => p.kind.of({ rate: l.rate[at], errors: l.errors[at], p99_ns: l.p99_ns[at] }));
      p.data[i + 1].unshift(...points);
    }));
    plots.forEach((p) => p.plot.setData(p.data));
  }

  function fitPlots() {
    plots.forEach((p) => {
      const box = $(p.kind.id);
      if (box.clientWidth > 0) p.plot.setSize({ width: box.clientWidth, height: box.clientHeight });
    });
  }

  function restylePlots() {
    plots.forEach((p) => {
      const loads = p.plot.series.slice(1).map((s) => ({ name: s.label }));
      p.plot.destroy();
      p.plot = new uPlot(plotOptions(p.kind, loads), p.data, $(p.kind.id));
    });
  }

  /* ---- the wire ---- */
  function show(update) {
    const f = { loads: [], processes: [], faults: [], ...update };
    showHead(f);
    showTiles(f);
    showLoads(f.loads);
    showProcesses(f.processes);
    drawPlots(f);
    document.documentElement.dataset.seq = f.seq;
  }

  function link(state, words) {
    $("link").dataset.link = state;
    say("link", words);
  }

  const socket = new Phoenix.Socket("/socket", { reconnectAfterMs: (tries) => [50, 100, 250, 500][tries - 1] || 1000 });
  socket.onOpen(() => link("live", "live"));
  socket.onClose(() => link("lost", "connection lost, trying again"));
  socket.connect();
  const channel = socket.channel("dashboard:run", {});
  channel.on("figures", show);
  channel.on("history", showHistory);
  channel.onError(() => link("lost", "updates stopped, trying again"));
  channel.join().receive("ok", () => link("live", "live"));

  new ResizeObserver(fitPlots).observe($("charts"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restylePlots);
})();
