/* look.js: draws the supervision trees of nodes (services/look) as one picture that stays the same
 * while things in it change: what was started anew flashes, its old pid fades, its counter grows. */
"use strict";
const FaultlineTree = (() => {
  const NS = "http://www.w3.org/2000/svg";
  const WIDE = { dx: 218, row: 32, w: 190, h: 24 };
  const NARROW = { dx: 18, row: 32, w: 236, h: 24 };
  const ITEMS_OPEN_MAX = 160; /* with more, what is deep begins closed */

  const svg = (tag, attrs, ...children) => {
    const node = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attrs || {})) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const cut = (text, max) => (text.length > max ? `${text.slice(0, max - 1)}…` : text);

  const remembered = new Map(); /* OS processes, and the node that was last seen inside */

  /* ---- from what was sent to one tree of items: a node's trees hang below its OS process ---- */

  function adopt(list, parent, node, family, used) {
    return list.map((json, at) => {
      const item = {
        ...json,
        node: node.os_pid,
        parent: parent.pid && parent.kind !== "node" ? parent.pid : "",
        key: `${parent.key}/${json.id || json.pid || at}`,
        children: [],
      };
      item.children = adopt(json.children || [], item, node, family, used);
      if (json.more) item.children.push({ kind: "more", name: `… ${json.more} more`, key: `${item.key}/more`, children: [] });
      const inside = json.kind === "os" && family.find((n) => !used.has(n) && n !== node && n.name === json.name);
      if (inside) {
        used.add(inside);
        remembered.set(item.key, { inside, restarts: json.restarts });
        Object.assign(item, { os_pid: inside.os_pid, silent: inside.silent });
        item.children = rootChildren(inside, item, family, used);
      } else if (json.kind === "os" && remembered.has(item.key)) {
        /* what it had inside stays in the picture, as dead, until its successor answers */
        item.state = "down";
        item.children = rootChildren(remembered.get(item.key).inside, item, family, used);
        flat(item.children).forEach((i) => { if (i.kind !== "more") i.state = "down"; });
      }
      return item;
    });
  }

  function rootChildren(node, item, family, used) {
    const below = adopt(node.tree, { key: item.key, kind: "node" }, node, family, used);
    if (node.others.length)
      below.push({
        kind: "more", key: `${item.key}/others`, children: [],
        name: node.others.map(([server, count]) => `${count} ${server}`).join(", "),
        title: "not supervised: they live as long as a connection, a request, a view",
      });
    return below;
  }

  function asNode(node, key, family, used) {
    used.add(node);
    const item = { kind: "node", name: node.name, os_pid: node.os_pid, silent: node.silent, key, restarts: 0, mailbox: 0, state: "running" };
    item.children = rootChildren(node, item, family, used);
    return item;
  }

  function forest(payload) {
    const roots = [...new Set(payload.nodes.map((n) => n.root))];
    return roots.map((root) => {
      const family = payload.nodes.filter((n) => n.root === root), used = new Set();
      const first = family.find((n) => n.os_pid === root) || family[0];
      const item = asNode(first, `n${root}`, family, used);
      for (const n of family) if (!used.has(n)) item.children.push(asNode(n, `n${root}/${n.name}`, family, used));
      return item;
    });
  }

  const count = (items) => items.reduce((sum, i) => sum + 1 + count(i.children), 0);

  /* ---- where everything goes ---- */

  function place(items, isShut, isNarrow) {
    const size = isNarrow ? NARROW : WIDE, placed = [];
    let rows = 0, depthMax = 0;
    const visit = (item, depth, parent) => {
      item.x = depth * size.dx + 8;
      item.up = parent;
      item.isShut = item.children.length > 0 && isShut(item, depth);
      depthMax = Math.max(depthMax, depth);
      placed.push(item);
      const below = item.isShut ? [] : item.children;
      if (isNarrow || below.length === 0) item.y = 8 + rows++ * size.row;
      below.forEach((child) => visit(child, depth + 1, item));
      if (!isNarrow && below.length > 0) item.y = below[0].y; // the root of a long tree is seen first
    };
    items.forEach((item) => visit(item, 0, null));
    return { placed, size, width: depthMax * size.dx + size.w + 40, height: rows * size.row + 12 };
  }

  function edgePath(item, size, isNarrow) {
    const up = item.up, y = item.y + size.h / 2;
    if (isNarrow) return `M${up.x + 8} ${up.y + size.h}V${y}H${item.x}`;
    const x0 = up.x + size.w, y0 = up.y + size.h / 2, mid = (x0 + item.x) / 2;
    return `M${x0} ${y0}C${mid} ${y0} ${mid} ${y} ${item.x} ${y}`;
  }

  /* ---- one item on the screen ---- */

  function makeItem(item, size, on) {
    const g = svg("g", { class: `item ${item.kind}`, tabindex: item.kind === "more" ? -1 : 0 });
    const box = svg("rect", { class: "box", width: size.w, height: size.h, rx: item.kind === "supervisor" ? 12 : 5 });
    const name = svg("text", { class: "name", x: item.kind === "supervisor" ? 14 : 10, y: 16 });
    const pid = svg("text", { class: "pid", x: size.w - 10, y: 16, "text-anchor": "end" });
    const title = svg("title");
    g.append(box, name, pid, title);
    g.addEventListener("click", () => on.select(g.item));
    g.addEventListener("keydown", (e) => {
      if (e.key === "Enter" || e.key === " ") { e.preventDefault(); on.select(g.item); }
    });
    return g;
  }

  function badge(g, kind, text, x, y, words) {
    let b = g.querySelector(`.${kind}`);
    if (!text) { if (b) b.remove(); return; }
    if (!b) {
      b = svg("g", { class: `badge ${kind}`, transform: `translate(${x} ${y})` }, svg("rect", { height: 15, rx: 7.5, y: -7.5 }), svg("text", { y: 3.5, "text-anchor": "middle" }), svg("title", {}, words));
      g.append(b);
    }
    const label = b.querySelector("text"), width = 9 + 6.5 * text.length;
    if (label.textContent === text) return;
    const grows = label.textContent !== "";
    label.textContent = text;
    b.querySelector("rect").setAttribute("width", width);
    b.querySelector("rect").setAttribute("x", -width / 2);
    if (kind === "restarts" && (grows || g.dataset.seen)) again(b, "grows");
  }

  /* Begins an animation anew, also one that runs. */
  function again(node, name) {
    node.classList.remove(name);
    void node.getBoundingClientRect();
    node.classList.add(name);
  }

  function ghost(g, pid, size) {
    const text = svg("text", { class: "ghost", x: size.w - 10, y: 16, "text-anchor": "end" }, pid);
    text.addEventListener("animationend", () => text.remove());
    g.append(text);
  }

  function showItem(g, item, size, on) {
    const was = g.item;
    g.item = item;
    const pid = item.os_pid ? `${item.os_pid}` : item.pid || "";
    const room = Math.floor((size.w - 26) / 6.9) - (pid.length ? pid.length - 1 : 0);
    g.querySelector(".name").textContent = cut(item.name || item.server || "?", Math.max(room, 6));
    g.querySelector(".pid").textContent = pid;
    const facts = [item.title || item.name, item.server && item.kind !== "os" ? `kind: ${item.server}` : "", item.strategy ? `${item.strategy}, ${item.recent} of ${item.recent_max} restarts used` : "", item.pid, item.mailbox ? `${item.mailbox} messages wait` : "", item.restarts ? `started anew ${item.restarts} times` : ""];
    g.querySelector("title").textContent = facts.filter(Boolean).join("\n");
    g.classList.toggle("down", Boolean(item.state) && item.state !== "running");
    g.classList.toggle("silent", Boolean(item.silent));
    g.classList.toggle("chosen", on.chosen() === item.key);
    if (was && item.restarts > was.restarts) {
      ghost(g, was.os_pid ? `${was.os_pid}` : was.pid, size);
      again(g, "reborn");
    }
    badge(g, "restarts", item.restarts ? `↻${item.restarts}` : "", size.w - 8, 0, "started anew so often");
    badge(g, "mailbox", item.mailbox ? String(item.mailbox) : "", 18, 0, "messages that wait");
    g.dataset.seen = "1";
    let knob = g.querySelector(".knob");
    if (item.children.length === 0 && knob) knob.remove();
    if (item.children.length === 0) return;
    if (!knob) {
      knob = svg("g", { class: "knob" }, svg("circle", { r: 8 }), svg("text", { y: 4, "text-anchor": "middle" }), svg("title"));
      knob.addEventListener("click", (e) => { e.stopPropagation(); on.toggle(g.item); });
      g.append(knob);
    }
    knob.setAttribute("transform", `translate(${size.w + 10} ${size.h / 2})`);
    knob.querySelector("text").textContent = item.isShut ? "+" : "–";
    knob.querySelector("title").textContent = item.isShut ? `show ${count(item.children)} below` : "hide what is below";
  }

  /* ---- the picture ---- */

  function mount(box, options = {}) {
    const edges = svg("g", { class: "edges" }), nodes = svg("g", { class: "nodes" });
    const root = svg("svg", { class: "tree", role: "group", "aria-label": "supervision tree" }, edges, nodes);
    const drawn = new Map(), lines = new Map(), opened = new Map();
    let last = null, chosen = "", wasNarrow = null;
    box.replaceChildren(root);

    const on = {
      chosen: () => chosen,
      select: (item) => { if (item.kind !== "more") { chosen = item.key; draw(); if (options.onSelect) options.onSelect(item); } },
      toggle: (item) => { opened.set(item.key, item.isShut); draw(); },
    };

    function draw() {
      if (!last) return;
      const items = forest(last), total = count(items);
      const isNarrow = box.clientWidth > 0 && box.clientWidth < 620;
      if (wasNarrow !== null && wasNarrow !== isNarrow) { drawn.forEach((g) => g.remove()); drawn.clear(); lines.forEach((l) => l.remove()); lines.clear(); }
      wasNarrow = isNarrow;
      const isShut = (item, depth) => (opened.has(item.key) ? !opened.get(item.key) : total > ITEMS_OPEN_MAX && depth > 2);
      const { placed, size, width, height } = place(items, isShut, isNarrow);
      root.setAttribute("width", width);
      root.setAttribute("height", height);
      const here = new Set();
      for (const item of placed) {
        here.add(item.key);
        let g = drawn.get(item.key), line = lines.get(item.key);
        const isNew = !g;
        if (isNew) { g = makeItem(item, size, on); drawn.set(item.key, g); nodes.append(g); }
        g.style.transform = `translate(${item.x}px, ${item.y}px)`;
        if (isNew && drawn.size > placed.length / 2 && root.dataset.drawn) again(g, "fresh");
        showItem(g, item, size, on);
        if (item.up && !line) { line = svg("path", { class: "edge" }); lines.set(item.key, line); edges.append(line); }
        if (item.up) line.setAttribute("d", edgePath(item, size, isNarrow));
      }
      for (const map of [drawn, lines]) for (const [key, node] of map) if (!here.has(key)) { node.remove(); map.delete(key); }
      root.dataset.drawn = "1";
      if (options.onDraw) options.onDraw(items);
    }

    new ResizeObserver(() => { if (last && box.clientWidth < 620 !== wasNarrow) draw(); }).observe(box);
    return { show: (payload) => { last = payload; draw(); }, unchoose: () => { chosen = ""; draw(); } };
  }

  /* All items below, flat. */
  const flat = (items) => items.flatMap((i) => [i, ...flat(i.children)]);
  return { mount, forest, flat };
})();
