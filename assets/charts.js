/* charts.js: the series of all sources as charts, one for each group: fed ten times a second, drawn
 * when they can be seen. */
"use strict";
const FaultlineCharts = (() => {
  const SPANS = { "1m": 60, "15m": 900, "3h": 10800 };
  const LINES_MAX = 12, DRAW_EVERY_MS = 95;

  const make = (tag, props, ...children) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  };
  const say = (node, text) => { if (node.textContent !== text) node.textContent = text; };

  const ORDER = ["run", "node", "proc", "prometheus", "simulated"];
  const BINARY = Array.from({ length: 41 }, (_n, i) => 2 ** i);

  /* ---- words ---- */
  const short = (n) => {
    const a = Math.abs(n);
    if (a >= 1e9) return `${(n / 1e9).toFixed(1)} G`;
    if (a >= 1e6) return `${(n / 1e6).toFixed(1)} M`;
    if (a >= 1e4) return `${(n / 1e3).toFixed(1)} k`;
    return a >= 100 || Number.isInteger(n) ? n.toFixed(0) : a >= 1 ? n.toFixed(1) : a === 0 ? "0" : n.toPrecision(2);
  };
  const bytes = (n) => (n >= 1 << 30 ? `${(n / 2 ** 30).toFixed(1)} GiB` : n >= 1 << 20 ? `${(n / 2 ** 20).toFixed(1)} MiB` : n >= 1024 ? `${(n / 1024).toFixed(1)} KiB` : `${n.toFixed(0)} B`);
  const span = (ns) => (ns < 1e6 ? `${(ns / 1e3).toFixed(0)} µs` : ns < 1e9 ? `${(ns / 1e6).toFixed(ns < 1e7 ? 1 : 0)} ms` : `${(ns / 1e9).toFixed(1)} s`);
  const units = { ns: span, B: bytes, "B/s": (n) => `${bytes(n)}/s`, "%": (n) => `${n.toFixed(n < 10 ? 1 : 0)} %`, "/s": (n) => `${short(n)}/s` };
  const word = (n, unit) => (n === null || n === undefined ? "–" : (units[unit] || short)(n));
  const ago = (s) => (s === 0 ? "now" : s < 120 ? `-${s} s` : s < 7200 ? `-${s / 60} min` : `-${s / 3600} h`);

  const css = () => getComputedStyle(document.documentElement);
  const colours = () => { const style = css(); return [0, 1, 2, 3, 4, 5].map((i) => style.getPropertyValue(`--c${i}`).trim()); };

  function mount(box, ask) {
    let table = [], generation = -1, asking = false, windowS = 60, spanName = "1m";
    let times = [], lines = [], marks = [], dirty = false, drawnAt = 0, reload = 0, charts = new Map();
    const sections = new Map();
    const keyOf = (s) => `${s.source}\n${s.group}\n${s.name}`;
    const now = () => times[times.length - 1] || 0;

    const seen = new IntersectionObserver((entries) => {
      for (const e of entries) { e.target.chart.isSeen = e.isIntersecting; dirty = true; }
    });
    const sized = new ResizeObserver((entries) => {
      for (const e of entries) {
        const c = e.target.chart;
        if (c.plot && e.contentRect.width > 0) c.plot.setSize({ width: e.contentRect.width, height: e.contentRect.height });
      }
    });

    /* ---- one chart ---- */

    function plotOptions(c) {
      const style = css(), pick = (name) => style.getPropertyValue(name).trim(), all = colours();
      const axis = { stroke: pick("--soft"), grid: { stroke: pick("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
      return {
        width: c.canvas.clientWidth || 300, height: c.canvas.clientHeight || 140,
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { size: 6 } },
        scales: {
          x: { time: false, range: () => [now() - windowS, now()] },
          y: { range: (_p, _low, high) => [0, c.unit === "%" && high > 50 ? Math.max(100, high) : Math.max(high * 1.12, c.unit === "ns" ? 1e6 : 1)] },
        },
        axes: [
          { ...axis, size: 24, splits: () => [1, 0.75, 0.5, 0.25, 0].map((part) => now() - part * windowS), values: (_p, at) => at.map((t) => ago(Math.round(now() - t))) },
          { ...axis, size: 62, space: 34, ...(c.unit.startsWith("B") ? { incrs: BINARY } : {}), values: (_p, at) => at.map((v) => word(v, c.unit)) },
        ],
        series: [{}].concat(c.members.map((m, i) => ({ label: m.name, stroke: all[i % 6], dash: i >= 6 ? [5, 3] : undefined, width: 1.8, points: { show: false }, spanGaps: c.gapsAreShort }))),
        hooks: { draw: [(plot) => drawMarks(plot, pick)] },
      };
    }

    function drawMarks(plot, pick) {
      const { ctx, bbox } = plot, scale = devicePixelRatio || 1;
      ctx.save();
      ctx.lineWidth = scale;
      ctx.font = `${10 * scale}px system-ui, sans-serif`;
      let lastX = -1e9;
      for (const mark of marks) {
        const t = mark.t_ns / 1e9;
        if (t < now() - windowS || t > now()) continue;
        const x = Math.round(plot.valToPos(t, "x", true));
        ctx.strokeStyle = ctx.fillStyle = pick(mark.kind === "fault" ? "--bad" : mark.kind === "healed" ? "--good" : "--soft");
        ctx.setLineDash(mark.kind === "phase" ? [2 * scale, 4 * scale] : [4 * scale, 3 * scale]);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
        const words = mark.short || mark.text, end = x + 8 * scale + ctx.measureText(words).width;
        if (mark.kind === "healed" || x < lastX || end > bbox.left + bbox.width) continue;
        ctx.fillText(words, x + 3 * scale, bbox.top + 10 * scale);
        lastX = end;
      }
      ctx.restore();
    }

    function sectionOf(source) {
      if (!sections.has(source)) {
        const state = make("span", { className: "state" }), grid = make("div", { className: "grid" });
        const node = make("section", { className: "source" }, make("h2", {}, source, state), grid);
        sections.set(source, { node, state, grid });
        node.style.order = ORDER.indexOf(source.split(" ")[0]);
        box.append(node);
      }
      return sections.get(source);
    }

    function makeChart(key, first) {
      const canvas = make("div", { className: "canvas" }), legend = make("ul", { className: "lines" });
      const node = make("figure", {}, make("figcaption", {}, first.group), canvas, legend);
      const c = { key, node, canvas, legend, unit: first.unit, source: first.source, members: [], isSeen: false, plot: null, gapsAreShort: true };
      node.chart = canvas.chart = c;
      seen.observe(node);
      sized.observe(canvas);
      sectionOf(first.source).grid.append(node);
      return c;
    }

    function rebuild(c) {
      if (c.plot) c.plot.destroy();
      c.plot = new uPlot(plotOptions(c), dataOf(c), c.canvas);
      const all = colours();
      c.legend.replaceChildren(...c.members.map((m, i) => {
        const value = make("b");
        const swatch = make("i");
        swatch.style.background = all[i % 6];
        const item = make("li", { title: m.name }, swatch, make("span", {}, m.name), value);
        m.value = value;
        return item;
      }));
      if (c.hidden > 0) c.legend.append(make("li", {}, `… ${c.hidden} more`));
    }

    const dataOf = (c) => [times].concat(c.members.map((m) => lines[m.at]));

    /* ---- which there are ---- */

    function setTable({ generation: g, series }) {
      const old = new Map(table.map((s, i) => [keyOf(s), lines[i]]));
      generation = g;
      table = series;
      lines = series.map((s) => old.get(keyOf(s)) || times.map(() => null));
      const groups = new Map();
      series.forEach((s, at) => {
        const key = `${s.source}\n${s.group}`;
        if (!groups.has(key)) groups.set(key, []);
        groups.get(key).push({ at, name: s.name, series: s });
      });
      for (const [key, c] of charts) if (!groups.has(key)) { if (c.plot) c.plot.destroy(); c.node.remove(); seen.unobserve(c.node); sized.unobserve(c.canvas); charts.delete(key); }
      for (const [key, members] of groups) {
        let c = charts.get(key);
        if (!c) { c = makeChart(key, members[0].series); charts.set(key, c); }
        c.hidden = Math.max(0, members.length - LINES_MAX);
        c.members = members.slice(0, LINES_MAX);
        rebuild(c);
      }
      dirty = true;
    }

    function learn() {
      if (asking) return;
      asking = true;
      ask("series", {}, (t) => { asking = false; setTable(t); if (times.length < 2) loadPast(); }, () => { asking = false; });
    }

    function loadPast() {
      const wanted = spanName;
      ask("points", { span: wanted }, (p) => {
        if (p.generation !== generation || wanted !== spanName) return;
        const from = p.from_ns / 1e9, step = p.step_ns / 1e9, count = p.points.length ? p.points[0].length : 0;
        const past = Array.from({ length: count }, (_n, i) => from + i * step);
        const first = spanName === "1m" && times.length ? times[0] : Infinity;
        const keep = past.filter((t) => t < first).length;
        const rest = spanName === "1m" ? times : [];
        lines = lines.map((line, i) => (p.points[i] || []).slice(0, keep).concat(spanName === "1m" ? line : []));
        times = past.slice(0, keep).concat(rest);
        for (const c of charts.values()) if (c.plot) c.plot.setData(dataOf(c), false);
        dirty = true;
      });
    }

    /* ---- what comes ---- */

    function feed(f) {
      marks = f.marks || [];
      for (const s of f.sources || []) {
        if (!s.why && s.values === 0 && !sections.has(s.source)) continue;
        const at = sectionOf(s.source);
        at.node.classList.toggle("fails", Boolean(s.why));
        say(at.state, s.why ? s.why : s.dropped ? `${s.values} values, ${s.dropped} more are not shown` : "");
      }
      if (f.generation !== generation) { learn(); return; }
      const t = f.t_ns / 1e9;
      if (t < now()) { times = []; lines = lines.map(() => []); } /* another machine's clock */
      if (spanName !== "1m") {
        if (t - reload > (spanName === "3h" ? 10 : 2)) { reload = t; loadPast(); }
        lastValues(f.values);
        return;
      }
      times.push(t);
      lines.forEach((line, i) => line.push(f.values[i] ?? null));
      const old = times.findIndex((at) => at >= t - windowS - 1);
      if (old > 20) { times.splice(0, old); lines.forEach((line) => line.splice(0, old)); }
      lastValues(f.values);
      dirty = true;
    }

    let saidAt = 0;
    function lastValues(values) {
      if (performance.now() - saidAt < 400) return;
      saidAt = performance.now();
      for (const c of charts.values()) if (c.isSeen) for (const m of c.members) if (m.value) say(m.value, word(values[m.at], c.unit));
    }

    function frame(at) {
      requestAnimationFrame(frame);
      if (!dirty || at - drawnAt < DRAW_EVERY_MS) return;
      dirty = false;
      drawnAt = at;
      for (const c of charts.values()) if (c.isSeen && c.plot) c.plot.setData(dataOf(c));
    }
    requestAnimationFrame(frame);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { for (const c of charts.values()) rebuild(c); });

    function setSpan(name) {
      spanName = name;
      windowS = SPANS[name];
      times = [];
      lines = lines.map(() => []);
      reload = 0;
      loadPast();
    }
    return { feed, setTable: (t) => { setTable(t); loadPast(); }, setSpan, word };
  }
  return { mount };
})();
